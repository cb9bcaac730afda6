package main_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"math/big"
	"net"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/libp2p/go-libp2p"
	"github.com/libp2p/go-libp2p/core/network"
)

// badPeer is a program: a peer of the second implementation, with a chain of
// real headers, that hangs where bodies are wanted of it, or answers whatever
// it is asked for with garbage. It prints its address and lives until it is
// told to end.
func badPeer() {
	manner := flag.String("manner", "", "hang or garbage")
	listen := flag.String("listen", "", "`multiaddr`")
	headers := flag.String("headers", "", "`file` of header lines from genesis on")
	flag.Parse()
	raw, err := os.ReadFile(*headers)
	if err != nil {
		exit(err)
	}
	b := &bad{manner: *manner, headers: bytes.Split(bytes.TrimSpace(raw), []byte("\n")), work: new(big.Int)}
	if err := b.index(); err != nil {
		exit(err)
	}
	h, err := libp2p.New(libp2p.ListenAddrStrings(*listen), libp2p.DisableMetrics(), libp2p.DisableRelay())
	if err != nil {
		exit(err)
	}
	h.SetStreamHandler("/lp2p/status/1", b.status)
	h.SetStreamHandler("/lp2p/sync/1", b.sync)
	fmt.Printf("%s/p2p/%s\n", h.Addrs()[0], h.ID())
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	<-ctx.Done()
	_ = h.Close()
}

func exit(err error) {
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}

// bad is what a bad peer knows. Nothing changes after index.
type bad struct {
	manner  string
	headers [][]byte
	hashes  []string
	work    *big.Int
}

func (b *bad) index() error {
	for _, raw := range b.headers {
		var h struct {
			Hash       string `json:"hash"`
			Difficulty uint64 `json:"difficulty"`
		}
		if err := json.Unmarshal(raw, &h); err != nil {
			return err
		}
		b.hashes = append(b.hashes, h.Hash)
		b.work.Add(b.work, new(big.Int).SetUint64(h.Difficulty))
	}
	if b.manner == "garbage" {
		b.work.Add(b.work, big.NewInt(1)) // the heaviest: it is asked first
	}
	return nil
}

func (b *bad) status(st network.Stream) {
	defer st.Close()
	_, _ = st.Write(append(canon(object{
		"agent": b.manner, "genesis": b.hashes[0], "height": len(b.hashes) - 1, "time": time.Now().UnixMilli(),
		"tip": b.hashes[len(b.hashes)-1], "work": b.work.String(),
	}), '\n'))
	_ = st.CloseWrite()
	_, _ = bufio.NewReader(st).ReadBytes('\n')
}

func (b *bad) sync(st network.Stream) {
	defer st.Close()
	line, err := bufio.NewReader(st).ReadBytes('\n')
	var request struct {
		Type    string   `json:"type"`
		Limit   int      `json:"limit"`
		Locator []string `json:"locator"`
	}
	switch {
	case err != nil || json.Unmarshal(line, &request) != nil:
	case b.manner == "garbage":
		b.spew(st)
	case request.Type == "headers":
		from := 0
		for _, hash := range request.Locator {
			if from = slices.Index(b.hashes, hash); from >= 0 {
				break
			}
		}
		rest := b.headers[max(from, 0)+1:]
		_, _ = st.Write(append(bytes.Join(rest[:min(request.Limit, len(rest))], []byte("\n")), '\n'))
	default:
		select {} // however long the asker waits
	}
}

// spew writes junk for ever: lines that look like something, of all lengths.
func (b *bad) spew(st network.Stream) {
	for size := 1; ; size = size*2%100_000 + 1 {
		junk := make([]byte, size)
		_, _ = rand.Read(junk)
		if _, err := fmt.Fprintf(st, "{\"data\":%q,\"hash\":\"%s\"}\n", hex.EncodeToString(junk), b.hashes[0]); err != nil {
			return
		}
	}
}

// slowWire is a program: a relay that takes its time.
func slowWire() {
	listen := flag.String("listen", "", "`host:port`")
	target := flag.String("target", "", "`host:port`")
	delay := flag.Duration("delay", 0, "each way")
	flag.Parse()
	ln, err := net.Listen("tcp", *listen)
	if err != nil {
		exit(err)
	}
	fmt.Println(strings.Replace("/ip4/"+ln.Addr().String(), ":", "/tcp/", 1))
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, func() { _ = ln.Close() })
	slowness{delay: *delay}.relay(ln, *target)
	if ctx.Err() == nil {
		exit(errors.New("the listener failed"))
	}
	os.Exit(0)
}
