package sim

import (
	"syscall"
	"time"
)

// busy is the processor time that this process has used.
func busy() time.Duration {
	var created, ended, kernel, user syscall.Filetime
	self, _ := syscall.GetCurrentProcess()                              // cannot fail
	_ = syscall.GetProcessTimes(self, &created, &ended, &kernel, &user) // nor can this
	return ticks(kernel) + ticks(user)
}

// real is the machine's time, which a bubble hides.
func real() time.Duration {
	var now syscall.Filetime
	syscall.GetSystemTimeAsFileTime(&now)
	return time.Duration(now.Nanoseconds())
}

// ticks returns what Windows tells in units of 100 ns.
func ticks(t syscall.Filetime) time.Duration {
	return time.Duration(int64(t.HighDateTime)<<32+int64(t.LowDateTime)) * 100
}
