package bootstrap

import (
	"testing"

	"github.com/libp2p/go-libp2p/core/host"
)

// TestEntriesAreReplacedWhileRunning: new ones are dialled, and who stood at
// those that are gone is a peer like any other.
func TestEntriesAreReplacedWhileRunning(t *testing.T) {
	t.Parallel()
	for name, entry := range map[string]func(*testing.T, host.Host) string{"open": openEntry, "full": fullEntry} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a, b, c := newHost(t, newKey(t), "0"), newHost(t, newKey(t), "0"), newHost(t, newKey(t), "0")
			f := start(t, a, Config{Entries: entries(t, entry(t, b))})
			kept := func(h host.Host) bool { return a.ConnManager().IsProtected(h.ID(), protectTag) }
			await(t, "the first peer", func() bool { return connected(a, b)() && kept(b) })

			f.SetEntries(entries(t, entry(t, b), entry(t, c)))
			await(t, "the second peer too", func() bool { return connected(a, c)() && kept(c) && kept(b) })

			f.SetEntries(entries(t, entry(t, c)))
			await(t, "the first peer to be one like any other", func() bool { return !kept(b) && kept(c) })
			if !connected(a, b)() {
				t.Error("a peer was disconnected because its entry is gone")
			}
			f.SetEntries(nil)
			await(t, "nobody to be kept", func() bool { return !kept(b) && !kept(c) })
			await(t, "who was met to be remembered", f.HasPeers)
		})
	}
}
