package main

import "fmt"

// Offsets of the fields of kernel.scanArgs.
const (
	scanNumber = iota * 8 // steps
	scanN                 // states, times 64
	scanU
	scanDt
	scanY
	scanB
	scanC
	scanA
	scanH
	scanSkip
	scanLDU
	scanLDDt
	scanLDB
	scanMask
	scanDy
	scanDu
	scanDdt
	scanHS
	scanES
	scanDh
	scanDa
	scanDskip
	scanDb
	scanDc
	scanLDDdt
	scanAdd // like mask: all lanes if du and ddt are added to, none if they are set
)

// laneBytes is the distance between two states of a block of lanes.
const laneBytes = 64

// emitScan writes the steps of the scans for one vector of channels: forward,
// the states again (for the backward pass), and backward; each with a decay for
// every state (scan) or one for all (ssd).
func emitScan(f *file) {
	for _, reg := range widths {
		for _, scalar := range []bool{false, true} {
			s := scan{vec{file: f, reg: reg}, scalar, 5}
			s.forward()
			s.states()
			s.backward()
		}
	}
	f.data()
}

type scan struct {
	vec
	scalar bool
	first  int // of the registers that a state uses: its decay in first, then first+1 .. first+5
}

// four emits one piece of code for four states in turn; the pieces use registers of
// their own where there are enough.
func (s scan) four(state func(s scan, i int)) {
	if s.reg == "Y" || s.scalar {
		for i := range 4 {
			state(s, i)
		}
		return
	}
	var pieces []func()
	for i := range 4 {
		own := s
		own.mask = i
		if i > 0 {
			own.first = 8 + 6*i
		}
		pieces = append(pieces, func() { state(own, i) })
	}
	s.interleave(pieces...)
}

func (s scan) start(name, comment string) {
	prefix := "scan"
	if s.scalar {
		prefix = "ssd"
	}
	s.text(prefix+name+s.reg, "scanArgs", comment)
	s.op("MOVQ %d(DI), R10", scanMask)
	if s.reg == "Z" {
		s.op("KMOVW R10, K1")
	} else {
		s.op("VMOVUPS (R10), Y15")
	}
}

func (s scan) ptr(field int, reg string) { s.op("MOVQ %d(DI), %s", field, reg) }

// inputs loads u and dt of a step at SI and BX into 0 and 1 and their product into
// 2; with one decay for all states, that goes to 5, by way of 6, 7 and 8.
func (s scan) inputs() {
	s.load("(SI)", s.r(0), true)
	if s.scalar {
		s.op("VBROADCASTSS (BX), %s", s.r(1))
	} else {
		s.load("(BX)", s.r(1), true)
	}
	s.f("VMULPS", 0, 1, 2)
	if s.scalar {
		s.op("VBROADCASTSS (R9), %s", s.r(5))
		s.f("VMULPS", 1, 5, 5)
		s.expNegative(s.r(5), s.r(6), s.r(7), s.r(8))
	}
}

// decay computes the decay of the i'th state from R12 on, from A at R9 and dt in 1, if states have their own.
func (s scan) decay(i int) {
	if !s.scalar {
		e := s.first
		s.op("VMULPS %d(R9)(R12*1), %s, %s", i*laneBytes, s.r(1), s.r(e))
		s.expNegative(s.r(e), s.r(e+1), s.r(e+2), s.r(e+3))
	}
}

// state emits the forward step of the i'th state from R12 and R13 on; c·h goes to y.
func (s scan) state(i, y int) {
	h := fmt.Sprintf("%d(R10)(R12*1)", i*laneBytes)
	e, c, x := s.first, s.first+4, s.first+5
	s.op("VBROADCASTSS %d(DX)(R13*1), %s", 4*i, s.r(x))
	s.decay(i)
	s.f("VMULPS", 2, x, x)
	s.op("VFMADD231PS %s, %s, %s", h, s.r(e), s.r(x))
	s.op("VMOVUPS %s, %s", s.r(x), h)
	s.op("VBROADCASTSS %d(R8)(R13*1), %s", 4*i, s.r(c))
	s.f("VFMADD231PS", c, x, y)
}

// forward: h = e·h + x·b, y = skip·u + sum of c·h.
func (s scan) forward() {
	s.start("Forward", "Steps of the recurrence for one vector of channels.")
	s.ptr(scanNumber, "AX")
	s.ptr(scanN, "R11")
	s.ptr(scanU, "SI")
	s.ptr(scanDt, "BX")
	s.ptr(scanY, "CX")
	s.ptr(scanB, "DX")
	s.ptr(scanC, "R8")
	s.ptr(scanA, "R9")
	s.ptr(scanH, "R10")
	s.op("MOVQ %d(DI), R13", scanSkip)
	s.op("VMOVUPS (R13), %s", s.r(4))
	s.label("step")
	// Rows are far apart: fetch those of eight steps ahead.
	s.op("MOVQ %d(DI), R15", scanLDU)
	s.op("PREFETCHT0 (SI)(R15*8)")
	s.op("PREFETCHT0 (CX)(R15*8)")
	s.op("MOVQ %d(DI), R15", scanLDDt)
	s.op("PREFETCHT0 (BX)(R15*8)")
	s.inputs()
	s.f("VMULPS", 4, 0, 3)
	s.op("XORQ R12, R12")
	s.op("XORQ R13, R13")
	// Four sums in turn, so that one addition need not wait for the last.
	for _, y := range []int{11, 12, 13} {
		s.zero(s.r(y))
	}
	s.op("LEAQ -%d(R11), R15", 4*laneBytes)
	s.op("CMPQ R12, R15")
	s.op("JGT rest")
	s.label("fours")
	s.four(func(s scan, i int) { s.state(i, []int{3, 11, 12, 13}[i]) })
	s.op("ADDQ $16, R13")
	s.op("ADDQ $%d, R12", 4*laneBytes)
	s.op("CMPQ R12, R15")
	s.op("JLE fours")
	s.label("rest")
	s.op("CMPQ R12, R11")
	s.op("JEQ sum")
	s.state(0, 3)
	s.op("ADDQ $4, R13")
	s.op("ADDQ $%d, R12", laneBytes)
	s.op("JMP rest")
	s.label("sum")
	s.f("VADDPS", 11, 3, 3)
	s.f("VADDPS", 13, 12, 12)
	s.f("VADDPS", 12, 3, 3)
	s.store(s.r(3), "(CX)", true)
	s.op("ADDQ %d(DI), SI", scanLDU)
	s.op("ADDQ %d(DI), CX", scanLDU)
	s.op("ADDQ %d(DI), BX", scanLDDt)
	s.op("ADDQ %d(DI), DX", scanLDB)
	s.op("ADDQ %d(DI), R8", scanLDB)
	s.op("DECQ AX")
	s.op("JNE step")
	s.ret()
}

// keepState emits the step of the i'th state from R12 and R13 on, from the states at
// R10 to those at R8; its decay goes to CX.
func (s scan) keepState(i int) {
	e, x := s.first, s.first+5
	s.op("VBROADCASTSS %d(DX)(R13*1), %s", 4*i, s.r(x))
	s.decay(i)
	if !s.scalar {
		s.op("VMOVUPS %s, %d(CX)(R12*1)", s.r(e), i*laneBytes)
	}
	s.f("VMULPS", 2, x, x)
	s.op("VFMADD231PS %d(R10)(R12*1), %s, %s", i*laneBytes, s.r(e), s.r(x))
	s.op("VMOVUPS %s, %d(R8)(R12*1)", s.r(x), i*laneBytes)
}

// states fills hs from its first [N] on, and es.
func (s scan) states() {
	s.start("States", "The states after each step, and the decays.")
	s.ptr(scanNumber, "AX")
	s.ptr(scanN, "R11")
	s.ptr(scanU, "SI")
	s.ptr(scanDt, "BX")
	s.ptr(scanB, "DX")
	s.ptr(scanA, "R9")
	s.ptr(scanHS, "R10")
	s.ptr(scanES, "CX")
	s.label("step")
	// The next block of lanes follows: fetch its rows.
	s.op("PREFETCHT0 64(SI)")
	s.op("PREFETCHT0 64(BX)")
	for _, m := range []struct{ field, by int }{{scanDy, scanLDU}, {scanDu, scanLDU}, {scanDdt, scanLDDdt}} {
		s.ptr(m.field, "R13")
		s.op("PREFETCHT0 64(R13)")
		s.op("ADDQ %d(DI), R13", m.by)
		s.op("MOVQ R13, %d(DI)", m.field)
	}
	s.inputs()
	if s.scalar {
		s.op("VMOVUPS %s, (CX)", s.r(5))
		s.op("ADDQ $%d, CX", laneBytes)
	}
	s.op("LEAQ (R10)(R11*1), R8")
	s.op("XORQ R12, R12")
	s.op("XORQ R13, R13")
	s.op("LEAQ -%d(R11), R15", 4*laneBytes)
	s.op("CMPQ R12, R15")
	s.op("JGT rest")
	s.label("fours")
	s.four(scan.keepState)
	s.op("ADDQ $16, R13")
	s.op("ADDQ $%d, R12", 4*laneBytes)
	s.op("CMPQ R12, R15")
	s.op("JLE fours")
	s.label("rest")
	s.op("CMPQ R12, R11")
	s.op("JEQ stored")
	s.keepState(0)
	s.op("ADDQ $4, R13")
	s.op("ADDQ $%d, R12", laneBytes)
	s.op("JMP rest")
	s.label("stored")
	s.op("MOVQ R8, R10")
	if !s.scalar {
		s.op("ADDQ R11, CX")
	}
	s.op("ADDQ %d(DI), SI", scanLDU)
	s.op("ADDQ %d(DI), BX", scanLDDt)
	s.op("ADDQ %d(DI), DX", scanLDB)
	s.op("DECQ AX")
	s.op("JNE step")
	s.ret()
}

// backward runs from the last step, which the pointers of rows point to, to the
// first. The pointers of a step move in the argument block.
func (s scan) backward() {
	s.start("Backward", "Steps of the backward pass for one vector of channels.")
	s.op("MOVQ %d(DI), R10", scanAdd)
	if s.reg == "Z" {
		s.op("KMOVW R10, K3")
	} else {
		s.op("VMOVUPS (R10), %s", s.r(14))
	}
	s.ptr(scanN, "R15")
	s.ptr(scanDh, "R10")
	s.ptr(scanDa, "R11")
	s.ptr(scanA, "R9")
	s.op("MOVQ %d(DI), R12", scanDskip)
	s.op("VMOVUPS (R12), %s", s.r(13))
	s.label("step")
	s.ptr(scanU, "SI")
	s.ptr(scanDt, "BX")
	s.ptr(scanDy, "CX")
	s.load("(SI)", s.r(0), true) // u
	if s.scalar {
		s.op("VBROADCASTSS (BX), %s", s.r(1))
	} else {
		s.load("(BX)", s.r(1), true) // dt
	}
	s.load("(CX)", s.r(3), true) // g = dy
	s.f("VMULPS", 0, 1, 2)       // x
	s.f("VFMADD231PS", 0, 3, 13) // dskip += g·u
	s.zero(s.r(6))               // s1 = sum of dh·b
	s.zero(s.r(7))               // s2 = sum of w·a, or of w
	s.ptr(scanB, "SI")
	s.ptr(scanC, "BX")
	s.ptr(scanHS, "CX") // before the step
	s.op("LEAQ (CX)(R15*1), DX")
	s.ptr(scanES, "R8")
	s.ptr(scanDb, "R12")
	s.ptr(scanDc, "R13")
	if s.scalar {
		s.op("VMOVUPS (R8), %s", s.r(4))
	}
	s.op("XORQ AX, AX")
	s.label("state")
	s.op("VMOVUPS (R10)(AX*1), %s", s.r(5)) // dh
	s.op("VBROADCASTSS (BX), %s", s.r(8))
	s.f("VFMADD231PS", 8, 3, 5)
	s.op("VMOVUPS (R13)(AX*1), %s", s.r(9)) // dc += g·h
	s.op("VFMADD231PS (DX)(AX*1), %s, %s", s.r(3), s.r(9))
	s.op("VMOVUPS %s, (R13)(AX*1)", s.r(9))
	s.op("VMOVUPS (R12)(AX*1), %s", s.r(10)) // db += dh·x
	s.f("VFMADD231PS", 5, 2, 10)
	s.op("VMOVUPS %s, (R12)(AX*1)", s.r(10))
	s.op("VBROADCASTSS (SI), %s", s.r(8))
	s.f("VFMADD231PS", 5, 8, 6)
	if s.scalar {
		s.f("VMULPS", 4, 5, 5)
	} else {
		s.op("VMULPS (R8)(AX*1), %s, %s", s.r(5), s.r(5))
	}
	s.op("VMOVUPS %s, (R10)(AX*1)", s.r(5))
	if s.scalar {
		s.op("VFMADD231PS (CX)(AX*1), %s, %s", s.r(5), s.r(7))
	} else {
		s.op("VMULPS (CX)(AX*1), %s, %s", s.r(5), s.r(8)) // w
		s.op("VMOVUPS (R11)(AX*1), %s", s.r(9))           // da += w·dt
		s.f("VFMADD231PS", 8, 1, 9)
		s.op("VMOVUPS %s, (R11)(AX*1)", s.r(9))
		s.op("VFMADD231PS (R9)(AX*1), %s, %s", s.r(8), s.r(7))
	}
	s.op("ADDQ $4, SI")
	s.op("ADDQ $4, BX")
	s.op("ADDQ $%d, AX", laneBytes)
	s.op("CMPQ AX, R15")
	s.op("JNE state")

	if s.scalar { // da += dt·sum of w; s2 = a·sum of w
		s.op("VMOVUPS (R11), %s", s.r(9))
		s.f("VFMADD231PS", 1, 7, 9)
		s.op("VMOVUPS %s, (R11)", s.r(9))
		s.op("VBROADCASTSS (R9), %s", s.r(9))
		s.f("VMULPS", 9, 7, 7)
	}
	// du = skip·g + dt·s1, ddt = u·s1 + s2
	s.ptr(scanSkip, "AX")
	s.op("VMULPS (AX), %s, %s", s.r(3), s.r(3))
	s.f("VFMADD231PS", 1, 6, 3)
	s.f("VFMADD231PS", 0, 6, 7)
	s.ptr(scanDu, "AX")
	s.ptr(scanDdt, "SI")
	if s.reg == "Z" {
		s.op("VMOVUPS.Z (AX), K3, %s", s.r(8))
		s.op("VMOVUPS.Z (SI), K3, %s", s.r(9))
	} else {
		s.op("VMASKMOVPS (AX), %s, %s", s.r(14), s.r(8))
		s.op("VMASKMOVPS (SI), %s, %s", s.r(14), s.r(9))
	}
	s.f("VADDPS", 8, 3, 3)
	s.f("VADDPS", 9, 7, 7)
	s.store(s.r(3), "(AX)", true)
	s.store(s.r(7), "(SI)", true)

	for _, m := range []struct{ field, by int }{
		{scanU, scanLDU}, {scanDy, scanLDU}, {scanDu, scanLDU}, {scanDt, scanLDDt}, {scanDdt, scanLDDdt},
		{scanB, scanLDB}, {scanC, scanLDB},
	} {
		s.ptr(m.by, "AX")
		s.op("SUBQ AX, %d(DI)", m.field)
	}
	for _, field := range []int{scanHS, scanDb, scanDc} {
		s.op("SUBQ R15, %d(DI)", field)
	}
	by := "R15"
	if s.scalar {
		by = fmt.Sprintf("$%d", laneBytes)
	}
	s.op("SUBQ %s, %d(DI)", by, scanES)
	s.op("DECQ %d(DI)", scanNumber)
	s.op("JNE step")
	s.op("MOVQ %d(DI), R12", scanDskip)
	s.op("VMOVUPS %s, (R12)", s.r(13))
	s.ret()
}
