package main_test

import (
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	lp2pnode "github.com/lp2pnode/lp2pnode/cmd/lp2pnode"
)

// TestMain lets tests run, as processes by these names, the program and what
// has to stand on a machine of its own beside it.
func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){
		"lp2pnode":     lp2pnode.Main,
		"strange-node": lp2pnode.StrangeNode,
		"badpeer":      badPeer,
		"slowwire":     slowWire,
	})
}
