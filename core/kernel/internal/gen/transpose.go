package main

import "fmt"

// Offsets of the fields of kernel.transposeArgs.
const (
	argDst    = 0
	argSrc    = 8
	argLDD    = 16
	argLDS    = 24
	argBlocks = 32
)

// emitTranspose writes transposeZ and transposeY: blocks of 16x16 or 8x8 floats
// side by side in src, one below the other in dst.
func emitTranspose(f *file) {
	transpose(f, "Z", 16)
	transpose(f, "Y", 8)
}

func transpose(f *file, reg string, w int) {
	r := func(i int) string { return fmt.Sprintf("%s%d", reg, i) }
	t := func(i int) string { return fmt.Sprintf("%s%d", reg, w+i) }
	f.text("transpose"+reg, "transposeArgs", fmt.Sprintf("Blocks of %d x %d.", w, w))
	f.op("MOVQ %d(DI), BX", argDst)
	f.op("MOVQ %d(DI), SI", argSrc)
	f.op("MOVQ %d(DI), CX", argLDD)
	f.op("MOVQ %d(DI), DX", argLDS)
	f.op("MOVQ %d(DI), AX", argBlocks)
	f.op("MOVQ DX, R9")
	f.op("SHLQ $5, R9")
	f.label("loop")
	f.op("MOVQ SI, R8")
	for i := range w {
		f.op("VMOVUPS (R8), %s", r(i))
		f.op("PREFETCHT0 (R8)(R9*1)") // 32 rows further: they lie on pages of their own, where the processor does not look ahead
		f.op("ADDQ DX, R8")
	}
	// Pairs of rows, then fours: r(4g+c) holds in its 128-bit lane l column 4l+c of
	// rows 4g..4g+3.
	for i := 0; i < w; i += 2 {
		f.op("VUNPCKLPS %s, %s, %s", r(i+1), r(i), t(i))
		f.op("VUNPCKHPS %s, %s, %s", r(i+1), r(i), t(i+1))
	}
	for g := 0; g < w; g += 4 {
		for c := range 4 {
			name := []string{"VUNPCKLPD", "VUNPCKHPD"}[c%2]
			f.op("%s %s, %s, %s", name, t(g+c/2+2), t(g+c/2), r(g+c))
		}
	}
	// Collect lane l of all fours.
	out := make([]string, w)
	for c := range 4 {
		if w == 8 {
			f.op("VPERM2F128 $0x20, %s, %s, %s", r(4+c), r(c), t(c))
			f.op("VPERM2F128 $0x31, %s, %s, %s", r(4+c), r(c), t(4+c))
			out[c], out[4+c] = t(c), t(4+c)
			continue
		}
		f.op("VSHUFF32X4 $0x88, %s, %s, %s", r(4+c), r(c), t(0))
		f.op("VSHUFF32X4 $0xdd, %s, %s, %s", r(4+c), r(c), t(1))
		f.op("VSHUFF32X4 $0x88, %s, %s, %s", r(12+c), r(8+c), t(2))
		f.op("VSHUFF32X4 $0xdd, %s, %s, %s", r(12+c), r(8+c), t(3))
		f.op("VSHUFF32X4 $0x88, %s, %s, %s", t(2), t(0), r(c))
		f.op("VSHUFF32X4 $0xdd, %s, %s, %s", t(2), t(0), r(8+c))
		f.op("VSHUFF32X4 $0x88, %s, %s, %s", t(3), t(1), r(4+c))
		f.op("VSHUFF32X4 $0xdd, %s, %s, %s", t(3), t(1), r(12+c))
		for _, i := range []int{c, 4 + c, 8 + c, 12 + c} {
			out[i] = r(i)
		}
	}
	for i := range w {
		f.op("VMOVUPS %s, (BX)", out[i])
		f.op("ADDQ CX, BX")
	}
	f.op("ADDQ $%d, SI", 4*w)
	f.op("DECQ AX")
	f.op("JNE loop")
	f.ret()
}
