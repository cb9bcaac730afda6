//go:build !amd64 || purego

package miner

func hasKernel() bool { return false }

func scanSHANI(*[32]byte, uint64, uint64, uint32) uint64 { panic("no kernel") }
