package kernel

import "unsafe"

// tileArgs are the arguments of a micro-kernel. Strides are in bytes. The
// generator knows the offsets.
type tileArgs struct {
	a, b, c  unsafe.Pointer
	k        int
	rsa, csa int // between A's rows, and between its elements along K
	ldb, ldc int
	load     int     // 1: start from C
	mask     uintptr // AVX-512: a bit for each column of the last vector; AVX2: the address of 8 words of maskWords
}

// maskWords holds 8 words of ones and then 8 of zeros: the mask of n columns
// starts at word 8-n.
var maskWords = [16]int32{-1, -1, -1, -1, -1, -1, -1, -1}

func newTileArgs(m, n, k int, a []float32, rsa, csa int, b []float32, ldb int, c []float32, ldc int, load bool) tileArgs {
	if m <= 0 || n <= 0 || k <= 0 ||
		len(a) <= (m-1)*rsa+(k-1)*csa || len(b) < (k-1)*ldb+n || len(c) < (m-1)*ldc+n {
		panic("kernel: tile: out of range")
	}
	args := tileArgs{
		a: unsafe.Pointer(&a[0]), b: unsafe.Pointer(&b[0]), c: unsafe.Pointer(&c[0]),
		k: k, rsa: 4 * rsa, csa: 4 * csa, ldb: 4 * ldb, ldc: 4 * ldc,
	}
	if load {
		args.load = 1
	}
	return args
}

// tileAVX512 is tileGeneric with fused multiply-adds, in tiles of 14 x 32.
func tileAVX512(m, n, k int, a []float32, rsa, csa int, b []float32, ldb int, c []float32, ldc int, load bool) {
	args := newTileArgs(m, n, k, a, rsa, csa, b, ldb, c, ldc, load)
	rowsOfA, columnsOfB, tile := args.a, args.b, args.c
	wide := 32
	if m <= 4 {
		wide = 64
	}
	for j := 0; j < n; {
		cols := min(wide, n-j)
		vectors := (cols + 15) / 16
		if vectors == 3 {
			cols, vectors = 32, 2
		}
		args.mask = 0xffff >> (16*vectors - cols)
		args.b = unsafe.Add(columnsOfB, 4*j)
		for i := 0; i < m; i += 14 {
			args.a = unsafe.Add(rowsOfA, i*args.rsa)
			args.c = unsafe.Add(tile, i*args.ldc+4*j)
			gemmZ(min(14, m-i), vectors, &args)
		}
		j += cols
	}
}

// tileAVX2 is tileGeneric with fused multiply-adds, in tiles of 6 x 16.
func tileAVX2(m, n, k int, a []float32, rsa, csa int, b []float32, ldb int, c []float32, ldc int, load bool) {
	args := newTileArgs(m, n, k, a, rsa, csa, b, ldb, c, ldc, load)
	rowsOfA, columnsOfB, tile := args.a, args.b, args.c
	for j := 0; j < n; {
		cols := min(16, n-j)
		vectors := cols / 8 // 0: one vector, masked
		if vectors > 0 {
			cols = 8 * vectors
		}
		args.mask = uintptr(unsafe.Pointer(&maskWords[8-cols&7]))
		args.b = unsafe.Add(columnsOfB, 4*j)
		for i := 0; i < m; i += 6 {
			args.a = unsafe.Add(rowsOfA, i*args.rsa)
			args.c = unsafe.Add(tile, i*args.ldc+4*j)
			gemmY(min(6, m-i), vectors, &args)
		}
		j += cols
	}
}
