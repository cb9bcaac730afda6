package chain_test

import (
	"bytes"
	"crypto/ed25519"
	"math/big"
	"slices"
	"testing"

	"github.com/lp2pnode/lp2pnode/chain"
	"github.com/lp2pnode/lp2pnode/chain/merkle"
	"github.com/lp2pnode/lp2pnode/chain/pow"
)

func addressOfSeed(seed []byte) chain.Address {
	return chain.AddressOf(ed25519.NewKeyFromSeed(seed).Public().(ed25519.PublicKey))
}

func TestVectorKeysHaveTheirAddresses(t *testing.T) {
	for _, k := range readVectors(t).Keys {
		if got := addressOfSeed(unhex(t, k.Seed)); string(got) != k.Address {
			t.Errorf("%s: address %s, want %s", k.Name, got, k.Address)
		}
		a, err := chain.ParseAddress(k.Address)
		if err != nil {
			t.Fatalf("%s: %v", k.Name, err)
		}
		if got, err := a.Key(); err != nil || !bytes.Equal(got, unhex(t, k.Public)) {
			t.Errorf("%s: key %x (%v), want %s", k.Name, got, err, k.Public)
		}
	}
}

func TestVectorGenesisNamesTheChain(t *testing.T) {
	v := readVectors(t)
	r := v.rules(t)
	if got := string(r.Params.Canonical()); got != v.Genesis.Canonical {
		t.Errorf("canonical parameters\n%s\nwant\n%s", got, v.Genesis.Canonical)
	}
	if got := r.Genesis().Hash.String(); got != v.Genesis.Hash {
		t.Errorf("genesis hash %s, want %s", got, v.Genesis.Hash)
	}
	if got := string(r.Genesis().Raw()); got != v.Blocks[0].Canonical {
		t.Errorf("genesis block\n%s\nwant\n%s", got, v.Blocks[0].Canonical)
	}
}

func TestVectorTransactionsKeepBytesIDAndSignature(t *testing.T) {
	v := readVectors(t)
	r := v.rules(t)
	for i, want := range v.Transactions {
		tx, err := r.DecodeTransaction([]byte(want.Canonical))
		if err != nil {
			t.Fatalf("transaction %d: %v", i, err)
		}
		if got := string(chain.NewTransaction(*tx).Raw()); got != want.Canonical {
			t.Errorf("transaction %d: canonical\n%s\nwant\n%s", i, got, want.Canonical)
		}
		if got := string(tx.SignedBytes(r.Genesis().Hash)); got != want.SignedBytes {
			t.Errorf("transaction %d: signed bytes\n%s\nwant\n%s", i, got, want.SignedBytes)
		}
		if got := tx.ID().String(); got != want.ID {
			t.Errorf("transaction %d: id %s, want %s", i, got, want.ID)
		}
	}
}

func TestVectorTransactionsAreSignedAlikeFromTheirSeeds(t *testing.T) {
	v := readVectors(t)
	r := v.rules(t)
	seeds := map[chain.Address][]byte{}
	for _, k := range v.Keys {
		seeds[chain.Address(k.Address)] = unhex(t, k.Seed)
	}
	for i, want := range v.Transactions {
		tx, err := r.DecodeTransaction([]byte(want.Canonical))
		if err != nil {
			t.Fatalf("transaction %d: %v", i, err)
		}
		unsigned := *tx
		unsigned.From, unsigned.Signature = "", chain.Signature{}
		if got := string(r.Sign(unsigned, seeds[tx.From]).Raw()); got != want.Canonical {
			t.Errorf("transaction %d signed anew\n%s\nwant\n%s", i, got, want.Canonical)
		}
	}
}

func TestVectorSmallOrderSignatureHoldsSingleAndInBatch(t *testing.T) {
	v := readVectors(t)
	r := v.rules(t)
	raw := []byte(v.SmallOrder.Canonical)
	tx, err := r.DecodeTransaction(raw)
	if err != nil {
		t.Fatalf("single: %v", err)
	}
	if got := string(tx.SignedBytes(r.Genesis().Hash)); got != v.SmallOrder.SignedBytes {
		t.Errorf("signed bytes\n%s\nwant\n%s", got, v.SmallOrder.SignedBytes)
	}
	batch := []*chain.Transaction{unverified(t, raw)}
	for _, other := range v.Transactions {
		batch = append(batch, unverified(t, []byte(other.Canonical)))
	}
	if err := r.VerifyTransactions(batch); err != nil {
		t.Errorf("in a batch: %v", err)
	}
}

// unverified returns a transaction whose signature nobody has looked at.
func unverified(t testing.TB, raw []byte) *chain.Transaction {
	t.Helper()
	tx := chain.Transaction{}
	decode(t, raw, &tx)
	return chain.NewTransaction(tx)
}

func TestVectorNonTransactionsAreRefused(t *testing.T) {
	v := readVectors(t)
	r := v.rules(t)
	for _, not := range v.NotTransactions {
		t.Run(not.What, func(t *testing.T) {
			_, err := r.DecodeTransaction([]byte(not.Bytes))
			wantRule(t, err, chain.Rule(not.Why), chain.ErrInvalid)
		})
	}
}

func TestVectorNonTransactionsAreRefusedInABlock(t *testing.T) {
	v := readVectors(t)
	params := v.rules(t).Params
	params.InitialDifficulty = 1
	r := newRules(t, params)
	state := r.GenesisState()
	for _, not := range v.NotTransactions {
		if not.Why != "form" {
			continue // signatures are of the vectors' own chain
		}
		t.Run(not.What, func(t *testing.T) {
			h := state.Child(carol.address, "", state.Tip.Timestamp+1)
			h.TxCount, h.TxRoot = 1, merkle.Root([][]byte{[]byte(not.Bytes)})
			seal(&h)
			raw := chain.JoinBlock(h.Canonical(), []byte("["+not.Bytes+"]"))
			_, err := r.DecodeBlock(raw)
			wantRule(t, err, chain.RuleForm, chain.ErrInvalid)
		})
	}
}

func TestVectorMerkleRootsAndProofs(t *testing.T) {
	for _, tree := range readVectors(t).Merkle {
		entries := make([][]byte, len(tree.Entries))
		for i, e := range tree.Entries {
			entries[i] = []byte(e)
		}
		root := merkle.Root(entries)
		if got := chain.Hash(root).String(); got != tree.Root {
			t.Fatalf("root of %d entries %s, want %s", len(entries), got, tree.Root)
		}
		for i, want := range tree.Proofs {
			path, err := merkle.EntryProof(entries, uint64(i))
			if err != nil {
				t.Fatal(err)
			}
			if got := hexPath(path); !slices.Equal(got, want) {
				t.Errorf("proof of %d in %d: %v, want %v", i, len(entries), got, want)
			}
			if err := merkle.Verify(entries[i], uint64(i), uint64(len(entries)), path, root); err != nil {
				t.Errorf("proof of %d in %d: %v", i, len(entries), err)
			}
		}
	}
}

func hexPath(path []merkle.Hash) []string {
	texts := make([]string, len(path))
	for i, h := range path {
		texts[i] = chain.Hash(h).String()
	}
	return texts
}

func TestVectorBlocksFollowEachOtherFromGenesis(t *testing.T) {
	v := readVectors(t)
	r := v.rules(t)
	state, accounts := r.GenesisState(), book{}.apply(t, r.GenesisAccounts())
	for i, want := range v.Blocks {
		b, err := r.DecodeBlock([]byte(want.Canonical))
		if err != nil {
			t.Fatalf("block %d: %v", i, err)
		}
		if got := b.Seal().String(); got != want.Seal {
			t.Errorf("block %d: seal %s, want %s", i, got, want.Seal)
		}
		if got := b.ComputeHash().String(); got != want.Hash || b.Hash.String() != want.Hash {
			t.Errorf("block %d: hash %s, in the block %s, want %s", i, got, b.Hash, want.Hash)
		}
		if got := pow.Target(b.Difficulty).String(); got != want.Target {
			t.Errorf("block %d: target %s, want %s", i, got, want.Target)
		}
		if got := string(chain.NewBlock(b.Header, b.Transactions).Raw()); got != want.Canonical {
			t.Errorf("block %d: made anew\n%s\nwant\n%s", i, got, want.Canonical)
		}
		if i == 0 {
			continue
		}
		if err := state.Check(&b.Header); err != nil {
			t.Fatalf("block %d: %v", i, err)
		}
		if err := r.VerifyTransactions(b.Transactions); err != nil {
			t.Fatalf("block %d: %v", i, err)
		}
		diff, err := r.Execute(b, accounts.get)
		if err != nil {
			t.Fatalf("block %d: %v", i, err)
		}
		state, accounts = state.Extend(&b.Header), accounts.apply(t, diff)
	}
	if got := state.Work.String(); got != v.TotalWork.String() {
		t.Errorf("total work %s, want %s", got, v.TotalWork)
	}
	for a, want := range v.AccountsAfter {
		if got := accounts[a]; got != want {
			t.Errorf("account %s is %v, want %v", a, got, want)
		}
	}
	if len(accounts) != len(v.AccountsAfter) {
		t.Errorf("%d accounts at the end, want %d", len(accounts), len(v.AccountsAfter))
	}
}

func TestVectorTargetsAreExactQuotients(t *testing.T) {
	most := new(big.Int).Sub(new(big.Int).Lsh(big.NewInt(1), 256), big.NewInt(1))
	for i, b := range readVectors(t).Blocks {
		got := new(big.Int).SetBytes(unhex(t, b.Target))
		h := chain.Header{}
		head, _, err := chain.SplitBlock([]byte(b.Canonical))
		if err != nil {
			t.Fatal(err)
		}
		decode(t, head, &h)
		if want := new(big.Int).Div(most, new(big.Int).SetUint64(h.Difficulty)); got.Cmp(want) != 0 {
			t.Errorf("block %d: target %x, want %x", i, got, want)
		}
	}
}

func TestVectorDifficultyRuns(t *testing.T) {
	for _, run := range readVectors(t).Difficulty {
		t.Run(run.Name, func(t *testing.T) {
			r := easy(t, func(p *chain.Params) {
				p.InitialDifficulty, p.BlockIntervalMS = run.InitialDifficulty, run.BlockIntervalMS
				p.RetargetWindow, p.Timestamp = run.RetargetWindow, run.Timestamps[0]
			})
			state := r.GenesisState()
			marks := []chain.Mark{{Timestamp: run.Timestamps[0], Difficulty: run.Difficulties[0]}}
			for i := 1; i < len(run.Timestamps); i++ {
				if got := pow.Difficulty(r.Params, uint64(i-1), marks, run.Timestamps[i]); got != run.Difficulties[i] {
					t.Fatalf("height %d: difficulty of the whole history %d, want %d", i, got, run.Difficulties[i])
				}
				h := state.Child(alice.address, "", run.Timestamps[i])
				h.Hash = h.ComputeHash()
				if h.Difficulty != run.Difficulties[i] {
					t.Fatalf("height %d: difficulty of the state %d, want %d", i, h.Difficulty, run.Difficulties[i])
				}
				if err := state.Check(&h); err != nil {
					t.Fatalf("height %d: %v", i, err)
				}
				state = state.Extend(&h)
				marks = append(marks, chain.Mark{Timestamp: run.Timestamps[i], Difficulty: run.Difficulties[i]})
			}
		})
	}
}
