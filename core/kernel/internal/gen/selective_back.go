package main

import "fmt"

// back writes the backward pass of n states, at most four vectors, whose gradients stay in registers from step to step: their
// decays, the states again, and the steps from the last to the first.
func (s selective) back(n int) {
	s.text(fmt.Sprintf("scanBack%d%s", n, s.reg), "selectiveArgs", fmt.Sprintf("Steps of %d states: forward for the states, then backward.", n))
	s.flushing(selControl)
	s.ptr(selA, "R9")
	s.decays(n)
	s.forth(n)

	// The last step of b, and of what the steps count in bytes.
	s.ptr(selSteps, "AX")
	s.op("SUBQ R8, SI")
	s.ptr(selC, "DX")
	s.ptr(selLDD, "R11")
	s.ptr(selDb, "R12")
	s.ptr(selDc, "R13")
	s.op("LEAQ -1(AX), R15")
	s.op("IMULQ R8, R15")
	s.op("ADDQ R15, DX")
	s.op("LEAQ -1(AX), R15")
	s.op("IMULQ R11, R15")
	s.op("ADDQ R15, R12")
	s.op("ADDQ R15, R13")
	s.ptr(selDh, "R15")
	s.vectors(n, func(q, i, j int) { s.op("VMOVUPS %s, %s", s.lane("R15", q), s.r(q)) })
	s.ptr(selDa, "R15")
	s.vectors(n, func(q, i, j int) { s.op("VMOVUPS %s, %s", s.lane("R15", q), s.r(4+q)) })
	s.label("back")
	s.op("SUBQ $%d, BX", laneBytes)
	s.op("SUBQ $%d, CX", s.bytes(n))
	s.backStep(n)
	s.op("SUBQ $%d, R10", s.bytes(n))
	s.op("SUBQ R8, SI")
	s.op("SUBQ R8, DX")
	s.op("SUBQ R11, R12")
	s.op("SUBQ R11, R13")
	s.op("DECQ AX")
	s.op("JNE back")
	s.ptr(selDh, "R15")
	s.vectors(n, func(q, i, j int) { s.op("VMOVUPS %s, %s", s.r(q), s.lane("R15", q)) })
	s.ptr(selDa, "R15")
	s.vectors(n, func(q, i, j int) { s.op("VMOVUPS %s, %s", s.r(4+q), s.lane("R15", q)) })
	s.retFlushing(selControl)
}

// forth emits the loop that writes the states to R10 on; it leaves R10 at the last ones, and BX, CX and SI after the last step.
func (s selective) forth(n int) {
	t := func(i int) int { return 8 + i }
	x := func(j int) int { return 14 + j }
	s.ptr(selSteps, "AX")
	s.ptr(selWork, "BX")
	s.ptr(selDecays, "CX")
	s.ptr(selHS, "R10")
	s.ptr(selLDB, "R8")
	s.ptr(selB, "SI")
	s.ptr(selH, "R11")
	s.vectors(n, func(q, i, j int) { s.op("VMOVUPS %s, %s", s.lane("R11", q), s.r(q)) })
	s.vectors(n, func(q, i, j int) { s.op("VMOVUPS %s, %s", s.r(q), s.lane("R10", q)) })
	s.label("forth")
	s.parts(func(j int) { s.op("VMOVUPS %s, %s", s.row(rowX, j), s.r(x(j))) })
	each(n, func(i int) { s.op("VBROADCASTSS %d(SI), %s", 4*i, s.r(4+i)) })
	s.vectors(n, func(q, i, j int) { s.f("VMULPS", 4+i, x(j), t(q)) })
	s.vectors(n, func(q, i, j int) { s.op("VFMADD132PS %s, %s, %s", s.lane("CX", q), s.r(t(q)), s.r(q)) })
	s.op("ADDQ $%d, R10", s.bytes(n))
	s.vectors(n, func(q, i, j int) { s.op("VMOVUPS %s, %s", s.r(q), s.lane("R10", q)) })
	s.op("ADDQ $%d, BX", laneBytes)
	s.op("ADDQ $%d, CX", s.bytes(n))
	s.op("ADDQ R8, SI")
	s.op("DECQ AX")
	s.op("JNE forth")
}

// backStep emits a backward step, with the states after it at R10, the gradients of the states in registers 0 to 3 and those of
// A in 4 to 7.
func (s selective) backStep(n int) {
	g := func(j int) int { return 8 + j }
	t := func(i int) int { return 10 + i }
	sum := func(j int) int { return 14 + j }
	states := func(piece func(i int)) { each(n, piece) }

	s.parts(func(j int) { s.op("VMOVUPS %s, %s", s.row(rowG, j), s.r(g(j))) })
	s.parts(func(j int) { s.op("VMOVUPS %s, %s", s.row(rowY, j), s.r(sum(j))) })
	states(func(i int) {
		const c, dc, h = 10, 11, 12
		s.op("VBROADCASTSS %d(DX), %s", 4*i, s.r(c))
		s.op("VMOVUPS %s, %s", s.lane("R13", i), s.r(dc))
		s.parts(func(j int) {
			q := i*s.v + j
			s.op("VMOVUPS %s, %s", s.lane("R10", q), s.r(h))
			s.f("VFMADD231PS", c, g(j), q)   // dh += g·c
			s.f("VFMADD231PS", h, g(j), dc)  // dc += g·h
			s.f("VFMADD231PS", h, c, sum(j)) // y += c·h
		})
		s.op("VMOVUPS %s, %s", s.r(dc), s.lane("R13", i))
	})
	s.parts(func(j int) { s.op("VMOVUPS %s, %s", s.r(sum(j)), s.row(rowY, j)) })

	s.parts(func(j int) { s.op("VMOVUPS %s, %s", s.row(rowX, j), s.r(g(j))) })
	states(func(i int) { s.op("VMOVUPS %s, %s", s.lane("R12", i), s.r(t(i))) })
	s.vectors(n, func(q, i, j int) { s.f("VFMADD231PS", q, g(j), t(i)) })
	states(func(i int) { s.op("VMOVUPS %s, %s", s.r(t(i)), s.lane("R12", i)) }) // db += dh·x

	s.parts(func(j int) { s.op("VMOVUPS %s, %s", s.row(rowS1, j), s.r(sum(j))) })
	states(func(i int) { s.op("VBROADCASTSS %d(SI), %s", 4*i, s.r(t(i))) })
	s.vectors(n, func(q, i, j int) { s.f("VFMADD231PS", q, t(i), sum(j)) })
	s.parts(func(j int) { s.op("VMOVUPS %s, %s", s.r(sum(j)), s.row(rowS1, j)) }) // s1 += dh·b

	s.vectors(n, func(q, i, j int) { s.op("VMULPS %s, %s, %s", s.lane("CX", q), s.r(q), s.r(q)) })
	s.vectors(n, func(q, i, j int) {
		s.op("VMULPS %d(R10), %s, %s", 4*s.w()*q-s.bytes(n), s.r(q), s.r(t(q))) // w = e·dh·h before
	})
	s.parts(func(j int) { s.op("VMOVUPS %s, %s", s.row(rowDt, j), s.r(g(j))) })
	s.parts(func(j int) { s.op("VMOVUPS %s, %s", s.row(rowS2, j), s.r(sum(j))) })
	s.vectors(n, func(q, i, j int) { s.f("VFMADD231PS", t(q), g(j), 4+q) }) // da += w·dt
	s.vectors(n, func(q, i, j int) { s.op("VFMADD231PS %s, %s, %s", s.lane("R9", q), s.r(t(q)), s.r(sum(j))) })
	s.parts(func(j int) { s.op("VMOVUPS %s, %s", s.r(sum(j)), s.row(rowS2, j)) }) // s2 += w·A
}
