package chain_test

import (
	"bytes"
	"fmt"
	"runtime"
	"strings"
	"testing"

	"github.com/lp2pnode/lp2pnode/chain"
	"github.com/lp2pnode/lp2pnode/chain/pow"
)

// TestLimitsAreReachable: what stands exactly at a limit is valid.
func TestLimitsAreReachable(t *testing.T) {
	longest := strings.Repeat("x", 97_000)
	for _, row := range []struct {
		what string
		do   func(s scene) error
	}{
		{"a note of 256 bytes", func(s scene) error {
			return s.header(func(h *chain.Header) { h.Data = strings.Repeat("é", 128) })
		}},
		{"a nonce of MaxInteger", func(s scene) error {
			return s.header(func(h *chain.Header) { h.Nonce = maxInteger })
		}},
		{"a timestamp of MaxInteger", func(s scene) error {
			return s.header(func(h *chain.Header) { h.Timestamp = maxInteger })
		}},
		{"a timestamp one after the parent's", func(s scene) error {
			return s.header(func(h *chain.Header) { h.Timestamp = s.state.Tip.Timestamp + 1 })
		}},
		{"max_data_bytes of data", func(s scene) error {
			return s.txs(alice, chain.Transaction{Nonce: 3, Data: longest})
		}},
		{"all that an account has", func(s scene) error {
			return s.txs(bob, chain.Transaction{To: erin.address, Amount: 7, Fee: 3})
		}},
		{"all that an account has, to itself", func(s scene) error {
			return s.txs(bob, chain.Transaction{To: bob.address, Amount: 10})
		}},
		{"a balance of MaxInteger", func(s scene) error {
			return s.txs(alice, chain.Transaction{Nonce: 3, To: dave.address, Amount: 5})
		}},
		{"a record by an account never seen", func(s scene) error {
			return s.txs(newKey("frank"), chain.Transaction{Data: "here I am"})
		}},
		{"a key that is no point of the curve as receiver and miner", func(s scene) error {
			nowhere := chain.AddressOf(append([]byte{2}, make([]byte, 31)...))
			s.accounts[carol.address] = chain.Account{Balance: 1}
			tx := s.rules.Sign(chain.Transaction{To: nowhere, Amount: 1}, carol.seed)
			return s.judge(child(s.state, []*chain.Transaction{tx}, func(h *chain.Header) { h.Miner = nowhere }).Raw())
		}},
	} {
		t.Run(row.what, func(t *testing.T) {
			if err := row.do(newScene(t)); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestLargestTransactionFitsTheLargestBlock: protocol §5 gives a block 2100
// bytes around its transactions.
func TestLargestTransactionFitsTheLargestBlock(t *testing.T) {
	s := newScene(t)
	most := int(s.rules.Params.MaxBlockBytes) - 2100
	around := len(s.rules.Sign(chain.Transaction{Nonce: 3}, alice.seed).Raw())
	sign := func(size int) *chain.Transaction {
		escaped := (size - around) / 6 // of six bytes each, so that data stays in its limit
		return s.rules.Sign(chain.Transaction{
			Nonce: 3,
			Data:  strings.Repeat("\x01", escaped) + strings.Repeat("x", size-around-6*escaped),
		}, alice.seed)
	}
	if tx := sign(most); len(tx.Raw()) != most {
		t.Fatalf("made a transaction of %d bytes, want %d", len(tx.Raw()), most)
	} else if _, err := s.rules.DecodeTransaction(tx.Raw()); err != nil {
		t.Fatalf("a transaction of %d bytes: %v", most, err)
	}
	_, err := s.rules.DecodeTransaction(sign(most + 1).Raw())
	wantRule(t, err, chain.RuleSize, chain.ErrInvalid)

	widest := chain.Header{
		Data: strings.Repeat("\x01", chain.MaxNoteBytes), Difficulty: maxInteger, Height: maxInteger, Miner: alice.address,
		Nonce: maxInteger, Timestamp: maxInteger, TxCount: maxInteger, Version: chain.Version,
	}
	if empty := chain.NewBlock(widest, nil); len(empty.Raw()) > 2100 {
		t.Errorf("a block takes %d bytes around its transactions, the protocol gives it 2100", len(empty.Raw()))
	}
}

func TestShortestTransactionHas253Bytes(t *testing.T) {
	r := easy(t, nil)
	shortest := r.Sign(chain.Transaction{}, alice.seed).Raw()
	if len(shortest) != chain.MinTransactionBytes {
		t.Fatalf("the shortest transaction has %d bytes, the limit is %d", len(shortest), chain.MinTransactionBytes)
	}
	if _, err := r.DecodeTransaction(shortest); err != nil {
		t.Error(err)
	}
}

func TestBlockOfExactlyMaxBlockBytesIsValid(t *testing.T) {
	s := newScene(t)
	var txs []*chain.Transaction
	left := int(s.rules.Params.MaxBlockBytes) - len(child(s.state, nil, nil).Raw())
	for n := uint64(3); left > 0; n++ {
		tx := s.rules.Sign(chain.Transaction{Nonce: n}, alice.seed)
		if rest := left - len(tx.Raw()) - 8; rest < 60_000 { // the last one takes what is left, less what a tx_count of two digits takes
			tx = s.rules.Sign(chain.Transaction{Nonce: n, Data: strings.Repeat("x", rest)}, alice.seed)
			left = 0
		} else {
			left -= len(tx.Raw()) + 1
		}
		txs = append(txs, tx)
	}
	// Trim or stretch the note until the size is exact.
	note := int(s.rules.Params.MaxBlockBytes) - len(child(s.state, txs, nil).Raw())
	if note < 0 || note > chain.MaxNoteBytes {
		t.Fatalf("%d bytes are left for a note", note)
	}
	for _, row := range []struct {
		note int
		fits bool
	}{{note, true}, {note + 1, false}} {
		b := child(s.state, txs, func(h *chain.Header) { h.Data = strings.Repeat("x", row.note) })
		err := s.judge(b.Raw())
		if row.fits && (err != nil || uint64(len(b.Raw())) != s.rules.Params.MaxBlockBytes) {
			t.Errorf("a block of %d bytes: %v", len(b.Raw()), err)
		} else if !row.fits {
			wantRule(t, err, chain.RuleSize, chain.ErrInvalid)
		}
	}
}

// allocated returns the bytes that one call of f allocates.
func allocated(f func()) uint64 {
	const runs = 4
	var before, after runtime.MemStats
	f()
	runtime.ReadMemStats(&before)
	for range runs {
		f()
	}
	runtime.ReadMemStats(&after)
	return (after.TotalAlloc - before.TotalAlloc) / runs
}

// TestJunkCostsNothing: a decoder stops at the first element that is no
// transaction, however many follow (protocol §1). That the header's work is
// asked for first does not help where work is cheap.
func TestJunkCostsNothing(t *testing.T) {
	r := easy(t, func(p *chain.Params) { p.MaxBlockBytes = 2 << 20 })
	state := r.GenesisState()
	const size = 1 << 20
	repeat := func(s string) string { return strings.Repeat(s, size/len(s)) }
	for _, row := range []struct {
		what, list string
		bytes      uint64
	}{
		{"empty objects", "[" + repeat("{},") + "{}]", 16 << 10},
		{"zeros", "[" + repeat("0,") + "0]", 16 << 10},
		{"nulls", "[" + repeat("null,") + "null]", 16 << 10},
		{"empty strings", "[" + repeat(`"",`) + `""]`, 16 << 10},
		{"open lists", repeat("["), 512 << 10}, // the parser's stack, 10000 deep
		{"open objects", "[" + repeat(`{"a":`), 4 << 20},
		{"spaces", "[" + repeat(" ") + "]", 16 << 10},
		{"one long string", `["` + repeat("x") + `"]`, 16 << 10},
		{"one long unknown field", `[{"` + repeat("x") + `":0}]`, 2 << 20},
		{"one list of empty objects", "[[" + repeat("{},") + "{}]]", 16 << 10},
	} {
		t.Run(row.what, func(t *testing.T) {
			h := child(state, nil, func(h *chain.Header) { h.TxCount = maxInteger }).Header
			raw := chain.JoinBlock(h.Canonical(), []byte(row.list))
			var err error
			if got := allocated(func() { _, err = r.DecodeBlock(raw) }); got > row.bytes {
				t.Errorf("%d bytes allocated for %d bytes of junk, want at most %d", got, len(raw), row.bytes)
			} else {
				t.Logf("%d bytes allocated", got)
			}
			wantRule(t, err, chain.RuleForm, chain.ErrInvalid)
		})
	}
}

func TestJunkIsRefusedAtItsFirstElement(t *testing.T) {
	r := easy(t, func(p *chain.Params) { p.MaxBlockBytes = 2 << 20 })
	state := r.GenesisState()
	h := child(state, nil, func(h *chain.Header) { h.TxCount = 1 << 20 }).Header
	cost := func(n int) float64 {
		raw := chain.JoinBlock(h.Canonical(), []byte("["+strings.Repeat("{},", n)+"{}]"))
		return testing.AllocsPerRun(10, func() { _, _ = r.DecodeBlock(raw) })
	}
	if few, many := cost(1), cost(300_000); many > few+2 {
		t.Errorf("%v allocations for two junk elements, %v for 300,000", few, many)
	}
}

// TestReceiptAllocatesInProportion: a receipt's lists are as long as their
// bytes, not longer.
func TestReceiptAllocatesInProportion(t *testing.T) {
	raw := readVectors(t).receipt(t, 0)
	for _, filler := range []string{`null,`, `{},`, `"",`, `0,`} {
		junk := bytes.Replace(raw, []byte(`"history_proof":[`), []byte(`"history_proof":[`+strings.Repeat(filler, 1<<20/len(filler))), 1)
		var err error
		got := allocated(func() { _, err = chain.DecodeReceipt(junk, pow.Engine{}) })
		wantRule(t, err, chain.RuleForm, chain.ErrInvalid)
		t.Logf("%s %d", filler, got)
		if got > 16<<10 {
			t.Errorf("%d bytes allocated for %d bytes of %s", got, len(junk), filler)
		}
	}
}

func TestRefusalsStayShort(t *testing.T) {
	r := easy(t, nil)
	long := strings.Repeat("x", 90_000)
	for _, raw := range []string{
		long, `{"` + long + `":0}`, `{"amount":` + strings.Repeat("9", 90_000) + `}`, `{"data":"` + long + `"}`, `{"from":"` + long + `"}`,
	} {
		if _, err := r.DecodeTransaction([]byte(raw)); err == nil || len(err.Error()) > 1000 {
			t.Errorf("%.20s… is answered with %d bytes", raw, len(fmt.Sprint(err)))
		}
	}
}
