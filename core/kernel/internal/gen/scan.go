package main

import "fmt"

// Offsets of the fields of kernel.ssdArgs.
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
	scanControl
)

const log2e = 1.44269504088896341

// laneBytes is the distance between two states of a block of lanes.
const laneBytes = 64

// emitScan writes the steps of the scans.
func emitScan(f *file) {
	for _, reg := range widths {
		v := vec{file: f, reg: reg}
		emitSelective(v)
		emitSSD(v)
	}
	f.data()
}

// scan is what the scans share.
type scan struct{ vec }

func (s scan) ptr(field int, reg string) { s.op("MOVQ %d(DI), %s", field, reg) }

// flushing takes subnormal numbers for zeros until retFlushing: a state that decays, or takes in nothing but tiny numbers, would
// be slow. field is two words of the arguments for the control register: as it was, and while flushing. Go neither interrupts
// assembly to run something else nor finds the register changed.
func (s scan) flushing(field int) {
	s.op("STMXCSR %d(DI)", field)
	s.op("MOVL %d(DI), AX", field)
	s.op("ORL $0x8040, AX")
	s.op("MOVL AX, %d(DI)", field+4)
	s.op("LDMXCSR %d(DI)", field+4)
}

func (s scan) retFlushing(field int) {
	s.op("LDMXCSR %d(DI)", field)
	s.ret()
}

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

// exp2 sets registers 6, 9 ... to exp2Neg of those in 4, 7 ..., for n vectors; 5, 8 ... are used, and 0 for the constant that all
// need next. A single vector is one long chain.
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
