package node_test

import (
	"context"
	"fmt"

	"github.com/lp2pnode/lp2pnode/node"
)

// A program that keeps a chain of its own: here in memory, on loopback, with
// blocks that cost next to nothing.
func Example() {
	cfg := node.DefaultConfig()
	cfg.Params = node.LANParams()
	cfg.Params.ChainID, cfg.Params.InitialDifficulty = "example", 1000
	cfg.Listen, cfg.MDNS, cfg.MineAlone = []string{"/ip4/127.0.0.1/tcp/0"}, false, true
	n, err := node.Open(cfg)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer n.Close()

	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- n.Run(ctx) }()

	changed := n.Ledger().Changed()
	for n.Ledger().Tip().Tip.Height < 2 {
		<-changed
		changed = n.Ledger().Changed()
	}
	fmt.Println("mined two blocks")
	cancel()
	fmt.Println("ended with", <-done)
	// Output:
	// mined two blocks
	// ended with <nil>
}
