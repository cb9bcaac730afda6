package mempool

import (
	"errors"
	"strings"
	"testing"

	"github.com/lp2pnode/lp2pnode/chain"
	"github.com/lp2pnode/lp2pnode/chain/canonical"
)

func TestTemplateTakesTheBestPayingInNonceOrder(t *testing.T) {
	p := New(Config{})
	poor := []*chain.Transaction{pays(who(1), 0, 1), pays(who(1), 1, 99)} // 50 each, together
	mid := pays(who(2), 0, 40)
	falling := []*chain.Transaction{pays(who(3), 0, 60), pays(who(3), 1, 10)}
	free := pays(who(4), 0, 0)
	for _, tx := range []*chain.Transaction{free, mid, poor[0], poor[1], falling[0], falling[1]} {
		mustAdd(t, p, tx, rich(0))
	}
	view := func(chain.Address) (chain.Account, error) { return rich(0), nil }
	want := []*chain.Transaction{falling[0], poor[0], poor[1], mid, falling[1], free}
	var size uint64
	for limit, last := range want {
		size += uint64(len(last.Raw()))
		if limit > 0 {
			size++
		}
		for _, row := range []struct {
			bytes uint64
			limit int
			n     int
		}{{1 << 20, limit + 1, limit + 1}, {size, 0, limit + 1}} {
			got, err := p.Select(view, row.bytes, row.limit)
			if err != nil || len(got) != row.n {
				t.Fatalf("%d bytes, limit %d: want %d, got %d, %v", row.bytes, row.limit, row.n, len(got), err)
			}
			for i, tx := range got {
				if tx != want[i] {
					t.Fatalf("%d bytes, limit %d: number %d has fee %d", row.bytes, row.limit, i, tx.Fee)
				}
			}
		}
	}
}

func TestTemplateSkipsWhatDoesNotFitAndKeepsIt(t *testing.T) {
	p := New(Config{})
	overflows := chain.NewTransaction(chain.Transaction{From: who(1), To: who(9), Amount: 2, Fee: 50})
	large := chain.NewTransaction(chain.Transaction{From: who(2), Fee: 5000, Data: strings.Repeat("x", 3000)})
	small := pays(who(3), 0, 1)
	for _, tx := range []*chain.Transaction{overflows, pays(who(1), 1, 50), large, pays(who(2), 1, 50), small} {
		mustAdd(t, p, tx, rich(0))
	}
	view := func(a chain.Address) (chain.Account, error) {
		if a == who(9) {
			return chain.Account{Balance: canonical.MaxInteger - 1}, nil
		}
		return rich(0), nil
	}
	got, err := p.Select(view, 3000, 0)
	if err != nil || len(got) != 1 || got[0] != small {
		t.Fatalf("want only the small one, got %d, %v", len(got), err)
	}
	if p.Len() != 5 {
		t.Fatalf("want all five to stay, got %d", p.Len())
	}
	broken := errors.New("disk on fire")
	_, err = p.Select(func(chain.Address) (chain.Account, error) { return chain.Account{}, broken }, 3000, 0)
	if !errors.Is(err, broken) {
		t.Fatalf("want the view's error, got %v", err)
	}
}
