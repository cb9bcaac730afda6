package bootstrap

import (
	"bytes"
	"context"
	"crypto/rand"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/libp2p/go-libp2p"
	"github.com/libp2p/go-libp2p/core/crypto"
	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/core/peer"
)

func newKey(t *testing.T) crypto.PrivKey {
	t.Helper()
	key, _, err := crypto.GenerateEd25519Key(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// newHost listens on loopback, on a free port if port is 0.
func newHost(t *testing.T, key crypto.PrivKey, port string) host.Host {
	t.Helper()
	var h host.Host
	var err error
	await(t, "a host on port "+port, func() bool {
		h, err = libp2p.New(libp2p.Identity(key), libp2p.DisableMetrics(), libp2p.DisableRelay(), libp2p.ListenAddrStrings("/ip4/127.0.0.1/tcp/"+port))
		return err == nil
	})
	t.Cleanup(func() { _ = h.Close() })
	return h
}

func portOf(t *testing.T, h host.Host) string {
	t.Helper()
	return h.Network().ListenAddresses()[0][1].Value()
}

func entries(t *testing.T, texts ...string) []Entry {
	t.Helper()
	e, err := ParseEntries(texts)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func openEntry(t *testing.T, h host.Host) string {
	t.Helper()
	return "/ip4/127.0.0.1/tcp/" + portOf(t, h)
}

func fullEntry(t *testing.T, h host.Host) string {
	t.Helper()
	return openEntry(t, h) + "/p2p/" + h.ID().String()
}

// meetsAll is a network whose every connected peer is of our chain.
type meetsAll struct {
	host    host.Host
	refuses peer.ID
}

func (n meetsAll) Met() []peer.ID           { return n.host.Network().Peers() }
func (n meetsAll) Refused(id peer.ID) bool  { return id == n.refuses }
func (n meetsAll) Changed() <-chan struct{} { return nil }

// logbook keeps what is logged.
type logbook struct {
	mu   sync.Mutex
	text bytes.Buffer // guarded by mu
}

func (l *logbook) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *logbook) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

func (l *logbook) has(parts ...string) bool {
	for line := range strings.Lines(l.String()) {
		all := true
		for _, part := range parts {
			all = all && strings.Contains(line, part)
		}
		if all {
			return true
		}
	}
	return false
}

func (l *logbook) logger() *slog.Logger {
	return slog.New(slog.NewTextHandler(l, &slog.HandlerOptions{Level: slog.LevelDebug}))
}

// running is a Finder at work.
type running struct {
	*Finder
	log  *logbook
	stop func() // ends Run and waits for it
}

func start(t *testing.T, h host.Host, cfg Config) *running {
	t.Helper()
	r := &running{log: &logbook{}}
	cfg.Logger = r.log.logger()
	if cfg.Network == nil {
		cfg.Network = meetsAll{host: h}
	}
	f, err := New(h, cfg)
	if err != nil {
		t.Fatal(err)
	}
	r.Finder = f
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- f.Run(ctx) }()
	r.stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Run: %v", err)
		}
	})
	t.Cleanup(func() {
		r.stop()
		if t.Failed() {
			fmt.Fprintf(t.Output(), "log of %s:\n%s", h.ID(), r.log)
		}
	})
	return r
}

// await polls, since sockets know no virtual time.
func await(t *testing.T, what string, cond func() bool) {
	t.Helper()
	deadline := time.After(time.Minute)
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for !cond() {
		select {
		case <-deadline:
			t.Fatalf("%s: not within a minute", what)
		case <-tick.C:
		}
	}
}

func connected(a, b host.Host) func() bool {
	return func() bool { return len(a.Network().ConnsToPeer(b.ID())) > 0 }
}
