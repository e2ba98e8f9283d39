package main

import "fmt"

// Offsets of the fields of kernel.tileArgs.
const (
	argA    = 0
	argB    = 8
	argC    = 16
	argK    = 24
	argRSA  = 32
	argCSA  = 40
	argLDB  = 48
	argLDC  = 56
	argLoad = 64
	argMask = 72
)

// emitGemm writes the micro-kernels. Names are gemm, Z (AVX-512) or Y (AVX2), rows,
// x, vectors across, and M if the last vector is masked.
func emitGemm(f *file) {
	emitTiles(f, "gemmZ", "rows<<3 | vectors", func(emit func(t tile, key int)) {
		for rows := 1; rows <= 14; rows++ {
			for _, v := range []int{1, 2, 4} {
				if v < 4 || rows <= 4 {
					emit(tile{f, "Z", rows, v, true}, rows<<3|v)
				}
			}
		}
	})
	emitTiles(f, "gemmY", "rows<<3 | vectors", func(emit func(t tile, key int)) {
		for rows := 1; rows <= 6; rows++ {
			// 0 stands for one vector that is masked.
			emit(tile{f, "Y", rows, 1, true}, rows<<3)
			emit(tile{f, "Y", rows, 1, false}, rows<<3|1)
			emit(tile{f, "Y", rows, 2, false}, rows<<3|2)
		}
	})
}

// emitTiles writes tiles and the Go function that calls the one of a size. It is a
// switch of direct calls, so that args need not escape.
func emitTiles(f *file, name, key string, each func(emit func(t tile, key int))) {
	fmt.Fprintf(&f.code, "\n// %s runs the micro-kernel of the given size.\nfunc %s(rows, vectors int, args *tileArgs) {\nswitch %s {\n", name, name, key)
	each(func(t tile, key int) {
		t.emit()
		fmt.Fprintf(&f.code, "case %d:\n%s(args)\n", key, t.name())
	})
	fmt.Fprintf(&f.code, "default:\npanic(\"kernel: gemm: no such tile\")\n}\n}\n")
}

// A tile keeps rows x vectors accumulators in registers while it runs over K: for
// each k it loads a row of B and adds the product with each element of a column of
// A, broadcast. The accumulators start from C or from 0.
type tile struct {
	*file
	reg     string // Z or Y
	rows    int
	vectors int
	masked  bool // the last vector of B and C is partial
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

// load reads vector v of a row at the address in register addr.
func (t tile) load(addr string, v int, dst string) {
	at := fmt.Sprintf("%d(%s)", v*t.bytes(), addr)
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
	at := fmt.Sprintf("%d(%s)", v*t.bytes(), addr)
	switch {
	case !t.masked || v < t.vectors-1:
		t.op("VMOVUPS %s, %s", src, at)
	case t.reg == "Z":
		t.op("VMOVUPS %s, K1, %s", src, at)
	default:
		t.op("VMASKMOVPS %s, %s, %s", src, t.mask(), at)
	}
}

// aBases point to rows 0, 3, 6, 9, 12 of A; the rows between are one or two strides
// further.
var aBases = []string{"R8", "R10", "R11", "R12", "R13"}

func (t tile) name() string {
	name := fmt.Sprintf("gemm%s%dx%d", t.reg, t.rows, t.vectors)
	if t.reg == "Y" && t.masked {
		name += "M"
	}
	return name
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
	t.op("MOVQ %d(DI), R8", argA)
	t.op("MOVQ %d(DI), SI", argB)
	t.op("MOVQ %d(DI), BX", argC)
	t.op("MOVQ %d(DI), R9", argRSA)
	t.op("MOVQ %d(DI), CX", argCSA)
	t.op("MOVQ %d(DI), DX", argLDB)
	bases := (t.rows + 2) / 3
	if bases > 1 {
		t.op("LEAQ (R9)(R9*2), AX")
		for i := 1; i < bases; i++ {
			t.op("LEAQ (%s)(AX*1), %s", aBases[i-1], aBases[i])
		}
	}
	t.op("MOVQ %d(DI), AX", argK)

	// The accumulators.
	t.op("CMPQ %d(DI), $0", argLoad)
	t.op("MOVQ %d(DI), DI", argLDC)
	t.op("JEQ zero")
	t.eachRow(func(i, v int) { t.load("BX", v, t.acc(i, v)) })
	t.op("MOVQ args+0(FP), R9")
	t.op("MOVQ %d(R9), BX", argC)
	t.op("MOVQ %d(R9), R9", argRSA)
	t.op("JMP loop")
	t.label("zero")
	for i := range t.rows * t.vectors {
		r := fmt.Sprintf("%s%d", t.reg, i)
		if t.reg == "Z" {
			t.op("VPXORD %s, %s, %s", r, r, r)
		} else {
			t.op("VXORPS %s, %s, %s", r, r, r)
		}
	}
	t.op("PCALIGN $32")

	t.label("loop")
	for v := range t.vectors {
		t.load("SI", v, t.b(v))
	}
	for i := range t.rows {
		at := []string{"(%s)", "(%s)(R9*1)", "(%s)(R9*2)"}[i%3]
		t.op("VBROADCASTSS "+at+", %s", aBases[i/3], t.broadcast(i))
		for v := range t.vectors {
			t.op("VFMADD231PS %s, %s, %s", t.b(v), t.broadcast(i), t.acc(i, v))
		}
	}
	t.op("ADDQ DX, SI")
	for i := range bases {
		t.op("ADDQ CX, %s", aBases[i])
	}
	t.op("DECQ AX")
	t.op("JNE loop")

	t.eachRow(func(i, v int) { t.store(t.acc(i, v), "BX", v) })
	t.ret()
}

// eachRow runs f over the tile's vectors of C, moving BX down by DI a row.
func (t tile) eachRow(f func(i, v int)) {
	for i := range t.rows {
		for v := range t.vectors {
			f(i, v)
		}
		if i < t.rows-1 {
			t.op("ADDQ DI, BX")
		}
	}
}
