package main

import "math"

// attendRow emits one step of the running softmax for one row of attention and one
// block of 64 scores: p0 = scores, replaced by exp(s0·score - top'); p1 = the row's
// output of n floats, scaled by exp(top-top'); s1 = top, s2 = sum so far. The
// results are the new top and sum. If all scores and top are -Inf, the scores
// become 0 and nothing else changes.
func attendRow(v vec) {
	nv := 64 / v.w()
	t0, t1, t2, shift, f := nv, nv+1, nv+2, nv+3, nv+4
	v.scalar(0, t0)
	for i := range nv {
		v.op("VMULPS %d(SI), %s, %s", i*4*v.w(), v.r(t0), v.r(i))
	}
	v.f("VMAXPS", 1, 0, t1)
	for i := 2; i < nv; i++ {
		v.f("VMAXPS", i, t1, t1)
	}
	v.maxLanes(t1, t2)
	v.op("VMOVSS %d(DI), X%d", argS+4, t2)
	v.op("VMAXSS X%d, X%d, X%d", t2, t1, t1)
	v.op("VMOVSS X%d, %d(DI)", t1, argResult)
	v.op("VMOVD X%d, R10", t1)
	v.op("CMPL R10, $0x%08x", math.Float32bits(float32(math.Inf(-1))))
	v.op("JEQ none")
	v.op("VSUBSS X%d, X%d, X%d", t1, t2, t2)
	v.op("VBROADCASTSS X%d, %s", t1, v.r(shift))
	v.op("VBROADCASTSS X%d, %s", t2, v.r(f))
	v.expNegative(v.r(f), v.r(t0), v.r(t1), v.r(t2))
	weights := func(i, temp, mask int) func() {
		return func() {
			v := v
			v.mask = mask
			v.f("VSUBPS", shift, i, i)
			v.expNegative(v.r(i), v.r(temp), v.r(temp+1), v.r(temp+2))
			v.op("VMOVUPS %s, %d(SI)", v.r(i), i*4*v.w())
		}
	}
	if v.reg == "Z" {
		v.interleave(weights(0, 10, 0), weights(1, 13, 1), weights(2, 16, 2), weights(3, 19, 3))
	} else {
		for i := range nv {
			weights(i, t0, 0)()
		}
	}
	for step := 1; step < nv; step *= 2 {
		for i := 0; i < nv; i += 2 * step {
			v.f("VADDPS", i+step, i, i)
		}
	}
	v.sumLanes(0, t0)
	v.op("VMOVSS %d(DI), X%d", argS+8, t0)
	v.op("VFMADD213SS X0, X%d, X%d", f, t0)
	v.op("VMOVSS X%d, %d(DI)", t0, argResult2)
	v.op("VMOVD X%d, R10", f)
	v.op("CMPL R10, $0x%08x", math.Float32bits(1))
	v.op("JEQ done")

	v.label("loop")
	v.op("CMPQ AX, $%d", v.w())
	v.op("JLT tail")
	v.op("VMULPS (BX)(R9*1), %s, %s", v.r(f), v.r(0))
	v.store(v.r(0), "(BX)(R9*1)", false)
	v.op("ADDQ $%d, R9", 4*v.w())
	v.op("SUBQ $%d, AX", v.w())
	v.op("JMP loop")
	v.label("tail")
	v.op("TESTQ AX, AX")
	v.op("JEQ done")
	v.tailMask("AX")
	v.load("(BX)(R9*1)", v.r(0), true)
	v.f("VMULPS", f, 0, 0)
	v.store(v.r(0), "(BX)(R9*1)", true)
	v.op("JMP done")

	v.label("none")
	v.zero(v.r(0))
	for i := range nv {
		v.op("VMOVUPS %s, %d(SI)", v.r(0), i*4*v.w())
	}
	v.op("VMOVSS %d(DI), X0", argS+8)
	v.op("VMOVSS X0, %d(DI)", argResult2)
	v.label("done")
	v.ret()
}
