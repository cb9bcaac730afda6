package sim

import (
	"math"
	"testing"
	"testing/synctest"
	"time"
)

// Thirty per cent of the peers are bad, for a quarter of an hour each kind.
func TestLongBadPeersHarmNobody(t *testing.T) {
	long(t)
	var rows []Attack
	for _, row := range []siege{
		{BadBlocks(10), 9, 4},
		{BadHeaders(), 9, 4},
		{BadBodies(), 9, 4},
		{Withheld(), 9, 4},
		{FalseWork(), 9, 4},
		{EndlessHeaders(), 9, 4},
		{Stalls(), len(stages()), 8},
		{Orphans(1), 9, 16},
		{Futures(1), 9, 8},
		{Transactions(2, 500), 9, 24},
		{Malformed(), 9, 8},
		{Equivocators(.1), 9, 8},
	} {
		t.Run(row.does.Name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := New(t, badConfig(21, row.bad, row.does))
				time.Sleep(time.Minute)
				rows = append(rows, s.withstand(3, 5*time.Minute, .5, row.memory))
			})
		})
	}
	t.Log("\n" + Attacks(rows...))
}

// A miner with a quarter of all hash power gains nothing to speak of by
// withholding: Eyal and Sirer's model gives it 20 to 31 per cent of the blocks,
// depending on whom the others hear first.
func TestSelfishMinerGainsLittle(t *testing.T) {
	notShort(t)
	selfishShare(t, 4, time.Hour)
}

func TestLongSelfishMinerGainsLittle(t *testing.T) {
	long(t)
	selfishShare(t, 12, 8*time.Hour)
}

func selfishShare(t *testing.T, nodes int, lasts time.Duration) {
	synctest.Test(t, func(t *testing.T) {
		const share = .25 // of all hash power
		cfg := badConfig(nodes, 1, Selfish(share/(1-share)))
		cfg.Chain.InitialDifficulty = uint64(float64(cfg.Chain.InitialDifficulty) / (1 - share))
		s := New(t, cfg)
		time.Sleep(lasts)
		s.RequireOneTip(2 * interval)
		made, total := s.Nodes[0].miners(), s.Height()
		got := float64(made[s.Bad[0].address]) / float64(total)
		s.logf("with %.0f %% of the hash power %.1f %% of %d blocks; %d forked", 100*share, 100*got, total, s.forked())
		if sd := .43 / math.Sqrt(float64(total)); got > .31+3*sd || got < .05 {
			t.Errorf("want a share of 5 to 31 %%, got %.1f %%", 100*got)
		}
		s.CheckAll()
	})
}
