package sim

import (
	"testing"
	"testing/synctest"
	"time"
)

// Fifty identities settle around one node, and around it alone. It restarts, is
// told of nobody any more and has to find the others by what it remembers, while
// they do not come by themselves; and it never loses them.
func TestFiftyIdentitiesCannotEclipseANode(t *testing.T) {
	notShort(t)
	besieged(t, 1)
}

func TestLongFiftyIdentitiesCannotEclipseANode(t *testing.T) {
	long(t)
	besieged(t, 5)
}

func besieged(t *testing.T, restarts int) {
	synctest.Test(t, func(t *testing.T) {
		s := New(t, badConfig(5, 50, Besiege()))
		victim := s.Nodes[0]
		a := s.Suffer(1, 2*time.Minute, 2*interval)
		if met := len(victim.Network().Met()); met < 40 {
			t.Errorf("want some 50 identities around the node, got %d peers", met)
		}
		s.Leave(victim)
		victim.entries = nil
		for range restarts {
			others := s.Nodes[1:]
			for _, n := range others {
				n.entries = without(n.entries, victim.Addr())
				s.Leave(n)
			}
			s.Restart(victim)
			time.Sleep(30 * time.Second) // with nobody there but the fifty
			s.Restart(others...)
			time.Sleep(time.Minute)
			s.RequireOneTip(2 * interval)
			if got := s.friends(victim); got < 2 {
				t.Errorf("want the node connected to the others, got %d of %d", got, len(others))
			}
			for _, text := range s.blamed() {
				t.Errorf("blamed: %s", text)
			}
			s.Leave(victim)
		}
		s.Restart(victim)
		time.Sleep(30 * time.Second)
		s.RequireOneTip(2 * interval)
		s.logf("\n%s", Attacks(a))
		s.CheckAll()
	})
}

func without(list []string, one string) []string {
	var rest []string
	for _, text := range list {
		if text != one {
			rest = append(rest, text)
		}
	}
	return rest
}

// friends counts the nodes that a node is connected to.
func (s *Sim) friends(n *Node) int {
	count := 0
	for _, id := range n.Network().Met() {
		for _, other := range s.Running() {
			if other.id == id {
				count++
			}
		}
	}
	return count
}
