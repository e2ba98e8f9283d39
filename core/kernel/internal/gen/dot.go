package main

import "fmt"

// Offsets of the fields of kernel.dotArgs.
const (
	dotA    = 0
	dotB    = 8
	dotC    = 16
	dotK    = 24
	dotRSA  = 32
	dotCSA  = 40
	dotLDC  = 48
	dotLoad = 56
	dotMask = 64
	// Of tiles that write FP32 in the end.
	dotOut    = 72
	dotLDOut  = 80
	dotBias   = 88
	dotColumn = 96
	dotRow    = 104
)

// panelBytes is a row of a packed panel: 32 columns of 4 bytes.
const panelBytes = 128

// A dotTile is a tile of a product whose elements are words of 32 bits that hold several
// narrow numbers each, consecutive along K: for each word it loads a row of a panel of B
// and adds to every accumulator the inner product with a word of A, broadcast.
type dotTile struct {
	*file
	kind    string
	reg     string // Z or Y
	rows    int
	vectors int
	masked  bool // the last vector of C is partial; panels are whole
	unroll  int  // words a turn; above 1, A's words lie one after the other
	ahead   bool // fetch the rows of A below those of the highest tile
	narrow  bool // a row of a panel holds no more columns than the tile
	scaled  bool // sums are integers that become FP32 where there is a place for them
	// add emits acc += a·b, word by word; t is free.
	add func(t dotTile, a, b, acc, free string)
}

func (t dotTile) name() string { return fmt.Sprintf("%s%s%dx%d", t.kind, t.reg, t.rows, t.vectors) }

func (t dotTile) r(i int) string { return fmt.Sprintf("%s%d", t.reg, i) }

func (t dotTile) acc(i, v int) string { return t.r(i*t.vectors + v) }
func (t dotTile) b(v int) string      { return t.r(t.rows*t.vectors + v) }

// spare returns one of the registers behind the accumulators and B, in turn.
func (t dotTile) spare(i int) string {
	first, last := (t.rows+1)*t.vectors, 15
	if t.reg == "Z" {
		last = 31
	}
	return t.r(first + i%(last-first+1))
}

// pitch is the distance between rows of a panel.
func (t dotTile) pitch() int {
	if t.narrow {
		return 2 * t.bytes()
	}
	return panelBytes
}

func (t dotTile) bytes() int { return vec{reg: t.reg}.w() * 4 }

func (t dotTile) move(v int, load bool, acc string) {
	at := fmt.Sprintf("%d(BX)", v*t.bytes())
	switch masked := t.masked && v == t.vectors-1; {
	case load && masked:
		t.op("VMOVUPS.Z %s, K1, %s", at, acc)
	case load:
		t.op("VMOVUPS %s, %s", at, acc)
	case masked:
		t.op("VMOVUPS %s, K1, %s", acc, at)
	default:
		t.op("VMOVUPS %s, %s", acc, at)
	}
}

func (t dotTile) emit() {
	t.text(t.name(), "dotArgs", fmt.Sprintf("%d rows of %d columns.", t.rows, t.vectors*t.bytes()/4))
	if t.masked {
		t.op("MOVQ %d(DI), AX", dotMask)
		t.op("KMOVW AX, K1")
	}
	t.op("MOVQ %d(DI), R8", dotA)
	t.op("MOVQ %d(DI), SI", dotB)
	t.op("MOVQ %d(DI), BX", dotC)
	t.op("MOVQ %d(DI), R9", dotRSA)
	t.op("MOVQ %d(DI), CX", dotCSA)
	t.op("MOVQ %d(DI), DX", dotLDC)
	bases := (t.rows + 2) / 3
	if t.ahead {
		bases *= 2
	}
	if bases > 1 {
		t.op("LEAQ (R9)(R9*2), AX")
		for i := 1; i < bases; i++ {
			t.op("LEAQ (%s)(AX*1), %s", aBases[i-1], aBases[i])
		}
	}
	t.op("MOVQ %d(DI), AX", dotK)
	t.op("CMPQ %d(DI), $0", dotLoad)
	t.op("JEQ zero")
	t.eachRow(true)
	t.op("JMP loop")
	t.label("zero")
	for i := range t.rows * t.vectors {
		vec{file: t.file, reg: t.reg}.zero(t.r(i))
	}
	t.op("PCALIGN $32")

	t.label("loop")
	spare := 0
	for u := range t.unroll {
		for v := range t.vectors {
			t.op("VMOVUPS %d(SI), %s", u*t.pitch()+v*t.bytes(), t.b(v))
		}
		for i := range t.rows {
			a := t.spare(spare)
			t.op("VBROADCASTSS %s, %s", elementOfA(i/3, i%3, 4*u), a)
			if t.ahead && u == 2*i {
				t.op("PREFETCHT0 %s", elementOfA(bases/2+i/3, i%3, 0))
			}
			for v := range t.vectors {
				t.add(t, a, t.b(v), t.acc(i, v), t.spare(spare+1+v))
			}
			spare++
		}
	}
	t.op("ADDQ $%d, SI", t.unroll*t.pitch())
	for i := range bases {
		if t.unroll > 1 {
			t.op("ADDQ $%d, %s", 4*t.unroll, aBases[i])
		} else {
			t.op("ADDQ CX, %s", aBases[i])
		}
	}
	t.op("SUBQ $%d, AX", t.unroll)
	t.op("JNE loop")
	if t.scaled {
		t.op("MOVQ %d(DI), SI", dotOut)
		t.op("TESTQ SI, SI")
		t.op("JEQ sums")
		t.scale()
		t.ret()
		t.label("sums")
	}
	t.op("MOVQ %d(DI), BX", dotC)
	t.eachRow(false)
	t.ret()
}

// elementOfA is the address of a row of three from a base, offset bytes on.
func elementOfA(base, row, offset int) string {
	return fmt.Sprintf("%d(%s)%s", offset, aBases[base], []string{"", "(R9*1)", "(R9*2)"}[row])
}

// scale writes (sum - bias)·row·column to the rows at SI.
func (t dotTile) scale() {
	t.op("MOVQ %d(DI), DX", dotLDOut)
	t.op("MOVQ %d(DI), R8", dotBias)
	t.op("MOVQ %d(DI), R9", dotColumn)
	t.op("MOVQ %d(DI), R10", dotRow)
	for v := range t.vectors {
		t.op("VMOVUPS %d(R9), %s", v*t.bytes(), t.b(v))
	}
	for i := range t.rows {
		row := t.spare(i)
		t.op("VBROADCASTSS %d(R10), %s", 4*i, row)
		for v := range t.vectors {
			acc := t.acc(i, v)
			t.op("VPSUBD %d(R8), %s, %s", v*t.bytes(), acc, acc)
			t.op("VCVTDQ2PS %s, %s", acc, acc)
			t.op("VMULPS %s, %s, %s", row, acc, acc)
			t.op("VMULPS %s, %s, %s", t.b(v), acc, acc)
			t.op("VMOVUPS %s, %d(SI)", acc, v*t.bytes())
		}
		if i < t.rows-1 {
			t.op("ADDQ DX, SI")
		}
	}
}

// eachRow moves the accumulators from C or to it; BX goes down by DX a row.
func (t dotTile) eachRow(load bool) {
	for i := range t.rows {
		for v := range t.vectors {
			t.move(v, load, t.acc(i, v))
		}
		if i < t.rows-1 {
			t.op("ADDQ DX, BX")
		}
	}
}

// emitDotTiles writes a kind's tiles of up to most rows and one or two vectors, and the Go
// function that calls the one of a size.
func emitDotTiles(t dotTile, most int) {
	name, ahead := t.kind+t.reg, t.ahead
	fmt.Fprintf(&t.code, "\n// %s runs the tile of the given size.\nfunc %s(rows, vectors int, args *dotArgs) {\nswitch rows<<2 | vectors {\n", name, name)
	for rows := 1; rows <= most; rows++ {
		for v := 1; v <= 2; v++ {
			t.rows, t.vectors, t.ahead = rows, v, ahead && rows == most
			t.emit()
			fmt.Fprintf(&t.code, "case %d:\n%s(args)\n", rows<<2|v, t.name())
		}
	}
	fmt.Fprintf(&t.code, "default:\npanic(\"kernel: no such tile\")\n}\n}\n")
}
