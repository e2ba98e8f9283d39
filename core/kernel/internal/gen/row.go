package main

import "fmt"

// Offsets of the fields of kernel.rowArgs.
const (
	oneRowY   = 0
	oneRowX   = 8
	oneRowB   = 16
	oneRowN   = 24
	oneRowK   = 32
	oneRowLDB = 40
)

// emitRows writes products of one row with a matrix stored [K,N]: y += x·B. Eight rows of B
// stream by at a time, while y stays in the first-level cache. Each element of y is a chain
// of additions over K in ascending order, as in the tiles.
func emitRows(f *file) {
	for _, reg := range widths {
		emitRowFP32(vec{file: f, reg: reg})
	}
	y, z := vec{file: f, reg: "Y"}, vec{file: f, reg: "Z"}
	emitRowBF16(y)
	emitRowPairs(z)
	emitOrder(y, z)
	f.data()
}

// rowLoop writes a function that takes eight rows of B, or the words of x that make eight, as
// long as there are, and then one word's. pass runs along the columns with the given
// words in registers from first on: row r of B is at address row(r).
func (v vec) rowLoop(name, comment string, words, first, rowsOfWord int, start func(), pass func(words int, label string)) {
	v.text(name, "rowArgs", comment)
	v.op("MOVQ %d(DI), R11", oneRowX)
	v.op("MOVQ %d(DI), R8", oneRowB)
	v.op("MOVQ %d(DI), AX", oneRowK)
	v.op("MOVQ %d(DI), R9", oneRowLDB)
	v.op("LEAQ (R9)(R9*2), R10")
	if start != nil {
		start()
	}
	for _, n := range []int{words, 1} {
		next := "done"
		if n > 1 {
			next = "single"
		}
		v.label("turn%d", n)
		v.op("CMPQ AX, $%d", n)
		v.op("JLT %s", next)
		for i := range n {
			v.op("VBROADCASTSS %d(R11), %s", 4*i, v.r(first+i))
		}
		v.op("MOVQ R8, SI")
		v.op("LEAQ (R8)(R9*4), DX")
		v.op("MOVQ %d(DI), BX", oneRowY)
		v.op("MOVQ %d(DI), CX", oneRowN)
		pass(n, fmt.Sprint("turn", n))
		if n*rowsOfWord == 8 {
			v.op("LEAQ (R8)(R9*8), R8")
		} else {
			for range rowsOfWord {
				v.op("ADDQ R9, R8")
			}
		}
		v.op("ADDQ $%d, R11", 4*n)
		v.op("SUBQ $%d, AX", n)
		v.op("JMP turn%d", n)
		if n > 1 {
			v.label("single")
		}
	}
	v.label("done")
	v.ret()
}

// row is the address of row r of the eight.
func row(r, offset int) string {
	return fmt.Sprintf("%d(%s)%s", offset, []string{"SI", "DX"}[r/4], []string{"", "(R9*1)", "(R9*2)", "(R10*1)"}[r%4])
}

func (v vec) advance(columns, size int) {
	v.op("ADDQ $%d, SI", columns*size)
	v.op("ADDQ $%d, DX", columns*size)
	v.op("ADDQ $%d, BX", columns*4)
	v.op("SUBQ $%d, CX", columns)
}

func emitRowFP32(v vec) {
	v.rowLoop("oneRowFP32"+v.reg, "FP32.", 8, 8, 1, nil, func(words int, label string) {
		for _, n := range []int{4, 1} {
			v.label("%sby%d", label, n)
			v.op("CMPQ CX, $%d", n*v.w())
			v.op("JLT %sbelow%d", label, n)
			for i := range n {
				v.op("VMOVUPS %d(BX), %s", 4*v.w()*i, v.r(i))
			}
			for r := range words {
				for i := range n {
					v.op("VFMADD231PS %s, %s, %s", row(r, 4*v.w()*i), v.r(8+r), v.r(i))
				}
			}
			for i := range n {
				v.op("VMOVUPS %s, %d(BX)", v.r(i), 4*v.w()*i)
			}
			v.advance(n*v.w(), 4)
			v.op("JMP %sby%d", label, n)
			v.label("%sbelow%d", label, n)
		}
		v.op("TESTQ CX, CX")
		v.op("JEQ %send", label)
		if v.reg == "Z" {
			v.op("MOVQ $-1, R12")
			v.op("BZHIQ CX, R12, R12")
			v.op("KMOVW R12, K1")
			v.op("VMOVUPS.Z (BX), K1, Z0")
		} else {
			v.op("LEAQ ·maskWords+32(SB), R12")
			v.op("SHLQ $2, CX")
			v.op("SUBQ CX, R12")
			v.op("VMOVUPS (R12), Y4")
			v.op("VMASKMOVPS (BX), Y4, Y0")
		}
		for r := range words {
			if v.reg == "Z" {
				v.op("VMOVUPS.Z %s, K1, Z1", row(r, 0))
			} else {
				v.op("VMASKMOVPS %s, Y4, Y1", row(r, 0))
			}
			v.f("VFMADD231PS", 1, 8+r, 0)
		}
		if v.reg == "Z" {
			v.op("VMOVUPS Z0, K1, (BX)")
		} else {
			v.op("VMASKMOVPS Y0, Y4, (BX)")
		}
		v.label("%send", label)
	})
}

// emitRowBF16 widens: of 16 numbers the even ones are shifted up, of the odd ones the low
// halves are cleared. y holds 8 even columns, then 8 odd ones; n is a multiple of 32.
func emitRowBF16(v vec) {
	v.rowLoop("oneRowBF16Y", "BF16, widened.", 8, 8, 1, func() {
		v.op("VMOVUPS %s, Y7", v.ci(-0x10000))
	}, func(words int, label string) {
		v.label("%scolumns", label)
		for i := range 4 {
			v.op("VMOVUPS %d(BX), %s", 32*i, v.r(i))
		}
		for r := range words {
			for i := range 2 {
				v.op("VMOVDQU %s, Y4", row(r, 32*i))
				v.op("VPSLLD $16, Y4, Y5")
				v.op("VPAND Y7, Y4, Y4")
				v.f("VFMADD231PS", 5, 8+r, 2*i)
				v.f("VFMADD231PS", 4, 8+r, 2*i+1)
			}
		}
		for i := range 4 {
			v.op("VMOVUPS %s, %d(BX)", v.r(i), 32*i)
		}
		v.advance(32, 2)
		v.op("JNE %scolumns", label)
	})
}

// emitRowPairs makes pairs of two rows. y holds, of 32 columns, the first four of every
// eight, then the others; n is a multiple of 32.
func emitRowPairs(v vec) {
	v.rowLoop("oneRowPairsZ", "BF16, by pairs of rows.", 4, 8, 2, nil, func(words int, label string) {
		v.label("%scolumns", label)
		v.op("VMOVUPS (BX), Z0")
		v.op("VMOVUPS 64(BX), Z1")
		for r := range words {
			a, b := 16+4*r, 17+4*r
			v.op("VMOVDQU32 %s, %s", row(2*r, 0), v.r(a))
			v.op("VMOVDQU32 %s, %s", row(2*r+1, 0), v.r(b))
			v.f("VPUNPCKLWD", b, a, a+2)
			v.f("VPUNPCKHWD", b, a, a+3)
			v.f("VDPBF16PS", 8+r, a+2, 0)
			v.f("VDPBF16PS", 8+r, a+3, 1)
		}
		v.op("VMOVUPS Z0, (BX)")
		v.op("VMOVUPS Z1, 64(BX)")
		v.advance(32, 2)
		v.op("JNE %scolumns", label)
	})
}

// emitOrder puts the columns of n/32 blocks in order, from x to y.
func emitOrder(y, z vec) {
	for _, v := range []vec{y, z} {
		v.text("oneRowOrder"+v.reg, "rowArgs", "Columns in ascending order.")
		v.op("MOVQ %d(DI), SI", oneRowX)
		v.op("MOVQ %d(DI), BX", oneRowY)
		v.op("MOVQ %d(DI), CX", oneRowN)
		v.label("loop")
		if v.reg == "Z" {
			v.op("VMOVUPS (SI), Z0")
			v.op("VMOVUPS 64(SI), Z1")
			v.op("VSHUFF32X4 $0x44, Z1, Z0, Z2")
			v.op("VSHUFF32X4 $0xee, Z1, Z0, Z3")
			v.op("VSHUFF32X4 $0xd8, Z2, Z2, Z2")
			v.op("VSHUFF32X4 $0xd8, Z3, Z3, Z3")
			v.op("VMOVUPS Z2, (BX)")
			v.op("VMOVUPS Z3, 64(BX)")
		} else {
			for i := range 2 {
				v.op("VMOVUPS %d(SI), Y0", 64*i)
				v.op("VMOVUPS %d(SI), Y1", 64*i+32)
				v.op("VUNPCKLPS Y1, Y0, Y2")
				v.op("VUNPCKHPS Y1, Y0, Y3")
				v.op("VPERM2F128 $0x20, Y3, Y2, Y0")
				v.op("VPERM2F128 $0x31, Y3, Y2, Y1")
				v.op("VMOVUPS Y0, %d(BX)", 64*i)
				v.op("VMOVUPS Y1, %d(BX)", 64*i+32)
			}
		}
		v.op("ADDQ $128, SI")
		v.op("ADDQ $128, BX")
		v.op("SUBQ $32, CX")
		v.op("JNE loop")
		v.ret()
	}
}
