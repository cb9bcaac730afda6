package api_test

import (
	"bufio"
	"context"
	"crypto/sha256"
	"fmt"
	"net/http"
	"reflect"
	"slices"
	"testing"

	"github.com/lp2pnode/lp2pnode/api/client"
	"github.com/lp2pnode/lp2pnode/chain"
)

func TestGenesisIsItsCanonicalParameters(t *testing.T) {
	n := newNode(t)
	url, c := serve(t, n)
	_, body := call(t, "GET", url+"/v1/genesis")
	if want := n.Rules().Params.Canonical(); string(body) != string(want) {
		t.Errorf("want %s, got %s", want, body)
	}
	params, err := c.Genesis(t.Context())
	if err != nil || !reflect.DeepEqual(*params, n.Rules().Params) && string(params.Canonical()) != string(body) {
		t.Errorf("got %+v, %v", params, err)
	}
}

// TestHistoryTellsOfPaymentsRecordsAndRewards: page by page, the latest first.
func TestHistoryTellsOfPaymentsRecordsAndRewards(t *testing.T) {
	n := newNode(t)
	_, alice := keyOf(1)
	_, bob := keyOf(2)
	n.mine(t, alice)
	n.add(t, n.sign(1, chain.Transaction{To: bob, Amount: 3, Fee: 2}))
	noted := n.add(t, n.sign(1, chain.Transaction{Nonce: 1, Data: "a note"}))
	n.mine(t, bob)
	_, c := serve(t, n)
	told := func(a chain.Address, limit int) (list []string) {
		t.Helper()
		before := ""
		for {
			h, err := c.History(t.Context(), a, before, limit)
			if err != nil {
				t.Fatal(err)
			}
			for _, e := range h.Entries {
				list = append(list, fmt.Sprintf("%s %d/%d %d", e.Kind, e.Height, e.Index, e.Reward))
				if e.Kind != client.HistoryMined && e.ID != e.Transaction.ID() {
					t.Errorf("%s: transaction %s", e.ID, e.Transaction.ID())
				}
			}
			if before = h.Next; before == "" {
				return list
			}
		}
	}
	for _, limit := range []int{1, 2, 100} {
		if got, want := told(bob, limit), []string{"mined 2/2 52", "received 2/0 0"}; !slices.Equal(got, want) {
			t.Errorf("%d a page: want %q, got %q", limit, want, got)
		}
		if got, want := told(alice, limit), []string{"sent 2/1 0", "sent 2/0 0", "mined 1/0 50"}; !slices.Equal(got, want) {
			t.Errorf("%d a page: want %q, got %q", limit, want, got)
		}
	}
	if got := told(someone, 5); len(got) != 0 {
		t.Errorf("one never seen: %q", got)
	}
	records, err := c.Records(t.Context(), sha256.Sum256([]byte("a note")), 10)
	if err != nil || len(records) != 1 || records[0].ID != noted.ID() || records[0].Height != 2 || records[0].Data != "a note" || records[0].Confirmations != 1 {
		t.Errorf("records: %+v, %v", records, err)
	}
	if records, err = c.Records(t.Context(), chain.Hash{1}, 10); err != nil || len(records) != 0 {
		t.Errorf("a hash that nobody recorded: %+v, %v", records, err)
	}
}

// TestReorganisationTellsBothBranchesAndWhereTransactionsWent.
func TestReorganisationTellsBothBranchesAndWhereTransactionsWent(t *testing.T) {
	n := newNode(t)
	_, alice := keyOf(1)
	fork := n.grow(t, n.ledger.Tip(), "common", 1)[1]
	again := n.add(t, n.sign(1, chain.Transaction{Data: "mined again"}))
	left := n.mine(t, alice)
	n.grow(t, fork, "heavier", 2)
	back := n.mine(t, alice)
	url, c := serve(t, n)
	list, err := c.Reorganisations(t.Context(), 5)
	if err != nil || len(list) != 1 {
		t.Fatalf("%+v, %v", list, err)
	}
	if r := list[0]; r.Old.Blocks != nil || r.Transactions != nil {
		t.Errorf("the list has details: %+v", r)
	}
	r, err := c.Reorganisation(t.Context(), 0)
	if err != nil {
		t.Fatal(err)
	}
	switch {
	case r.Fork != fork.Tip.Cursor() || r.Old.Tip != left.Cursor() || r.Old.Length != 1 || r.New.Length != 2:
		t.Errorf("got %+v", r)
	case r.Source.Via != chain.ViaSync || r.Source.Peer != string(someone):
		t.Errorf("source %+v", r.Source)
	case r.New.Work.Cmp(r.Old.Work) <= 0 || r.ForkWork.Cmp(r.Old.Work) >= 0:
		t.Errorf("work %s, then %s or %s", r.ForkWork, r.Old.Work, r.New.Work)
	case len(r.Old.Blocks) != 1 || r.Old.Blocks[0].Best || len(r.New.Blocks) != 2 || !r.New.Blocks[1].Best || r.New.Blocks[0].Parent != fork.Tip.Hash:
		t.Errorf("blocks %+v, %+v", r.Old.Blocks, r.New.Blocks)
	}
	want := []client.Moved{{
		ID: again.ID(), Was: client.Place{Height: 2, Block: left.Hash}, State: client.StateIncluded,
		Now: &client.Place{Height: back.Height, Block: back.Hash},
	}}
	if !reflect.DeepEqual(r.Transactions, want) {
		t.Errorf("want %+v, got %+v", want, r.Transactions)
	}
	resp, body := call(t, "GET", url+"/v1/reorganisations/7")
	wantProblem(t, resp, body, http.StatusNotFound, "no reorganisation of number 7")
}

func TestForksLookBackToAHeight(t *testing.T) {
	n := newNode(t)
	main := n.grow(t, n.ledger.Tip(), "main", 6)
	n.grow(t, main[2], "side", 1)
	url, _ := serve(t, n)
	_, body := call(t, "GET", url+"/v1/forks?depth=1&to=3")
	var heights []uint64
	for _, f := range parsed(t, body).([]any) {
		heights = append(heights, number(t, f.(map[string]any)["height"]))
	}
	if want := []uint64{2, 3, 3}; !slices.Equal(heights, want) {
		t.Errorf("want %d, got %d", want, heights)
	}
}

func number(t *testing.T, v any) uint64 {
	t.Helper()
	var n uint64
	if _, err := fmt.Sscan(fmt.Sprint(v), &n); err != nil {
		t.Fatal(err)
	}
	return n
}

// TestEventsWithHeadersOnlyTellTheSamePlaces.
func TestEventsWithHeadersOnlyTellTheSamePlaces(t *testing.T) {
	n := newNode(t)
	_, alice := keyOf(1)
	n.add(t, n.sign(1, chain.Transaction{Data: "not told"}))
	b := n.mine(t, alice)
	url, _ := serve(t, n)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url+"/v1/events?headers=true&from=genesis", nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	want := []string{fmt.Sprintf("id: 1:%s", b.Hash), "event: block", "data: " + string(b.Canonical())}
	lines := bufio.NewScanner(resp.Body)
	for lines.Scan() && lines.Text() != want[0] {
	}
	for _, line := range want {
		if lines.Text() != line {
			t.Errorf("want %s, got %s", line, lines.Text())
		}
		lines.Scan()
	}
}
