package pow_test

import (
	"math/big"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/lp2pnode/lp2pnode/chain"
	"github.com/lp2pnode/lp2pnode/chain/pow"
)

const maxInteger = 9007199254740991

func integer(n uint64) *big.Int { return new(big.Int).SetUint64(n) }

func number(h chain.Hash) *big.Int { return new(big.Int).SetBytes(h[:]) }

func TestTargetIsTheExactQuotient(t *testing.T) {
	most := new(big.Int).Sub(new(big.Int).Lsh(integer(1), 256), integer(1))
	check := func(difficulty uint64) bool {
		want := new(big.Int).Div(most, integer(difficulty))
		return number(pow.Target(difficulty)).Cmp(want) == 0
	}
	for _, difficulty := range []uint64{1, 2, 3, 255, 256, 257, 1 << 24, 1<<32 - 1, 1 << 32, maxInteger, 1<<64 - 1} {
		if !check(difficulty) {
			t.Errorf("target of %d is %s", difficulty, pow.Target(difficulty))
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		if difficulty := rapid.Uint64Min(1).Draw(t, "difficulty"); !check(difficulty) {
			t.Fatalf("target of %d is %s", difficulty, pow.Target(difficulty))
		}
	})
}

func TestHashAtTheTargetIsWorkEnough(t *testing.T) {
	for _, difficulty := range []uint64{1, 2, 1 << 24, maxInteger} {
		h := chain.Header{Difficulty: difficulty, Hash: pow.Target(difficulty)}
		if err := (pow.Engine{}).Sealed(&h); err != nil {
			t.Errorf("difficulty %d: %v", difficulty, err)
		}
		if (pow.Engine{}).Work(&h) != difficulty {
			t.Errorf("difficulty %d: work %d", difficulty, (pow.Engine{}).Work(&h))
		}
		if difficulty == 1 {
			continue // there is no hash above that target
		}
		new(big.Int).Add(number(h.Hash), integer(1)).FillBytes(h.Hash[:])
		if err := (pow.Engine{}).Sealed(&h); err == nil || !strings.Contains(err.Error(), string(chain.RuleWork)) {
			t.Errorf("difficulty %d: a hash of target + 1 is answered with %v", difficulty, err)
		}
	}
	if err := (pow.Engine{}).Sealed(&chain.Header{}); err == nil {
		t.Error("difficulty 0 is work")
	}
}

// naive is protocol §6 as it is written, in unbounded integers, over all
// timestamps and difficulties from genesis to the parent.
func naive(p chain.Params, timestamps, difficulties []uint64, t uint64) uint64 {
	parent := uint64(len(timestamps) - 1)
	if p.RetargetWindow == 0 || parent == 0 {
		return p.InitialDifficulty
	}
	n, interval := min(p.RetargetWindow, parent), p.BlockIntervalMS
	l, sum := new(big.Int), new(big.Int)
	for i := uint64(1); i <= n; i++ {
		height := parent - n + i
		s := integer(timestamps[height])
		s.Sub(s, integer(timestamps[height-1]))
		if most := integer(12 * interval); s.Cmp(most) > 0 {
			s = most
		}
		if height == 1 {
			s = integer(interval)
		}
		l.Add(l, s.Mul(s, integer(i)))
		sum.Add(sum, integer(difficulties[height]))
	}
	least := integer(n)
	least.Mul(least, integer(n)).Mul(least, integer(interval)).Div(least, integer(20))
	if l.Cmp(least) < 0 {
		l = least
	}
	next := sum.Mul(sum, integer(interval)).Mul(sum, integer(n+1))
	next.Div(next, l.Mul(l, integer(2)))
	if next.Sign() == 0 {
		next = integer(1)
	}
	if most := integer(maxInteger); next.Cmp(most) > 0 {
		next = most
	}
	ahead := max(15_000, 3*interval)
	k := min((t-timestamps[parent])/(4*ahead), 20)
	if next.Rsh(next, uint(k)).Sign() == 0 {
		return 1
	}
	return next.Uint64()
}

// TestDifficultyIsThatOfThePage compares it with naive over random chains: all
// intervals and windows, difficulties up to the last, waits from a millisecond
// to years.
func TestDifficultyIsThatOfThePage(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := chain.Params{
			BlockIntervalMS:   rapid.Uint64Range(100, 86_400_000).Draw(t, "interval"),
			InitialDifficulty: rapid.Uint64Range(1, maxInteger).Draw(t, "initial"),
			RetargetWindow:    rapid.OneOf(rapid.Just(uint64(0)), rapid.Uint64Range(10, 30), rapid.Just(uint64(1000))).Draw(t, "window"),
		}
		wait := rapid.OneOf(
			rapid.Uint64Range(1, 10),
			rapid.Uint64Range(p.BlockIntervalMS/2, 2*p.BlockIntervalMS),
			rapid.Uint64Range(11*p.BlockIntervalMS, 13*p.BlockIntervalMS),
			rapid.Uint64Range(1, 1<<42),
		)
		timestamps, difficulties := []uint64{1_790_000_000_000}, []uint64{p.InitialDifficulty}
		for range rapid.IntRange(0, 60).Draw(t, "height") {
			last := timestamps[len(timestamps)-1]
			timestamps = append(timestamps, last+wait.Draw(t, "solve time"))
			difficulties = append(difficulties, rapid.Uint64Range(1, maxInteger).Draw(t, "difficulty"))
		}
		at := timestamps[len(timestamps)-1] + wait.Draw(t, "wait")
		want := naive(p, timestamps, difficulties, at)
		for _, keep := range []int{len(timestamps), min(len(timestamps), int(p.RetargetWindow)+1)} {
			if got := pow.Difficulty(p, uint64(len(timestamps)-1), marks(timestamps, difficulties)[len(timestamps)-keep:], at); got != want {
				t.Fatalf("difficulty from the last %d headers is %d, want %d", keep, got, want)
			}
		}
	})
}

func marks(timestamps, difficulties []uint64) []chain.Mark {
	list := make([]chain.Mark, len(timestamps))
	for i := range list {
		list[i] = chain.Mark{Timestamp: timestamps[i], Difficulty: difficulties[i]}
	}
	return list
}

// TestWidestWindowDoesNotOverflow: the longest interval, the widest window, the
// greatest difficulties, at each edge of the solve times.
func TestWidestWindowDoesNotOverflow(t *testing.T) {
	p := chain.Params{BlockIntervalMS: 86_400_000, InitialDifficulty: maxInteger, RetargetWindow: 1000}
	for _, solve := range []uint64{1, 86_400_000, 12 * 86_400_000, 100 * 86_400_000} {
		var timestamps, difficulties []uint64
		for i := range uint64(1101) {
			timestamps = append(timestamps, 1_790_000_000_000+i*solve)
			difficulties = append(difficulties, maxInteger)
		}
		at := timestamps[1100] + 1
		if got, want := pow.Difficulty(p, 1100, marks(timestamps, difficulties), at), naive(p, timestamps, difficulties, at); got != want {
			t.Errorf("solve time %d ms: difficulty %d, want %d", solve, got, want)
		}
	}
}

// steady returns a chain of n blocks after genesis, one an interval of 10 s.
func steady(n int, difficulty uint64) (p chain.Params, list []chain.Mark) {
	p = chain.Params{BlockIntervalMS: 10_000, InitialDifficulty: difficulty, RetargetWindow: 60}
	for i := range n + 1 {
		list = append(list, chain.Mark{Timestamp: 1_790_000_000_000 + uint64(i)*10_000, Difficulty: difficulty})
	}
	return p, list
}

func TestDifficultyHalvesWithEveryLongWait(t *testing.T) {
	p, list := steady(100, 1<<30)
	parent := list[100].Timestamp
	const wait = 4 * 30_000 // 4F
	for k := range uint64(25) {
		for at, halvings := range map[uint64]uint64{k * wait: k, (k+1)*wait - 1: k} {
			if at == 0 {
				continue
			}
			want := uint64(1<<30) >> min(halvings, 20)
			if got := pow.Difficulty(p, 100, list, parent+at); got != want {
				t.Errorf("after %d ms: %d, want %d", at, got, want)
			}
		}
	}
	p, list = steady(100, 1)
	if got := pow.Difficulty(p, 100, list, list[100].Timestamp+maxInteger/2); got != 1 {
		t.Errorf("difficulty 1 fell to %d", got)
	}
}

func TestShortIntervalsHalveNoSooner(t *testing.T) {
	p, list := steady(100, 1<<20)
	p.BlockIntervalMS = 100 // F stays 15 s
	full := pow.Difficulty(p, 100, list, list[100].Timestamp+59_999)
	if got := pow.Difficulty(p, 100, list, list[100].Timestamp+60_000); got != full/2 {
		t.Errorf("after 60 s %d, want half of %d", got, full)
	}
}

func TestDifficultyIsClamped(t *testing.T) {
	// A solve time counts as twelve intervals at most.
	p, list := steady(100, 1<<30)
	list[100].Timestamp += 11 * 10_000
	clamped := pow.Difficulty(p, 100, list, list[100].Timestamp+1)
	list[100].Timestamp += 1_000_000_000
	if got := pow.Difficulty(p, 100, list, list[100].Timestamp+1); got != clamped {
		t.Errorf("after a night %d, after twelve intervals %d", got, clamped)
	}
	// Blocks without any time between them raise it by (N+1)/N · 10 at most.
	p, list = steady(100, 60_000)
	for i := range list {
		list[i].Timestamp = 1_790_000_000_000 + uint64(i)
	}
	if got := pow.Difficulty(p, 100, list, list[100].Timestamp+1); got != 610_000 {
		t.Errorf("after blocks of a millisecond %d, want 610000", got)
	}
	for i := range list {
		list[i].Difficulty = maxInteger
	}
	if got := pow.Difficulty(p, 100, list, list[100].Timestamp+1); got != maxInteger {
		t.Errorf("rises to %d, past MaxInteger", got)
	}
	p, list = steady(100, 1)
	for i := range list {
		list[i].Timestamp = 1_790_000_000_000 + uint64(i)*120_000
	}
	if got := pow.Difficulty(p, 100, list, list[100].Timestamp+1); got != 1 {
		t.Errorf("falls to %d, below 1", got)
	}
}

func TestDifficultyStartsAndStaysWhereItShould(t *testing.T) {
	p, list := steady(1, 12_345)
	if got := pow.Difficulty(p, 0, list[:1], list[0].Timestamp+maxInteger/2); got != 12_345 {
		t.Errorf("at height 1 it is %d, whatever the wait, want the initial one", got)
	}
	// Genesis was not mined: when height 1 came does not count.
	list[1].Timestamp += 1_000_000
	if got := pow.Difficulty(p, 1, list, list[1].Timestamp+1); got != 12_345 {
		t.Errorf("at height 2 it is %d, want the initial one", got)
	}
	p.RetargetWindow = 0
	if got := pow.Difficulty(p, 1, list, list[1].Timestamp+maxInteger/2); got != 12_345 {
		t.Errorf("without a window it is %d, want the initial one", got)
	}
}

func BenchmarkDifficulty(b *testing.B) {
	p, list := steady(100, 1<<30)
	for b.Loop() {
		if pow.Difficulty(p, 100, list, list[100].Timestamp+10_000) == 0 {
			b.Fatal("zero")
		}
	}
}

func BenchmarkSealedHash(b *testing.B) {
	h := chain.Header{Difficulty: 1 << 24}
	digest := h.Seal()
	for n := uint64(0); b.Loop(); n++ {
		chain.SealedHash(digest, n)
	}
}
