package main_test

import (
	"bytes"
	"crypto/ed25519"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/lp2pnode/lp2pnode/chain"
	"github.com/lp2pnode/lp2pnode/chain/ledger"
	"github.com/lp2pnode/lp2pnode/chain/store"
)

// chainOnDisk is a chain that no node had to mine first.
type chainOnDisk struct {
	genesis string // its file
	dir     string // a data directory without key or address book
	headers string // a file of its header lines, from genesis on
	height  uint64
	tip     string
	bytes   int // of all blocks
}

// makeChain writes a chain of so many blocks of about so many bytes, each with
// one signed record.
func makeChain(t *testing.T, blocks, size int, change map[string]any) chainOnDisk {
	t.Helper()
	params := map[string]any{
		"initial_difficulty": 1, "retarget_window": 0, "max_data_bytes": size,
		"timestamp": time.Now().Add(-time.Duration(blocks+3600) * time.Second).UnixMilli(),
	}
	for name, v := range change {
		params[name] = v
	}
	c := chainOnDisk{genesis: fastGenesis(t, params), dir: t.TempDir()}
	rules := rulesOf(t, c.genesis)
	lock, err := store.LockDir(c.dir, vfs.Default)
	if err != nil {
		t.Fatal(err)
	}
	defer lock.Close()
	st, err := store.Open(lock, rules, store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer st.Close()
	l, err := ledger.Open(st, rules, ledger.Config{})
	if err != nil {
		t.Fatal(err)
	}
	genesis := rules.Genesis()
	headers := append(genesis.Canonical(), '\n')
	for made := 0; made < blocks; {
		window := blocksAfter(l.Tip(), rules, min(200, blocks-made), size)
		if err := rules.VerifyTransactions(window[0].Transactions); err != nil {
			t.Fatal(err)
		}
		made += len(window)
		if _, err := l.AddBlocks(chain.Source{Via: chain.ViaSync}, window...); err != nil {
			t.Fatal(err)
		}
		for _, b := range window {
			headers = append(append(headers, b.Canonical()...), '\n')
			c.bytes += len(b.Raw())
		}
	}
	tip := l.Tip().Tip
	c.height, c.tip = tip.Height, tip.Hash.String()
	c.headers = filepath.Join(t.TempDir(), "headers")
	if err := os.WriteFile(c.headers, headers, 0o600); err != nil {
		t.Fatal(err)
	}
	return c
}

// blocksAfter makes blocks that follow a state.
func blocksAfter(s chain.State, rules *chain.Rules, count, size int) []*chain.Block {
	seed := bytes.Repeat([]byte{3}, ed25519.SeedSize)
	self := chain.AddressOf(ed25519.NewKeyFromSeed(seed).Public().(ed25519.PublicKey))
	const around = 1000 // bytes of a block beside its record's data
	var blocks []*chain.Block
	for range count {
		nonce := s.Tip.Height // one record a block
		var data strings.Builder
		for data.Len() < size-around {
			fmt.Fprintf(&data, "%016x", rand.Uint64())
		}
		tx := rules.Sign(chain.Transaction{Nonce: nonce, Data: data.String()}, seed)
		h := s.Child(self, "", s.Tip.Timestamp+1000)
		h.TxCount, h.TxRoot = chain.TxSummary([]*chain.Transaction{tx})
		for h.Hash = h.ComputeHash(); rules.Engine.Sealed(&h) != nil; h.Hash = h.ComputeHash() {
			h.Nonce++
		}
		b := chain.NewBlock(h, []*chain.Transaction{tx})
		blocks, s = append(blocks, b), s.Extend(&b.Header)
	}
	return blocks
}

// copied returns another data directory with the chain.
func (c chainOnDisk) copied(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.CopyFS(filepath.Join(dir, "data"), os.DirFS(c.dir)); err != nil {
		t.Fatal(err)
	}
	return filepath.Join(dir, "data")
}
