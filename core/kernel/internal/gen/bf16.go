package main

// Offsets of the fields of kernel.pairArgs.
const (
	pairDst = 0
	pairLo  = 8
	pairHi  = 16
	pairN   = 24
)

// emitBF16 writes the product of BF16 numbers for CPUs with AVX512_BF16. A word is a pair.
func emitBF16(f *file) {
	emitDotTiles(dotTile{file: f, kind: "bf16", reg: "Z", masked: true, unroll: 1,
		add: func(t dotTile, a, b, acc, _ string) { t.op("VDPBF16PS %s, %s, %s", a, b, acc) }}, 14)

	v := vec{file: f, reg: "Z"}
	// Word i of the destination is element i of lo, and element i of hi in its high half.
	v.pairLoop("pairBF16Z", "Pairs of BF16.", 2, func() {}, func() {
		v.op("VPMOVZXWD.Z (SI), K1, Z0")
		v.op("VPMOVZXWD.Z (BX), K2, Z1")
		v.op("VPSLLD $16, Z1, Z1")
		v.op("VPORD Z1, Z0, Z0")
		v.op("VMOVDQU32 Z0, K1, (DI)")
	})
	v.pairLoop("pairFP32Z", "Pairs of FP32, rounded.", 4, func() {
		v.op("VMOVDQU32 ·interleave16(SB), Z31")
	}, func() {
		v.op("VMOVUPS.Z (SI), K1, Z0")
		v.op("VMOVUPS.Z (BX), K2, Z1")
		v.op("VCVTNE2PS2BF16 Z0, Z1, Z0") // lo in the low half
		v.op("VPERMW Z0, Z31, Z0")
		v.op("VMOVDQU32 Z0, K1, (DI)")
	})
	// A row of FP32, rounded; the last vector is written whole, with zeros.
	v.pairLoop("rowFP32Z", "A row of FP32, rounded.", 4, func() {}, func() {
		v.op("VMOVUPS.Z (SI), K1, Z0")
		v.op("VCVTNEPS2BF16 Z0, Y0")
		v.op("VMOVDQU Y0, (DI)")
		v.op("SUBQ $32, DI") // half of what the loop moves on by
	})
}

// pairLoop writes a function of n words: SI and BX go along lo and hi, DI along the
// destination. If hi is 0, so are its elements.
func (v vec) pairLoop(name, comment string, size int, start, body func()) {
	v.text(name, "pairArgs", comment)
	v.op("MOVQ %d(DI), SI", pairLo)
	v.op("MOVQ %d(DI), BX", pairHi)
	v.op("MOVQ %d(DI), AX", pairN)
	v.op("MOVQ %d(DI), DI", pairDst)
	start()
	v.op("MOVL $0xffff, CX")
	v.op("KMOVW CX, K1")
	v.op("KMOVW CX, K2")
	v.op("TESTQ BX, BX")
	v.op("JNE loop")
	v.op("KXORW K2, K2, K2")
	v.label("loop")
	v.op("CMPQ AX, $16")
	v.op("JGE full")
	v.op("MOVQ $-1, R11")
	v.op("BZHIQ AX, R11, R10")
	v.op("KMOVW R10, K1")
	v.op("KANDW K1, K2, K2")
	v.label("full")
	body()
	v.op("ADDQ $%d, SI", 16*size)
	v.op("ADDQ $%d, BX", 16*size)
	v.op("ADDQ $64, DI")
	v.op("SUBQ $16, AX")
	v.op("JGT loop")
	v.ret()
}
