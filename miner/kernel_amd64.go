//go:build !purego

package miner

import "github.com/klauspost/cpuid/v2"

// hasKernel says whether this processor runs scanSHANI.
func hasKernel() bool { return cpuid.CPU.Supports(cpuid.SHA, cpuid.SSSE3, cpuid.SSE4) }

// scanSHANI tries nonce and those that follow, two at a time, until the first
// four bytes of a hash are at most high, and returns how many it tried before
// that one, or 2·pairs if there is none. It varies the low 32 bits of the nonce
// only: after the highest comes 0. It cannot be interrupted.
//
//go:noescape
func scanSHANI(seal *[32]byte, nonce, pairs uint64, high uint32) (tried uint64)
