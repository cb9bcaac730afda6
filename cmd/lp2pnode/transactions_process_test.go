package main_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/lp2pnode/lp2pnode/chain"
	"github.com/lp2pnode/lp2pnode/chain/pow"
)

// senders are funded accounts whose keys the test holds.
type senders struct {
	rules *chain.Rules
	seeds [][]byte
}

// fundedGenesis is a chain of fast blocks with n funded accounts.
func fundedGenesis(t *testing.T, n int, units uint64, change map[string]any) (string, *senders) {
	t.Helper()
	bare, err := chain.NewRules(chain.Params{
		BlockIntervalMS: 1000, ChainID: "x", Consensus: "pow", InitialDifficulty: 1, MaxBlockBytes: 4096,
	}, pow.Engine{})
	if err != nil {
		t.Fatal(err)
	}
	s := &senders{}
	allocations := map[string]any{}
	for i := range n {
		seed := bytes.Repeat([]byte{byte(i + 1)}, 32)
		s.seeds = append(s.seeds, seed)
		allocations[string(bare.Sign(chain.Transaction{}, seed).From)] = units
	}
	all := map[string]any{"allocations": allocations}
	for name, value := range change {
		all[name] = value
	}
	path := fastGenesis(t, all)
	s.rules = rulesOf(t, path)
	return path, s
}

func (s *senders) address(i int) chain.Address {
	return s.rules.Sign(chain.Transaction{}, s.seeds[i]).From
}

// problem is a refusal by the API.
type problem struct {
	Status int    `json:"status"`
	Rule   string `json:"rule"`
	Detail string `json:"detail"`
}

func (p *problem) Error() string { return fmt.Sprintf("%d rule %q: %s", p.Status, p.Rule, p.Detail) }

// submit posts a transaction's bytes; the error is a *problem when the node
// refused it.
func (p *process) submit(raw []byte) error {
	resp, err := http.Post(p.url()+"/v1/transactions", "application/json", bytes.NewReader(raw))
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode == http.StatusAccepted || resp.StatusCode == http.StatusOK {
		_, err = io.Copy(io.Discard, resp.Body)
		return err
	}
	refusal := &problem{Status: resp.StatusCode}
	if err := json.NewDecoder(resp.Body).Decode(refusal); err != nil {
		return fmt.Errorf("%s with a body that is no problem: %w", resp.Status, err)
	}
	return refusal
}

// apart is five nodes, each reached through a relay of its own, on loopback
// addresses of their own.
type apart struct {
	nodes  []*process
	relays []*relay
}

func loopback(i int) net.IP { return net.IPv4(127, 0, 0, byte(10+i)) }

func startApart(t *testing.T, n int, genesis string) *apart {
	t.Helper()
	a := &apart{}
	for i := range n {
		ln, err := net.Listen("tcp", loopback(i).String()+":0")
		if err != nil {
			t.Skipf("this machine has no loopback address %s: %v", loopback(i), err)
		}
		port := ln.Addr().(*net.TCPAddr).Port
		_ = ln.Close()
		r := newRelay(t, fmt.Sprintf("%s:%d", loopback(i), port))
		args := []string{
			"--genesis", genesis, "--max-hashrate=4000", "--announce", r.addr(),
			"--listen", fmt.Sprintf("/ip4/%s/tcp/%d", loopback(i), port),
		}
		if i > 0 {
			args = append(args, "--bootstrap", a.relays[i-1].addr()+","+a.relays[0].addr())
		}
		p := &process{t: t, name: fmt.Sprint("node", i), dir: t.TempDir(), args: args, ownListen: true}
		p.run()
		a.nodes, a.relays = append(a.nodes, p), append(a.relays, r)
	}
	return a
}

// cutOff separates one node from all others; nobody is let through whom the
// relays do not know for one of the others.
func (a *apart) cutOff(i int) {
	for j, r := range a.relays {
		r.set(func(from net.IP) bool {
			if j == i {
				return true
			}
			for k := range a.relays {
				if k != i && from.Equal(loopback(k)) {
					return false
				}
			}
			return true
		})
	}
}

func (a *apart) rejoin() {
	for _, r := range a.relays {
		r.set(nil)
	}
}

// TestLongEveryAcceptedTransactionIsInTheChainOnce: transfers and records from
// 20 senders to random ones of five nodes, while one is killed −9 and started
// again and another is cut off for a while, mining on its own.
func TestLongEveryAcceptedTransactionIsInTheChainOnce(t *testing.T) {
	needProcesses(t)
	each, cut := 8, 6*time.Second // transfers, and as many records, a sender
	if long() {
		each, cut = 50, 20*time.Second
	}
	const people, units = 20, 1_000_000
	genesis, s := fundedGenesis(t, people, units, map[string]any{"initial_difficulty": 5000, "block_interval_ms": 1000})
	a := startApart(t, 5, genesis)
	oneTip(30*time.Second, 1, a.nodes...)

	var mu sync.Mutex
	accepted := map[chain.Hash]bool{}
	var wg sync.WaitGroup
	for i := range people {
		wg.Go(func() {
			rnd := rand.New(rand.NewPCG(uint64(i), 7))
			for nonce := range uint64(2 * each) {
				tx := chain.Transaction{Nonce: nonce, Fee: 1, Amount: 1 + rnd.Uint64N(50), To: s.address(rnd.IntN(people))}
				if nonce%2 == 1 {
					tx = chain.Transaction{Nonce: nonce, Fee: 1, Data: fmt.Sprintf("record %d of sender %d", nonce, i)}
				}
				signed := s.rules.Sign(tx, s.seeds[i])
				if !a.deliver(t, rnd, signed) {
					return
				}
				mu.Lock()
				accepted[signed.ID()] = true
				mu.Unlock()
			}
		})
	}
	a.cutOff(3)
	a.nodes[3].await("being alone", 10*time.Second, func() bool { return a.nodes[3].status().Peers == 0 })
	a.nodes[4].kill()
	a.nodes[4].run()
	over := time.NewTimer(cut)
	<-over.C // the cut lasts as long as the claim says
	a.rejoin()
	wg.Wait()
	if t.Failed() {
		return
	}

	want := uint64(len(accepted))
	a.nodes[0].await("every transaction in the chain", 2*time.Minute, func() bool {
		for i := range people {
			var account struct{ Nonce uint64 }
			if a.nodes[0].get(fmt.Sprintf("/v1/accounts/%s", s.address(i)), &account) != nil || account.Nonce != uint64(2*each) {
				return false
			}
		}
		return true
	})
	_, tip := oneTip(30*time.Second, 1, a.nodes...)
	reorganised := 0
	for _, n := range a.nodes {
		n.hasEachOnce(t, s, tip, accepted, uint64(people*units)+50*tip.Height)
		reorganised += strings.Count(n.log.String(), "msg=reorganised")
	}
	t.Logf("%d transactions of %d senders, each once, on five nodes at height %d, after %d reorganisations", want, people, tip.Height, reorganised)
}

// hasEachOnce checks that the node's chain has these transactions, each once and
// no other, and that the balances add up to what was issued.
func (p *process) hasEachOnce(t *testing.T, s *senders, tip status, accepted map[chain.Hash]bool, issued uint64) {
	t.Helper()
	once, sum := p.countTransactions(t, s, tip)
	for id := range accepted {
		if once[id] != 1 {
			t.Errorf("%s has transaction %s %d times", p.name, id, once[id])
		}
	}
	if got, want := len(once), len(accepted); got != want {
		t.Errorf("%s has %d transactions, want %d", p.name, got, want)
	}
	if sum != issued {
		t.Errorf("%s: balances sum to %d, issued were %d", p.name, sum, issued)
	}
}

// deliver gives a transaction to random nodes until one takes it: a node that
// is down, or that does not know the nonce before it yet, is no reason to stop.
func (a *apart) deliver(t *testing.T, rnd *rand.Rand, tx *chain.Transaction) bool {
	limit := time.NewTimer(2 * time.Minute)
	defer limit.Stop()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		err := a.nodes[rnd.IntN(len(a.nodes))].submit(tx.Raw())
		var refusal *problem
		if err == nil {
			return true
		}
		if errors.As(err, &refusal) && refusal.Rule != "" && refusal.Rule != "nonce" && refusal.Rule != "balance" {
			t.Errorf("refused: %v", refusal)
			return false
		}
		select {
		case <-tick.C:
		case <-limit.C:
			t.Errorf("no node took nonce %d of %s: %v", tx.Nonce, tx.From, err)
			return false
		}
	}
}

// countTransactions reads the whole chain from a node and returns how often
// each transaction is in it, and what the accounts add up to.
func (p *process) countTransactions(t *testing.T, s *senders, tip status) (map[chain.Hash]int, uint64) {
	t.Helper()
	once := map[chain.Hash]int{}
	accounts := map[chain.Address]chain.Account{}
	for a, units := range s.rules.Params.Allocations {
		accounts[a] = chain.Account{Balance: units}
	}
	for height := uint64(1); height <= tip.Height; height++ {
		var raw json.RawMessage
		if err := p.get(fmt.Sprintf("/v1/blocks/%d", height), &raw); err != nil {
			t.Fatal(err)
		}
		b, err := s.rules.DecodeBlock(bytes.TrimSpace(raw))
		if err != nil {
			t.Fatalf("block %d: %v", height, err)
		}
		diff, err := s.rules.Execute(b, func(a chain.Address) (chain.Account, error) { return accounts[a], nil })
		if err != nil {
			t.Fatalf("block %d: %v", height, err)
		}
		for _, c := range diff {
			accounts[c.Address] = c.New
		}
		for _, tx := range b.Transactions {
			once[tx.ID()]++
		}
	}
	var sum uint64
	for a, account := range accounts {
		sum += account.Balance
		var told struct{ Balance, Nonce uint64 }
		if err := p.get("/v1/accounts/"+string(a), &told); err != nil || told.Balance != account.Balance || told.Nonce != account.Nonce {
			if p.status().Tip == tip.Tip { // else a new block came between
				t.Errorf("%s says %+v of %s, its blocks say %+v (%v)", p.name, told, a, account, err)
			}
		}
	}
	return once, sum
}

// badTransaction is one that breaks a rule.
type badTransaction struct {
	what string
	raw  []byte
	rule chain.Rule
}

// gossipBad publishes the bad ones on the topic, each as another stranger, and
// then a good one, which alone the node takes; what the sender could have
// known to be wrong is rejected, and the node's log names the rule.
func gossipBad(t *testing.T, node *process, s *senders, bads []badTransaction) {
	t.Helper()
	params := parse(t, s.rules.Params.Canonical())
	for _, bad := range bads {
		newStranger(t, newReplica(t, params), node.addr()).publishOn("transactions", bad.raw)
	}
	good := s.rules.Sign(chain.Transaction{Data: "good"}, s.seeds[1])
	newStranger(t, newReplica(t, params), node.addr()).publishOn("transactions", good.Raw())
	state := func(id chain.Hash) string {
		var told struct{ State string }
		if err := node.get("/v1/transactions/"+id.String(), &told); err != nil {
			t.Fatal(err)
		}
		return told.State
	}
	node.await("the good transaction", 20*time.Second, func() bool { return state(good.ID()) == "pending" })
	for _, bad := range bads {
		if got := state(sha256.Sum256(bad.raw)); got != "unknown" {
			t.Errorf("%s by gossip: %s", bad.what, got)
		}
		switch bad.rule {
		case chain.RuleSignature, chain.RuleForm, chain.RuleData:
			node.await("its log to name the rule of "+bad.what, 10*time.Second, func() bool {
				return strings.Contains(node.log.String(), "peer offended") && strings.Contains(node.log.String(), "rule "+string(bad.rule))
			})
		}
	}
}

// TestBadTransactionsAreRefusedByName at the API and in gossip; the same ones
// in blocks are the stranger's.
func TestBadTransactionsAreRefusedByName(t *testing.T) {
	needProcesses(t)
	genesis, s := fundedGenesis(t, 2, 1000, nil)
	node := start(t, "node", "--genesis", genesis, "--mine=false", "--log-level=debug")
	other, err := chain.NewRules(func() chain.Params {
		p := s.rules.Params
		p.ChainID = "another"
		return p
	}(), pow.Engine{})
	if err != nil {
		t.Fatal(err)
	}
	pay := func(tx chain.Transaction) []byte { return s.rules.Sign(tx, s.seeds[0]).Raw() }
	spoil := func(from, to string) []byte {
		return bytes.Replace(pay(chain.Transaction{Data: "honest"}), []byte(from), []byte(to), 1)
	}
	foreign := s.rules.Sign(chain.Transaction{}, s.seeds[1])
	forged := *s.rules.Sign(chain.Transaction{}, s.seeds[0])
	forged.Signature = foreign.Signature
	unsigned := *s.rules.Sign(chain.Transaction{}, s.seeds[0])
	unsigned.Signature = chain.Signature{}
	const most = 1<<53 - 1
	bads := []badTransaction{
		{"overdraft", pay(chain.Transaction{Amount: 1001, To: s.address(1)}), chain.RuleBalance},
		{"overdraft by the fee", pay(chain.Transaction{Fee: 1001}), chain.RuleBalance},
		{"overflow", pay(chain.Transaction{Amount: most, Fee: most, To: s.address(1)}), chain.RuleBalance},
		{"a nonce far ahead", pay(chain.Transaction{Nonce: 1000}), chain.RuleNonce},
		{"replay from another chain", other.Sign(chain.Transaction{Data: "x"}, s.seeds[0]).Raw(), chain.RuleSignature},
		{"unsigned", chain.NewTransaction(unsigned).Raw(), chain.RuleSignature},
		{"signed by a foreign key", chain.NewTransaction(forged).Raw(), chain.RuleSignature},
		{"malleated data", spoil("honest", "humble"), chain.RuleSignature},
		{"white space", spoil(`{"amount"`, `{ "amount"`), chain.RuleForm},
		{"amount to nobody", pay(chain.Transaction{Amount: 1}), chain.RuleForm},
		{"data too long", pay(chain.Transaction{Data: string(bytes.Repeat([]byte("x"), 4097))}), chain.RuleData},
		{"no JSON", []byte("money, please"), chain.RuleForm},
	}
	for _, bad := range bads {
		var refusal *problem
		if err := node.submit(bad.raw); !errors.As(err, &refusal) || refusal.Rule != string(bad.rule) {
			t.Errorf("%s: want rule %s, got %v", bad.what, bad.rule, err)
		}
	}
	gossipBad(t, node, s, bads)
	first := pay(chain.Transaction{Amount: 600, Fee: 1, To: s.address(1)})
	if err := node.submit(first); err != nil {
		t.Fatal(err)
	}
	var refusal *problem
	if err := node.submit(pay(chain.Transaction{Amount: 600, Fee: 1, To: s.address(0)})); !errors.As(err, &refusal) {
		t.Errorf("double spend at the same fee: want a refusal, got %v", err)
	}
	if err := node.submit(pay(chain.Transaction{Nonce: 1, Amount: 600, To: s.address(1)})); !errors.As(err, &refusal) || refusal.Rule != string(chain.RuleBalance) {
		t.Errorf("spending what the pool has spent: want rule balance, got %v", err)
	}
}
