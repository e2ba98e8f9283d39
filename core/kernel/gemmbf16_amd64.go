package kernel

import "unsafe"

// dotArgs are the arguments of a tile of words. Strides are in bytes.
type dotArgs struct {
	a, b, c  unsafe.Pointer
	k        int // words
	rsa, csa int // between A's rows, and between its words along K
	ldc      int
	load     int     // 1: start from C
	mask     uintptr // a bit for each column of C's last vector

	// Of tiles of integers: FP32 of the sums goes here instead of C, unless nil.
	out               unsafe.Pointer
	ldOut             int
	bias, column, row unsafe.Pointer
}

// pairArgs are the arguments of the functions that make pairs.
type pairArgs struct {
	dst, lo, hi unsafe.Pointer
	n           int
}

// interleave16 sends element i of the low half to place 2i, and of the high half to 2i+1.
//
//lint:ignore U1000 assembly reads it
var interleave16 = func() (at [32]uint16) {
	for i := range 16 {
		at[2*i], at[2*i+1] = uint16(i), uint16(16+i)
	}
	return at
}()

var bf16AVX512 = bf16Kernels{
	tile: func(m, n, k int, a []float32, rsa, csa int, b []float32, c []float32, ldc int, load bool) {
		if m <= 0 || n <= 0 || n > panelWidth || k <= 0 ||
			len(a) <= (m-1)*rsa+(k-1)*csa || len(b) < k*panelWidth || len(c) < (m-1)*ldc+n {
			panic("kernel: tile: out of range")
		}
		vectors := (n + 15) / 16
		args := dotArgs{
			b: unsafe.Pointer(&b[0]), k: k, rsa: 4 * rsa, csa: 4 * csa, ldc: 4 * ldc,
			mask: 0xffff >> (16*vectors - n),
		}
		if load {
			args.load = 1
		}
		for i := 0; i < m; i += bf16MaxRows {
			args.a, args.c = unsafe.Pointer(&a[i*rsa]), unsafe.Pointer(&c[i*ldc])
			bf16Z(min(bf16MaxRows, m-i), vectors, &args)
		}
	},
	pairs: func(dst []float32, lo, hi []uint16) {
		args := pairArgs{dst: unsafe.Pointer(&dst[0]), lo: unsafe.Pointer(&lo[:len(dst)][0]), n: len(dst)}
		if len(hi) > 0 {
			args.hi = unsafe.Pointer(&hi[:len(dst)][0])
		}
		pairBF16Z(&args)
	},
	pairs32: func(dst, lo, hi []float32) {
		args := pairArgs{dst: unsafe.Pointer(&dst[0]), lo: unsafe.Pointer(&lo[:len(dst)][0]), n: len(dst)}
		if len(hi) > 0 {
			args.hi = unsafe.Pointer(&hi[:len(dst)][0])
		}
		pairFP32Z(&args)
	},
	row32: func(dst []uint16, src []float32) {
		if len(dst) < (len(src)+15)&^15 {
			panic("kernel: row: out of range")
		}
		rowFP32Z(&pairArgs{dst: unsafe.Pointer(&dst[0]), lo: unsafe.Pointer(&src[0]), n: len(src)})
	},
}
