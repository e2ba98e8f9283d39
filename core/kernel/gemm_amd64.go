package kernel

import "unsafe"

// tileArgs are the arguments of a micro-kernel. Strides are in bytes. The
// generator knows the offsets.
type tileArgs struct {
	a, b, c  unsafe.Pointer
	k        int
	lda      int // between A's rows, or between its columns where those along M are adjacent
	ldb, ldc int
	load     int     // 1: start from C
	mask     uintptr // AVX-512: a bit for each column of the last vector; AVX2: the address of 8 words of maskWords
	tiles    int     // one below the other
	next     int     // from a tile's A to the next's
	ahead    uintptr // what to fetch into the second-level cache meanwhile

	// The kernel's own: where it stands. The last steps lead out of the matrices, which no pointer may.
	atA, atC uintptr //lint:ignore U1000 assembly writes and reads them
}

// maskWords holds 8 words of ones and then 8 of zeros: the mask of n columns
// starts at word 8-n.
var maskWords = [16]int32{-1, -1, -1, -1, -1, -1, -1, -1}

// A tiling walks over a block of C: columns of tiles from left to right.
type tiling struct {
	tileArgs
	columns     bool           // A's elements along M are adjacent
	rowsOfA     unsafe.Pointer // as at the start
	columnsOfB  unsafe.Pointer
	block       unsafe.Pointer
	m, n        int
	rowA        int // from a row of A to the next
	most, panel int // rows of a tile at most; rows of a panel of A, or 0
}

func newTiling(m, n, k int, a []float32, rsa, csa int, b []float32, ldb int, c []float32, ldc int, load bool) tiling {
	if m <= 0 || n <= 0 || k <= 0 ||
		len(a) <= (m-1)*rsa+(k-1)*csa || len(b) < (k-1)*ldb+n || len(c) < (m-1)*ldc+n {
		panic("kernel: tile: out of range")
	}
	t := tiling{rowsOfA: unsafe.Pointer(&a[0]), columnsOfB: unsafe.Pointer(&b[0]), block: unsafe.Pointer(&c[0]), m: m, n: n, rowA: 4 * rsa}
	t.k, t.lda, t.ldb, t.ldc = k, 4*rsa, 4*ldb, 4*ldc
	if csa != 1 {
		if rsa != 1 && m > 1 {
			panic("kernel: tile: neither stride of a is 1")
		}
		t.columns, t.lda = true, 4*csa
	}
	if load {
		t.load = 1
	}
	return t
}

// tileAVX512 is tileGeneric with fused multiply-adds, in tiles of 14 x 32.
func tileAVX512(m, n, k int, a []float32, rsa, csa int, b []float32, ldb int, c []float32, ldc int, load bool) {
	t := newTiling(m, n, k, a, rsa, csa, b, ldb, c, ldc, load)
	t.most = 14
	t.runZ()
}

func tilePanelsAVX512(m, n, k int, a []float32, step int, b []float32, ldb int, c []float32, ldc int, load bool) {
	const rows = 12
	t := newTilingOfPanels(rows, m, n, k, a, step, b, ldb, c, ldc, load)
	t.runZ()
}

// tileAVX2 is tileGeneric with fused multiply-adds, in tiles of 6 x 16.
func tileAVX2(m, n, k int, a []float32, rsa, csa int, b []float32, ldb int, c []float32, ldc int, load bool) {
	t := newTiling(m, n, k, a, rsa, csa, b, ldb, c, ldc, load)
	t.most = 6
	t.runY()
}

func tilePanelsAVX2(m, n, k int, a []float32, step int, b []float32, ldb int, c []float32, ldc int, load bool) {
	const rows = 6
	t := newTilingOfPanels(rows, m, n, k, a, step, b, ldb, c, ldc, load)
	t.runY()
}

// newTilingOfPanels is the tiling of an A in panels of the given rows.
func newTilingOfPanels(rows, m, n, k int, a []float32, step int, b []float32, ldb int, c []float32, ldc int, load bool) tiling {
	if step < k*rows || len(a) < (m+rows-1)/rows*step {
		panic("kernel: tile: short panels")
	}
	t := newTiling(m, n, k, a, 1, rows, b, ldb, c, ldc, load)
	t.columns, t.lda = true, 4*rows
	t.most, t.panel, t.next = rows, rows, 4*step
	return t
}

func (t *tiling) runZ() {
	wide := 32
	if t.m <= 4 {
		wide = 64
	}
	for j := 0; j < t.n; {
		cols := min(wide, t.n-j)
		vectors := (cols + 15) / 16
		if vectors == 3 {
			cols, vectors = 32, 2
		}
		t.mask = 0xffff >> (16*vectors - cols)
		for i := 0; i < t.m; {
			rows := t.down(i, j)
			i += rows * t.tiles
			if t.columns {
				gemmZC(rows, vectors, &t.tileArgs)
			} else {
				gemmZR(rows, vectors, &t.tileArgs)
			}
		}
		j += cols
	}
}

func (t *tiling) runY() {
	for j := 0; j < t.n; {
		cols := min(16, t.n-j)
		vectors := cols / 8 // 0: one vector, masked
		if vectors > 0 {
			cols = 8 * vectors
		}
		t.mask = uintptr(unsafe.Pointer(&maskWords[8-cols&7]))
		for i := 0; i < t.m; {
			rows := t.down(i, j)
			i += rows * t.tiles
			if t.columns {
				gemmYC(rows, vectors, &t.tileArgs)
			} else {
				gemmYR(rows, vectors, &t.tileArgs)
			}
		}
		j += cols
	}
}

// down points the arguments to the tiles from row i on, at column j, as many as have the same size, and returns their
// rows. Where rows are left over, the last two tiles share them evenly: a low tile does not fill the pipelines.
func (t *tiling) down(i, j int) (rows int) {
	left := t.m - i
	t.a = unsafe.Add(t.rowsOfA, i*t.rowA)
	if t.panel > 0 {
		t.a = unsafe.Add(t.rowsOfA, i/t.panel*t.next)
	}
	t.b = unsafe.Add(t.columnsOfB, 4*j)
	t.ahead = uintptr(t.b) + uintptr(t.k*t.ldb)
	t.c = unsafe.Add(t.block, i*t.ldc+4*j)
	rows, t.tiles = t.most, left/t.most
	switch {
	case t.tiles == 0:
		rows, t.tiles = left, 1
	case t.panel > 0:
		return rows
	case left%t.most == 0:
	case t.tiles > 1:
		t.tiles--
	default:
		rows = (left + 1) / 2
	}
	if t.panel == 0 {
		t.next = rows * t.rowA
	}
	return rows
}
