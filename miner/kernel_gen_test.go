package miner

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

// The kernels are written by this test's generator and by no one else. With
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
	g.scanAVX512()
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

// generator writes the kernels. Words of the message schedule are W of FIPS
// 180-4 §6.2; for the SHA instructions four of them, lowest first, fill a
// vector.
//
// These instructions keep the working variables in two vectors: ABEF, which
// from the highest lane down is a, b, e, f, and CDGH. One SHA256RNDS2 does two
// rounds: CDGH becomes the new ABEF, and the old ABEF is the new CDGH.
type generator struct {
	*build.Context
	mem                                         operand.Mem // the table
	flip, abef, cdgh, w8to11, w12to15, kw10to15 operand.Mem // its parts after K
	width, ascending                            operand.Mem
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
	g.width = put(avx512Lanes, 0, 0, 0)
	g.ascending = put(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15)
}

// k is where the constants of rounds 4i to 4i+3 are.
func (g *generator) k(i int) operand.Mem { return g.mem.Offset(16 * i) }
