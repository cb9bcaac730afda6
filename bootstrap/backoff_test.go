package bootstrap

import (
	"testing"
	"time"
)

func TestBackoffDoublesUpToItsCap(t *testing.T) {
	for _, row := range []struct {
		fails int
		limit time.Duration
		want  time.Duration
	}{
		{0, lanWait, time.Second},
		{1, lanWait, time.Second},
		{2, lanWait, 2 * time.Second},
		{4, lanWait, 8 * time.Second},
		{5, lanWait, 15 * time.Second},
		{1_000_000, lanWait, 15 * time.Second},
		{9, publicWait, 256 * time.Second},
		{10, publicWait, 5 * time.Minute},
		{1 << 40, publicWait, 5 * time.Minute},
	} {
		if got := backoff(row.fails, row.limit); got != row.want {
			t.Errorf("backoff(%d, %v) = %v, want %v", row.fails, row.limit, got, row.want)
		}
	}
}

func TestBackoffIsCappedAtFifteenSecondsOnALAN(t *testing.T) {
	const day = 24 * time.Hour
	for _, row := range []struct {
		c    circumstances
		want time.Duration
	}{
		{circumstances{configured: true, lan: true}, 15 * time.Second},
		{circumstances{configured: true, lan: true, crowded: true, gone: 9 * day}, 15 * time.Second},
		{circumstances{configured: true}, 5 * time.Minute},
		{circumstances{lan: true, gone: time.Hour}, 15 * time.Second},
		{circumstances{lan: true, gone: 2 * day}, 5 * time.Minute},
		{circumstances{lan: true, crowded: true}, 5 * time.Minute},
		{circumstances{}, 5 * time.Minute},
	} {
		if got := longest(row.c); got != row.want {
			t.Errorf("longest(%+v) = %v, want %v", row.c, got, row.want)
		}
	}
}

func TestJitterNeverLengthensAndNeverMoreThanQuarters(t *testing.T) {
	for _, wait := range []time.Duration{1, 3, time.Second, publicWait} {
		least, most := wait, time.Duration(0)
		for range 2000 {
			got := jitter(wait)
			if got > wait || got < wait-wait/4 {
				t.Fatalf("jitter(%v) = %v", wait, got)
			}
			least, most = min(least, got), max(most, got)
		}
		if wait >= time.Second && most-least < wait/5 {
			t.Errorf("jitter(%v) spreads only over %v", wait, most-least)
		}
	}
}
