package main

// emitSSD writes the steps of Mamba-2's scan, whose decay is the same for all states
// and lanes, for a block of 16 lanes.
func emitSSD(v vec) { ssd{scan{v}}.forward() }

type ssd struct{ scan }

// forward: h = e·h + x·b, y = skip·u + sum of c·h, with e in register 1, x in 2 and
// 3, and two sums of y for each vector in 4 to 7.
func (s ssd) forward() {
	v := 16 / s.w()
	x, y := func(j int) int { return 2 + j }, func(i, j int) int { return 4 + 2*(i%2) + j }
	s.text("ssdForward"+s.reg, "ssdArgs", "Steps of Mamba-2's recurrence for a block of lanes.")
	if s.reg == "Z" {
		s.ptr(scanMask, "R10")
		s.op("KMOVW R10, K1")
	}
	s.flushing(scanControl)
	s.ptr(scanNumber, "AX")
	s.ptr(scanN, "R11")
	s.ptr(scanU, "SI")
	s.ptr(scanDt, "BX")
	s.ptr(scanY, "CX")
	s.ptr(scanB, "DX")
	s.ptr(scanC, "R8")
	s.ptr(scanA, "R9")
	s.ptr(scanH, "R10")
	halves := func(piece func(j int)) {
		for j := range v {
			s.lanes([]int{scanMask, scanMask2}[j], 8)
			piece(j)
		}
	}
	s.label("step")
	// Rows are far apart: fetch those of eight steps ahead.
	s.ptr(scanLDU, "R15")
	s.op("PREFETCHT0 (SI)(R15*8)")
	s.op("PREFETCHT0 (CX)(R15*8)")
	s.op("VBROADCASTSS (BX), %s", s.r(1))
	s.op("VBROADCASTSS (R9), %s", s.r(4))
	s.f("VMULPS", 1, 4, 4)
	s.fc("VMULPS", log2e, 4, 4)
	s.exp2(1)
	s.f("VMOVAPS", 6, 9)
	s.ptr(scanSkip, "R13")
	halves(func(j int) {
		s.loadLanes(s.lane("SI", j), 8, 0) // u
		s.f("VMULPS", 0, 1, x(j))
		s.op("VMULPS %s, %s, %s", s.lane("R13", j), s.r(0), s.r(y(0, j)))
		s.zero(s.r(y(1, j)))
	})
	s.f("VMOVAPS", 9, 1)
	s.byStates(func(n int) {
		states := func(piece func(i, j, h int)) {
			for i := range n {
				for j := range v {
					piece(i, j, 8+v*i+j)
				}
			}
		}
		broadcast := func(base string, i, j int) { // one for all vectors of a state
			if j == 0 {
				s.op("VBROADCASTSS %d(%s)(R13*1), %s", 4*i, base, s.r(0))
			}
		}
		states(func(i, j, h int) {
			broadcast("DX", i, j)
			s.f("VMULPS", 0, x(j), h)
		})
		state := func(i, j int) string { return s.lane("R10", i*v+j) + "(R12*1)" }
		states(func(i, j, h int) { s.op("VFMADD231PS %s, %s, %s", state(i, j), s.r(1), s.r(h)) })
		states(func(i, j, h int) { s.op("VMOVUPS %s, %s", s.r(h), state(i, j)) })
		states(func(i, j, h int) {
			broadcast("R8", i, j)
			s.f("VFMADD231PS", 0, h, y(i, j))
		})
	})
	halves(func(j int) {
		s.f("VADDPS", y(1, j), y(0, j), y(0, j))
		s.storeLanes(y(0, j), 8, s.lane("CX", j))
	})
	s.op("ADDQ %d(DI), SI", scanLDU)
	s.op("ADDQ %d(DI), CX", scanLDU)
	s.op("ADDQ %d(DI), BX", scanLDDt)
	s.op("ADDQ %d(DI), DX", scanLDB)
	s.op("ADDQ %d(DI), R8", scanLDB)
	s.op("DECQ AX")
	s.op("JNE step")
	s.retFlushing(scanControl)
}
