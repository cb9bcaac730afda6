//go:build unix

package sim

import (
	"syscall"
	"time"
)

// busy is the processor time that this process has used.
func busy() time.Duration {
	var used syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &used) // cannot fail
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}

// real is the machine's time, which a bubble hides.
func real() time.Duration {
	var now syscall.Timeval
	_ = syscall.Gettimeofday(&now) // cannot fail: the address is good
	return time.Duration(now.Nano())
}
