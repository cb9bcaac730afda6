//go:build !unix

package doctor

// ownLimit: other systems have no such limit.
func ownLimit() (uint64, bool) { return 0, false }
