package chain_test

import (
	"testing"

	"github.com/lp2pnode/lp2pnode/chain"
	"github.com/lp2pnode/lp2pnode/chain/merkle"
	"github.com/lp2pnode/lp2pnode/chain/pow"
)

// history is a chain of blocks with as many transactions as their height.
func history(t *testing.T, blocks int) []*chain.Block {
	t.Helper()
	rules := easy(t, nil)
	state := rules.GenesisState()
	list := []*chain.Block{rules.Genesis()}
	for height := range blocks {
		var txs []*chain.Transaction
		for n := range height + 1 {
			txs = append(txs, rules.Sign(chain.Transaction{Nonce: uint64(height*100 + n)}, alice.seed))
		}
		b := child(state, txs, nil)
		list, state = append(list, b), state.Extend(&b.Header)
	}
	return list
}

// receiptOf makes the receipt of a transaction under the last block.
func receiptOf(t *testing.T, blocks []*chain.Block, height, index int) *chain.Receipt {
	t.Helper()
	tip, b := blocks[len(blocks)-1], blocks[height]
	var hashes, txs [][]byte
	for _, earlier := range blocks[:len(blocks)-1] {
		hashes = append(hashes, earlier.Hash[:])
	}
	for _, tx := range b.Transactions {
		txs = append(txs, tx.Raw())
	}
	inHistory, err := merkle.EntryProof(hashes, uint64(height))
	if err != nil {
		t.Fatal(err)
	}
	inBlock, err := merkle.EntryProof(txs, uint64(index))
	if err != nil {
		t.Fatal(err)
	}
	r := &chain.Receipt{
		Header: b.Header, HistorySize: tip.Height, Tip: tip.Header, Transaction: *b.Transactions[index],
		TxCount: b.TxCount, TxIndex: uint64(index),
	}
	for _, h := range inHistory {
		r.HistoryProof = append(r.HistoryProof, h)
	}
	for _, h := range inBlock {
		r.TxProof = append(r.TxProof, h)
	}
	return r
}

func TestEveryTransactionBelowTheTipHasAReceipt(t *testing.T) {
	blocks := history(t, 9)
	for height := 1; height < len(blocks)-1; height++ {
		for index := range blocks[height].Transactions {
			r := receiptOf(t, blocks, height, index)
			got, err := chain.DecodeReceipt(r.Canonical(), pow.Engine{})
			if err != nil {
				t.Fatalf("height %d, transaction %d: %v", height, index, err)
			}
			if id := chain.NewTransaction(got.Transaction).ID(); id != blocks[height].Transactions[index].ID() {
				t.Errorf("height %d, transaction %d: the receipt is of %s", height, index, id)
			}
		}
	}
}

// TestReceiptTellsTheTruthAboutTheCount: the first of three has the same proof
// as the first of four would.
func TestReceiptTellsTheTruthAboutTheCount(t *testing.T) {
	r := receiptOf(t, history(t, 5), 3, 0)
	if r.TxCount != 3 || merkle.Verify(chain.NewTransaction(r.Transaction).Raw(), 0, 4, hashes(r.TxProof), r.Header.TxRoot) != nil {
		t.Fatal("the trees of three and four tell each other apart")
	}
	r.TxCount = 4
	_, err := chain.DecodeReceipt(r.Canonical(), pow.Engine{})
	wantRule(t, err, chain.RuleProof, chain.ErrInvalid)
}

func hashes(list []chain.Hash) []merkle.Hash {
	path := make([]merkle.Hash, len(list))
	for i, h := range list {
		path[i] = h
	}
	return path
}

// TestFeesDoNotWrapAround: so many fees that their sum passes 64 bits and
// comes out small.
func TestFeesDoNotWrapAround(t *testing.T) {
	rules := easy(t, nil)
	accounts, txs := book{}, []*chain.Transaction{}
	for i := range 2049 {
		from := chain.AddressOf(append(make([]byte, 30), byte(i>>8), byte(i)))
		accounts[from] = chain.Account{Balance: maxInteger}
		txs = append(txs, chain.NewTransaction(chain.Transaction{From: from, Fee: maxInteger}))
	}
	_, err := rules.Execute(chain.NewBlock(chain.Header{Height: 1, Miner: carol.address}, txs), accounts.get)
	wantRule(t, err, chain.RuleOverflow, chain.ErrUnfit)
}
