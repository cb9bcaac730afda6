package chain_test

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"testing"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/lp2pnode/lp2pnode/chain"
	"github.com/lp2pnode/lp2pnode/chain/canonical"
	"github.com/lp2pnode/lp2pnode/chain/pow"
)

// maxInteger is written out, so that a wrong constant shows.
const maxInteger = 9007199254740991

// vectors is testdata/vectors.json, made by an implementation that shares no
// code with this one.
type vectors struct {
	Keys    []struct{ Name, Seed, Public, Address string }
	Genesis struct {
		Parameters jsontext.Value
		Canonical  string
		Hash       string
	}
	Transactions []struct {
		Canonical   string
		SignedBytes string `json:"signed_bytes"`
		ID          string
	}
	SmallOrder struct {
		Canonical   string
		SignedBytes string `json:"signed_bytes"`
	} `json:"small_order"`
	NotTransactions []struct{ What, Bytes, Why string } `json:"not_transactions"`
	Merkle          []struct {
		Entries []string
		Root    string
		Proofs  [][]string
	}
	Blocks        []struct{ Canonical, Seal, Hash, Target string }
	AccountsAfter map[chain.Address]chain.Account `json:"accounts_after"`
	TotalWork     json.Number                     `json:"total_work"`
	Difficulty    []difficultyRun
	Receipts      []jsontext.Value
}

type difficultyRun struct {
	Name              string
	InitialDifficulty uint64 `json:"initial_difficulty"`
	BlockIntervalMS   uint64 `json:"block_interval_ms"`
	RetargetWindow    uint64 `json:"retarget_window"`
	Timestamps        []uint64
	Difficulties      []uint64
}

func readVectors(t testing.TB) *vectors {
	t.Helper()
	raw, err := os.ReadFile("testdata/vectors.json")
	if err != nil {
		t.Fatal(err)
	}
	v := &vectors{}
	if err := json.Unmarshal(raw, v); err != nil {
		t.Fatal(err)
	}
	return v
}

// rules returns those of the chain that the vectors are of.
func (v *vectors) rules(t testing.TB) *chain.Rules {
	t.Helper()
	p, err := chain.ParseParams(v.Genesis.Parameters)
	if err != nil {
		t.Fatal(err)
	}
	return newRules(t, p)
}

// receipt returns the canonical bytes of a receipt; the vectors' own are not
// in order.
func (v *vectors) receipt(t testing.TB, i int) []byte {
	t.Helper()
	raw := v.Receipts[i].Clone()
	if err := raw.Canonicalize(); err != nil {
		t.Fatal(err)
	}
	return raw
}

func newRules(t testing.TB, p chain.Params) *chain.Rules {
	t.Helper()
	r, err := chain.NewRules(p, pow.Engine{})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// easy returns the rules of a chain on which every hash is work enough.
func easy(t testing.TB, change func(*chain.Params)) *chain.Rules {
	t.Helper()
	p := chain.Params{
		Allocations:       map[chain.Address]uint64{alice.address: 1000, bob.address: 10},
		BlockIntervalMS:   10_000,
		ChainID:           "easy",
		Consensus:         "pow",
		InitialDifficulty: 1,
		MaxBlockBytes:     100_000,
		MaxDataBytes:      97_000,
		Reward:            50,
		Timestamp:         1_790_000_000_000,
	}
	if change != nil {
		change(&p)
	}
	return newRules(t, p)
}

// key is an account whose secret the tests know.
type key struct {
	seed    []byte
	address chain.Address
}

func newKey(name string) key {
	seed := bytes.Repeat([]byte(name[:1]), 32)
	return key{seed, addressOfSeed(seed)}
}

var alice, bob, carol = newKey("alice"), newKey("bob"), newKey("carol")

// child returns a sealed block on s; change is called before it is sealed.
func child(s chain.State, txs []*chain.Transaction, change func(*chain.Header)) *chain.Block {
	h := s.Child(carol.address, "", s.Tip.Timestamp+10_000)
	h.TxCount, h.TxRoot = chain.TxSummary(txs)
	if change != nil {
		change(&h)
	}
	seal(&h)
	return chain.NewBlock(h, txs)
}

// seal finds a nonce from the one that h has.
func seal(h *chain.Header) {
	digest := h.Seal()
	for {
		h.Hash = chain.SealedHash(digest, h.Nonce)
		if h.Difficulty == 0 || (pow.Engine{}).Sealed(h) == nil {
			return
		}
		h.Nonce++
	}
}

// reporter is what *testing.T and *rapid.T have in common here.
type reporter interface {
	Helper()
	Fatalf(format string, args ...any)
}

// book is a view of accounts in memory.
type book map[chain.Address]chain.Account

func (b book) get(a chain.Address) (chain.Account, error) { return b[a], nil }

// apply returns the book after d, and fails if d was not made on it.
func (b book) apply(t reporter, d chain.Diff) book {
	t.Helper()
	after := maps.Clone(b)
	for _, c := range d {
		if after[c.Address] != c.Old {
			t.Fatalf("diff of %s: old is %v, the account was %v", c.Address, c.Old, after[c.Address])
		}
		after[c.Address] = c.New
	}
	return after.tidy()
}

// undo returns the book before d, by reading d backwards.
func (b book) undo(t reporter, d chain.Diff) book {
	t.Helper()
	back := slices.Clone(d)
	slices.Reverse(back)
	for i := range back {
		back[i].Old, back[i].New = back[i].New, back[i].Old
	}
	return b.apply(t, back)
}

// tidy forgets accounts that are as if never seen.
func (b book) tidy() book {
	maps.DeleteFunc(b, func(_ chain.Address, a chain.Account) bool { return a == chain.Account{} })
	return b
}

// wantRule fails unless err is a RuleError of this rule and kind.
func wantRule(t testing.TB, err error, rule chain.Rule, kind error) {
	t.Helper()
	if problem := checkRule(err, rule, kind); problem != nil {
		t.Fatal(problem)
	}
}

func checkRule(err error, rule chain.Rule, kind error) error {
	broken, ok := errors.AsType[*chain.RuleError](err)
	switch {
	case err == nil:
		return fmt.Errorf("accepted, want rule %q broken", rule)
	case !ok:
		return fmt.Errorf("want rule %q broken, got no rule: %w", rule, err)
	case broken.Rule != rule:
		return fmt.Errorf("want rule %q broken, got %q: %w", rule, broken.Rule, err)
	case !errors.Is(err, kind):
		return fmt.Errorf("want an error that is %q, got %w", kind, err)
	case errors.Is(err, chain.ErrInvalid) == errors.Is(err, chain.ErrUnfit):
		return fmt.Errorf("want either ErrInvalid or ErrUnfit, got both: %w", err)
	case broken.Want == "" || broken.Got == "":
		return fmt.Errorf("rule %q does not say what was wanted and found: %w", rule, err)
	}
	return nil
}

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// decode reads test data that is not to be judged.
func decode(t testing.TB, raw []byte, v any) {
	t.Helper()
	if err := canonical.Read(raw, v); err != nil {
		t.Fatal(err)
	}
}
