package main

import (
	"fmt"
	"io"
	"math"
	"strconv"
	"time"

	"github.com/lp2pnode/lp2pnode/chain"
)

// verdict is what verify found of a receipt that holds.
type verdict struct {
	Transaction chain.Hash    `json:"transaction"`
	From        chain.Address `json:"from"`
	Data        string        `json:"data"`
	Block       chain.Hash    `json:"block"`
	Height      uint64        `json:"height"`
	Timestamp   uint64        `json:"timestamp"` // the block's, Unix ms
	Index       uint64        `json:"index"`
	Tip         chain.Cursor  `json:"tip"`
	Work        chain.Work    `json:"work"` // that both headers carry, in hashes
	Proved      []step        `json:"proved"`
	Trusted     []step        `json:"trusted"`
	File        string        `json:"file,omitempty"`

	transaction chain.Transaction
}

// step is one thing that was proved, or trusted.
type step struct {
	Name  string `json:"step"`
	Found string `json:"found"`
}

// verdictOf tells what DecodeReceipt has proved of a receipt of so many bytes.
func verdictOf(r *chain.Receipt, size int) *verdict {
	b, tip := &r.Header, &r.Tip
	work := float64(b.Difficulty) + float64(tip.Difficulty)
	v := &verdict{
		Transaction: chain.NewTransaction(r.Transaction).ID(),
		From:        r.Transaction.From,
		Data:        r.Transaction.Data,
		Block:       b.Hash,
		Height:      b.Height,
		Timestamp:   b.Timestamp,
		Index:       r.TxIndex,
		Tip:         tip.Cursor(),
		Work:        chain.Work{}.Add(b.Difficulty).Add(tip.Difficulty),
		transaction: r.Transaction,
	}
	v.Proved = []step{
		{"form", fmt.Sprintf("its %d bytes are the one canonical form", size)},
		{"hashes", fmt.Sprintf("blocks %d and %d hash to what they say", b.Height, tip.Height)},
		{"work", fmt.Sprintf("both carry theirs: whoever would forge them tries %s, %s", hashes(work), effort(work))},
		{"history", fmt.Sprintf("block %d stands in the history of block %d, %s above", b.Height, tip.Height, count(int(tip.Height-b.Height), "block"))},
		{"transaction", fmt.Sprintf("it is number %d of %d in block %d", r.TxIndex+1, r.TxCount, b.Height)},
	}
	return v
}

// trust adds what remains to be trusted beside the tip.
func (v *verdict) trust(tip string) {
	v.Trusted = []step{
		{"tip", tip},
		{"rules", fmt.Sprintf("the chain of block %d keeps them: that signatures hold and balances suffice is not in a receipt", v.Tip.Height)},
	}
}

func (v *verdict) addFile(path string, r fileRecord) {
	v.File = path
	v.Proved = append(v.Proved, step{"file", fmt.Sprintf("%s has the %d bytes and the SHA-256 recorded of %q", path, r.Size, r.Name)})
}

func (v *verdict) print(w io.Writer) error {
	tx := v.transaction
	about := newTable(w)
	about.row("transaction", v.Transaction.String())
	about.row("from", string(v.From))
	if tx.To != "" {
		about.row("to", string(tx.To))
		about.row("amount", strconv.FormatUint(tx.Amount, 10))
	}
	about.row("data", dash(beginning(tx.Data, 400)))
	about.row("block", fmt.Sprintf("%d, %s", v.Height, v.Block))
	about.row("time", moment(v.Timestamp)+", by its miner's clock")
	if err := about.flush(); err != nil {
		return err
	}
	steps := newTable(w)
	for _, part := range []struct {
		title string
		steps []step
	}{{"proved", v.Proved}, {"trusted", v.Trusted}} {
		for i, s := range part.steps {
			if i > 0 {
				part.title = ""
			}
			steps.row(part.title, s.Name, s.Found)
		}
	}
	fmt.Fprintln(w) // flush has the error
	return steps.flush()
}

// hashes shows an expected number of hashes in words.
func hashes(n float64) string {
	for _, unit := range []struct {
		size float64
		name string
	}{{1e18, "quintillion"}, {1e15, "quadrillion"}, {1e12, "trillion"}, {1e9, "billion"}, {1e6, "million"}} {
		if n >= unit.size {
			return fmt.Sprintf("some %.3g %s hashes", n/unit.size, unit.name)
		}
	}
	return fmt.Sprintf("some %.0f hashes", n)
}

// coreRate is what one core of a common machine does, hashes per second.
const coreRate = 10e6

// effort shows how long a common machine would try for a number of hashes.
func effort(n float64) string {
	const year = 365.25 * 24 * 3600
	seconds := n / coreRate
	took := ""
	switch {
	case seconds < 1:
		took = "less than a second"
	case seconds < 120:
		took = fmt.Sprintf("about %.0f seconds", seconds)
	case seconds < 2*3600:
		took = fmt.Sprintf("about %.0f minutes", seconds/60)
	case seconds < 48*3600:
		took = fmt.Sprintf("about %.0f hours", seconds/3600)
	case seconds < 2*year:
		took = fmt.Sprintf("about %.0f days", math.Round(seconds/(24*time.Hour).Seconds()))
	default:
		took = fmt.Sprintf("about %.0f years", seconds/year)
	}
	return took + " for one core at 10 MH/s"
}
