package chain_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/lp2pnode/lp2pnode/chain"
)

// judge puts a block through every rule, in the order of protocol §8.
func judge(r *chain.Rules, s chain.State, accounts book, raw []byte) error {
	b, err := r.DecodeBlock(raw)
	if err != nil {
		return err
	}
	if err := s.Check(&b.Header); err != nil {
		return err
	}
	if err := r.VerifyTransactions(b.Transactions); err != nil {
		return err
	}
	_, err = r.Execute(b, accounts.get)
	return err
}

// scene is a chain of one block on which the next is judged. Alice owns 1000,
// bob 10 and dave all there can be but 5.
type scene struct {
	rules    *chain.Rules
	state    chain.State
	accounts book
}

var dave, erin = newKey("dave"), newKey("erin")

func newScene(t testing.TB) scene {
	r := easy(t, nil)
	first := child(r.GenesisState(), nil, nil)
	s := scene{rules: r, accounts: book{
		alice.address: {Balance: 1000, Nonce: 3},
		bob.address:   {Balance: 10},
		dave.address:  {Balance: maxInteger - 5},
		erin.address:  {Nonce: maxInteger},
	}}
	genesis := r.GenesisState()
	if err := genesis.Check(&first.Header); err != nil {
		t.Fatal(err)
	}
	s.state = genesis.Extend(&first.Header)
	return s
}

func (s scene) judge(raw []byte) error { return judge(s.rules, s.state, s.accounts, raw) }

// header judges an empty block whose header was changed before it was sealed.
func (s scene) header(change func(*chain.Header)) error {
	return s.judge(child(s.state, nil, change).Raw())
}

// spoilt judges an empty block whose header was changed after it was sealed.
func (s scene) spoilt(change func(*chain.Header)) error {
	b := child(s.state, nil, nil)
	change(&b.Header)
	return s.judge(chain.NewBlock(b.Header, nil).Raw())
}

// txs judges a block of these transactions, signed by k.
func (s scene) txs(k key, txs ...chain.Transaction) error {
	signed := make([]*chain.Transaction, len(txs))
	for i, tx := range txs {
		signed[i] = s.rules.Sign(tx, k.seed)
	}
	return s.judge(child(s.state, signed, nil).Raw())
}

// list judges a block with these bytes for its transactions.
func (s scene) list(count uint64, raw string) error {
	b := child(s.state, nil, func(h *chain.Header) { h.TxCount = count })
	return s.judge(chain.JoinBlock(b.Canonical(), []byte(raw)))
}

// breach is one way to break a rule.
type breach struct {
	rule chain.Rule
	kind error
	how  string
	do   func(s scene) error
}

var ( // the two kinds, short for the tables
	invalid = chain.ErrInvalid
	unfit   = chain.ErrUnfit
)

func TestEveryRuleCanBeBrokenAndSaysSo(t *testing.T) {
	covered := map[chain.Rule]bool{}
	rows := slices.Concat(headerBreaches, blockBreaches, transactionBreaches, receiptBreaches(t))
	for _, row := range rows {
		covered[row.rule] = true
		t.Run(string(row.rule)+"/"+row.how, func(t *testing.T) {
			wantRule(t, row.do(newScene(t)), row.rule, row.kind)
		})
	}
	for _, name := range ruleNames(t) {
		if !covered[name] {
			t.Errorf("no row breaks rule %q", name)
		}
	}
}

// ruleNames reads the Rule constants from the source, so that none is forgotten.
func ruleNames(t testing.TB) []chain.Rule {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), "errors.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	var names []chain.Rule
	ast.Inspect(file, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok || fmt.Sprint(spec.Type) != "Rule" {
			return true
		}
		for _, value := range spec.Values {
			name, err := strconv.Unquote(value.(*ast.BasicLit).Value)
			if err != nil {
				t.Fatal(err)
			}
			names = append(names, chain.Rule(name))
		}
		return true
	})
	if len(names) < 19 {
		t.Fatalf("found %d rules in errors.go", len(names))
	}
	return names
}

// TestPageNamesEveryRule: the protocol page tells what each rule asks.
func TestPageNamesEveryRule(t *testing.T) {
	page, err := os.ReadFile("../docs/protocol.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range ruleNames(t) {
		if !strings.Contains(string(page), "\n| `"+string(name)+"` |") {
			t.Errorf("docs/protocol.md has no row for rule %q", name)
		}
	}
}

// TestCheapestRuleIsJudgedFirst: of a block that breaks many rules the one is
// named whose check costs least.
func TestCheapestRuleIsJudgedFirst(t *testing.T) {
	s := newScene(t)
	tx := s.rules.Sign(chain.Transaction{Nonce: 9}, alice.seed)
	spoil := []struct {
		rule   chain.Rule
		change func(*chain.Header)
	}{ // from dear to cheap
		{chain.RuleNonce, func(*chain.Header) {}},
		{chain.RuleDifficulty, func(h *chain.Header) { h.Difficulty = 2 }},
		{chain.RuleHistoryRoot, func(h *chain.Header) { h.HistoryRoot[0]++ }},
		{chain.RuleTimestamp, func(h *chain.Header) { h.Timestamp = 1 }},
		{chain.RuleHeight, func(h *chain.Header) { h.Height += 7 }},
		{chain.RulePrevHash, func(h *chain.Header) { h.PrevHash[0]++ }},
		{chain.RuleTxRoot, func(h *chain.Header) { h.TxRoot[0]++ }},
		{chain.RuleTxCount, func(h *chain.Header) { h.TxCount++ }},
		{chain.RuleMiner, func(h *chain.Header) { h.Miner = "" }},
		{chain.RuleData, func(h *chain.Header) { h.Data = strings.Repeat("x", 300) }},
		{chain.RuleVersion, func(h *chain.Header) { h.Version++ }},
	}
	for i := range spoil {
		b := child(s.state, []*chain.Transaction{tx}, func(h *chain.Header) {
			for _, s := range spoil[:i+1] {
				s.change(h)
			}
		})
		wantRule(t, s.judge(b.Raw()), spoil[i].rule, map[bool]error{true: unfit, false: invalid}[i == 0])
	}
}
