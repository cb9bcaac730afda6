//go:build !linux

package chain_test

import "time"

// Where the processors' time is not known, that of the clock serves.
func threadTime() time.Duration { return time.Duration(time.Now().UnixNano()) }
