//go:build unix

package doctor

import "golang.org/x/sys/unix"

// ownLimit returns how many files this process may open.
func ownLimit() (uint64, bool) {
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		return 0, false
	}
	return uint64(limit.Cur), true
}
