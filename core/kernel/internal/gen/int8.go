package main

// Offsets of the fields of kernel.wordArgs.
const (
	wordDst   = 0
	wordSrc   = 8
	wordN     = 16
	wordScale = 24
)

// Offsets of the fields of kernel.spreadArgs.
const (
	spreadDst   = 0
	spreadSrc   = 8
	spreadN     = 16
	spreadPitch = 24
	spreadGap   = 32
)

// Offsets of the fields of kernel.scaleArgs.
const (
	scaleDst    = 0
	scaleSums   = 8
	scaleBias   = 16
	scaleColumn = 24
	scaleRow    = 32
	scaleRows   = 40
	scaleBlocks = 48
	scaleSkip   = 56
)

// Offsets of the fields of kernel.dotRowArgs.
const (
	dotRowDst     = 0
	dotRowPanel   = 8
	dotRowX       = 16
	dotRowK       = 24
	dotRowWidth   = 32
	dotRowApart   = 40
	dotRowStreams = 48
	dotRowStart   = 56
)

// emitInt8 writes the product of 8-bit integers. Weights lie in panels whose words are
// quads: four signed bytes along K.
func emitInt8(f *file) {
	// Words are pairs of 16 bits: their products and the sum of two are exact.
	pairs := dotTile{file: f, kind: "int8", narrow: true, scaled: true, add: func(t dotTile, a, b, acc, free string) {
		t.op("VPMADDWD %s, %s, %s", a, b, free)
		t.op("VPADDD %s, %s, %s", free, acc, acc)
	}}
	pairs.reg, pairs.unroll, pairs.ahead = "Y", 16, true // a line of a row of A
	emitDotTiles(pairs, 6)
	pairs.reg, pairs.unroll, pairs.ahead = "Z", 4, false
	emitDotTiles(pairs, 14)
	// Words are quads, A's unsigned.
	emitDotTiles(dotTile{file: f, kind: "vnni", reg: "Z", unroll: 4, scaled: true, add: func(t dotTile, a, b, acc, _ string) {
		t.op("VPDPBUSD %s, %s, %s", b, a, acc)
	}}, 14)

	v := vec{file: f, reg: "Y"}
	v.text("spreadPairsY", "spreadArgs", "Each row of quads of a panel becomes two rows of pairs.")
	v.op("MOVQ %d(DI), SI", spreadSrc)
	v.op("MOVQ %d(DI), AX", spreadN)
	v.op("MOVQ %d(DI), R8", spreadPitch)
	v.op("MOVQ %d(DI), R9", spreadGap)
	v.op("MOVQ %d(DI), DI", spreadDst)
	v.op("LEAQ (DI)(R8*1), BX")
	v.label("loop")
	for i := range 4 {
		v.op("VPMOVSXBW %d(SI), Y0", 32*i)
		v.op("VPMOVSXBW %d(SI), Y1", 32*i+16)
		v.op("VSHUFPS $0x88, Y1, Y0, Y2")
		v.op("VSHUFPS $0xdd, Y1, Y0, Y3")
		v.op("VPERMQ $0xd8, Y2, Y2")
		v.op("VPERMQ $0xd8, Y3, Y3")
		half := []string{"", "(R9*1)"}[i/2]
		v.op("VMOVUPS Y2, %d(DI)%s", 32*(i%2), half)
		v.op("VMOVUPS Y3, %d(BX)%s", 32*(i%2), half)
	}
	v.op("ADDQ $%d, SI", panelBytes)
	v.op("LEAQ (DI)(R8*2), DI")
	v.op("LEAQ (BX)(R8*2), BX")
	v.op("DECQ AX")
	v.op("JNE loop")
	v.ret()
	v.wordLoop("widen8", "16 bits of each of 32 signed bytes.", 64, 32, func() {}, func() {
		for i := range 2 {
			v.op("VPMOVSXBW %d(SI), %s", 16*i, v.r(i))
			v.op("VMOVDQU %s, %d(DI)", v.r(i), 32*i)
		}
	})
	v.wordLoop("quantize8", "Bytes of 32 floats times the scale, rounded to nearest even.", 32, 128, func() {
		v.op("VBROADCASTSS X15, Y15")
		v.op("VMOVDQU ·packOrder(SB), Y14")
	}, func() {
		for i := range 4 {
			v.op("VMULPS %d(SI), Y15, %s", 32*i, v.r(i))
			v.op("VCVTPS2DQ %s, %s", v.r(i), v.r(i))
		}
		v.op("VPACKSSDW Y1, Y0, Y0")
		v.op("VPACKSSDW Y3, Y2, Y2")
		v.op("VPACKSSWB Y2, Y0, Y0")
		v.op("VPERMD Y0, Y14, Y0")
		v.op("VMOVDQU Y0, (DI)")
	})
	emitAbsMax(v)
	emitScaleSums(v)
	emitInt8Row(v)
	emitVNNIRow(vec{file: f, reg: "Z"})
	f.data()
}

// wordLoop writes a function that runs body n times: SI and DI move on by the bytes that it
// reads and writes. X15 is the scale.
func (v vec) wordLoop(name, comment string, written, read int, start, body func()) {
	v.text(name+v.reg, "wordArgs", comment)
	v.op("MOVQ %d(DI), SI", wordSrc)
	v.op("MOVQ %d(DI), AX", wordN)
	v.op("VMOVSS %d(DI), X15", wordScale)
	v.op("MOVQ %d(DI), DI", wordDst)
	start()
	v.label("loop")
	body()
	v.op("ADDQ $%d, SI", read)
	v.op("ADDQ $%d, DI", written)
	v.op("DECQ AX")
	v.op("JNE loop")
	v.ret()
}

// emitAbsMax writes the greatest magnitude of 32n floats. Magnitudes are ordered like their
// bits, NaN above all.
func emitAbsMax(v vec) {
	v.text("absMax"+v.reg, "wordArgs", "The bits of the greatest magnitude of 32n floats.")
	v.op("MOVQ %d(DI), SI", wordSrc)
	v.op("MOVQ %d(DI), AX", wordN)
	v.op("VMOVUPS %s, Y15", v.ci(0x7fffffff))
	for i := range 4 {
		v.zero(v.r(i))
	}
	v.label("loop")
	for i := range 4 {
		v.op("VPAND %d(SI), Y15, %s", 32*i, v.r(4+i))
		v.f("VPMAXUD", 4+i, i, i)
	}
	v.op("ADDQ $128, SI")
	v.op("DECQ AX")
	v.op("JNE loop")
	v.f("VPMAXUD", 1, 0, 0)
	v.f("VPMAXUD", 3, 2, 2)
	v.f("VPMAXUD", 2, 0, 0)
	v.op("VEXTRACTI128 $1, Y0, X1")
	v.op("VPMAXUD X1, X0, X0")
	v.op("VPSHUFD $0x4e, X0, X1")
	v.op("VPMAXUD X1, X0, X0")
	v.op("VPSHUFD $0xb1, X0, X1")
	v.op("VPMAXUD X1, X0, X0")
	v.op("VMOVD X0, %d(DI)", wordScale)
	v.ret()
}

// emitScaleSums writes dst = (sum - bias)·row·column, for rows of blocks of 32 sums.
func emitScaleSums(v vec) {
	v.text("scaleSums"+v.reg, "scaleArgs", "FP32 of rows of sums.")
	v.op("MOVQ %d(DI), SI", scaleSums)
	v.op("MOVQ %d(DI), DX", scaleRow)
	v.op("MOVQ %d(DI), AX", scaleRows)
	v.op("MOVQ %d(DI), R8", scaleSkip)
	v.op("MOVQ %d(DI), R10", scaleBias)
	v.op("MOVQ %d(DI), R11", scaleColumn)
	v.op("MOVQ %d(DI), R12", scaleBlocks)
	// Rows of dst lie pages apart, where no prefetcher follows.
	v.op("MOVQ R12, R13")
	v.op("SHLQ $7, R13")
	v.op("ADDQ R8, R13")
	v.op("SHLQ $2, R13")
	v.op("MOVQ %d(DI), DI", scaleDst)
	v.label("row")
	v.op("VBROADCASTSS (DX), Y12")
	v.op("MOVQ R10, BX")
	v.op("MOVQ R11, CX")
	v.op("MOVQ R12, R9")
	v.label("block")
	v.op("PREFETCHT0 (DI)(R13*1)")
	v.op("PREFETCHT0 64(DI)(R13*1)")
	for i := range 4 {
		v.op("VMOVDQU %d(SI), %s", 32*i, v.r(i))
		v.op("VPSUBD %d(BX), %s, %s", 32*i, v.r(i), v.r(i))
		v.op("VCVTDQ2PS %s, %s", v.r(i), v.r(i))
		v.f("VMULPS", 12, i, i)
		v.op("VMULPS %d(CX), %s, %s", 32*i, v.r(i), v.r(i))
		v.op("VMOVUPS %s, %d(DI)", v.r(i), 32*i)
	}
	for _, p := range []string{"SI", "BX", "CX", "DI"} {
		v.op("ADDQ $%d, %s", panelBytes, p)
	}
	v.op("DECQ R9")
	v.op("JNE block")
	v.op("ADDQ $4, DX")
	v.op("ADDQ R8, DI")
	v.op("DECQ AX")
	v.op("JNE row")
	v.ret()
}

// prefetchAhead is how far ahead weights are fetched that are read once: the CPU's own
// prefetchers stop where a page ends.
const prefetchAhead = 2048

// prefetch fetches lines ahead of those that are read.
func (v vec) prefetch(addr string, offset, bytes int) {
	for i := 0; i < bytes; i += 64 {
		v.op("PREFETCHT0 %d(%s)", prefetchAhead+offset+i, addr)
	}
}

// rowChunk is how many bytes of a panel are read before the next stream has its turn.
const rowChunk = 2048

// streams writes a product of one row with panels that are read side by side, a chunk at a time: chunk runs through CX
// rows of a panel at SI with x at BX, and keeps sums in the first n registers, which zero sets at first. x is fetched
// again for each stream.
func (v vec) streams(name string, n int, start, zero, chunk, end func()) {
	const rows = rowChunk / panelBytes
	v.text(name, "dotRowArgs", "One row of 32 columns a stream, n quads.")
	v.op("MOVQ %d(DI), R8", dotRowPanel)
	v.op("MOVQ %d(DI), DX", dotRowX)
	v.op("MOVQ %d(DI), AX", dotRowK)
	v.op("MOVQ %d(DI), R12", dotRowWidth)
	v.op("MOVQ %d(DI), R13", dotRowApart)
	start()
	v.op("XORQ R11, R11") // of the first chunk
	v.label("chunk")
	v.op("MOVQ R8, R9")
	v.op("MOVQ %d(DI), R10", dotRowDst)
	v.op("MOVQ %d(DI), R15", dotRowStreams)
	v.label("stream")
	v.op("MOVQ R9, SI")
	v.op("MOVQ DX, BX")
	v.op("MOVQ $%d, CX", rows)
	v.op("CMPQ AX, CX")
	v.op("CMOVQLT AX, CX")
	v.op("TESTQ R11, R11")
	v.op("JEQ first")
	for i := range n {
		v.op("VMOVUPS %d(R10), %s", 4*v.w()*i, v.r(i))
	}
	v.op("JMP ready")
	v.label("first")
	zero()
	v.label("ready")
	chunk()
	if end != nil {
		end()
	}
	for i := range n {
		v.op("VMOVUPS %s, %d(R10)", v.r(i), 4*v.w()*i)
	}
	v.op("ADDQ R12, R10")
	v.op("ADDQ R13, R9")
	v.op("DECQ R15")
	v.op("JNE stream")
	v.op("MOVQ $1, R11")
	v.op("ADDQ $%d, R8", rowChunk)
	v.op("ADDQ $%d, DX", 4*rows)
	v.op("SUBQ $%d, AX", rows)
	v.op("JGT chunk")
	v.ret()
}

// emitInt8Row writes the product of one row with panels. The magnitudes of x take the unsigned place, and where x is
// negative all bits of the weight are turned: -w-1. Two products of at most 127·128 stay within 16 bits, and the sums
// start from what the ones add up to.
func emitInt8Row(v vec) {
	v.streams("int8RowY", 4, func() {
		v.op("LEAQ (AX*4), R14") // from magnitudes to signs
		v.op("VPBROADCASTD %d(DI), Y14", dotRowStart)
		v.op("VMOVUPS %s, Y15", v.ci(0x00010001))
	}, func() {
		for i := range 4 {
			v.op("VMOVDQU Y14, %s", v.r(i))
		}
	}, func() {
		v.op("PCALIGN $32")
		v.label("loop")
		for u := range 4 {
			v.prefetch("SI", u*panelBytes, panelBytes)
			v.op("VPBROADCASTD %d(BX), Y12", 4*u)
			v.op("VPBROADCASTD %d(BX)(R14*1), Y13", 4*u)
			for i := range 4 {
				t := 4 + (4*u+i)%8
				v.op("VPXOR %d(SI), Y13, %s", u*panelBytes+32*i, v.r(t))
				v.f("VPMADDUBSW", t, 12, t)
				v.f("VPMADDWD", 15, t, t)
				v.f("VPADDD", t, i, i)
			}
		}
		v.op("ADDQ $%d, SI", 4*panelBytes)
		v.op("ADDQ $16, BX")
		v.op("SUBQ $4, CX")
		v.op("JNE loop")
	}, nil)
	v.text("splitSignsY", "wordArgs", "Magnitudes of 32n signed bytes in place of them, and their signs: -1 or 0.")
	v.op("MOVQ %d(DI), SI", wordSrc)
	v.op("MOVQ %d(DI), AX", wordN)
	v.op("MOVQ %d(DI), BX", wordDst)
	for _, zero := range []string{"Y6", "Y7"} {
		v.zero(zero)
	}
	v.label("loop")
	v.op("VMOVDQU (SI), Y0")
	v.op("VPCMPGTB Y0, Y7, Y1")
	v.op("VPABSB Y0, Y0")
	v.op("VMOVDQU Y0, (SI)")
	v.op("VMOVDQU Y1, (BX)")
	v.op("VPAND Y1, Y0, Y0")
	v.op("VPSADBW Y7, Y0, Y0")
	v.op("VPADDQ Y0, Y6, Y6")
	v.op("ADDQ $32, SI")
	v.op("ADDQ $32, BX")
	v.op("DECQ AX")
	v.op("JNE loop")
	v.op("VEXTRACTI128 $1, Y6, X0")
	v.op("VPADDQ X6, X0, X0")
	v.op("VPSHUFD $0x4e, X0, X1")
	v.op("VPADDQ X1, X0, X0")
	v.op("VMOVD X0, %d(DI)", wordScale)
	v.ret()
}

// emitVNNIRow is emitInt8Row with x's bytes unsigned. Integers add up to the same in any
// order: four chains a vector hide the latency.
func emitVNNIRow(v vec) {
	v.streams("vnniRowZ", 2, func() {}, func() {
		for i := range 2 {
			v.zero(v.r(i))
		}
	}, func() {
		for i := 2; i < 8; i++ {
			v.zero(v.r(i))
		}
		v.op("PCALIGN $32")
		v.label("loop")
		for u := range 4 {
			v.prefetch("SI", u*panelBytes, panelBytes)
			v.op("VPBROADCASTD %d(BX), %s", 4*u, v.r(8+u))
			for i := range 2 {
				v.op("VPDPBUSD %d(SI), %s, %s", u*panelBytes+64*i, v.r(8+u), v.r(2*u+i))
			}
		}
		v.op("ADDQ $%d, SI", 4*panelBytes)
		v.op("ADDQ $16, BX")
		v.op("SUBQ $4, CX")
		v.op("JNE loop")
	}, func() {
		for i := range 2 {
			v.f("VPADDD", 2+i, i, i)
			v.f("VPADDD", 6+i, 4+i, 4+i)
			v.f("VPADDD", 4+i, i, i)
		}
	})
}
