package miner

import (
	"encoding/binary"
	"math/bits"
)

// roundConstants are K of FIPS 180-4 §4.2.2.
var roundConstants = [64]uint32{
	0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
	0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
	0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
	0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
	0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
	0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
	0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
	0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
}

// initial is H of FIPS 180-4 §5.3.3.
var initial = [8]uint32{
	0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19,
}

// What follows seal and nonce in the message's one block (FIPS 180-4 §5.1.1).
const (
	padding = 1 << 31 // word 10: the bit after the message
	length  = 40 * 8  // word 15: the message's bits
)

// lowWord is the one word of the message that differs from nonce to nonce.
const lowWord = 9

// varies tells of each word of the message schedule, W of FIPS 180-4 §6.2,
// whether it depends on the low word of the nonce.
var varies = func() (v [64]bool) {
	v[lowWord] = true
	for t := 16; t < 64; t++ {
		v[t] = v[t-2] || v[t-7] || v[t-15] || v[t-16]
	}
	return v
}()

// common is what all hashes of a seal and a high word of the nonce have in
// common. The loop in assembly reads it at fixed places.
type common struct {
	part  [64]uint32 // of W[t], the sum of those terms that do not vary
	round [64]uint32 // K[t], and W[t] if that does not vary
	state [8]uint32  // a to h after round 9 with W[9] = 0, which is then added to a and e
	first uint32     // what is added to a at the end
}

func commonOf(seal *[32]byte, highWord uint32) (c common) {
	w := &c.part
	for i := range 8 {
		w[i] = binary.BigEndian.Uint32(seal[4*i:])
	}
	w[8], w[10], w[15] = highWord, padding, length
	add := func(t, from int, f func(uint32) uint32) {
		if !varies[from] {
			w[t] += f(w[from])
		}
	}
	for t := 16; t < 64; t++ {
		add(t, t-2, func(x uint32) uint32 { return rotr(x, 17) ^ rotr(x, 19) ^ x>>10 })
		add(t, t-7, func(x uint32) uint32 { return x })
		add(t, t-15, func(x uint32) uint32 { return rotr(x, 7) ^ rotr(x, 18) ^ x>>3 })
		add(t, t-16, func(x uint32) uint32 { return x })
	}
	for t, k := range roundConstants {
		c.round[t] = k
		if !varies[t] {
			c.round[t] += w[t]
		}
	}
	c.first = initial[0]
	c.state = initial
	for t := range lowWord + 1 {
		a, b, x, d, e, f, g, h := unpack(c.state)
		t1 := h + (rotr(e, 6) ^ rotr(e, 11) ^ rotr(e, 25)) + (e&f ^ ^e&g) + c.round[t]
		t2 := (rotr(a, 2) ^ rotr(a, 13) ^ rotr(a, 22)) + (a&b ^ a&x ^ b&x)
		c.state = [8]uint32{t1 + t2, a, b, x, d + t1, e, f, g}
	}
	return c
}

func rotr(x uint32, n int) uint32 { return bits.RotateLeft32(x, -n) }

func unpack(s [8]uint32) (a, b, c, d, e, f, g, h uint32) {
	return s[0], s[1], s[2], s[3], s[4], s[5], s[6], s[7]
}
