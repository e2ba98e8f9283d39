package main

import (
	"fmt"
	"strings"
)

// Offsets of the fields of kernel.vecArgs.
const (
	argN       = 0
	argP       = 8  // five pointers
	argS       = 48 // eight scalars
	argResult  = 80
	argResult2 = 84
)

// A vecOp is a function of vectors of n floats: element by element, or a sum or
// maximum over them.
type vecOp struct {
	name string // of the constant vec<name> in package kernel
	outs int    // pointers 0..outs-1 are outputs
	ins  []int  // pointers that are read
	// body computes the outputs from the inputs in registers 0, 1, ...; the others
	// below 8 are free, or below 12 before a reduction. It returns the registers of the
	// outputs.
	body func(v vec) []int
	// For a reduction: how registers 12 and 13 start, take in the inputs, and end.
	start  func(v vec)
	reduce func(v vec, masked bool)
	finish func(v vec)
	// custom, if set, is everything after the pointers (outs and ins), n in AX and 0
	// in R9 are loaded.
	custom func(v vec)
}

var pointers = []string{"SI", "BX", "CX", "DX", "R8"}

// emitMaps writes all vecOps for both widths and the Go function that calls one.
func emitMaps(f *file) {
	ops := append(append([]vecOp{}, vecOps...), tapOps...)
	for _, reg := range widths {
		v := vec{file: f, reg: reg}
		fmt.Fprintf(&f.code, "\n// vec%s runs op with vectors of %d floats.\nfunc vec%s(op vecOp, args vecArgs) (float32, float32) {\nswitch op {\n", reg, v.w(), reg)
		for _, m := range ops {
			m.emit(v)
			fmt.Fprintf(&f.code, "case vec%s:\n%s(&args)\n", m.name, m.symbol(v))
		}
		fmt.Fprintf(&f.code, "default:\npanic(\"kernel: no such vector operation\")\n}\nreturn args.result, args.result2\n}\n")
	}
	fmt.Fprintf(&f.code, "\nconst (\n")
	for i, m := range ops {
		fmt.Fprintf(&f.code, "vec%s", m.name)
		if i == 0 {
			fmt.Fprintf(&f.code, " vecOp = iota")
		}
		fmt.Fprintf(&f.code, "\n")
	}
	fmt.Fprintf(&f.code, ")\n")
	f.data()
}

func (m vecOp) symbol(v vec) string { return "vec" + m.name + v.reg }

func (m vecOp) emit(v vec) {
	v.text(m.symbol(v), "vecArgs", "See vecOps in the generator.")
	v.op("MOVQ %d(DI), AX", argN)
	used := map[int]bool{}
	for i := range m.outs {
		used[i] = true
	}
	for _, i := range m.ins {
		used[i] = true
	}
	for i, p := range pointers {
		if used[i] {
			v.op("MOVQ %d(DI), %s", argP+8*i, p)
		}
	}
	v.op("XORQ R9, R9")
	if m.custom != nil {
		m.custom(v)
		return
	}
	if m.start != nil {
		m.start(v)
	}
	if m.pairs() {
		m.emitPairs(v)
	}
	v.label("loop")
	v.op("CMPQ AX, $%d", v.w())
	v.op("JLT tail")
	m.step(v, false)
	v.op("ADDQ $%d, R9", 4*v.w())
	v.op("SUBQ $%d, AX", v.w())
	v.op("JMP loop")
	v.label("tail")
	v.op("TESTQ AX, AX")
	v.op("JEQ done")
	v.tailMask("AX")
	m.step(v, true)
	v.label("done")
	if m.finish != nil {
		m.finish(v)
	}
	v.ret()
}

// pairs says whether two vectors may be at work at a time: sums have an order.
func (m vecOp) pairs() bool { return m.body != nil && m.start == nil }

// emitPairs writes the loop over pairs of vectors. An activation is one long chain, of which the CPU sees too little ahead to
// find another by itself: the second vector's instructions lie between those of the first.
func (m vecOp) emitPairs(v vec) {
	first, second := v.twice(0), v.twice(1)
	m.step(first, false)
	m.step(second, false)
	v.label("pairs")
	v.op("CMPQ AX, $%d", 2*v.w())
	v.op("JLT loop")
	v.zip(first.file, second.file)
	v.op("ADDQ $%d, R9", 2*4*v.w())
	v.op("SUBQ $%d, AX", 2*v.w())
	v.op("JMP pairs")
}

// zip writes two pieces of code of like instructions with those of the second between those of the first.
func (f *file) zip(first, second *file) {
	lines := strings.SplitAfter(second.String(), "\n")
	for i, line := range strings.SplitAfter(first.String(), "\n") {
		f.printf("%s%s", line, lines[i])
	}
}

// twice answers the i'th of two vectors at work at a time, in a file of its own.
func (v vec) twice(i int) vec {
	v.file = &file{constants: v.constants}
	v.first, v.mask, v.ahead = pairRegisters*i, i, i
	return v
}

// pairRegisters is the number of registers that a body without a reduction may use.
const pairRegisters = 8

func (m vecOp) step(v vec, masked bool) {
	at := func(p int) string { return fmt.Sprintf("%d(%s)(R9*1)", 4*v.w()*v.ahead, pointers[p]) }
	for i, p := range m.ins {
		v.load(at(p), v.r(i), masked)
	}
	var out []int
	if m.body != nil {
		out = m.body(v)
	}
	for i, r := range out {
		v.store(v.r(r), at(i), masked)
	}
	if m.reduce != nil {
		m.reduce(v, masked)
	}
}

// scalar broadcasts scalar argument i into a register.
func (v vec) scalar(i, dst int) { v.op("VBROADCASTSS %d(DI), %s", argS+4*i, v.r(dst)) }

// f emits an instruction on vector registers and then a destination:
// f("VADDPS", a, b, dst).
func (v vec) f(name string, regs ...int) {
	s := name
	for i, r := range regs {
		if i > 0 {
			s += ","
		}
		s += " " + v.r(r)
	}
	v.op("%s", s)
}

// fc is f with a constant as its first operand.
func (v vec) fc(name string, c float64, regs ...int) {
	s := name + " " + v.c(c)
	for _, r := range regs {
		s += ", " + v.r(r)
	}
	v.op("%s", s)
}
