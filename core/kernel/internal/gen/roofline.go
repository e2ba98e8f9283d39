package main

import "fmt"

// Offsets of the fields of kernel.roofArgs.
const (
	roofN    = 0 // rounds, or bytes of each of the four streams
	roofP    = 8
	roofSums = 16 // where the accumulators go
	roofPass = 24 // of a reader: how often
)

// emitRoofline writes loops that show what the machine can do at best: arithmetic on
// registers alone, and reading alone.
func emitRoofline(f *file) {
	for _, reg := range widths {
		v := vec{file: f, reg: reg}
		v.peak("FP32", func(acc int) { v.f("VFMADD231PS", v.operand(0), v.operand(1), acc) })
		if reg == "Z" {
			v.peak("INT8", func(acc int) { v.f("VPDPBUSD", v.operand(0), v.operand(1), acc) })
			v.peak("BF16", func(acc int) { v.f("VDPBF16PS", v.operand(0), v.operand(1), acc) })
		} else {
			// Bytes times bytes to 16 bits, pairs of those to 32: exact where one factor has 7 bits.
			v.peak("INT8", func(acc int) {
				t := v.operand(3) + acc%3
				v.f("VPMADDUBSW", v.operand(0), v.operand(1), t)
				v.f("VPMADDWD", v.operand(2), t, t)
				v.f("VPADDD", t, acc, acc)
			})
		}
		v.read()
	}
}

// accumulators is how many registers a loop adds to: enough to hide the latency of an
// addition behind the others.
func (v vec) accumulators() int {
	if v.reg == "Z" {
		return 24
	}
	return 10
}

// operand is the register of operand i.
func (v vec) operand(i int) int { return v.accumulators() + i }

// peak emits a loop of n rounds of two steps on every accumulator. Operand 0 and 1 are
// the vectors at p, operand 2 is 16-bit ones. The last accumulators' sums come out, so
// that operands of one make the loop count its own multiply-adds.
func (v vec) peak(name string, step func(acc int)) {
	n := v.accumulators()
	v.text(fmt.Sprintf("peak%s%s", name, v.reg), "roofArgs", "Computes on registers alone.")
	v.op("MOVQ %d(DI), AX", roofN)
	v.op("MOVQ %d(DI), SI", roofP)
	v.op("MOVQ %d(DI), BX", roofSums)
	for i := range n {
		v.zero(v.r(i))
	}
	v.op("VMOVUPS (SI), %s", v.r(v.operand(0)))
	v.op("VMOVUPS 64(SI), %s", v.r(v.operand(1)))
	if v.reg == "Y" {
		v.op("VMOVUPS 128(SI), %s", v.r(v.operand(2)))
	}
	v.op("PCALIGN $32")
	v.label("loop")
	for range 2 {
		for i := range n {
			step(i)
		}
	}
	v.op("DECQ AX")
	v.op("JNE loop")
	for i := range n {
		v.op("VMOVUPS %s, %d(BX)", v.r(i), i*4*v.w())
	}
	v.ret()
}

// read emits a loop over four streams of n bytes each, one behind the other from p, that
// adds up their 32-bit words, several times. The streams keep the prefetchers of all
// levels busy.
func (v vec) read() {
	const streams, unroll = 4, 4
	at := []string{"(SI)(CX*1)", "(R8)(CX*1)", "(R9)(CX*1)", "(R10)(CX*1)"}
	v.text("read"+v.reg, "roofArgs", "Reads four streams.")
	v.op("MOVQ %d(DI), AX", roofN)
	v.op("MOVQ %d(DI), SI", roofP)
	v.op("MOVQ %d(DI), BX", roofSums)
	v.op("LEAQ (SI)(AX*1), R8")
	v.op("LEAQ (R8)(AX*1), R9")
	v.op("LEAQ (R9)(AX*1), R10")
	for i := range 8 {
		v.zero(v.r(i))
	}
	v.op("MOVQ %d(DI), DX", roofPass)
	v.label("pass")
	v.op("XORQ CX, CX")
	v.op("PCALIGN $32")
	v.label("loop")
	for s := range streams {
		for u := range unroll {
			acc := (s*unroll + u) % 8
			v.op("VPADDD %d%s, %s, %s", u*4*v.w(), at[s], v.r(acc), v.r(acc))
		}
	}
	v.op("ADDQ $%d, CX", unroll*4*v.w())
	v.op("CMPQ CX, AX")
	v.op("JLT loop")
	v.op("DECQ DX")
	v.op("JNE pass")
	for i := range 8 {
		v.op("VMOVUPS %s, %d(BX)", v.r(i), i*4*v.w())
	}
	v.ret()
}
