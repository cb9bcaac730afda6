package bootstrap

import (
	"os"
	"os/exec"
	"syscall"
	"testing"

	"github.com/libp2p/go-libp2p"
	"github.com/libp2p/go-libp2p/core/host"
)

const inNamespace = "LP2P_TEST_IN_NAMESPACE"

// ownNetwork runs the calling test again in a process with an empty network of
// its own, and reports whether this is that process.
func ownNetwork(t *testing.T) bool {
	t.Helper()
	if os.Getenv(inNamespace) != "" {
		return true
	}
	if _, err := exec.LookPath("ip"); err != nil {
		t.Skip("no ip command")
	}
	attr := &syscall.SysProcAttr{
		Cloneflags:  syscall.CLONE_NEWUSER | syscall.CLONE_NEWNET,
		UidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}},
	}
	probe := exec.Command("ip", "link", "add", "lp0", "type", "veth", "peer", "name", "lp1")
	probe.SysProcAttr = attr
	if out, err := probe.CombinedOutput(); err != nil {
		t.Skipf("no network namespaces here: %v %s", err, out)
	}
	again := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^"+t.Name()+"$", "-test.v")
	again.SysProcAttr = attr
	again.Env = append(os.Environ(), inNamespace+"=1")
	if out, err := again.CombinedOutput(); err != nil {
		t.Fatalf("in its own network: %v\n%s", err, out)
	}
	return false
}

func ip(t *testing.T, args ...string) {
	t.Helper()
	if out, err := exec.Command("ip", args...).CombinedOutput(); err != nil {
		t.Fatalf("ip %v: %v %s", args, err, out)
	}
}

// TestNoNetworkAtBootIsAWarningAndPeersAreFoundLater: mDNS starts without any
// interface, finds the neighbour when one appears, leaves the tunnel alone, and
// dials again by itself what it has found.
func TestNoNetworkAtBootIsAWarningAndPeersAreFoundLater(t *testing.T) {
	if !ownNetwork(t) {
		return
	}
	everywhere := func() host.Host {
		h, err := libp2p.New(libp2p.DisableMetrics(), libp2p.DisableRelay(), libp2p.ListenAddrStrings("/ip4/0.0.0.0/tcp/0"))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = h.Close() })
		return h
	}
	a, b := everywhere(), everywhere()
	cfg := Config{MDNS: true, ServiceName: "_lp2p-00000001._udp"}
	fa, fb := start(t, a, cfg), start(t, b, cfg)
	await(t, "warnings", func() bool {
		const warning = "cannot look for peers on the lan"
		return fa.log.has("WARN", warning) && fb.log.has("WARN", warning)
	})
	ip(t, "link", "set", "lo", "up")
	ip(t, "tuntap", "add", "dev", "tun0", "mode", "tun")
	ip(t, "addr", "add", "10.8.0.2/24", "dev", "tun0")
	ip(t, "link", "set", "tun0", "up")
	ip(t, "link", "add", "lp0", "type", "veth", "peer", "name", "lp1")
	ip(t, "addr", "add", "10.77.0.1/24", "dev", "lp0")
	ip(t, "link", "set", "lp0", "up")
	ip(t, "link", "set", "lp1", "up")
	await(t, "connection", connected(a, b))
	await(t, "log of the interfaces", func() bool {
		return fa.log.has("INFO", "looking for peers on the lan", "lp0", "skipped=", "tun0 (point-to-point)")
	})
	first := a.Network().ConnsToPeer(b.ID())[0].ID()
	_ = a.Network().ClosePeer(b.ID())
	await(t, "another connection", func() bool {
		conns := a.Network().ConnsToPeer(b.ID())
		return len(conns) > 0 && conns[0].ID() != first
	})
}

// TestTwoChainsOnOneLANDoNotMeet: another service name is another network, also
// while new nodes of both ask, and all the others answer. There is only loopback
// here: the nodes of one machine find each other without a LAN.
func TestTwoChainsOnOneLANDoNotMeet(t *testing.T) {
	if !ownNetwork(t) {
		return
	}
	ip(t, "link", "set", "lo", "up")
	chains := map[string][]host.Host{}
	for _, service := range []string{"_lp2p-00000001._udp", "_lp2p-00000002._udp", "_lp2p-00000001._udp", "_lp2p-00000002._udp", "_lp2p-00000001._udp"} {
		h := newHost(t, newKey(t), "0")
		start(t, h, Config{MDNS: true, ServiceName: service})
		for _, same := range chains[service] {
			await(t, "those of one chain", connected(h, same))
		}
		chains[service] = append(chains[service], h)
	}
	for _, a := range chains["_lp2p-00000001._udp"] {
		for _, b := range chains["_lp2p-00000002._udp"] {
			if connected(a, b)() {
				t.Error("two chains met")
			}
		}
	}
}
