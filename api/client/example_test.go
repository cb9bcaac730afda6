package client_test

import (
	"context"
	"errors"
	"fmt"
	"net"

	"github.com/lp2pnode/lp2pnode/api"
	"github.com/lp2pnode/lp2pnode/api/client"
	"github.com/lp2pnode/lp2pnode/node"
)

// A program asks a node where it stands and for a block. The node is one in
// memory here; mostly it is another process, at http://127.0.0.1:9471.
func Example() {
	url, stop, err := startNode()
	if err != nil {
		fmt.Println(err)
		return
	}
	defer stop()

	ctx := context.Background()
	c := client.New(url)
	status, err := c.Status(ctx)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("chain", status.ChainID, "is at height", status.Height)

	block, err := c.Block(ctx, client.Latest)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("the latest block is the tip:", block.Hash == status.Tip)

	_, err = c.Block(ctx, "7")
	if problem, ok := errors.AsType[*client.Problem](err); ok {
		fmt.Println(problem.Status, problem)
	}
	// Output:
	// chain lan is at height 0
	// the latest block is the tip: true
	// 404 there is no block of height 7; the tip is at 0
}

// startNode runs the API of a node in memory that neither listens nor mines.
func startNode() (url string, stop func(), err error) {
	cfg := node.DefaultConfig()
	cfg.MDNS, cfg.Mine = false, false
	url, _, stop, err = serveNode(cfg)
	return url, stop, err
}

// serveNode opens a node and runs its API on a free port.
func serveNode(cfg node.Config) (url string, n *node.Node, stop func(), err error) {
	if n, err = node.Open(cfg); err != nil {
		return "", nil, nil, err
	}
	server, err := api.New(n, api.Config{})
	if err != nil {
		return "", nil, nil, errors.Join(err, n.Close())
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", nil, nil, errors.Join(err, n.Close())
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- server.Serve(ctx, l) }()
	return "http://" + l.Addr().String(), n, func() {
		cancel()
		if err := errors.Join(<-done, n.Close()); err != nil {
			fmt.Println(err)
		}
	}, nil
}
