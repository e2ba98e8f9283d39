package main

import (
	"fmt"
	"math"
)

// Offsets of the fields of kernel.scanBackArgs.
const (
	backSteps = iota * 8
	backU     // rows of u, dt, dy, du and ddt, the first step's
	backDt
	backDy
	backDu
	backDdt
	backLDU
	backLDDt
	backMask  // of the lanes in use, or of the first 8
	backMask2 // of the others
	backRows
	backSkip
	backDskip
	backA // of a group of states, this and the next four
	backH
	backDh
	backDa
	backDb // of the group at the first step
	backDc
	backLDD
	backB // likewise
	backC
	backLDB
	backHS
	backES
)

// Offsets in a step's row of kernel.scanBackArgs.rows: 16 lanes each.
const (
	rowDt = laneBytes * iota
	rowX
	rowG
	rowU
	rowS1
	rowS2
	rowBytes
)

// back writes the backward pass: the rows of a block's steps close together, the
// steps of a group of states, and the rows of du and ddt.
func (s scan) back() {
	s.gather()
	perBlock := 16 / s.w()
	for _, n := range []int{4 / perBlock, 1} {
		scanGroup{s, n, perBlock}.steps()
	}
	s.scatter()
}

// halves emits a piece of code for each vector of 16 lanes, whose mask is in register 15 or K1, 32 bytes apart.
func (s scan) halves(piece func(at int)) {
	for i, field := range []int{backMask, backMask2}[:16/s.w()] {
		s.lanes(field, 15)
		piece(32 * i)
	}
}

func (s scan) startBack(name, comment string) {
	s.text("scan"+name+s.reg, "scanBackArgs", comment)
	if s.reg == "Z" {
		s.ptr(backMask, "R10")
		s.op("KMOVW R10, K1")
	}
}

func (s scan) gather() {
	s.startBack("Gather", "Rows of dt, x = dt·u, g = dy, u, and zeros for s1 and s2; dskip += g·u.")
	s.ptr(backSteps, "AX")
	s.ptr(backU, "SI")
	s.ptr(backDt, "BX")
	s.ptr(backDy, "CX")
	s.ptr(backRows, "DX")
	s.ptr(backDskip, "R8")
	s.ptr(backLDU, "R9")
	s.ptr(backLDDt, "R10")
	s.ptr(backDu, "R11")
	s.ptr(backDdt, "R12")
	s.zero(s.r(5))
	s.label("step")
	// The next block of lanes follows: fetch its rows.
	s.op("PREFETCHT0 64(SI)")
	s.op("PREFETCHT0 64(BX)")
	s.op("PREFETCHT0 64(CX)")
	s.op("PREFETCHT0 (R11)")
	s.op("PREFETCHT0 (R12)")
	s.halves(func(at int) {
		s.loadLanes(fmt.Sprintf("%d(SI)", at), 15, 0)
		s.loadLanes(fmt.Sprintf("%d(BX)", at), 15, 1)
		s.loadLanes(fmt.Sprintf("%d(CX)", at), 15, 3)
		s.f("VMULPS", 0, 1, 2)
		s.op("VMOVUPS %d(R8), %s", at, s.r(4))
		s.f("VFMADD231PS", 0, 3, 4)
		s.op("VMOVUPS %s, %d(R8)", s.r(4), at)
		for i, row := range []int{rowU, rowDt, rowX, rowG} {
			s.op("VMOVUPS %s, %d(DX)", s.r(i), row+at)
		}
		s.op("VMOVUPS %s, %d(DX)", s.r(5), rowS1+at)
		s.op("VMOVUPS %s, %d(DX)", s.r(5), rowS2+at)
	})
	s.op("ADDQ R9, SI")
	s.op("ADDQ R10, BX")
	s.op("ADDQ R9, CX")
	s.op("ADDQ R9, R11")
	s.op("ADDQ R10, R12")
	s.op("ADDQ $%d, DX", rowBytes)
	s.op("DECQ AX")
	s.op("JNE step")
	s.ret()
}

func (s scan) scatter() {
	s.startBack("Scatter", "Rows of du = skip·g + dt·s1 and ddt = u·s1 + s2, s2 in units of log2(e) before.")
	s.ptr(backSteps, "AX")
	s.ptr(backDu, "SI")
	s.ptr(backDdt, "BX")
	s.ptr(backRows, "DX")
	s.ptr(backSkip, "R8")
	s.ptr(backLDU, "R9")
	s.ptr(backLDDt, "R10")
	s.label("step")
	s.halves(func(at int) {
		s.op("VMOVUPS %d(DX), %s", rowS1+at, s.r(0))
		s.op("VMOVUPS %d(DX), %s", rowS2+at, s.r(1))
		s.op("VMOVUPS %d(DX), %s", rowG+at, s.r(2))
		s.fc("VMULPS", math.Ln2, 1, 1)
		s.op("VMULPS %d(R8), %s, %s", at, s.r(2), s.r(2))
		s.op("VFMADD231PS %d(DX), %s, %s", rowU+at, s.r(0), s.r(1))
		s.op("VFMADD231PS %d(DX), %s, %s", rowDt+at, s.r(0), s.r(2))
		s.storeLanes(2, 15, fmt.Sprintf("%d(SI)", at))
		s.storeLanes(1, 15, fmt.Sprintf("%d(BX)", at))
	})
	s.op("ADDQ R9, SI")
	s.op("ADDQ R10, BX")
	s.op("ADDQ $%d, DX", rowBytes)
	s.op("DECQ AX")
	s.op("JNE step")
	s.ret()
}

// scanGroup emits the backward pass of n states of 16 lanes, each in v vectors: at
// most four vectors, whose gradients stay in registers from step to step.
type scanGroup struct {
	scan
	n, v int
}

// vectors emits a piece of code for each vector: that of state i and part j.
func (s scanGroup) vectors(piece func(q, i, j int)) {
	for q := range s.n * s.v {
		piece(q, q/s.v, q%s.v)
	}
}

func (s scanGroup) steps() {
	s.startBack(fmt.Sprintf("Back%d", s.n), fmt.Sprintf("Steps of %d states: forward for the states, then backward.", s.n))
	bytes := 4 * s.w() * s.n * s.v // of one step's states
	s.ptr(backSteps, "AX")
	s.ptr(backRows, "BX")
	s.ptr(backA, "R9")
	s.ptr(backHS, "R10")
	s.ptr(backES, "CX")
	s.ptr(backLDB, "R8")
	s.ptr(backB, "SI")
	s.ptr(backH, "R11")
	s.vectors(func(q, i, j int) { s.op("VMOVUPS %s, %s", s.lane("R11", q), s.r(q)) })
	s.vectors(func(q, i, j int) { s.op("VMOVUPS %s, %s", s.r(q), s.lane("R10", q)) })
	s.label("forth")
	s.forth(bytes)
	s.op("ADDQ $%d, BX", rowBytes)
	s.op("ADDQ $%d, R10", bytes)
	s.op("ADDQ $%d, CX", bytes)
	s.op("ADDQ R8, SI")
	s.op("DECQ AX")
	s.op("JNE forth")

	// The last step of b, and of what the steps count in bytes.
	s.ptr(backSteps, "AX")
	s.op("SUBQ R8, SI")
	s.ptr(backC, "DX")
	s.ptr(backLDD, "R11")
	s.ptr(backDb, "R12")
	s.ptr(backDc, "R13")
	s.op("LEAQ -1(AX), R15")
	s.op("IMULQ R8, R15")
	s.op("ADDQ R15, DX")
	s.op("LEAQ -1(AX), R15")
	s.op("IMULQ R11, R15")
	s.op("ADDQ R15, R12")
	s.op("ADDQ R15, R13")
	s.ptr(backDh, "R15")
	s.vectors(func(q, i, j int) { s.op("VMOVUPS %s, %s", s.lane("R15", q), s.r(q)) })
	s.ptr(backDa, "R15")
	s.vectors(func(q, i, j int) { s.op("VMOVUPS %s, %s", s.lane("R15", q), s.r(4+q)) })
	s.label("back")
	s.op("SUBQ $%d, BX", rowBytes)
	s.op("SUBQ $%d, CX", bytes)
	s.backStep(bytes)
	s.op("SUBQ $%d, R10", bytes)
	s.op("SUBQ R8, SI")
	s.op("SUBQ R8, DX")
	s.op("SUBQ R11, R12")
	s.op("SUBQ R11, R13")
	s.op("DECQ AX")
	s.op("JNE back")
	s.ptr(backDh, "R15")
	s.vectors(func(q, i, j int) { s.op("VMOVUPS %s, %s", s.r(q), s.lane("R15", q)) })
	s.ptr(backDa, "R15")
	s.vectors(func(q, i, j int) { s.op("VMOVUPS %s, %s", s.r(4+q), s.lane("R15", q)) })
	s.ret()
}

// forth emits a step of the states from those at R10 to the next, and the decays to CX.
func (s scanGroup) forth(bytes int) {
	h, e := func(q int) int { return 4 + 3*q }, func(q int) int { return 6 + 3*q }
	for j := range s.v {
		s.op("VMOVUPS %d(BX), %s", rowDt+32*j, s.r(1+j))
	}
	s.vectors(func(q, i, j int) { s.op("VMULPS %s, %s, %s", s.lane("R9", q), s.r(1+j), s.r(h(q))) })
	s.exp2(s.n * s.v)
	s.vectors(func(q, i, j int) { s.op("VMOVUPS %s, %s", s.r(e(q)), s.lane("CX", q)) })
	s.vectors(func(q, i, j int) { s.op("VBROADCASTSS %d(SI), %s", 4*i, s.r(h(q))) })
	s.vectors(func(q, i, j int) { s.op("VMULPS %d(BX), %s, %s", rowX+32*j, s.r(h(q)), s.r(h(q))) })
	s.vectors(func(q, i, j int) { s.op("VFMADD231PS %s, %s, %s", s.lane("R10", q), s.r(e(q)), s.r(h(q))) })
	s.vectors(func(q, i, j int) { s.op("VMOVUPS %s, %d(R10)", s.r(h(q)), bytes+4*s.w()*q) })
}

// backStep emits a backward step, with the states after it at R10, the gradients of the states in registers 0 to 3 and those of
// A in 4 to 7.
func (s scanGroup) backStep(bytes int) {
	g := func(j int) int { return 8 + j }
	t := func(i int) int { return 10 + i }
	sum := func(j int) int { return 14 + j }
	states := func(piece func(i int)) { each(s.n, piece) }
	parts := func(piece func(j int)) { each(s.v, piece) }
	row := func(field, j int) string { return fmt.Sprintf("%d(BX)", field+32*j) }

	parts(func(j int) { s.op("VMOVUPS %s, %s", row(rowG, j), s.r(g(j))) })
	states(func(i int) { s.op("VBROADCASTSS %d(DX), %s", 4*i, s.r(t(i))) })
	s.vectors(func(q, i, j int) { s.f("VFMADD231PS", t(i), g(j), q) }) // dh += g·c
	states(func(i int) { s.op("VMOVUPS %s, %s", s.lane("R13", i), s.r(t(i))) })
	s.vectors(func(q, i, j int) { s.op("VFMADD231PS %s, %s, %s", s.lane("R10", q), s.r(g(j)), s.r(t(i))) })
	states(func(i int) { s.op("VMOVUPS %s, %s", s.r(t(i)), s.lane("R13", i)) }) // dc += g·h

	parts(func(j int) { s.op("VMOVUPS %s, %s", row(rowX, j), s.r(g(j))) })
	states(func(i int) { s.op("VMOVUPS %s, %s", s.lane("R12", i), s.r(t(i))) })
	s.vectors(func(q, i, j int) { s.f("VFMADD231PS", q, g(j), t(i)) })
	states(func(i int) { s.op("VMOVUPS %s, %s", s.r(t(i)), s.lane("R12", i)) }) // db += dh·x

	parts(func(j int) { s.op("VMOVUPS %s, %s", row(rowS1, j), s.r(sum(j))) })
	states(func(i int) { s.op("VBROADCASTSS %d(SI), %s", 4*i, s.r(t(i))) })
	s.vectors(func(q, i, j int) { s.f("VFMADD231PS", q, t(i), sum(j)) })
	parts(func(j int) { s.op("VMOVUPS %s, %s", s.r(sum(j)), row(rowS1, j)) }) // s1 += dh·b

	s.vectors(func(q, i, j int) { s.op("VMULPS %s, %s, %s", s.lane("CX", q), s.r(q), s.r(q)) })
	s.vectors(func(q, i, j int) {
		s.op("VMULPS %d(R10), %s, %s", 4*s.w()*q-bytes, s.r(q), s.r(t(q))) // w = e·dh·h before
	})
	parts(func(j int) { s.op("VMOVUPS %s, %s", row(rowDt, j), s.r(g(j))) })
	parts(func(j int) { s.op("VMOVUPS %s, %s", row(rowS2, j), s.r(sum(j))) })
	s.vectors(func(q, i, j int) { s.f("VFMADD231PS", t(q), g(j), 4+q) }) // da += w·dt
	s.vectors(func(q, i, j int) { s.op("VFMADD231PS %s, %s, %s", s.lane("R9", q), s.r(t(q)), s.r(sum(j))) })
	parts(func(j int) { s.op("VMOVUPS %s, %s", s.r(sum(j)), row(rowS2, j)) }) // s2 += w·A
}
