package main

import "fmt"

// Offsets of the fields of kernel.tileArgs.
const (
	argA      = 0
	argB      = 8
	argC      = 16
	argK      = 24
	argLDA    = 32
	argLDB    = 40
	argLDC    = 48
	argLoad   = 56
	argMask   = 64
	argTiles  = 72
	argNext   = 80
	argAhead  = 88
	argStride = 96
	argFrom   = 104
	argTo     = 112
	argAtA    = 120
	argAtC    = 128
)

// The most rows of a tile, and the rows of a panel of A.
const (
	rowsZ  = 14
	rowsY  = 6
	panelZ = 12
	panelY = 6
)

// emitGemm writes the micro-kernels. Names are gemm, Z (AVX-512) or Y (AVX2), R where A's elements along K are
// adjacent (rows) or C where its elements along M are (columns), rows, x, vectors across, and M if the last vector of
// AVX2 is masked. P packs the next panel of B meanwhile.
func emitGemm(f *file) {
	for _, columns := range []bool{false, true} {
		emitTiles(f, "gemmZ"+form(columns), func(emit func(t tile, key int)) {
			for rows := 1; rows <= rowsZ; rows++ {
				for _, v := range []int{1, 2, 4} {
					if v < 4 || rows <= 4 {
						emit(tile{f, "Z", columns, rows, v, true, false}, rows<<3|v)
					}
				}
			}
		})
		emitTiles(f, "gemmY"+form(columns), func(emit func(t tile, key int)) {
			for rows := 1; rows <= rowsY; rows++ {
				// 0 stands for one vector that is masked.
				emit(tile{f, "Y", columns, rows, 1, true, false}, rows<<3)
				emit(tile{f, "Y", columns, rows, 1, false, false}, rows<<3|1)
				emit(tile{f, "Y", columns, rows, 2, false, false}, rows<<3|2)
			}
		})
	}
	tile{f, "Z", true, panelZ, 2, false, true}.emit()
	tile{f, "Y", true, panelY, 2, false, true}.emit()
}

func form(columns bool) string {
	if columns {
		return "C"
	}
	return "R"
}

// emitTiles writes tiles and the Go function that calls the one of a size. It is a
// switch of direct calls, so that args need not escape.
func emitTiles(f *file, name string, each func(emit func(t tile, key int))) {
	fmt.Fprintf(&f.code, "\n// %s runs the micro-kernel of the given size.\nfunc %s(rows, vectors int, args *tileArgs) {\nswitch rows<<3 | vectors {\n", name, name)
	each(func(t tile, key int) {
		t.emit()
		fmt.Fprintf(&f.code, "case %d:\n%s(args)\n", key, t.name())
	})
	fmt.Fprintf(&f.code, "default:\npanic(\"kernel: gemm: no such tile\")\n}\n}\n")
}

// A tile keeps rows x vectors accumulators in registers while it runs over K: for
// each k it loads a row of B and adds the product with each element of a column of
// A, broadcast. The accumulators start from C or from 0. Tiles one below the other share a call.
type tile struct {
	*file
	reg     string // Z or Y
	columns bool   // A's elements along M are adjacent, otherwise those along K
	rows    int
	vectors int
	masked  bool // the last vector of B and C is partial
	packs   bool // a row of the next panel is copied for each four of k
}

func (t tile) acc(i, v int) string { return fmt.Sprintf("%s%d", t.reg, i*t.vectors+v) }
func (t tile) b(v int) string      { return fmt.Sprintf("%s%d", t.reg, t.rows*t.vectors+v) }

// mask is the AVX2 mask vector, the last register.
func (t tile) mask() string { return "Y15" }

// broadcast returns the register for A[i,k]: two in turn where there is room.
func (t tile) broadcast(i int) string {
	last := 31
	if t.reg == "Y" {
		last = 15
		if t.masked {
			last = 14
		}
	}
	first := t.rows*t.vectors + t.vectors
	return fmt.Sprintf("%s%d", t.reg, first+i%(last-first+1))
}

func (t tile) bytes() int {
	if t.reg == "Z" {
		return 64
	}
	return 32
}

// load reads vector v of the row at the address addr, which starts with the register's parenthesis.
func (t tile) load(addr string, v int, dst string) {
	at := fmt.Sprintf("%d%s", v*t.bytes(), addr)
	switch {
	case !t.masked || v < t.vectors-1:
		t.op("VMOVUPS %s, %s", at, dst)
	case t.reg == "Z":
		t.op("VMOVUPS.Z %s, K1, %s", at, dst)
	default:
		t.op("VMASKMOVPS %s, %s, %s", at, t.mask(), dst)
	}
}

func (t tile) store(src, addr string, v int) {
	at := fmt.Sprintf("%d%s", v*t.bytes(), addr)
	switch {
	case !t.masked || v < t.vectors-1:
		t.op("VMOVUPS %s, %s", src, at)
	case t.reg == "Z":
		t.op("VMOVUPS %s, K1, %s", src, at)
	default:
		t.op("VMASKMOVPS %s, %s, %s", src, t.mask(), at)
	}
}

func (t tile) name() string {
	name := fmt.Sprintf("gemm%s%s%dx%d", t.reg, form(t.columns), t.rows, t.vectors)
	if t.reg == "Y" && t.masked {
		name += "M"
	}
	if t.packs {
		name += "P"
	}
	return name
}

// aBases point to rows 0, 3, 6, 9, 12 of A; the rows between are one or two strides further.
var aBases = []string{"R8", "R10", "R11", "R12", "R13"}

// unroll is the number of k that one turn of the loop takes.
const unroll = 4

// a is the address of A[i,k+u].
func (t tile) a(i, u int) string {
	if t.columns {
		return fmt.Sprintf("%d", 4*i) + []string{"(R8)", "(R8)(R9*1)", "(R8)(R9*2)", "(R8)(R10*1)"}[u]
	}
	return fmt.Sprintf("%d", 4*u) + fmt.Sprintf([]string{"(%s)", "(%s)(R9*1)", "(%s)(R9*2)"}[i%3], aBases[i/3])
}

// step adds the products of k+u.
func (t tile) step(u int) {
	for v := range t.vectors {
		t.load([]string{"(SI)", "(SI)(DX*1)", "(SI)(DX*2)", "(SI)(CX*1)"}[u], v, t.b(v))
	}
	for i := range t.rows {
		t.op("VBROADCASTSS %s, %s", t.a(i, u), t.broadcast(i))
		for v := range t.vectors {
			t.op("VFMADD231PS %s, %s, %s", t.b(v), t.broadcast(i), t.acc(i, v))
		}
	}
}

// prefetchW is PREFETCHW (BX), which the assembler does not know: it fetches a line to write to.
const prefetchW = "BYTE $0x0f; BYTE $0x0d; BYTE $0x0b"

// aheadBases point to rows 0 and 3 of the next tile's A, or R11 alone to where its columns are. AVX-512's tiles of rows have no
// registers left for them.
var aheadBases = []string{"R11", "R12"}

func (t tile) aheads() int {
	switch {
	case t.columns:
		return 1
	case t.reg == "Z":
		return 0
	}
	return (t.rows + 2) / 3
}

// aimAhead sets the bases. The caller has set those of A.
func (t tile) aimAhead() {
	if t.aheads() == 0 {
		return
	}
	t.op("MOVQ %d(DI), R11", argNext)
	t.op("ADDQ R8, R11")
	if t.aheads() > 1 {
		t.op("LEAQ (R9)(R9*2), AX")
		t.op("LEAQ (R11)(AX*1), R12")
	}
}

// fetchAhead fetches what the next tile reads of A at the k that a turn of the loop takes.
func (t tile) fetchAhead() {
	switch {
	case t.aheads() == 0:
	case t.columns:
		for _, at := range []string{"(R11)", "(R11)(R9*1)", "(R11)(R9*2)", "(R11)(R10*1)"} {
			t.op("PREFETCHT0 %s", at)
		}
		t.op("LEAQ (R11)(R9*%d), R11", unroll)
	default:
		for i := range t.rows {
			t.op("PREFETCHT0 "+[]string{"(%s)", "(%s)(R9*1)", "(%s)(R9*2)"}[i%3], aheadBases[i/3])
		}
		for _, base := range aheadBases[:t.aheads()] {
			t.op("ADDQ $%d, %s", 4*unroll, base)
		}
	}
}

// packNext copies a row of the next panel, through the registers of B.
func (t tile) packNext() {
	if !t.packs {
		return
	}
	for v := range t.vectors {
		t.op("VMOVUPS %d(R13), %s", v*t.bytes(), t.b(v))
	}
	for v := range t.vectors {
		t.op("VMOVUPS %s, %d(R12)", t.b(v), v*t.bytes())
	}
	t.op("ADDQ %d(DI), R13", argStride)
	t.op("ADDQ $%d, R12", t.vectors*t.bytes())
}

func (t tile) emit() {
	t.text(t.name(), "tileArgs", fmt.Sprintf("%d rows of %d columns.", t.rows, t.vectors*t.bytes()/4))
	if t.masked {
		t.op("MOVQ %d(DI), AX", argMask)
		if t.reg == "Z" {
			t.op("KMOVW AX, K1")
		} else {
			t.op("VMOVUPS (AX), %s", t.mask())
		}
	}
	t.op("MOVQ %d(DI), R9", argLDA)
	t.op("MOVQ %d(DI), DX", argLDB)
	bases := (t.rows + 2) / 3
	if t.columns {
		bases = 1
		t.op("LEAQ (R9)(R9*2), R10")
	}

	for _, p := range [][2]int{{argA, argAtA}, {argC, argAtC}} {
		t.op("MOVQ %d(DI), AX", p[0])
		t.op("MOVQ AX, %d(DI)", p[1])
	}

	t.label("tile")
	t.op("MOVQ %d(DI), R8", argAtA)
	t.op("MOVQ %d(DI), SI", argB)
	if bases > 1 {
		t.op("LEAQ (R9)(R9*2), AX")
		for i := 1; i < bases; i++ {
			t.op("LEAQ (%s)(AX*1), %s", aBases[i-1], aBases[i])
		}
	}
	t.aimAhead()
	t.op("MOVQ %d(DI), AX", argK)

	// The accumulators. What is to be stored to, or to be loaded for the next tile, is fetched meanwhile.
	t.op("CMPQ %d(DI), $0", argLoad)
	t.op("MOVQ %d(DI), BX", argAtC)
	t.op("MOVQ %d(DI), CX", argLDC)
	t.op("JEQ zero")
	t.eachRow(func(i, v int) { t.load("(BX)", v, t.acc(i, v)) })
	t.op("ADDQ CX, BX")
	t.eachRow(func(i, v int) {
		if v == 0 {
			t.op(prefetchW)
		}
	})
	t.op("JMP start")
	t.label("zero")
	t.eachRow(func(i, v int) {
		if v == 0 {
			t.op(prefetchW)
		}
	})
	for i := range t.rows * t.vectors {
		r := fmt.Sprintf("%s%d", t.reg, i)
		if t.reg == "Z" {
			t.op("VPXORD %s, %s, %s", r, r, r)
		} else {
			t.op("VXORPS %s, %s, %s", r, r, r)
		}
	}

	t.label("start")
	t.op("LEAQ (DX)(DX*2), CX")
	t.op("SUBQ $%d, AX", unroll)
	t.op("JLT rest")
	t.op("MOVQ %d(DI), BX", argAhead)
	if t.packs {
		t.op("MOVQ %d(DI), R13", argFrom)
		t.op("MOVQ %d(DI), R12", argTo)
	}
	t.op("PCALIGN $32")
	t.label("loop")
	for at := 0; at < t.vectors*t.bytes(); at += 64 {
		t.op("PREFETCHT1 %d(BX)", at+63) // the line that is new where rows don't start with one
	}
	t.op("ADDQ %d(DI), BX", argStride)
	t.packNext()
	t.fetchAhead()
	for u := range unroll {
		t.step(u)
	}
	t.op("LEAQ (SI)(DX*%d), SI", unroll)
	if t.columns {
		t.op("LEAQ (R8)(R9*%d), R8", unroll)
	} else {
		for i := range bases {
			t.op("ADDQ $%d, %s", 4*unroll, aBases[i])
		}
	}
	t.op("SUBQ $%d, AX", unroll)
	t.op("JGE loop")
	t.op("MOVQ BX, %d(DI)", argAhead)
	if t.packs {
		t.op("MOVQ R13, %d(DI)", argFrom)
		t.op("MOVQ R12, %d(DI)", argTo)
	}
	t.label("rest")
	t.op("ADDQ $%d, AX", unroll)
	t.op("JEQ done")
	t.label("one")
	t.step(0)
	t.op("ADDQ DX, SI")
	if t.columns {
		t.op("ADDQ R9, R8")
	} else {
		for i := range bases {
			t.op("ADDQ $4, %s", aBases[i])
		}
	}
	t.op("DECQ AX")
	t.op("JNE one")

	t.label("done")
	t.op("MOVQ %d(DI), BX", argAtC)
	t.op("MOVQ %d(DI), CX", argLDC)
	t.eachRow(func(i, v int) { t.store(t.acc(i, v), "(BX)", v) })
	t.op("ADDQ CX, BX")
	t.op("MOVQ BX, %d(DI)", argAtC)
	t.op("MOVQ %d(DI), AX", argNext)
	t.op("ADDQ AX, %d(DI)", argAtA)
	t.op("DECQ %d(DI)", argTiles)
	t.op("JNE tile")
	t.ret()
}

// eachRow runs f over the tile's vectors of C, moving BX down by CX a row.
func (t tile) eachRow(f func(i, v int)) {
	for i := range t.rows {
		for v := range t.vectors {
			f(i, v)
		}
		if i < t.rows-1 {
			t.op("ADDQ CX, BX")
		}
	}
}
