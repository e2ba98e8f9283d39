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
	narrow  bool // a row of a panel holds no more columns than the tile
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
	if bases > 1 {
		t.op("LEAQ (R9)(R9*2), AX")
		for i := 1; i < bases; i++ {
			t.op("LEAQ (%s)(AX*1), %s", aBases[i-1], aBases[i])
		}
	}
	t.op("MOVQ %d(DI), AX", dotK)
	t.op("CMPQ %d(DI), $0", dotLoad)
	t.op("MOVQ BX, DI")
	t.op("JEQ zero")
	t.eachRow(true)
	t.op("MOVQ DI, BX")
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
			at := fmt.Sprintf([]string{"%d(%s)", "%d(%s)(R9*1)", "%d(%s)(R9*2)"}[i%3], 4*u, aBases[i/3])
			t.op("VBROADCASTSS %s, %s", at, a)
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
	t.eachRow(false)
	t.ret()
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
	name := t.kind + t.reg
	fmt.Fprintf(&t.code, "\n// %s runs the tile of the given size.\nfunc %s(rows, vectors int, args *dotArgs) {\nswitch rows<<2 | vectors {\n", name, name)
	for rows := 1; rows <= most; rows++ {
		for v := 1; v <= 2; v++ {
			t.rows, t.vectors = rows, v
			t.emit()
			fmt.Fprintf(&t.code, "case %d:\n%s(args)\n", rows<<2|v, t.name())
		}
	}
	fmt.Fprintf(&t.code, "default:\npanic(\"kernel: no such tile\")\n}\n}\n")
}
