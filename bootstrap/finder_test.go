package bootstrap

import (
	"context"
	"net"
	"strings"
	"sync"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"
	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/core/network"
	madns "github.com/multiformats/go-multiaddr-dns"
)

func TestTwoFindersOfOneProcessMeet(t *testing.T) {
	t.Parallel()
	a, b := newHost(t, newKey(t), "0"), newHost(t, newKey(t), "0")
	fa := start(t, a, Config{Entries: entries(t, fullEntry(t, b))})
	fb := start(t, b, Config{Entries: entries(t, openEntry(t, a))})
	await(t, "a and b connected", connected(a, b))
	await(t, "both remember", func() bool { return fa.HasPeers() && fb.HasPeers() })
	if !a.ConnManager().IsProtected(b.ID(), "") {
		t.Error("a configured peer is not protected")
	}
}

func TestLostPeerIsDialledAgain(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		name string
		// returns the configuration with which a comes to know b
		how func(t *testing.T, a, b host.Host) Config
	}{
		{"a full entry", func(t *testing.T, _, b host.Host) Config { return Config{Entries: entries(t, fullEntry(t, b))} }},
		{"an open entry", func(t *testing.T, _, b host.Host) Config { return Config{Entries: entries(t, openEntry(t, b))} }},
		{"a peer that came by itself", func(t *testing.T, a, b host.Host) Config {
			if err := b.Connect(t.Context(), *host.InfoFromHost(a)); err != nil {
				t.Fatal(err)
			}
			return Config{}
		}},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			key := newKey(t)
			a, b := newHost(t, newKey(t), "0"), newHost(t, key, "0")
			port := portOf(t, b)
			f := start(t, a, row.how(t, a, b))
			await(t, "first connection", func() bool { return connected(a, b)() && f.HasPeers() })
			if err := b.Close(); err != nil {
				t.Fatal(err)
			}
			await(t, "loss", func() bool { return !connected(a, b)() })
			again := newHost(t, key, port)
			await(t, "second connection", connected(a, again))
		})
	}
}

func TestEntryWithoutIDFindsWhoAnswersAndRemembers(t *testing.T) {
	t.Parallel()
	disk := vfs.NewMem()
	a, b := newHost(t, newKey(t), "0"), newHost(t, newKey(t), "0")
	cfg := Config{Entries: entries(t, openEntry(t, b)), FS: disk, Path: "peers.json"}
	f := start(t, a, cfg)
	await(t, "connection", connected(a, b))
	await(t, "the trust is logged", func() bool {
		return f.log.has("INFO", "trusting on first use", openEntry(t, b), b.ID().String())
	})
	f.stop()
	if book := readFile(t, disk, "peers.json"); !strings.Contains(book, openEntry(t, b)) || !strings.Contains(book, b.ID().String()) {
		t.Fatalf("book: %s", book)
	}
	if left := a.Peerstore().PeersWithAddrs(); len(left) > 2 {
		t.Errorf("throw-away ids stay in the peerstore: %v", left)
	}

	c := newHost(t, newKey(t), "0")
	g := start(t, c, cfg)
	await(t, "connection after a restart", connected(c, b))
	g.stop()
	if g.log.has("trusting on first use") || g.log.has("another identity") {
		t.Fatal("the trust was not remembered")
	}
}

func TestChangedIdentityAtAnEntryIsAWarningNotARefusal(t *testing.T) {
	t.Parallel()
	a, b := newHost(t, newKey(t), "0"), newHost(t, newKey(t), "0")
	port := portOf(t, b)
	f := start(t, a, Config{Entries: entries(t, openEntry(t, b))})
	await(t, "connection", func() bool { return connected(a, b)() && f.log.has("trusting on first use") })
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	other := newHost(t, newKey(t), port)
	await(t, "connection to the other", connected(a, other))
	await(t, "warning", func() bool {
		return f.log.has("WARN", "another identity", other.ID().String(), b.ID().String())
	})
	await(t, "protection moves on", func() bool {
		return a.ConnManager().IsProtected(other.ID(), protectTag) && !a.ConnManager().IsProtected(b.ID(), protectTag)
	})
}

func TestChangeOfIdentityWhileAwayIsNoticed(t *testing.T) {
	t.Parallel()
	disk := vfs.NewMem()
	a, b := newHost(t, newKey(t), "0"), newHost(t, newKey(t), "0")
	port := portOf(t, b)
	cfg := Config{Entries: entries(t, openEntry(t, b)), FS: disk, Path: "peers.json"}
	f := start(t, a, cfg)
	await(t, "connection", func() bool { return connected(a, b)() && f.log.has("trusting on first use") })
	f.stop()
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	await(t, "loss", func() bool { return !connected(a, b)() })
	other := newHost(t, newKey(t), port)
	g := start(t, a, cfg)
	await(t, "connection to the other", connected(a, other))
	await(t, "warning", func() bool { return g.log.has("WARN", "another identity", other.ID().String()) })
	await(t, "the book forgets who is gone", func() bool {
		return !strings.Contains(readFile(t, disk, "peers.json"), b.ID().String())
	})
}

func TestNamedPeerIsNotReplacedByAnother(t *testing.T) {
	t.Parallel()
	a, b, other := newHost(t, newKey(t), "0"), newHost(t, newKey(t), "0"), newHost(t, newKey(t), "0")
	f := start(t, a, Config{Entries: entries(t, openEntry(t, other)+"/p2p/"+b.ID().String())})
	await(t, "warning that shows the right entry", func() bool {
		return f.log.has("WARN", "another peer answers", b.ID().String(), "fix="+fullEntry(t, other))
	})
	if connected(a, other)() {
		t.Fatal("connected to somebody else than the user named")
	}
}

func TestRememberedPeerWithANewIdentityIsFoundAgain(t *testing.T) {
	t.Parallel()
	disk := vfs.NewMem()
	a, b := newHost(t, newKey(t), "0"), newHost(t, newKey(t), "0")
	port := portOf(t, b)
	f := start(t, a, Config{Entries: entries(t, fullEntry(t, b)), FS: disk, Path: "peers.json"})
	await(t, "connection", func() bool { return connected(a, b)() })
	f.stop()
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	await(t, "loss", func() bool { return !connected(a, b)() })
	other := newHost(t, newKey(t), port)
	start(t, a, Config{FS: disk, Path: "peers.json"})
	await(t, "connection", connected(a, other))
}

func TestPeerBookSurvivesARestart(t *testing.T) {
	t.Parallel()
	disk := vfs.NewMem()
	a, b := newHost(t, newKey(t), "0"), newHost(t, newKey(t), "0")
	f := start(t, a, Config{Entries: entries(t, fullEntry(t, b)), FS: disk, Path: "peers.json"})
	await(t, "meeting", connected(a, b))
	f.stop()

	c := newHost(t, newKey(t), "0")
	g := start(t, c, Config{FS: disk, Path: "peers.json"})
	if !g.HasPeers() {
		t.Fatal("it remembers nobody")
	}
	await(t, "a remembered peer is dialled", connected(c, b))
}

func TestRefusedPeersAreNotDialled(t *testing.T) {
	t.Parallel()
	a, b, c := newHost(t, newKey(t), "0"), newHost(t, newKey(t), "0"), newHost(t, newKey(t), "0")
	dialled := make(chan struct{}, 16)
	b.Network().Notify(&network.NotifyBundle{ConnectedF: func(network.Network, network.Conn) { dialled <- struct{}{} }})
	cfg := Config{Entries: entries(t, fullEntry(t, b), openEntry(t, b), openEntry(t, c)), Network: meetsAll{host: a, refuses: b.ID()}}
	f := start(t, a, cfg)
	await(t, "the one not refused is connected", connected(a, c))
	await(t, "the other was found out", func() bool { return f.log.has("trusting on first use", b.ID().String()) })
	f.stop()
	if len(dialled) > 0 {
		t.Fatal("a refused peer was dialled")
	}
}

func TestUnreachableEntryIsToldOnceWithTheReason(t *testing.T) {
	t.Parallel()
	a := newHost(t, newKey(t), "0")
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_, port, _ := net.SplitHostPort(l.Addr().String())
	_ = l.Close() // nobody is there now
	entry := "/ip4/127.0.0.1/tcp/" + port
	f := start(t, a, Config{Entries: entries(t, entry)})
	await(t, "warning", func() bool { return f.log.has("WARN", "not reached", entry, "connection refused") })
	b := newHost(t, newKey(t), port)
	await(t, "connection", connected(a, b))
	await(t, "good news", func() bool { return f.log.has("INFO", "bootstrap entry reached", entry) })
	f.stop()
	if n := strings.Count(f.log.String(), "bootstrap entry not reached"); n != 1 {
		t.Fatalf("told %d times", n)
	}
}

func TestEntryThatLeadsHereIsSilent(t *testing.T) {
	t.Parallel()
	a := newHost(t, newKey(t), "0")
	for _, entry := range []string{openEntry(t, a), fullEntry(t, a), "/dns4/localhost/tcp/" + portOf(t, a)} {
		f := start(t, a, Config{Entries: entries(t, entry)})
		await(t, "it is noticed", func() bool { return f.log.has("DEBUG", "leads to this node") })
		await(t, "nobody else is known", func() bool { return !f.HasPeers() })
		f.stop()
		if f.log.has("WARN") || f.log.has("ERROR") {
			t.Errorf("%s: %s", entry, f.log)
		}
	}
}

func TestCopiedIdentityIsReportedLoudly(t *testing.T) {
	t.Parallel()
	key := newKey(t)
	a, copied := newHost(t, key, "0"), newHost(t, key, "0")
	for _, entry := range []string{openEntry(t, copied), fullEntry(t, copied)} {
		f := start(t, a, Config{Entries: entries(t, entry)})
		await(t, "report", func() bool {
			return f.log.has("ERROR", "another node uses our identity", openEntry(t, copied), a.ID().String())
		})
		f.stop()
	}
}

// zone is a DNS whose records a test changes.
type zone struct {
	mu  sync.Mutex
	txt map[string][]string // guarded by mu
	ips map[string][]string // guarded by mu
}

func (z *zone) LookupIPAddr(_ context.Context, name string) ([]net.IPAddr, error) {
	z.mu.Lock()
	defer z.mu.Unlock()
	var found []net.IPAddr
	for _, ip := range z.ips[name] {
		found = append(found, net.IPAddr{IP: net.ParseIP(ip)})
	}
	if len(found) == 0 {
		return nil, &net.DNSError{Err: "no such host", Name: name, IsNotFound: true}
	}
	return found, nil
}

func (z *zone) LookupTXT(_ context.Context, name string) ([]string, error) {
	z.mu.Lock()
	defer z.mu.Unlock()
	return z.txt[name], nil
}

func (z *zone) set(change func()) {
	z.mu.Lock()
	defer z.mu.Unlock()
	change()
}

func (z *zone) resolver(t *testing.T) *madns.Resolver {
	t.Helper()
	r, err := madns.NewResolver(madns.WithDefaultResolver(z))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestNamesAreResolvedAnewAtEachTry(t *testing.T) {
	t.Parallel()
	a, b := newHost(t, newKey(t), "0"), newHost(t, newKey(t), "0")
	z := &zone{ips: map[string][]string{}}
	for _, entry := range []string{"/dns4/boot.test/tcp/" + portOf(t, b), "/dns4/boot.test/tcp/" + portOf(t, b) + "/p2p/" + b.ID().String()} {
		z.set(func() { z.ips["boot.test"] = nil })
		f := start(t, a, Config{Entries: entries(t, entry), Resolver: z.resolver(t)})
		await(t, "warning", func() bool { return f.log.has("WARN", "not reached", "no such host") })
		z.set(func() { z.ips["boot.test"] = []string{"127.0.0.1"} })
		await(t, "connection", connected(a, b))
		f.stop()
		_ = a.Network().ClosePeer(b.ID())
		await(t, "loss", func() bool { return !connected(a, b)() })
	}
}

func TestDNSAddrMayNamePeersAndLeadOn(t *testing.T) {
	t.Parallel()
	a, b, c := newHost(t, newKey(t), "0"), newHost(t, newKey(t), "0"), newHost(t, newKey(t), "0")
	z := &zone{txt: map[string][]string{
		"_dnsaddr.lab.test":  {"dnsaddr=" + fullEntry(t, b), "dnsaddr=/dnsaddr/more.test", "dnsaddr=/dnsaddr/lab.test", "nonsense"},
		"_dnsaddr.more.test": {"dnsaddr=" + openEntry(t, c)},
	}}
	start(t, a, Config{Entries: entries(t, "/dnsaddr/lab.test"), Resolver: z.resolver(t)})
	await(t, "the one named", connected(a, b))
	await(t, "the one not named", connected(a, c))
}

func TestFinderRefusesAConfigItCannotServe(t *testing.T) {
	h := newHost(t, newKey(t), "0")
	n := meetsAll{host: h}
	for name, cfg := range map[string]Config{
		"no network":      {},
		"no service name": {Network: n, MDNS: true},
		"no file system":  {Network: n, Path: "peers.json"},
	} {
		if _, err := New(h, cfg); err == nil {
			t.Errorf("%s: taken", name)
		}
	}
	if _, err := New(nil, Config{Network: n}); err == nil {
		t.Error("no host: taken")
	}
	f, err := New(h, Config{Network: n})
	if err != nil || f.HasPeers() {
		t.Errorf("a Finder without peers: %v", err)
	}
}

func TestNodeWhoseBookCannotBeWrittenGoesOn(t *testing.T) {
	t.Parallel()
	a, b := newHost(t, newKey(t), "0"), newHost(t, newKey(t), "0")
	disk := errorfs.Wrap(vfs.NewMem(), errorfs.ErrInjected.If(errorfs.Writes))
	f := start(t, a, Config{Entries: entries(t, fullEntry(t, b)), FS: disk, Path: "peers.json"})
	await(t, "connection", connected(a, b))
	await(t, "warning", func() bool { return f.log.has("WARN", "peer book was not saved") })
	f.stop()
	if n := strings.Count(f.log.String(), "peer book was not saved"); n != 1 {
		t.Fatalf("told %d times", n)
	}
}
