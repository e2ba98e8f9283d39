package main

import "fmt"

// tapOps are a convolution's rows of four taps: p0 = f(p1 + sum of p2·p3) for rows of n floats, of which p2 and p3 hold four that
// follow each other.
var tapOps = []vecOp{
	{name: "Taps", outs: 1, ins: []int{1, 2, 3}, custom: func(v vec) { taps(v, nil) }},
	{name: "TapsSiLU", outs: 1, ins: []int{1, 2, 3}, custom: func(v vec) {
		taps(v, func(v vec, _ func(string, int)) {
			v.sigmoid(v.r(1), v.r(0), v.r(3), v.r(4), v.r(5))
			v.f("VMULPS", 1, 0, 0)
		})
	}},
	// p4 times the derivative of SiLU.
	{name: "TapsSlope", outs: 1, ins: []int{1, 2, 3, 4}, custom: func(v vec) {
		taps(v, func(v vec, load func(string, int)) {
			v.sigmoid(v.r(2), v.r(0), v.r(3), v.r(4), v.r(5))
			v.siluSlope(0, 2, 3, 4)
			load("(R8)", 1)
			v.f("VMULPS", 3, 1, 0)
		})
	}},
	// The gradients of bias and weights: p0, five rows, += p1 and p1 times the rows of p2; the last row is the bias's.
	{name: "TapsGrad", outs: 1, ins: []int{1, 2}, custom: func(v vec) {
		v.op("LEAQ (SI)(AX*8), DX")
		v.op("LEAQ (DX)(AX*8), DX") // the last row
		rows(v, []string{"SI", "BX", "CX", "DX"}, func(v vec, masked bool) {
			at := func(addr string) string { return fmt.Sprintf("%d%s", 4*v.w()*v.ahead, addr) }
			v.load(at("(BX)"), v.r(0), masked)
			for j := range tapRows {
				v.load(at(tapRow("SI", j)), v.r(1), masked)
				v.load(at(tapRow("CX", j)), v.r(2), masked)
				v.f("VFMADD231PS", 2, 0, 1)
				v.store(v.r(1), at(tapRow("SI", j)), masked)
			}
			v.load(at("(DX)"), v.r(1), masked)
			v.f("VADDPS", 0, 1, 1)
			v.store(v.r(1), at("(DX)"), masked)
		})
	}},
}

const tapRows = 4

// tapRow is the address of the j'th of four rows, with a row's bytes in R12 and three rows' in R13.
func tapRow(base string, j int) string {
	return "(" + base + ")" + []string{"", "(R12*1)", "(R12*2)", "(R13*1)"}[j]
}

// taps emits the sum and what then makes register 0 the result; it may load more.
func taps(v vec, after func(v vec, load func(addr string, dst int))) {
	rows(v, []string{"SI", "BX", "CX", "DX", "R8"}, func(v vec, masked bool) {
		load := func(addr string, dst int) { v.load(fmt.Sprintf("%d%s", 4*v.w()*v.ahead, addr), v.r(dst), masked) }
		load("(BX)", 0)
		for j := range tapRows {
			load(tapRow("CX", j), 1)
			load(tapRow("DX", j), 2)
			v.f("VFMADD231PS", 2, 1, 0)
		}
		if after != nil {
			after(v, load)
		}
		v.store(v.r(0), fmt.Sprintf("%d(SI)", 4*v.w()*v.ahead), masked)
	})
}

// rows emits a loop over the vectors of a row, two at a time, that moves the pointers.
func rows(v vec, pointers []string, step func(v vec, masked bool)) {
	v.op("LEAQ (AX*4), R12")
	v.op("LEAQ (R12)(R12*2), R13")
	first, second := v.twice(0), v.twice(1)
	step(first, false)
	step(second, false)
	advance := func(vectors int) {
		for _, p := range pointers {
			v.op("ADDQ $%d, %s", 4*v.w()*vectors, p)
		}
		v.op("SUBQ $%d, AX", vectors*v.w())
	}
	v.label("pairs")
	v.op("CMPQ AX, $%d", 2*v.w())
	v.op("JLT loop")
	v.zip(first.file, second.file)
	advance(2)
	v.op("JMP pairs")
	v.label("loop")
	v.op("CMPQ AX, $%d", v.w())
	v.op("JLT tail")
	step(v, false)
	advance(1)
	v.op("JMP loop")
	v.label("tail")
	v.op("TESTQ AX, AX")
	v.op("JEQ done")
	v.tailMask("AX")
	step(v, true)
	v.label("done")
	v.ret()
}
