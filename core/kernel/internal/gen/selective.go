package main

import "fmt"

// Offsets of the fields of kernel.selectiveArgs.
const (
	selSteps = iota * 8
	selWork
	selB // of the first step, as c
	selC
	selLDB
	selA // of a group of states, as the following
	selH
	selDecays // [steps,group]
	selNext   // rows that the next chunk will read or write
	selLDNext
	selControl // two words for the control register: as it was, and while flushing
	selHS      // backward only, from here on: [steps+1,group]
	selDh
	selDa
	selDb // of the group at the first step
	selDc
	selLDD
)

// Offsets of the rows of a block's work, kernel.rowX and the following.
const (
	rowX = rowsBytes * iota
	rowY
	rowDt
	rowG
	rowS1
	rowS2
	rowsBytes = 17 * laneBytes
)

// emitSelective writes Mamba's scan for a block of 16 lanes, whose rows of a step are
// 64 bytes apart. Forward and backward each take a group of states through all steps
// of a chunk: first the decays, long chains that nothing but their number hides, then
// the steps with the group's states in registers.
func emitSelective(v vec) {
	s := selective{scan{v}, 16 / v.w()}
	s.moveBlocks()
	for _, n := range []int{4, 1} {
		s.forward(n)
	}
	for _, n := range []int{4 / s.v, 1} {
		s.back(n)
	}
}

// selective has v vectors a block of lanes.
type selective struct {
	scan
	v int
}

// bytes is what n states of a step take.
func (s selective) bytes(n int) int { return n * laneBytes }

// vectors emits a piece of code for each vector of n states: that of state i and part j.
func (s selective) vectors(n int, piece func(q, i, j int)) {
	for q := range n * s.v {
		piece(q, q/s.v, q%s.v)
	}
}

// row is the address of part j of a row of the step at BX.
func (s selective) row(field, j int) string { return fmt.Sprintf("%d(BX)", field+32*j) }

// parts emits a piece of code for each vector of the lanes.
func (s selective) parts(piece func(j int)) { each(s.v, piece) }

// decays emits a loop over the steps that writes the decays of n states with A at R9, 2^(dt·A), and fetches a row of the
// next chunk at each. It uses AX, BX, CX, R12, R13 and all registers.
func (s selective) decays(n int) {
	const atOnce = 4
	s.ptr(selSteps, "AX")
	s.ptr(selWork, "BX")
	s.ptr(selDecays, "CX")
	s.ptr(selNext, "R12")
	s.ptr(selLDNext, "R13")
	s.label("decays")
	s.op("PREFETCHT1 (R12)")
	s.op("ADDQ R13, R12")
	s.parts(func(j int) { s.op("VMOVUPS %s, %s", s.row(rowDt, j), s.r(1+j)) })
	for first := 0; first < n*s.v; first += atOnce {
		count := min(atOnce, n*s.v-first)
		each(count, func(i int) {
			q := first + i
			s.op("VMULPS %s, %s, %s", s.lane("R9", q), s.r(1+q%s.v), s.r(4+3*i))
		})
		s.exp2(count)
		each(count, func(i int) { s.op("VMOVUPS %s, %s", s.r(6+3*i), s.lane("CX", first+i)) })
	}
	s.op("ADDQ $%d, BX", laneBytes)
	s.op("ADDQ $%d, CX", s.bytes(n))
	s.op("DECQ AX")
	s.op("JNE decays")
}

// forward takes n states through all steps: h = e·h + x·b, y += sum of c·h, with the states in registers 0 to 7, b or c in 8 and
// x in 14 and 15.
func (s selective) forward(n int) {
	s.text(fmt.Sprintf("scanForward%d%s", n, s.reg), "selectiveArgs", fmt.Sprintf("Steps of %d states: y += sum of c·h.", n))
	s.flushing(selControl)
	s.ptr(selA, "R9")
	s.decays(n)
	sum := func(half, j int) int { return 10 + 2*half + j }
	x := func(j int) int { return 14 + j }
	s.ptr(selSteps, "AX")
	s.ptr(selWork, "BX")
	s.ptr(selDecays, "CX")
	s.ptr(selH, "R10")
	s.ptr(selB, "R13")
	s.ptr(selC, "R15")
	s.ptr(selLDB, "R12")
	s.vectors(n, func(q, i, j int) { s.op("VMOVUPS %s, %s", s.lane("R10", q), s.r(q)) })
	s.label("steps")
	s.parts(func(j int) { s.op("VMOVUPS %s, %s", s.row(rowX, j), s.r(x(j))) })
	s.vectors(n, func(q, i, j int) {
		if j == 0 {
			s.op("VBROADCASTSS %d(R13), %s", 4*i, s.r(8))
		}
		s.f("VMULPS", x(j), 8, 9)
		s.op("VFMADD132PS %s, %s, %s", s.lane("CX", q), s.r(9), s.r(q))
	})
	if n == 1 {
		s.op("VBROADCASTSS (R15), %s", s.r(8))
		s.parts(func(j int) {
			s.op("VMOVUPS %s, %s", s.row(rowY, j), s.r(sum(0, j)))
			s.f("VFMADD231PS", j, 8, sum(0, j))
		})
	} else {
		// In two sums, so that one addition need not wait for the last.
		s.vectors(n, func(q, i, j int) {
			if j == 0 {
				s.op("VBROADCASTSS %d(R15), %s", 4*i, s.r(8))
			}
			name := "VFMADD231PS"
			if i%2 == 0 {
				name = "VMULPS"
			}
			s.f(name, q, 8, sum(i/2, j))
		})
		s.parts(func(j int) {
			s.f("VADDPS", sum(1, j), sum(0, j), sum(0, j))
			s.op("VADDPS %s, %s, %s", s.row(rowY, j), s.r(sum(0, j)), s.r(sum(0, j)))
		})
	}
	s.parts(func(j int) { s.op("VMOVUPS %s, %s", s.r(sum(0, j)), s.row(rowY, j)) })
	s.op("ADDQ $%d, BX", laneBytes)
	s.op("ADDQ $%d, CX", s.bytes(n))
	s.op("ADDQ R12, R13")
	s.op("ADDQ R12, R15")
	s.op("DECQ AX")
	s.op("JNE steps")
	s.vectors(n, func(q, i, j int) { s.op("VMOVUPS %s, %s", s.r(q), s.lane("R10", q)) })
	s.retFlushing(selControl)
}

// moveBlocks copies rows of blocks of 16 floats.
func (s selective) moveBlocks() {
	s.text("moveBlocks"+s.reg, "moveArgs", "Copies rows of blocks of 16 floats.")
	// The fields of kernel.moveArgs; the blocks are counted anew in each row.
	const dst, src, rows, blocks, nextDst, nextSrc, nextBlockDst, nextBlockSrc = 0, 8, 16, 24, 32, 40, 48, 56
	s.ptr(dst, "BX")
	s.ptr(src, "SI")
	s.ptr(rows, "AX")
	s.ptr(nextBlockDst, "R8")
	s.ptr(nextBlockSrc, "R9")
	s.label("row")
	s.op("MOVQ BX, R11")
	s.op("MOVQ SI, R12")
	s.ptr(blocks, "CX")
	s.label("block")
	s.parts(func(j int) { s.op("VMOVUPS %s, %s", s.lane("R12", j), s.r(j)) })
	s.parts(func(j int) { s.op("VMOVUPS %s, %s", s.r(j), s.lane("R11", j)) })
	s.op("ADDQ R8, R11")
	s.op("ADDQ R9, R12")
	s.op("DECQ CX")
	s.op("JNE block")
	s.op("ADDQ %d(DI), BX", nextDst)
	s.op("ADDQ %d(DI), SI", nextSrc)
	s.op("DECQ AX")
	s.op("JNE row")
	s.ret()
}
