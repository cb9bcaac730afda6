package client_test

import (
	"context"
	"crypto/ed25519"
	"fmt"

	"github.com/lp2pnode/lp2pnode/api/client"
	"github.com/lp2pnode/lp2pnode/chain"
	"github.com/lp2pnode/lp2pnode/node"
)

// A program signs a record, hands it in, waits until it is deep enough in the
// chain and takes its receipt, for those who run no node.
func ExampleClient_Submit() {
	c, stop, err := startMiner()
	if err != nil {
		fmt.Println(err)
		return
	}
	defer stop()

	ctx := context.Background()
	key := ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize)) // anybody's: do not use it
	tx, err := signRecord(ctx, c, key, "the door was open at noon")
	if err != nil {
		fmt.Println(err)
		return
	}
	id, err := c.Submit(ctx, tx)
	if err != nil {
		fmt.Println(err)
		return
	}
	status, err := c.WaitFor(ctx, id, 2, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(status.State, "with two confirmations:", status.Included.Confirmations >= 2)

	receipt, err := c.Receipt(ctx, id)
	if err != nil {
		fmt.Println(err)
		return
	}
	verdict, err := c.VerifyReceipt(ctx, receipt.Canonical())
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("the receipt is of it:", verdict.Transaction == id)
	fmt.Println("its tip is on the best chain:", verdict.OnBestChain)
	// Output:
	// included with two confirmations: true
	// the receipt is of it: true
	// its tip is on the best chain: true
}

// signRecord returns a record of a key's, ready to be handed in.
func signRecord(ctx context.Context, c *client.Client, key ed25519.PrivateKey, text string) (*chain.Transaction, error) {
	status, err := c.Status(ctx)
	if err != nil {
		return nil, err
	}
	from := chain.AddressOf(key.Public().(ed25519.PublicKey))
	account, err := c.Account(ctx, from)
	if err != nil {
		return nil, err
	}
	tx := chain.Transaction{From: from, Nonce: account.NextNonce, Data: text}
	tx.Signature = chain.Signature(ed25519.Sign(key, tx.SignedBytes(status.Genesis)))
	return chain.NewTransaction(tx), nil
}

// A program follows the chain from its beginning. Cut off, the loop goes on by
// itself; a program that keeps event.At goes on from there when it starts anew.
func ExampleClient_Events() {
	c, stop, err := startMiner()
	if err != nil {
		fmt.Println(err)
		return
	}
	defer stop()

	ctx := context.Background()
	status, err := c.Status(ctx)
	if err != nil {
		fmt.Println(err)
		return
	}
	for event, err := range c.Events(ctx, chain.Cursor{Hash: status.Genesis}) {
		if err != nil {
			fmt.Println(err)
			return
		}
		switch event.Kind {
		case client.EventBlock:
			fmt.Println("joined:", event.Block.Height)
		case client.EventRevert:
			fmt.Println("left:", event.Header.Height)
		}
		if event.At.Height == 3 {
			break
		}
	}
	// Output:
	// joined: 1
	// joined: 2
	// joined: 3
}

// startMiner returns a client of a node in memory that mines a chain of its
// own, some blocks a second.
func startMiner() (c *client.Client, stop func(), err error) {
	cfg := node.DefaultConfig()
	cfg.Listen, cfg.MDNS, cfg.MineAlone, cfg.MaxHashrate = []string{"/ip4/127.0.0.1/tcp/0"}, false, true, 50_000
	cfg.Params = node.LANParams()
	cfg.Params.ChainID, cfg.Params.InitialDifficulty, cfg.Params.RetargetWindow, cfg.Params.BlockIntervalMS = "example", 1000, 0, 100
	cfg.Params.Timestamp = 1_700_000_000_000
	url, n, end, err := serveNode(cfg)
	if err != nil {
		return nil, nil, err
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- n.Run(ctx) }()
	return client.New(url), func() {
		cancel()
		if err := <-done; err != nil {
			fmt.Println(err)
		}
		end()
	}, nil
}
