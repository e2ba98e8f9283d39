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

	// For each four of k a row of the panel of B that comes next is fetched into the second-level cache, and a row copied, if
	// the kernel does that. Rows are stride apart: 0 where all are there.
	ahead  uintptr
	stride int
	from   uintptr
	to     uintptr

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
	soon        nextPanel
	copies      bool // soon is copied by the tiles
	copying     bool // by these
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

func tilePanelsAVX512(m, n, k int, a []float32, step int, b []float32, ldb int, soon nextPanel, c []float32, ldc int, load bool) {
	const rows, columns = 12, 32
	t := newTilingOfPanels(rows, columns, m, n, k, a, step, b, ldb, soon, c, ldc, load)
	t.runZ()
	t.copyRest(columns, packBZ)
}

// tileAVX2 is tileGeneric with fused multiply-adds, in tiles of 6 x 16.
func tileAVX2(m, n, k int, a []float32, rsa, csa int, b []float32, ldb int, c []float32, ldc int, load bool) {
	t := newTiling(m, n, k, a, rsa, csa, b, ldb, c, ldc, load)
	t.most = 6
	t.runY()
}

func tilePanelsAVX2(m, n, k int, a []float32, step int, b []float32, ldb int, soon nextPanel, c []float32, ldc int, load bool) {
	const rows, columns = 6, 16
	t := newTilingOfPanels(rows, columns, m, n, k, a, step, b, ldb, soon, c, ldc, load)
	t.runY()
	t.copyRest(columns, packBY)
}

// newTilingOfPanels is the tiling of an A in panels of the given rows, and a B in panels of the given columns.
func newTilingOfPanels(rows, columns, m, n, k int, a []float32, step int, b []float32, ldb int, soon nextPanel, c []float32, ldc int, load bool) tiling {
	if step < k*rows || len(a) < (m+rows-1)/rows*step {
		panic("kernel: tile: short panels")
	}
	t := newTiling(m, n, k, a, 1, rows, b, ldb, c, ldc, load)
	t.columns, t.lda = true, 4*rows
	t.most, t.panel, t.next = rows, rows, 4*step
	if t.soon = soon; soon.to != nil {
		if len(soon.from) < (k-1)*soon.ld+columns || len(soon.to) < k*columns {
			panic("kernel: tile: short panel")
		}
		t.copies = n == columns && m/rows > fetchTiles
	}
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
			rows := t.down(i, j, cols)
			i += rows * t.tiles
			switch {
			case t.copying:
				gemmZC12x2P(&t.tileArgs)
			case t.columns:
				gemmZC(rows, vectors, &t.tileArgs)
			default:
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
			rows := t.down(i, j, cols)
			i += rows * t.tiles
			switch {
			case t.copying:
				gemmYC6x2P(&t.tileArgs)
			case t.columns:
				gemmYC(rows, vectors, &t.tileArgs)
			default:
				gemmYR(rows, vectors, &t.tileArgs)
			}
		}
		j += cols
	}
}

// unrolled is how many of k the kernels take for a row that they fetch: the generator's unroll.
const unrolled = 4

var _ [unrolled - fetchTiles]struct{} // or rows behind the last one would be copied

// down points the arguments to the tiles from row i on, at columns [j,j+cols), as many as have the same size and fetch
// alike, and returns their rows. Where rows are left over, the last two tiles share them evenly: a low tile does not fill the
// pipelines.
func (t *tiling) down(i, j, cols int) (rows int) {
	left := t.m - i
	t.a = unsafe.Add(t.rowsOfA, i*t.rowA)
	if t.panel > 0 {
		t.a = unsafe.Add(t.rowsOfA, i/t.panel*t.next)
	}
	t.b = unsafe.Add(t.columnsOfB, 4*j)
	t.c = unsafe.Add(t.block, i*t.ldc+4*j)
	rows, t.tiles = t.most, left/t.most
	switch {
	case t.tiles == 0:
		rows, t.tiles = left, 1
	case t.panel > 0 || left%t.most == 0:
	case t.tiles > 1:
		t.tiles--
	default:
		rows = (left + 1) / 2
	}
	if t.panel == 0 {
		t.next = rows * t.rowA
	}
	if i == 0 {
		t.aim(j, cols)
	}
	t.tiles = min(t.tiles, t.phase(i/t.most))
	return rows
}

// aim says what to fetch during the tiles of columns [j,j+cols): the next ones, or what lies behind a panel.
func (t *tiling) aim(j, cols int) {
	t.stride = t.ldb
	switch {
	case j+cols < t.n:
		t.ahead = uintptr(t.b) + uintptr(4*cols)
	case t.soon.from != nil:
		t.ahead, t.stride = uintptr(unsafe.Pointer(&t.soon.from[0])), 4*t.soon.ld
	default:
		t.ahead = uintptr(t.b) + uintptr(t.k*t.ldb)
	}
}

// phase sets what the tiles from the given one on fetch and copy, and returns how many of them do the same. A row is copied
// one tile after it was fetched.
func (t *tiling) phase(tile int) int {
	t.copying = t.copies && tile > 0 && tile <= fetchTiles
	switch {
	case t.copying && tile == 1:
		t.from, t.to = uintptr(unsafe.Pointer(&t.soon.from[0])), uintptr(unsafe.Pointer(&t.soon.to[0]))
		return fetchTiles - 1
	case t.copying:
		t.ahead = t.from // all are fetched
		return 1
	case tile >= fetchTiles:
		t.stride = 0
		return t.m
	case t.copies:
		return 1
	}
	return fetchTiles - tile
}

// copyRest copies the rows of the next panel that the tiles left.
func (t *tiling) copyRest(columns int, pack func(dst []float32, step int, src []float32, ld, k, panels int)) {
	if t.soon.to == nil {
		return
	}
	from := 0
	if t.copies {
		from = fetchTiles * (t.k / unrolled)
	}
	if from < t.k {
		pack(t.soon.to[from*columns:], 0, t.soon.from[from*t.soon.ld:], t.soon.ld, t.k-from, 1)
	}
}
