package ledger

import (
	"testing"
	"testing/synctest"
	"time"
)

func TestLockTellsForHowLongItIsHeld(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &lock{base: time.Now()}
		if l.held() != 0 {
			t.Errorf("a free lock is held for %s", l.held())
		}
		time.Sleep(time.Hour)
		l.Lock()
		time.Sleep(11 * time.Minute)
		if got := l.held(); got != 11*time.Minute {
			t.Errorf("want 11m, got %s", got)
		}
		l.Unlock()
		time.Sleep(time.Minute)
		if l.held() != 0 {
			t.Errorf("a free lock is held for %s", l.held())
		}
	})
}
