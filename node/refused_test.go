package node

import (
	"testing"

	"github.com/libp2p/go-libp2p/core/network"
	ma "github.com/multiformats/go-multiaddr"
)

// TestConnectionsRefusedBeforeTheirPeerIsKnownAreCounted: of one public address
// that opens more than it may.
func TestConnectionsRefusedBeforeTheirPeerIsKnownAreCounted(t *testing.T) {
	cfg := DefaultConfig()
	cfg.MDNS, cfg.Mine = false, false
	n, err := Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer n.Close()
	refused := 0.0
	for range 50 {
		scope, err := n.host.Network().ResourceManager().OpenConnection(network.DirInbound, true, ma.StringCast("/ip4/203.0.113.7/tcp/1000"))
		if err != nil {
			refused++
			continue
		}
		defer scope.Done()
	}
	families, err := n.Metrics().Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() == "lp2pnode_connections_refused_total" {
			if got := f.GetMetric()[0].GetCounter().GetValue(); got != refused || refused == 0 {
				t.Errorf("want %g refusals counted, got %g", refused, got)
			}
			return
		}
	}
	t.Error("there is no such metric")
}
