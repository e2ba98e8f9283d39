package main

import "fmt"

// Offsets of the fields of kernel.int4Args.
const (
	int4Dst        = 0
	int4Weights    = 8
	int4Scales     = 16
	int4X          = 24
	int4Zeros      = 32
	int4Groups     = 40
	int4LDX        = 48
	int4ZeroStride = 56
	int4Pitch      = 64
	int4Gap        = 72
	int4Width      = 80
	int4Apart      = 88
	int4Streams    = 96
	int4Out        = 104
	int4Row        = 112
	int4LDOut      = 120
)

// quadsOfGroup is how many words a group of 32 weights has along K.
const quadsOfGroup = 8

// emitInt4 writes the product with 4-bit weights. They are unsigned, X's bytes are signed.
// Of a group, sums of integers are exact: in 16 bits, eight times 2·15·127, or by VPDPBUSD in 32.
func emitInt4(f *file) {
	y, z := vec{file: f, reg: "Y"}, vec{file: f, reg: "Z"}
	emitInt4Tiles(y, 6)
	emitInt4Tiles(z, 14)
	emitInt4Row(y)
	emitInt4Row(z)
	emitSpreadNibbles(y)
	emitGroupZeros(y)
	f.data()
}

// emitInt4Tiles writes tiles of two vectors of columns and the function that calls one.
func emitInt4Tiles(v vec, most int) {
	fmt.Fprintf(&v.code, "\n// int4%s runs the tile of the given rows.\nfunc int4%s(rows int, args *int4Args) {\nswitch rows {\n", v.reg, v.reg)
	for rows := 1; rows <= most; rows++ {
		name := fmt.Sprintf("int4%s%d", v.reg, rows)
		emitInt4Tile(v, name, rows)
		fmt.Fprintf(&v.code, "case %d:\n%s(args)\n", rows, name)
	}
	fmt.Fprintf(&v.code, "default:\npanic(\"kernel: no such tile\")\n}\n}\n")
}

// emitInt4Tile adds a tile's groups to the sums: for each one the integers from 0, or from
// what X times the weights' zero takes away, and then sum += integer·scale.
func emitInt4Tile(v vec, name string, rows int) {
	vnni := v.reg == "Z"
	size := 4 * v.w()
	acc := func(i, c int) string { return v.r(2*i + c) }
	b := func(c int) string { return v.r(2*rows + c) }
	spare := func(i int) string { return v.r(2*rows + 2 + i%2) }

	v.text(name, "int4Args", fmt.Sprintf("%d rows of %d columns.", rows, 2*v.w()))
	v.op("MOVQ %d(DI), SI", int4Weights)
	v.op("MOVQ %d(DI), DX", int4Scales)
	v.op("MOVQ %d(DI), R8", int4X)
	v.op("MOVQ %d(DI), CX", int4Zeros)
	v.op("MOVQ %d(DI), AX", int4Groups)
	v.op("MOVQ %d(DI), R9", int4LDX)
	bases := (rows + 2) / 3
	ahead := !vnni && rows == rowsY // the rows below those of the highest tile
	if ahead {
		bases *= 2
	}
	v.op("LEAQ (R9)(R9*2), BX")
	for i := 1; i < bases; i++ {
		v.op("LEAQ (%s)(BX*1), %s", aBases[i-1], aBases[i])
	}
	v.op("PCALIGN $32")
	v.label("loop")
	for i := range rows {
		if vnni {
			v.op("VPBROADCASTD %d(CX), %s", 4*i, acc(i, 0))
			v.op("VMOVDQA32 %s, %s", acc(i, 0), acc(i, 1))
		}
	}
	n := 0
	for u := range quadsOfGroup {
		for c := range 2 {
			v.op("VMOVUPS %d(SI), %s", u*2*size+c*size, b(c))
		}
		for i := range rows {
			a, free := spare(n), spare(n+1)
			n++
			v.op("VPBROADCASTD %s, %s", elementOfA(i/3, i%3, 4*u), a)
			if ahead && u == i {
				v.op("PREFETCHT0 %s", elementOfA(bases/2+i/3, i%3, 0))
			}
			for c := range 2 {
				switch {
				case vnni:
					v.op("VPDPBUSD %s, %s, %s", a, b(c), acc(i, c))
				case u == 0:
					v.op("VPMADDUBSW %s, %s, %s", a, b(c), acc(i, c))
				case c == 0:
					v.op("VPMADDUBSW %s, %s, %s", a, b(c), free)
					v.op("VPADDW %s, %s, %s", free, acc(i, c), acc(i, c))
				default: // a's last use
					v.op("VPMADDUBSW %s, %s, %s", a, b(c), a)
					v.op("VPADDW %s, %s, %s", a, acc(i, c), acc(i, c))
				}
			}
		}
	}
	v.op("VMOVUPS (DX), %s", b(0))
	v.op("VMOVUPS %d(DX), %s", size, b(1))
	v.op("MOVQ %d(DI), BX", int4Dst)
	for i := range rows {
		if !vnni {
			v.op("VPBROADCASTD %d(CX), %s", 4*i, spare(i))
		}
		for c := range 2 {
			if !vnni {
				v.op("VPMADDWD %s, %s, %s", v.ci(0x00010001), acc(i, c), acc(i, c))
				v.op("VPADDD %s, %s, %s", spare(i), acc(i, c), acc(i, c))
			}
			v.op("VCVTDQ2PS %s, %s", acc(i, c), acc(i, c))
			v.op("VFMADD213PS %d(BX), %s, %s", c*size, b(c), acc(i, c))
			v.op("VMOVUPS %s, %d(BX)", acc(i, c), c*size)
		}
		if i < rows-1 {
			v.op("ADDQ $%d, BX", panelBytes)
		}
	}
	v.op("ADDQ $%d, SI", quadsOfGroup*2*size)
	v.op("ADDQ $%d, DX", panelBytes)
	v.op("ADDQ %d(DI), CX", int4ZeroStride)
	for i := range bases {
		v.op("ADDQ $%d, %s", 4*quadsOfGroup, aBases[i])
	}
	v.op("DECQ AX")
	v.op("JNE loop")
	v.op("MOVQ %d(DI), SI", int4Out)
	v.op("TESTQ SI, SI")
	v.op("JEQ done")
	v.op("MOVQ %d(DI), BX", int4Dst)
	v.op("MOVQ %d(DI), CX", int4Row)
	v.op("MOVQ %d(DI), DX", int4LDOut)
	for i := range rows {
		v.op("VBROADCASTSS %d(CX), %s", 4*i, spare(i))
		for c := range 2 {
			v.op("VMULPS %d(BX), %s, %s", i*panelBytes+c*size, spare(i), acc(i, c))
			v.op("VMOVUPS %s, %d(SI)", acc(i, c), c*size)
		}
		if i < rows-1 {
			v.op("ADDQ DX, SI")
		}
	}
	v.label("done")
	v.ret()
}

// emitInt4Row writes the product of one row of X with panels as they are stored, by the
// arithmetic of the tiles. Weights 32·group + 8t + b of a column are the low halves of its
// four bytes of row t, and weights 4 further the high halves. Panels are read side by side, a chunk at a time.
func emitInt4Row(v vec) {
	const groups = rowChunk / (quadsOfGroup / 2 * panelBytes)
	vnni := v.reg == "Z"
	n := panelBytes / (4 * v.w()) // vectors in a row of the panel
	acc := func(i int) int { return i }
	sum := func(i int) int { return 4 + i }
	v.text("int4Row"+v.reg, "int4Args", "One row of 32 columns a stream.")
	v.op("MOVQ %d(DI), R8", int4Weights)
	v.op("MOVQ %d(DI), R12", int4Scales)
	v.op("MOVQ %d(DI), AX", int4Groups)
	v.op("MOVQ %d(DI), R13", int4Apart)
	v.op("VMOVUPS %s, %s", v.ci(0x0f0f0f0f), v.r(8))
	v.op("VMOVUPS %s, %s", v.ci(0x00010001), v.r(15))
	and := "VPAND"
	if vnni {
		and = "VPANDD"
	}
	v.op("XORQ R11, R11") // groups of the chunks before
	v.label("chunk")
	v.op("MOVQ %d(DI), R10", int4Dst)
	v.op("XORQ R9, R9") // groups before the stream's
	v.op("MOVQ %d(DI), R15", int4Streams)
	v.label("stream")
	v.op("MOVQ R9, SI")
	v.op("SHLQ $9, SI")
	v.op("ADDQ R8, SI")
	v.op("MOVQ R9, DX")
	v.op("SHLQ $6, DX")
	v.op("ADDQ R12, DX")
	v.op("MOVQ R11, BX")
	v.op("MOVQ R11, CX")
	v.op("SHLQ $5, BX")
	v.op("ADDQ %d(DI), BX", int4X)
	v.op("IMULQ %d(DI), CX", int4ZeroStride)
	v.op("ADDQ %d(DI), CX", int4Zeros)
	v.op("MOVQ $%d, R14", groups)
	v.op("CMPQ AX, R14")
	v.op("CMOVQLT AX, R14")
	v.op("TESTQ R11, R11")
	v.op("JEQ first")
	for i := range n {
		v.op("VMOVUPS %d(R10), %s", 4*v.w()*i, v.r(sum(i)))
	}
	v.op("JMP ready")
	v.label("first")
	for i := range n {
		v.zero(v.r(sum(i)))
	}
	v.label("ready")
	v.op("PCALIGN $32")
	v.label("loop")
	v.op("PREFETCHT0 %d(DX)", groups*panelBytes/2)
	v.op("VPBROADCASTD (CX), %s", v.r(14))
	if vnni {
		for i := range n {
			v.op("VMOVDQA32 %s, %s", v.r(14), v.r(acc(i)))
		}
	}
	for t := range quadsOfGroup / 2 {
		v.prefetch("SI", t*panelBytes, panelBytes)
		v.op("VPBROADCASTD %d(BX), %s", 8*t, v.r(12))
		v.op("VPBROADCASTD %d(BX), %s", 8*t+4, v.r(13))
		for i := range n {
			v.op("VMOVUPS %d(SI), %s", t*panelBytes+4*v.w()*i, v.r(9))
			v.op("VPSRLW $4, %s, %s", v.r(9), v.r(10))
			v.f(and, 8, 9, 9)
			v.f(and, 8, 10, 10)
			switch {
			case vnni:
				v.f("VPDPBUSD", 12, 9, acc(i))
				v.f("VPDPBUSD", 13, 10, acc(i))
				continue
			case t == 0:
				v.f("VPMADDUBSW", 12, 9, acc(i))
			default:
				v.f("VPMADDUBSW", 12, 9, 9)
				v.f("VPADDW", 9, acc(i), acc(i))
			}
			v.f("VPMADDUBSW", 13, 10, 10)
			v.f("VPADDW", 10, acc(i), acc(i))
		}
	}
	for i := range n {
		if !vnni {
			v.f("VPMADDWD", 15, acc(i), acc(i))
			v.f("VPADDD", 14, acc(i), acc(i))
		}
		v.op("VCVTDQ2PS %s, %s", v.r(acc(i)), v.r(acc(i)))
		v.op("VCVTPH2PS %d(DX), %s", 2*v.w()*i, v.r(9))
		v.f("VFMADD231PS", 9, acc(i), sum(i))
	}
	v.op("ADDQ $%d, SI", quadsOfGroup/2*panelBytes)
	v.op("ADDQ $%d, BX", 4*quadsOfGroup)
	v.op("ADDQ $%d, DX", panelBytes/2)
	v.op("ADDQ %d(DI), CX", int4ZeroStride)
	v.op("DECQ R14")
	v.op("JNE loop")
	for i := range n {
		v.op("VMOVUPS %s, %d(R10)", v.r(sum(i)), 4*v.w()*i)
	}
	v.op("ADDQ %d(DI), R10", int4Width)
	v.op("ADDQ R13, R9")
	v.op("DECQ R15")
	v.op("JNE stream")
	v.op("ADDQ $%d, R8", rowChunk)
	v.op("ADDQ $%d, R12", groups*panelBytes/2)
	v.op("ADDQ $%d, R11", groups)
	v.op("SUBQ $%d, AX", groups)
	v.op("JGT chunk")
	v.ret()
}

// emitSpreadNibbles makes bytes of a panel's nibbles: rows of 64 bytes, pitch apart, and gap
// from those of the first 16 columns to those of the others.
func emitSpreadNibbles(v vec) {
	v.text("spreadNibblesY", "int4Args", "Each row of nibbles becomes two rows of quads.")
	v.op("MOVQ %d(DI), SI", int4Weights)
	v.op("MOVQ %d(DI), AX", int4Groups)
	v.op("MOVQ %d(DI), R8", int4Pitch)
	v.op("MOVQ %d(DI), R9", int4Gap)
	v.op("MOVQ %d(DI), DI", int4Dst)
	v.op("VMOVUPS %s, Y8", v.ci(0x0f0f0f0f))
	v.op("LEAQ (DI)(R8*1), BX")
	v.label("loop")
	for t := range quadsOfGroup / 2 {
		for i := range 4 {
			v.op("VMOVDQU %d(SI), Y0", t*panelBytes+32*i)
			v.op("VPSRLW $4, Y0, Y1")
			v.op("VPAND Y8, Y0, Y0")
			v.op("VPAND Y8, Y1, Y1")
			half := []string{"", "(R9*1)"}[i/2]
			v.op("VMOVDQU Y0, %d(DI)%s", 32*(i%2), half)
			v.op("VMOVDQU Y1, %d(BX)%s", 32*(i%2), half)
		}
		v.op("LEAQ (DI)(R8*2), DI")
		v.op("LEAQ (BX)(R8*2), BX")
	}
	v.op("ADDQ $%d, SI", quadsOfGroup/2*panelBytes)
	v.op("DECQ AX")
	v.op("JNE loop")
	v.ret()
}

// emitGroupZeros writes -8 times the sum of each group of 32 signed bytes. Bytes plus 128
// are unsigned, which VPSADBW adds up.
func emitGroupZeros(v vec) {
	v.text("groupZerosY", "int4Args", "What the weights' zero takes away, for each group of a row.")
	v.op("MOVQ %d(DI), BX", int4X)
	v.op("MOVQ %d(DI), CX", int4Zeros)
	v.op("MOVQ %d(DI), AX", int4Groups)
	v.op("MOVQ %d(DI), R8", int4ZeroStride)
	v.op("VMOVUPS %s, Y15", v.ci(-0x7f7f7f80)) // 0x80808080
	v.zero("Y14")
	v.label("loop")
	v.op("VPXOR (BX), Y15, Y0")
	v.op("VPSADBW Y14, Y0, Y0")
	v.op("VEXTRACTI128 $1, Y0, X1")
	v.op("VPADDQ X1, X0, X0")
	v.op("VPSHUFD $0x4e, X0, X1")
	v.op("VPADDQ X1, X0, X0")
	v.op("VMOVD X0, R9")
	v.op("SHLL $3, R9")
	v.op("NEGL R9")
	v.op("ADDL $%d, R9", 8*32*128)
	v.op("MOVL R9, (CX)")
	v.op("ADDQ $32, BX")
	v.op("ADDQ R8, CX")
	v.op("DECQ AX")
	v.op("JNE loop")
	v.ret()
}
