//go:build !amd64 || purego

package miner

func kernels() []kernel { return nil }
