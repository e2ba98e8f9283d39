package main

// laneSums emits sums over the lanes of each of n vectors at p1 into p0; n is a
// multiple of the vector's width.
func laneSums(v vec) {
	w := v.w()
	t := func(i int) int { return w + i }
	v.label("loop")
	for i := range w {
		v.op("VMOVUPS %d(BX), %s", 4*w*i, v.r(i))
	}
	// Sums of pairs of lanes of two rows, then of four rows: row 4q+c ends up in place
	// c of every 128-bit lane of vector 4q.
	for step := 1; step <= 2; step *= 2 {
		lo, hi := "VUNPCKLPS", "VUNPCKHPS"
		if step == 2 {
			lo, hi = "VUNPCKLPD", "VUNPCKHPD"
		}
		for i := 0; i < w; i += 2 * step {
			v.f(lo, i+step, i, t(0))
			v.f(hi, i+step, i, t(1))
			v.f("VADDPS", t(0), t(1), i)
		}
	}
	// Sums of the 128-bit lanes.
	join := func(a, b, dst int) {
		lo, hi := "VSHUFF32X4 $0x88,", "VSHUFF32X4 $0xdd,"
		if w == 8 {
			lo, hi = "VPERM2F128 $0x20,", "VPERM2F128 $0x31,"
		}
		v.f(lo, b, a, t(0))
		v.f(hi, b, a, t(1))
		v.f("VADDPS", t(0), t(1), dst)
	}
	if w == 16 {
		join(0, 4, 0)
		join(8, 12, 8)
		join(0, 8, 0)
	} else {
		join(0, 4, 0)
	}
	v.store(v.r(0), "(SI)", false)
	v.op("ADDQ $%d, SI", 4*w)
	v.op("ADDQ $%d, BX", 4*w*w)
	v.op("SUBQ $%d, AX", w)
	v.op("JNE loop")
	v.ret()
}
