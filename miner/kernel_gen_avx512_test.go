package miner

import (
	"unsafe"

	"github.com/mmcloughlin/avo/attr"
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// avx512Lanes is how many hashes scanAVX512 computes at a time: each vector holds one
// word of all of them.
const avx512Lanes = 16

// wide is scanAVX512 as it is written down: registers by what they hold.
type wide struct {
	*generator
	common reg.Register
	state  [8]reg.VecVirtual  // a to h
	w      [16]reg.VecVirtual // a ring of the last 16 words of those that vary
}

func (g *generator) scanAVX512() {
	g.Function("scanAVX512")
	g.Attributes(attr.NOSPLIT)
	g.SignatureExpr("func(c *uint32, low uint32, groups uint64, high uint32) (tried uint64)")
	s := &wide{generator: g, common: g.Load(g.Param("c"), g.GP64())}
	low, high := g.ZMM(), g.ZMM()
	word := g.GP32()
	g.Load(g.Param("low"), word)
	g.VPBROADCASTD(word, low)
	g.VPADDD(g.ascending, low, low)
	g.Load(g.Param("high"), word)
	g.VPBROADCASTD(word, high)
	groups := g.Load(g.Param("groups"), g.GP64())
	tried := g.GP64()
	g.XORQ(tried, tried)
	g.TESTQ(groups, groups)
	g.JZ(operand.LabelRef("none"))
	for i := range s.state {
		s.state[i] = g.ZMM()
	}
	for i := range s.w {
		s.w[i] = g.ZMM()
	}

	g.Label("group")
	g.Comment("State after round 9, to which the low word of the nonce is only added")
	for i, v := range s.state {
		g.VPBROADCASTD(s.at(unsafe.Offsetof(common{}.state), i), v)
	}
	g.VPADDD(low, s.state[0], s.state[0])
	g.VPADDD(low, s.state[4], s.state[4])
	g.VMOVDQA32(low, s.w[lowWord])
	for t := lowWord + 1; t < 64; t++ {
		g.Commentf("Round %d", t)
		if t >= 16 && varies[t] {
			s.extend(t)
		}
		s.round(t)
	}
	g.Comment("The hash's first word: is it small enough?")
	g.VPADDD_BCST(s.at(unsafe.Offsetof(common{}.first), 0), s.state[0], s.state[0])
	fits := g.K()
	g.VPCMPUD(operand.U8(2), high, s.state[0], fits) // state ≤ high
	g.KMOVW(fits, word)
	g.TESTL(word, word)
	g.JNZ(operand.LabelRef("found"))
	g.VPADDD_BCST(g.width, low, low)
	g.ADDQ(operand.U8(avx512Lanes), tried)
	g.DECQ(groups)
	g.JNZ(operand.LabelRef("group"))
	g.JMP(operand.LabelRef("none"))

	g.Label("found")
	g.BSFL(word, word)
	g.ADDQ(word.As64(), tried)
	g.Label("none")
	g.Store(tried, g.ReturnIndex(0))
	g.VZEROUPPER()
	g.RET()
}

// at is a word of a field of common, for all lanes.
func (s *wide) at(field uintptr, i int) operand.Mem {
	return operand.Mem{Base: s.common, Disp: int(field) + 4*i}
}

// extend replaces W[t-16] in the ring by W[t]: the sum of those terms that
// vary, and of the others as they are in common.
func (s *wide) extend(t int) {
	to := s.w[t%16]
	var sum reg.VecVirtual
	add := func(term reg.VecVirtual) {
		if sum == nil {
			sum = term
			return
		}
		s.VPADDD(term, sum, to)
		sum = to
	}
	constant := false
	for _, from := range []int{t - 16, t - 7, t - 15, t - 2} {
		switch w := s.w[from%16]; {
		case !varies[from]:
			constant = true
		case from == t-15:
			add(s.sigma(w, 7, 18, 3))
		case from == t-2:
			add(s.sigma(w, 17, 19, 10))
		default:
			add(w)
		}
	}
	switch {
	case constant:
		s.VPADDD_BCST(s.at(unsafe.Offsetof(common{}.part), t), sum, to)
	case sum != to:
		s.VMOVDQA32(sum, to)
	}
}

// sigma returns x turned right by p, by q, and moved right by r, added without
// carry.
func (s *wide) sigma(x reg.VecVirtual, p, q, r uint8) reg.VecVirtual {
	y := s.ZMM()
	s.VPSRLD(operand.U8(r), x, y)
	return s.turned(x, p, q, y)
}

// turned adds to y, without carry, x turned right by p and by q.
func (s *wide) turned(x reg.VecVirtual, p, q uint8, y reg.VecVirtual) reg.VecVirtual {
	xp, xq := s.ZMM(), s.ZMM()
	s.VPRORD(operand.U8(p), x, xp)
	s.VPRORD(operand.U8(q), x, xq)
	s.VPTERNLOGD(operand.U8(0x96), xp, xq, y)
	return y
}

// sum is Σ0 or Σ1 of FIPS 180-4 §4.1.2.
func (s *wide) sum(x reg.VecVirtual, p, q, r uint8) reg.VecVirtual {
	y := s.ZMM()
	s.VPRORD(operand.U8(r), x, y)
	return s.turned(x, p, q, y)
}

// bitwise is a function of three bits, given as its table, of x, y and z.
func (s *wide) bitwise(table uint8, x, y, z reg.VecVirtual) reg.VecVirtual {
	out := s.ZMM()
	s.VMOVDQA32(x, out)
	s.VPTERNLOGD(operand.U8(table), z, y, out)
	return out
}

// round is round t; the variables move by changing names.
func (s *wide) round(t int) {
	a, b, c, d, e, f, g, h := s.state[0], s.state[1], s.state[2], s.state[3], s.state[4], s.state[5], s.state[6], s.state[7]
	const choose, majority = 0xca, 0xe8
	if varies[t] {
		s.VPADDD(s.w[t%16], h, h)
	}
	s.VPADDD_BCST(s.at(unsafe.Offsetof(common{}.round), t), h, h)
	s.VPADDD(s.bitwise(choose, e, f, g), h, h)
	s.VPADDD(s.sum(e, 6, 11, 25), h, h)
	s.VPADDD(h, d, d)
	s.VPADDD(s.bitwise(majority, a, b, c), h, h)
	s.VPADDD(s.sum(a, 2, 13, 22), h, h)
	s.state = [8]reg.VecVirtual{h, a, b, c, d, e, f, g}
}
