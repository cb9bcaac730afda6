package p2p

import (
	"context"
	"testing"

	"github.com/libp2p/go-libp2p/p2p/net/connmgr"
)

// TestTrimmedPeersAreToldApart: and a protected one is never trimmed.
func TestTrimmedPeersAreToldApart(t *testing.T) {
	rules := testRules(t, "one")
	a := start(t, newMemory(rules), nil)
	manager, err := connmgr.NewConnManager(1, 2, connmgr.WithGracePeriod(0))
	if err != nil {
		t.Fatal(err)
	}
	defer manager.Close()
	trim := newTrimmer(manager)
	trim.onTrim(*a.host.ConnManager().(*trimmer).trimmed.Load())
	a.host.Network().Notify(trim.Notifee())
	defer a.host.Network().StopNotify(trim.Notifee())
	kept := start(t, newMemory(rules), nil)
	trim.Protect(kept.host.ID(), "test")
	kept.dial(t, a)
	var others []*testNode
	for range 3 {
		b := start(t, newMemory(rules), nil)
		b.dial(t, a)
		others = append(others, b)
	}
	await(t, "all are met, as the manager knows", func() bool { return len(a.Met()) == 4 && manager.GetInfo().ConnCount == 4 })
	trim.TrimOpenConns(context.Background())
	await(t, "two are trimmed", func() bool {
		trimmed := 0
		for _, b := range others {
			if p := a.about(b); p.Reason == ReasonTrimmed && !p.Left.IsZero() {
				trimmed++
			}
		}
		return trimmed == 2
	})
	if p := a.about(kept); !p.Left.IsZero() {
		t.Errorf("the protected peer was trimmed: %+v", p)
	}
}
