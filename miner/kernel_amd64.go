//go:build !purego

package miner

import "github.com/klauspost/cpuid/v2"

// kernels returns those that this processor runs.
func kernels() (all []kernel) {
	if cpuid.CPU.Supports(cpuid.SHA, cpuid.SSSE3, cpuid.SSE4) {
		all = append(all, kernel{"SHA", 2, scanSHANI})
	}
	if cpuid.CPU.Supports(cpuid.AVX512F) {
		all = append(all, kernel{"AVX-512", 16, func(seal *[32]byte, nonce, groups uint64, high uint32) uint64 {
			c := commonOf(seal, uint32(nonce>>32))
			return scanAVX512(&c, uint32(nonce), groups, high)
		}})
	}
	return all
}

// scanSHANI is the scan of a kernel that tries two nonces at a time.
//
//go:noescape
func scanSHANI(seal *[32]byte, nonce, groups uint64, high uint32) (tried uint64)

// scanAVX512 is the scan of a kernel that tries 16 nonces at a time, which begin
// with the low word.
//
//go:noescape
func scanAVX512(c *common, low uint32, groups uint64, high uint32) (tried uint64)
