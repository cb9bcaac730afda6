package miner

import (
	"github.com/mmcloughlin/avo/attr"
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// stream is one of the computations that go on side by side, each filling the
// pauses that the other's latencies leave.
type stream struct {
	abef, cdgh reg.VecVirtual
	w          [4]reg.VecVirtual // a ring of the last 16 words
	tmp        reg.VecVirtual
}

func (g *generator) stream() *stream {
	s := &stream{abef: g.XMM(), cdgh: g.XMM(), tmp: g.XMM()}
	for i := range s.w {
		s.w[i] = g.XMM()
	}
	return s
}

// rounds2 does two rounds with the sums W+K in the low half of X0.
func (g *generator) rounds2(s *stream) {
	g.SHA256RNDS2(reg.X0, s.abef, s.cdgh)
	s.abef, s.cdgh = s.cdgh, s.abef
}

// rounds4 does rounds 4i to 4i+3.
func (g *generator) rounds4(s *stream, i int) {
	g.MOVO(s.w[i%4], reg.X0)
	g.PADDD(g.k(i), reg.X0)
	g.rounds2(s)
	g.PSHUFD(operand.U8(0x0e), reg.X0, reg.X0)
	g.rounds2(s)
}

// schedule replaces W[4i-16…4i-13] in the ring by W[4i…4i+3].
func (g *generator) schedule(s *stream, i int) {
	g.SHA256MSG1(s.w[(i+1)%4], s.w[i%4])
	g.extend(s, i)
}

// extend is what schedule does after SHA256MSG1.
func (g *generator) extend(s *stream, i int) {
	last := s.w[(i+3)%4]
	g.MOVO(last, s.tmp)
	g.PALIGNR(operand.U8(4), s.w[(i+2)%4], s.tmp)
	g.PADDD(s.tmp, s.w[i%4])
	g.SHA256MSG2(last, s.w[i%4])
}

// fixed is what of a hash does not depend on the low word of the nonce, W[9].
// It is kept on the stack.
type fixed struct {
	abef, cdgh operand.Mem // after round 9, with W[9] = 0
	w8to11     operand.Mem // with W[9] = 0
	w16to19    operand.Mem // before SHA256MSG2, with W[9] = 0
	w20to23    operand.Mem // before SHA256MSG2, with W[9] = 0
}

func (g *generator) scanSHANI() {
	g.Function("scanSHANI")
	g.Attributes(attr.NOSPLIT)
	g.SignatureExpr("func(seal *[32]byte, nonce, groups uint64, high uint32) (tried uint64)")
	seal := g.Load(g.Param("seal"), g.GP64())
	nonce := g.Load(g.Param("nonce"), g.GP64())
	groups := g.Load(g.Param("groups"), g.GP64())
	high := g.Load(g.Param("high"), g.GP32())
	tried := g.GP64()
	g.XORQ(tried, tried)
	g.TESTQ(groups, groups)
	g.JZ(operand.LabelRef("done"))

	fix := g.prepare(seal, nonce)
	streams := []*stream{g.stream(), g.stream()}

	g.Label("pair")
	for i, s := range streams {
		g.begin(s, fix, nonce, i)
	}
	for i := range 3 {
		g.Commentf("Rounds %d and %d", 10+2*i, 11+2*i)
		for _, s := range streams {
			g.MOVO(g.kw10to15.Offset(16*i), reg.X0)
			g.rounds2(s)
		}
	}
	for i := 4; i < 16; i++ {
		g.Commentf("Rounds %d to %d", 4*i, 4*i+3)
		for _, s := range streams {
			g.rounds4(s, i)
		}
		for _, s := range streams {
			if i >= 6 && i < 15 {
				g.schedule(s, i+1)
			}
		}
	}
	g.Comment("The hash's first word: is it small enough?")
	for i, s := range streams {
		first := g.GP32()
		g.PEXTRD(operand.U8(3), s.abef, first)
		g.ADDL(operand.U32(initial[0]), first)
		g.CMPL(first, high)
		g.JLS(operand.LabelRef([]string{"done", "second"}[i]))
	}
	g.ADDQ(operand.U8(2), nonce)
	g.ADDQ(operand.U8(2), tried)
	g.DECQ(groups)
	g.JNZ(operand.LabelRef("pair"))
	g.JMP(operand.LabelRef("done"))

	g.Label("second")
	g.INCQ(tried)
	g.Label("done")
	g.Store(tried, g.ReturnIndex(0))
	g.RET()
}

// prepare computes what is fixed.
func (g *generator) prepare(seal, nonce reg.Register) fixed {
	local := g.AllocLocal(5 * 16)
	fix := fixed{
		local, local.Offset(16), local.Offset(32), local.Offset(48), local.Offset(64),
	}
	s := g.stream()
	g.Comment("Rounds 0 to 7: the seal")
	g.MOVO(g.flip, s.tmp)
	for i := range 2 {
		g.MOVOU(operand.Mem{Base: seal, Disp: 16 * i}, s.w[i])
		g.PSHUFB(s.tmp, s.w[i])
	}
	g.MOVO(g.abef, s.abef)
	g.MOVO(g.cdgh, s.cdgh)
	g.rounds4(s, 0)
	g.rounds4(s, 1)

	g.Comment("Rounds 8 and 9: the nonce; what its low word adds to a and e comes later")
	word := g.GP64()
	g.MOVQ(nonce, word)
	g.SHRQ(operand.U8(32), word)
	g.MOVD(word.As32(), s.w[2])
	g.PADDD(g.w8to11, s.w[2])
	g.MOVOU(s.w[2], fix.w8to11)
	g.MOVO(s.w[2], reg.X0)
	g.PADDD(g.k(2), reg.X0)
	g.rounds2(s)
	g.MOVOU(s.abef, fix.abef)
	g.MOVOU(s.cdgh, fix.cdgh)

	g.Comment("Words 16 to 23")
	g.MOVO(g.w12to15, s.w[3])
	g.SHA256MSG1(s.w[1], s.w[0])
	g.MOVO(s.w[3], s.tmp)
	g.PALIGNR(operand.U8(4), s.w[2], s.tmp)
	g.PADDD(s.tmp, s.w[0])
	g.MOVOU(s.w[0], fix.w16to19)
	g.SHA256MSG2(s.w[3], s.w[0])
	g.SHA256MSG1(s.w[2], s.w[1])
	g.MOVO(s.w[0], s.tmp)
	g.PALIGNR(operand.U8(4), s.w[3], s.tmp)
	g.PADDD(s.tmp, s.w[1])
	g.MOVOU(s.w[1], fix.w20to23)
	return fix
}

// begin brings the nonce's low word plus i into a stream: into a and e after
// round 9, to which it is only added, and into words 16 to 27.
func (g *generator) begin(s *stream, fix fixed, nonce reg.Register, i int) {
	g.Commentf("Nonce %d: state after round 9, words 16 to 27", i)
	word, low := g.GP32(), g.XMM()
	g.LEAL(operand.Mem{Base: nonce, Disp: i}, word)
	g.MOVD(word, low)
	g.MOVOU(fix.abef, s.abef)
	g.MOVOU(fix.cdgh, s.cdgh)
	g.PSHUFD(lanes(1, 0, 1, 0), low, s.tmp)
	g.PADDD(s.tmp, s.abef)

	g.MOVOU(fix.w16to19, s.w[0])
	g.PADDD(low, s.w[0])
	g.SHA256MSG2(g.w12to15, s.w[0])
	g.MOVOU(fix.w20to23, s.w[1])
	g.PSHUFD(lanes(1, 1, 1, 0), low, s.tmp)
	g.PADDD(s.tmp, s.w[1])
	g.SHA256MSG2(s.w[0], s.w[1])
	g.MOVOU(fix.w8to11, s.w[2])
	g.PSHUFD(lanes(1, 0, 1, 1), low, s.tmp)
	g.PADDD(s.tmp, s.w[2])
	g.SHA256MSG1(g.w12to15, s.w[2])
	g.extend(s, 6)
	g.MOVO(g.w12to15, s.w[3])
}

// lanes says from which lane PSHUFD takes each of the result's, lowest first.
func lanes(l0, l1, l2, l3 uint8) operand.Constant {
	return operand.U8(l0 | l1<<2 | l2<<4 | l3<<6)
}
