package chain_test

import (
	"time"

	"golang.org/x/sys/unix"
)

// threadTime is what this thread has had of the processors, and processTime
// what all of this process have: other processes' share does not count.
func threadTime() time.Duration  { return clock(unix.CLOCK_THREAD_CPUTIME_ID) }
func processTime() time.Duration { return clock(unix.CLOCK_PROCESS_CPUTIME_ID) }

func clock(id int32) time.Duration {
	var t unix.Timespec
	if err := unix.ClockGettime(id, &t); err != nil {
		panic(err)
	}
	return time.Duration(t.Nano())
}
