package api_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/lp2pnode/lp2pnode/api/client"
	"github.com/lp2pnode/lp2pnode/p2p"
)

func TestBansAreMadeListedAndLifted(t *testing.T) {
	n := newNode(t)
	_, c := serve(t, n)
	c.Token = adminToken
	if bans, err := c.Bans(t.Context()); err != nil || bans == nil || len(bans) != 0 {
		t.Fatalf("a new node has bans %v, %v", bans, err)
	}
	day, err := c.Ban(t.Context(), string(someone), 0, "")
	if err != nil || day.Until.Sub(day.Since) != 24*time.Hour {
		t.Fatalf("without a time: %+v, %v", day, err)
	}
	if _, err := c.Ban(t.Context(), string(someone), 90*time.Minute, "it is noisy"); err != nil {
		t.Fatal(err)
	}
	bans, err := c.Bans(t.Context())
	if err != nil || len(bans) != 1 {
		t.Fatalf("got %+v, %v", bans, err)
	}
	if b := bans[0]; b.ID != string(someone) || b.Reason != string(p2p.ReasonByHand) || b.Detail != "it is noisy" || b.Until.Sub(b.Since) != 90*time.Minute {
		t.Errorf("got %+v", b)
	}
	for _, want := range []bool{true, false} {
		if lifted, err := c.Lift(t.Context(), string(someone)); err != nil || lifted != want {
			t.Errorf("want lifted %t, got %t, %v", want, lifted, err)
		}
	}
	if bans, err := c.Bans(t.Context()); err != nil || len(bans) != 0 {
		t.Errorf("after lifting there are %v, %v", bans, err)
	}
}

func TestImpossibleBansAreProblems(t *testing.T) {
	n := newNode(t)
	url, c := serve(t, n)
	c.Token = adminToken
	var p *client.Problem
	if _, err := c.Ban(t.Context(), n.ID(), time.Hour, ""); !errors.As(err, &p) || p.Status != 422 || !strings.Contains(p.Detail, "own peer id") {
		t.Errorf("of itself: %v", err)
	}
	if _, err := c.Ban(t.Context(), string(someone), 1<<62, ""); !errors.As(err, &p) || p.Status != 422 {
		t.Errorf("for ages: %v", err)
	}
	for name, row := range map[string]struct{ body, words string }{
		"no peer id":    {`{"id":"somebody"}`, "want a peer id"},
		"negative time": {`{"id":"` + string(someone) + `","seconds":-1}`, "seconds"},
		"long detail":   {`{"id":"` + string(someone) + `","detail":"` + strings.Repeat("x", 301) + `"}`, "detail"},
		"no body":       {``, "body"},
	} {
		resp, body := postJSON(t, url+"/v1/admin/bans", []byte(row.body), "Authorization: Bearer "+adminToken)
		t.Run(name, func(t *testing.T) { wantProblem(t, resp, body, resp.StatusCode, row.words) })
		if resp.StatusCode != 422 && resp.StatusCode != 400 {
			t.Errorf("%s: %s", name, resp.Status)
		}
	}
	c.Token = ""
	if _, err := c.Bans(t.Context()); !errors.As(err, &p) || p.Status != 401 {
		t.Errorf("without a token: %v", err)
	}
}
