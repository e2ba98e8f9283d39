package main

import "fmt"

// Offsets of the fields of kernel.packArgs.
const (
	packDst    = 0
	packSrc    = 8
	packK      = 16
	packLD     = 24
	packPanels = 32
	packStep   = 40
)

// emitPack writes the copies of a matrix into panels: for each k a line across the panels is read, and each panel takes
// its part. Names are pack, the register's letter, and the floats across a panel.
func emitPack(f *file) {
	pack(f, "Y", 16, []string{"Y0", "Y1"})
	pack(f, "Y", 6, []string{"X0", "X1 8"})
	pack(f, "Z", 32, []string{"Z0", "Z1"})
	pack(f, "Z", 12, []string{"Y0", "X1"})
}

// pack copies a panel's part with the given registers side by side; "X1 8" is the low half of X1.
func pack(f *file, reg string, width int, parts []string) {
	f.text(fmt.Sprintf("pack%s%d", reg, width), "packArgs", fmt.Sprintf("Panels of %d floats.", width))
	f.op("MOVQ %d(DI), SI", packDst)
	f.op("MOVQ %d(DI), BX", packSrc)
	f.op("MOVQ %d(DI), AX", packK)
	f.op("MOVQ %d(DI), CX", packLD)
	f.op("MOVQ %d(DI), DX", packPanels)
	f.op("MOVQ %d(DI), R8", packStep)
	f.label("line")
	f.op("MOVQ BX, R9")
	f.op("MOVQ SI, R10")
	f.op("MOVQ DX, R11")
	f.label("panel")
	each := func(move func(at int, name, reg string)) {
		at := 0
		for _, p := range parts {
			name, reg, bytes := "VMOVUPS", p, map[byte]int{'X': 16, 'Y': 32, 'Z': 64}[p[0]]
			if len(p) > 2 {
				name, reg, bytes = "VMOVSD", p[:2], 8
			}
			move(at, name, reg)
			at += bytes
		}
	}
	each(func(at int, name, reg string) { f.op("%s %d(R9), %s", name, at, reg) })
	each(func(at int, name, reg string) { f.op("%s %s, %d(R10)", name, reg, at) })
	f.op("PREFETCHT0 (R9)(CX*8)")
	f.op("ADDQ $%d, R9", 4*width)
	f.op("ADDQ R8, R10")
	f.op("DECQ R11")
	f.op("JNE panel")
	f.op("ADDQ CX, BX")
	f.op("ADDQ $%d, SI", 4*width)
	f.op("DECQ AX")
	f.op("JNE line")
	f.ret()
}
