package main

import "fmt"

// Offsets of the fields of kernel.halfArgs.
const (
	argHalfDst    = 0
	argHalfSrc    = 8
	argHalfBlocks = 16
)

// emitHalves writes the conversions between FP32 and the 16-bit formats, on blocks of
// 16 numbers. They compute what half.go defines, bit by bit: the BF16 conversions are
// integer arithmetic also where the CPU has VCVTNEPS2BF16, which takes denormals for 0.
func emitHalves(f *file) {
	for _, reg := range widths {
		v := vec{file: f, reg: reg}
		n := 16 / v.w() // vectors in a block
		fmt.Fprintf(&f.code, "\n// convert%s runs a conversion.\nfunc convert%s(c conversion, args halfArgs) {\nswitch c {\n", reg, reg)

		v.halfLoop("widenBF16", "16 bits each.", nil, func() {
			for i := range n {
				v.op("VPMOVZXWD %d(SI), %s", 2*v.w()*i, v.r(i))
				v.op("VPSLLD $16, %s, %s", v.r(i), v.r(i))
				v.op("VMOVUPS %s, %d(DI)", v.r(i), 4*v.w()*i)
			}
		}, 64, 32)

		v.halfLoop("narrowBF16", "Rounds to nearest even.", func() {
			v.op("VMOVUPS %s, %s", v.ci(1), v.r(13))
			v.op("VMOVUPS %s, %s", v.ci(0x7fff), v.r(14))
			v.op("VMOVUPS %s, %s", v.ci(1<<22), v.r(15))
		}, func() {
			for i := range n {
				v.op("VMOVUPS %d(SI), %s", 4*v.w()*i, v.r(i))
				v.roundBF16(i, 4+i, 8+i)
			}
			if reg == "Z" {
				v.op("VPMOVDW Z4, (DI)")
				return
			}
			v.op("VPACKUSDW Y5, Y4, Y4")
			v.op("VPERMQ $0xd8, Y4, Y4")
			v.op("VMOVDQU Y4, (DI)")
		}, 32, 64)

		v.halfLoop("widenFP16", "16 bits each.", nil, func() {
			for i := range n {
				v.op("VCVTPH2PS %d(SI), %s", 2*v.w()*i, v.r(i))
				v.op("VMOVUPS %s, %d(DI)", v.r(i), 4*v.w()*i)
			}
		}, 64, 32)

		v.halfLoop("narrowFP16", "Rounds to nearest even.", nil, func() {
			for i := range n {
				v.op("VMOVUPS %d(SI), %s", 4*v.w()*i, v.r(i))
				v.op("VCVTPS2PH $0, %s, %d(DI)", v.r(i), 2*v.w()*i)
			}
		}, 32, 64)
		fmt.Fprintf(&f.code, "default:\npanic(\"kernel: no such conversion\")\n}\n}\n")
	}
	f.data()
}

// roundBF16 sets dst to x rounded to 16 bits, in the low half of each lane: half of the
// last place less one, and one more if the last place is odd, carry into it. A NaN keeps its
// sign and high bits and becomes quiet. Registers 13, 14 and 15 hold 1, 0x7fff and 1<<22.
func (v vec) roundBF16(x, dst, t int) {
	v.op("VPSRLD $16, %s, %s", v.r(x), v.r(dst))
	if v.reg == "Z" {
		v.op("VCMPPS $3, %s, %s, K1", v.r(x), v.r(x)) // unordered
		v.f("VPANDD", 13, dst, dst)
		v.f("VPADDD", 14, dst, dst)
		v.f("VPADDD", x, dst, dst)
		v.op("VPORD %s, %s, K1, %s", v.r(15), v.r(x), v.r(dst))
	} else {
		v.op("VCMPPS $3, %s, %s, %s", v.r(x), v.r(x), v.r(t))
		v.f("VPAND", 13, dst, dst)
		v.f("VPADDD", 14, dst, dst)
		v.f("VPADDD", x, dst, dst)
		v.f("VPOR", 15, x, x)
		v.op("VBLENDVPS %s, %s, %s, %s", v.r(t), v.r(x), v.r(dst), v.r(dst))
	}
	v.op("VPSRLD $16, %s, %s", v.r(dst), v.r(dst))
}

// halfLoop writes a function that runs body once a block: SI and DI move on by the
// bytes that a block reads and writes.
func (v vec) halfLoop(name, comment string, start, body func(), written, read int) {
	v.text(name+v.reg, "halfArgs", comment)
	fmt.Fprintf(&v.code, "case %s:\n%s%s(&args)\n", name, name, v.reg)
	v.op("MOVQ %d(DI), SI", argHalfSrc)
	v.op("MOVQ %d(DI), AX", argHalfBlocks)
	v.op("MOVQ %d(DI), DI", argHalfDst)
	if start != nil {
		start()
	}
	v.label("loop")
	body()
	v.op("ADDQ $%d, SI", read)
	v.op("ADDQ $%d, DI", written)
	v.op("DECQ AX")
	v.op("JNE loop")
	v.ret()
}
