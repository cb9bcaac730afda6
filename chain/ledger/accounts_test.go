package ledger

import (
	"encoding/binary"
	"math/rand/v2"
	"testing"

	"github.com/lp2pnode/lp2pnode/chain"
	"github.com/lp2pnode/lp2pnode/chain/store"
)

// TestAccountsInMemoryAreThoseOnDisk changes and reads accounts at random, with
// reorganisations, many more than are kept.
func TestAccountsInMemoryAreThoseOnDisk(t *testing.T) {
	disk := map[chain.Address]chain.Account{}
	reads := 0
	c := newAccounts(func(a chain.Address) (chain.Account, error) {
		reads++
		return disk[a], nil
	})
	address := func() chain.Address {
		key := make([]byte, 32)
		binary.BigEndian.PutUint32(key, rand.Uint32N(4*keptAccounts)>>rand.UintN(16))
		return chain.AddressOf(key)
	}
	for i := range 200 {
		var change store.Change
		if i%20 == 19 { // all that a revert changes is forgotten
			change.Revert = []chain.Hash{{}}
			for a := range disk {
				disk[a] = chain.Account{Balance: uint64(i)}
			}
		}
		var diff chain.Diff
		for range 1000 {
			d := chain.Change{Address: address(), New: chain.Account{Nonce: rand.Uint64N(1 << 40)}}
			disk[d.Address] = d.New
			diff = append(diff, d)
		}
		change.Apply = []store.Applied{{Diff: diff}}
		c.follow(change)
		for range 1000 {
			a := address()
			if got, err := c.get(a); err != nil || got != disk[a] {
				t.Fatalf("%s is %v in memory, %v on disk (%v)", a, got, disk[a], err)
			}
		}
		if len(c.young) > keptAccounts || len(c.old) > keptAccounts {
			t.Fatalf("%d and %d accounts are kept", len(c.young), len(c.old))
		}
	}
	t.Logf("%d of 200000 reads went to the disk", reads)
}
