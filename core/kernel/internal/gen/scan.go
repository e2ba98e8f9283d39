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
)

// laneBytes is the distance between two states of a block of lanes.
const laneBytes = 64

// emitScan writes the steps of the scans for one vector of channels: forward,
// the states again (for the backward pass), and backward; each with a decay for
// every state (scan) or one for all (ssd).
func emitScan(f *file) {
	for _, reg := range widths {
		for _, scalar := range []bool{false, true} {
			s := scan{vec{f, reg}, scalar}
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
		s.exp(s.r(5), s.r(6), s.r(7), s.r(8))
	}
}

// decay computes a state's decay from A at R9 and dt in 1, if states have their own.
func (s scan) decay() {
	if !s.scalar {
		s.op("VMULPS (R9)(R12*1), %s, %s", s.r(1), s.r(5))
		s.exp(s.r(5), s.r(6), s.r(7), s.r(8))
	}
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
	s.inputs()
	s.f("VMULPS", 4, 0, 3)
	s.op("XORQ R12, R12")
	s.op("XORQ R13, R13")
	s.label("state")
	s.op("VBROADCASTSS (DX)(R13*1), %s", s.r(10))
	s.decay()
	s.f("VMULPS", 2, 10, 10)
	s.op("VFMADD231PS (R10)(R12*1), %s, %s", s.r(5), s.r(10))
	s.op("VMOVUPS %s, (R10)(R12*1)", s.r(10))
	s.op("VBROADCASTSS (R8)(R13*1), %s", s.r(9))
	s.f("VFMADD231PS", 9, 10, 3)
	s.op("ADDQ $4, R13")
	s.op("ADDQ $%d, R12", laneBytes)
	s.op("CMPQ R12, R11")
	s.op("JNE state")
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
	s.inputs()
	if s.scalar {
		s.op("VMOVUPS %s, (CX)", s.r(5))
		s.op("ADDQ $%d, CX", laneBytes)
	}
	s.op("LEAQ (R10)(R11*1), R8")
	s.op("XORQ R12, R12")
	s.op("XORQ R13, R13")
	s.label("state")
	s.op("VBROADCASTSS (DX)(R13*1), %s", s.r(10))
	s.decay()
	if !s.scalar {
		s.op("VMOVUPS %s, (CX)(R12*1)", s.r(5))
	}
	s.f("VMULPS", 2, 10, 10)
	s.op("VFMADD231PS (R10)(R12*1), %s, %s", s.r(5), s.r(10))
	s.op("VMOVUPS %s, (R8)(R12*1)", s.r(10))
	s.op("ADDQ $4, R13")
	s.op("ADDQ $%d, R12", laneBytes)
	s.op("CMPQ R12, R11")
	s.op("JNE state")
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
	s.store(s.r(3), "(AX)", true)
	s.ptr(scanDdt, "AX")
	s.store(s.r(7), "(AX)", true)

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
