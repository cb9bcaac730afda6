package sim

import (
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"slices"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lp2pnode/lp2pnode/chain"
)

// siege is a row of what bad peers do.
type siege struct {
	does   Behaviour
	bad    int   // peers beside five nodes
	memory int64 // megabytes that a node may take for it
	floods bool  // far more than a peer may send, which the nodes must notice
}

// sieges are all of them but those that have tests of their own, the cheap ones
// first.
func sieges() (cheap, dear []siege) {
	return []siege{
		{BadBlocks(10), 3, 4, false},
		{BadHeaders(), 3, 4, false},
		{BadBodies(), 5, 4, false},
		{FalseWork(), 3, 4, false},
		{Malformed(), 3, 8, false},
		{Equivocators(.3), 3, 4, false},
	}, []siege{
		{Withheld(), 3, 4, false},
		{EndlessHeaders(), 3, 4, false},
		{Stalls(), len(stages()), 8, false},
		{Orphans(20), 3, 8, true},
		{Futures(20), 3, 8, true},
		{Transactions(2000, 4500), 3, 32, true}, // half of it on disks, which are in memory here
	}
}

// badConfig is a network of honest nodes that all mine, and bad peers.
func badConfig(nodes, bad int, does Behaviour) Config {
	power := Same(30 / float64(nodes))
	params := ToyChain(30)
	params.Allocations[overflowed()] = overflowing
	params.Timestamp -= uint64(30 * 24 * time.Hour / time.Millisecond) // time for cheap headers
	return Config{Nodes: nodes, Seed: 21, Chain: params, HashPower: power, Bad: bad, Does: does}
}

func TestBadPeersHarmNobody(t *testing.T) {
	var rows []Attack
	list, dear := sieges()
	if !testing.Short() {
		list = append(list, dear...)
	}
	for _, row := range list {
		t.Run(row.does.Name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := New(t, badConfig(5, row.bad, row.does))
				time.Sleep(20 * time.Second)
				a := s.withstand(4, 30*time.Second, 1./6, row.memory)
				rows = append(rows, a)
				row.requireFlood(t, a)
			})
		})
	}
	t.Log("\n" + Attacks(rows...))
}

// requireFlood requires that a flood was one: that the nodes' rates held it.
func (row siege) requireFlood(t *testing.T, a Attack) {
	t.Helper()
	if row.floods && a.OverRate == 0 {
		t.Error("want messages beyond what a peer may send, got none")
	}
}

// withstand has the nodes suffer, and requires that they are none the worse:
// least is the share of the blocks wanted, memory what a node may take, in MB.
func (s *Sim) withstand(looks int, pause time.Duration, least float64, memory int64) Attack {
	s.t.Helper()
	a := s.Suffer(looks, pause, 2*interval)
	s.t.Log("\n" + Attacks(a))
	if want := float64(a.Lasted / interval); float64(a.Blocks) < want*least {
		s.t.Errorf("want some %.0f blocks, got %d", want, a.Blocks)
	}
	if a.Refused == 0 && a.Dropped == 0 && a.Forked == 0 {
		s.t.Error("nobody noticed anything of the attack")
	}
	if a.Memory > memory<<20 {
		s.t.Errorf("want at most %d MB more a node, got %.1f", memory, float64(a.Memory)/1e6)
	}
	for _, text := range a.Blamed {
		s.t.Errorf("blamed: %s", text)
	}
	for _, text := range a.Cut {
		s.t.Errorf("cut off: %s", text)
	}
	s.CheckAll()
	return a
}

// What bad peers send breaks the rule that it is said to break.
func TestEachBreachBreaksItsRule(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := New(t, badConfig(1, 1, Behaviour{}))
		s.AwaitHeight(2, 5*time.Minute)
		time.Sleep(time.Second)
		b := s.Bad[0]
		for _, br := range breaches() {
			block, err := s.rules.DecodeBlock(br.make(b, string(br.rule)).Raw())
			if err == nil {
				_, err = b.ledger.AddBlocks(chain.Source{Via: chain.ViaGossip}, block)
			}
			var broken *chain.RuleError
			if !errors.As(err, &broken) || broken.Rule != br.rule {
				t.Errorf("want rule %s broken, got %v", br.rule, err)
			}
		}
	})
}

// breaches has all rules of blocks that chain names but these: gossip carries
// nothing of more than the greatest size (BadBodies and Malformed try), and a
// block on a parent that nobody has is an orphan (Orphans).
func TestBreachesAreOfEveryRule(t *testing.T) {
	want := constants(t, "../../chain/errors.go", "Rule")
	want = slices.DeleteFunc(want, func(rule string) bool {
		return slices.Contains([]chain.Rule{chain.RuleSize, chain.RulePrevHash, chain.RuleProof}, chain.Rule(rule)) // a receipt has a proof, a block none
	})
	var got []string
	for _, br := range breaches() {
		got = append(got, string(br.rule))
	}
	slices.Sort(want)
	slices.Sort(got)
	if !slices.Equal(got, want) {
		t.Errorf("want breaches of %q, got %q", want, got)
	}
}

// constants returns the values of a file's constants of a type.
func constants(t *testing.T, file, of string) []string {
	t.Helper()
	f, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	var values []string
	ast.Inspect(f, func(n ast.Node) bool {
		if spec, is := n.(*ast.ValueSpec); is {
			if kind, is := spec.Type.(*ast.Ident); is && kind.Name == of {
				value, err := strconv.Unquote(spec.Values[0].(*ast.BasicLit).Value)
				if err != nil {
					t.Fatal(err)
				}
				values = append(values, value)
			}
		}
		return true
	})
	return values
}
