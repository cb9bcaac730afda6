package ledger

import (
	"github.com/lp2pnode/lp2pnode/chain"
	"github.com/lp2pnode/lp2pnode/chain/store"
)

// keptAccounts bounds each half of the accounts in memory, some 2 MB.
const keptAccounts = 1 << 14

// accounts keeps accounts of the best tip that were lately read or changed:
// who sends often is read often, and a row costs the store a block to unpack.
// When the young are many they become the old, whose rest is forgotten. The
// ledger's lock guards it.
type accounts struct {
	base       chain.Accounts
	young, old map[chain.Address]chain.Account
}

func newAccounts(base chain.Accounts) *accounts {
	return &accounts{base: base, young: map[chain.Address]chain.Account{}}
}

// get is a chain.Accounts of the best tip.
func (c *accounts) get(a chain.Address) (chain.Account, error) {
	if now, ok := c.young[a]; ok {
		return now, nil
	}
	now, ok := c.old[a]
	if !ok {
		var err error
		if now, err = c.base(a); err != nil {
			return now, err
		}
	}
	c.put(a, now)
	return now, nil
}

func (c *accounts) put(a chain.Address, now chain.Account) {
	if len(c.young) >= keptAccounts {
		c.young, c.old = map[chain.Address]chain.Account{}, c.young
	}
	c.young[a] = now
}

// follow takes in a change of the best chain that was committed.
func (c *accounts) follow(change store.Change) {
	if len(change.Revert) > 0 {
		c.young, c.old = map[chain.Address]chain.Account{}, nil
	}
	for _, applied := range change.Apply {
		for _, d := range applied.Diff {
			c.put(d.Address, d.New)
		}
	}
}
