package miner_test

import (
	"bytes"
	"flag"
	"os"
	"testing"

	"github.com/mmcloughlin/avo/attr"
	"github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/pass"
	"github.com/mmcloughlin/avo/printer"
)

const kernelFile = "kernel_amd64.s"

var update = flag.Bool("update", false, "write "+kernelFile+" anew")

// The kernel is written by this test's generator and by no one else. With
// -update the test writes it.
func TestKernelIsAsGenerated(t *testing.T) {
	want := generate(t)
	if *update {
		if err := os.WriteFile(kernelFile, want, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(kernelFile)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s is not what its generator writes; see the command in its first line", kernelFile)
	}
}

func generate(t *testing.T) []byte {
	t.Helper()
	g := &generator{Context: build.NewContext()}
	g.ConstraintExpr("!purego")
	g.table()
	g.scanSHANI()
	file, err := g.Result()
	if err != nil {
		t.Fatal(err)
	}
	if err := pass.Compile.Execute(file); err != nil {
		t.Fatal(err)
	}
	out, err := printer.NewGoAsm(printer.Config{
		Pkg:  "miner",
		Argv: []string{"go", "test", "-tags", "purego", "./miner", "-run", "TestKernelIsAsGenerated", "-update"},
	}).Print(file)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

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

// generator writes the kernel. Words of the message schedule are W of FIPS
// 180-4 §6.2; four of them, lowest first, fill a vector.
//
// The SHA instructions keep the working variables in two vectors: ABEF, which
// from the highest lane down is a, b, e, f, and CDGH. One SHA256RNDS2 does two
// rounds: CDGH becomes the new ABEF, and the old ABEF is the new CDGH.
type generator struct {
	*build.Context
	mem                                         operand.Mem // the table
	flip, abef, cdgh, w8to11, w12to15, kw10to15 operand.Mem // its parts after K
}

// table lays out all constants, each vector aligned to 16 bytes as the SSE
// instructions want it of operands in memory.
func (g *generator) table() {
	g.mem = g.StaticGlobal("table")
	g.DataAttributes(attr.RODATA | attr.NOPTR)
	size := 0
	put := func(words ...uint32) operand.Mem {
		at := g.mem.Offset(size)
		for _, w := range words {
			g.AddDatum(size, operand.U32(w))
			size += 4
		}
		return at
	}
	k, h := roundConstants, initial
	put(k[:]...)
	g.flip = put(0x00010203, 0x04050607, 0x08090a0b, 0x0c0d0e0f)
	g.abef = put(h[5], h[4], h[1], h[0])
	g.cdgh = put(h[7], h[6], h[3], h[2])
	g.w8to11 = put(0, 0, padding, 0)
	g.w12to15 = put(0, 0, 0, length)
	g.kw10to15 = put(k[10]+padding, k[11], 0, 0)
	put(k[12], k[13], 0, 0)
	put(k[14], k[15]+length, 0, 0)
}

// k is where the constants of rounds 4i to 4i+3 are.
func (g *generator) k(i int) operand.Mem { return g.mem.Offset(16 * i) }
