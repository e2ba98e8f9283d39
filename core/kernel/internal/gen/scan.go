package main

import "fmt"

// Offsets of the fields of kernel.scanArgs.
const (
	scanNumber = iota * 8 // steps
	scanN                 // states, times 64
	scanU
	scanDt
	scanY
	scanB
	scanC
	scanA
	scanH
	scanSkip
	scanLDU
	scanLDDt
	scanLDB
	scanMask  // of the lanes in use, or of the first 8
	scanMask2 // of the others
)

const log2e = 1.44269504088896341

// laneBytes is the distance between two states of a block of lanes.
const laneBytes = 64

// emitScan writes the steps of the scans for one vector of channels.
func emitScan(f *file) {
	for _, reg := range widths {
		s := scan{vec{file: f, reg: reg}}
		s.forward()
		s.back()
	}
	emitSSD(f)
	f.data()
}

// scan emits Mamba's scan: forward, the states again (for the backward pass), and
// backward. Four states are in flight at a time, because a state's decay is a long
// chain. Register 0 holds the constant that all four need next; A is in units of
// log2(e).
type scan struct{ vec }

func (s scan) start(name, comment string) {
	s.text("scan"+name+s.reg, "scanArgs", comment)
	if s.reg == "Z" {
		s.ptr(scanMask, "R10")
		s.op("KMOVW R10, K1")
	}
}

func (s scan) ptr(field int, reg string) { s.op("MOVQ %d(DI), %s", field, reg) }

// lanes gets the mask of the lanes in use into a register, by way of R15; AVX-512 has it in K1.
func (s scan) lanes(field, mask int) {
	if s.reg == "Y" {
		s.ptr(field, "R15")
		s.op("VMOVUPS (R15), %s", s.r(mask))
	}
}

func (s scan) loadLanes(addr string, mask, dst int) {
	if s.reg == "Z" {
		s.op("VMOVUPS.Z %s, K1, %s", addr, s.r(dst))
	} else {
		s.op("VMASKMOVPS %s, %s, %s", addr, s.r(mask), s.r(dst))
	}
}

func (s scan) storeLanes(src, mask int, addr string) {
	if s.reg == "Z" {
		s.op("VMOVUPS %s, K1, %s", s.r(src), addr)
	} else {
		s.op("VMASKMOVPS %s, %s, %s", s.r(src), s.r(mask), addr)
	}
}

// lane is the address of the j'th vector from a base on.
func (v vec) lane(base string, j int) string { return fmt.Sprintf("%d(%s)", 4*v.w()*j, base) }

// constant gets a constant into register 0.
func (s scan) constant(x float64) { s.op("VMOVUPS %s, %s", s.c(x), s.r(0)) }

// each emits a piece of code for each of n states.
func each(n int, piece func(i int)) {
	for i := range n {
		piece(i)
	}
}

// byStates emits a loop over the states from R12 and R13 on, four at a time and then one by one.
func (s scan) byStates(states func(n int)) {
	s.op("XORQ R12, R12")
	s.op("XORQ R13, R13")
	s.op("LEAQ -%d(R11), R15", 4*laneBytes)
	s.op("CMPQ R12, R15")
	s.op("JGT rest")
	s.label("fours")
	states(4)
	s.op("ADDQ $16, R13")
	s.op("ADDQ $%d, R12", 4*laneBytes)
	s.op("CMPQ R12, R15")
	s.op("JLE fours")
	s.label("rest")
	s.op("CMPQ R12, R11")
	s.op("JEQ done")
	states(1)
	s.op("ADDQ $4, R13")
	s.op("ADDQ $%d, R12", laneBytes)
	s.op("JMP rest")
	s.label("done")
}

// exp2Terms are the coefficients of 2^f on |f| <= 1/2 from f^6 down: those of exp2Neg in the package.
var exp2Terms = []float64{1.5594677029e-4, 1.3406643848e-3, 9.6176929761e-3, 5.5503105512e-2, 2.4022652783e-1, 6.9314721497e-1, 1}

// decays sets registers 6, 9 ... to the decays of n states, 2^(dt·A) with dt in 1 and A at R9. It uses registers 4 to 3+3n.
func (s scan) decays(n int) {
	each(n, func(i int) { s.op("VMULPS %d(R9)(R12*1), %s, %s", i*laneBytes, s.r(1), s.r(4+3*i)) })
	s.exp2(n)
}

// exp2 sets registers 6, 9 ... to exp2Neg of those in 4, 7 ..., for n vectors; 5, 8 ... are used.
func (s scan) exp2(n int) {
	x, k, p := func(i int) int { return 4 + 3*i }, func(i int) int { return 5 + 3*i }, func(i int) int { return 6 + 3*i }
	// At the floor the exponent below comes out as 0. The second source of max wins if one is NaN.
	s.constant(-127)
	each(n, func(i int) { s.op("VMAXPS %s, %s, %s", s.r(x(i)), s.r(0), s.r(x(i))) })
	// Adding 1.5·2^23 rounds to an integer, which the low bits then hold.
	s.constant(12582912)
	each(n, func(i int) { s.f("VADDPS", 0, x(i), k(i)) })
	each(n, func(i int) { s.f("VSUBPS", 0, k(i), p(i)) })
	each(n, func(i int) { s.f("VSUBPS", p(i), x(i), x(i)) })
	s.constant(exp2Terms[0])
	each(n, func(i int) { s.f("VMOVAPS", 0, p(i)) })
	for _, c := range exp2Terms[1:] {
		s.constant(c)
		each(n, func(i int) { s.f("VFMADD213PS", 0, x(i), p(i)) })
	}
	each(n, func(i int) { s.op("VPSLLD $23, %s, %s", s.r(k(i)), s.r(k(i))) })
	each(n, func(i int) { s.f("VPADDD", k(i), p(i), p(i)) })
}

// update takes n states at from on to their next values at to, after decays; these stay in registers 4, 7 ...
func (s scan) update(n int, from, to string) {
	h, e := func(i int) int { return 4 + 3*i }, func(i int) int { return 6 + 3*i }
	each(n, func(i int) { s.op("VBROADCASTSS %d(DX)(R13*1), %s", 4*i, s.r(h(i))) })
	each(n, func(i int) { s.f("VMULPS", 2, h(i), h(i)) })
	each(n, func(i int) { s.op("VFMADD231PS %d(%s)(R12*1), %s, %s", i*laneBytes, from, s.r(e(i)), s.r(h(i))) })
	each(n, func(i int) { s.op("VMOVUPS %s, %d(%s)(R12*1)", s.r(h(i)), i*laneBytes, to) })
}

// forward: h = e·h + x·b, y = skip·u + sum of c·h.
func (s scan) forward() {
	s.start("Forward", "Steps of the recurrence for one vector of channels.")
	s.ptr(scanNumber, "AX")
	s.ptr(scanN, "R11")
	s.ptr(scanU, "SI")
	s.ptr(scanDt, "BX")
	s.ptr(scanY, "CX")
	s.ptr(scanB, "DX")
	s.ptr(scanC, "R8")
	s.ptr(scanA, "R9")
	s.ptr(scanH, "R10")
	s.label("step")
	// Rows are far apart: fetch those of eight steps ahead.
	s.ptr(scanLDU, "R15")
	s.op("PREFETCHT0 (SI)(R15*8)")
	s.op("PREFETCHT0 (CX)(R15*8)")
	s.ptr(scanLDDt, "R15")
	s.op("PREFETCHT0 (BX)(R15*8)")
	s.lanes(scanMask, 4)
	s.loadLanes("(SI)", 4, 5) // u
	s.loadLanes("(BX)", 4, 1) // dt
	s.f("VMULPS", 5, 1, 2)    // x
	s.ptr(scanSkip, "R13")
	s.op("VMULPS (R13), %s, %s", s.r(5), s.r(3)) // y
	s.byStates(func(n int) {
		s.decays(n)
		s.update(n, "R10", "R10")
		each(n, func(i int) { s.op("VBROADCASTSS %d(R8)(R13*1), %s", 4*i, s.r(5+3*i)) })
		if n == 1 {
			s.f("VFMADD231PS", 5, 4, 3)
			return
		}
		// In two sums, so that one addition need not wait for the last.
		s.f("VMULPS", 4, 5, 5)
		s.f("VMULPS", 10, 11, 11)
		s.f("VFMADD231PS", 7, 8, 5)
		s.f("VFMADD231PS", 13, 14, 11)
		s.f("VADDPS", 11, 5, 5)
		s.f("VADDPS", 5, 3, 3)
	})
	s.lanes(scanMask, 4)
	s.storeLanes(3, 4, "(CX)")
	s.op("ADDQ %d(DI), SI", scanLDU)
	s.op("ADDQ %d(DI), CX", scanLDU)
	s.op("ADDQ %d(DI), BX", scanLDDt)
	s.op("ADDQ %d(DI), DX", scanLDB)
	s.op("ADDQ %d(DI), R8", scanLDB)
	s.op("DECQ AX")
	s.op("JNE step")
	s.ret()
}
