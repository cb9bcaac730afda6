package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/lp2pnode/lp2pnode/node"
)

// strangeNode is a program for tests: a node of the built-in chain, in memory
// and at the default port, whose clock is off by $STRANGE_CLOCK and which calls
// itself $STRANGE_AGENT.
func strangeNode() {
	off, err := time.ParseDuration(os.Getenv("STRANGE_CLOCK"))
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
	cfg := node.DefaultConfig()
	cfg.Mine, cfg.Agent = false, os.Getenv("STRANGE_AGENT")
	cfg.Listen = []string{"/ip4/0.0.0.0/tcp/9470"}
	cfg.Now = func() time.Time { return time.Now().Add(off) }
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	n, err := node.Open(cfg)
	if err == nil {
		err = n.Run(ctx)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
