package chain

import (
	"fmt"
	"maps"
	"slices"

	"github.com/lp2pnode/lp2pnode/chain/canonical"
)

// Account is the state of one address. The zero Account is that of an address
// never seen.
type Account struct {
	Balance uint64 `json:"balance"`
	Nonce   uint64 `json:"nonce"` // number of transactions sent
}

// Accounts is a read-only view of accounts at some block. Its errors are the
// store's own.
type Accounts func(Address) (Account, error)

// Change is what happened to one account.
type Change struct {
	Address  Address
	Old, New Account
}

// Diff lists the changes of accounts, each address once. Read backwards (Old
// for New) it undoes.
type Diff []Change

// Draft executes transactions on top of a view, without changing the view. It
// is owned by one goroutine.
type Draft struct {
	view  Accounts
	diff  Diff
	index map[Address]int // into diff
}

// NewDraft returns a Draft without changes on view.
func NewDraft(view Accounts) *Draft {
	return &Draft{view: view, index: map[Address]int{}}
}

// Get returns an account as it is after what was executed so far.
func (d *Draft) Get(a Address) (Account, error) {
	if i, touched := d.index[a]; touched {
		return d.diff[i].New, nil
	}
	acc, err := d.view(a)
	if err != nil {
		return Account{}, fmt.Errorf("read account %s: %w", a, err)
	}
	return acc, nil
}

// Diff returns the changes so far, in the order in which accounts were touched.
func (d *Draft) Diff() Diff { return d.diff }

func (d *Draft) set(a Address, old, now Account) {
	i, touched := d.index[a]
	if !touched {
		i = len(d.diff)
		d.index[a] = i
		d.diff = append(d.diff, Change{Address: a, Old: old})
	}
	d.diff[i].New = now
}

// Apply executes one transaction (protocol §5). On an error, which matches
// ErrUnfit if it is the transaction's, nothing has changed.
func (d *Draft) Apply(t *Transaction) error {
	from, err := d.Get(t.From)
	if err != nil {
		return err
	}
	if t.Nonce != from.Nonce {
		return Unfit(RuleNonce, from.Nonce, t.Nonce)
	}
	if from.Nonce == canonical.MaxInteger {
		return Unfit(RuleOverflow, "a nonce that can grow", from.Nonce)
	}
	if t.Fee > canonical.MaxInteger || t.Amount > canonical.MaxInteger-t.Fee || t.Amount+t.Fee > from.Balance {
		return Unfit(RuleBalance, fmt.Sprintf("amount %d + fee %d", t.Amount, t.Fee), from.Balance)
	}
	paid := Account{Balance: from.Balance - t.Amount - t.Fee, Nonce: from.Nonce + 1}
	if t.To == "" || t.To == t.From {
		paid.Balance += t.Amount
		d.set(t.From, from, paid)
		return nil
	}
	to, err := d.Get(t.To)
	if err != nil {
		return err
	}
	got, err := credit(to, t.Amount)
	if err != nil {
		return err
	}
	d.set(t.From, from, paid)
	if t.Amount > 0 {
		d.set(t.To, to, got)
	}
	return nil
}

// Reward pays a miner its reward and the fees.
func (d *Draft) Reward(miner Address, reward, fees uint64) error {
	if reward+fees == 0 {
		return nil
	}
	acc, err := d.Get(miner)
	if err != nil {
		return err
	}
	rich, err := credit(acc, reward+fees)
	if err != nil {
		return err
	}
	d.set(miner, acc, rich)
	return nil
}

// credit adds to a balance; no sum may pass MaxInteger (protocol §5).
func credit(acc Account, amount uint64) (Account, error) {
	if amount > canonical.MaxInteger || acc.Balance > canonical.MaxInteger-amount {
		return acc, Unfit(RuleOverflow, fmt.Sprintf("a balance of at most %d", uint64(canonical.MaxInteger)), fmt.Sprintf("%d + %d", acc.Balance, amount))
	}
	acc.Balance += amount
	return acc, nil
}

// Execute applies a block's transactions and reward to the accounts that its
// parent left (protocol §5) and returns what changes. Errors that match
// ErrUnfit are the block's, all others the view's.
func (r *Rules) Execute(b *Block, view Accounts) (Diff, error) {
	d := NewDraft(view)
	var fees uint64
	for i, t := range b.Transactions {
		if err := d.Apply(t); err != nil {
			return nil, fmt.Errorf("transaction %d, %s: %w", i, t.ID(), err)
		}
		if t.Fee > canonical.MaxInteger-fees {
			return nil, Unfit(RuleOverflow, fmt.Sprintf("fees of at most %d", uint64(canonical.MaxInteger)), fmt.Sprintf("%d + %d", fees, t.Fee))
		}
		fees += t.Fee
	}
	if err := d.Reward(b.Miner, r.Params.RewardAt(b.Height), fees); err != nil {
		return nil, fmt.Errorf("reward of %s: %w", b.Miner, err)
	}
	return d.Diff(), nil
}

// allocations returns the balances of height 0 as a Diff, sorted by address.
func allocations(p Params) Diff {
	var diff Diff
	for _, a := range slices.Sorted(maps.Keys(p.Allocations)) {
		diff = append(diff, Change{Address: a, New: Account{Balance: p.Allocations[a]}})
	}
	return diff
}
