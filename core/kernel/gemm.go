package kernel

// Matrix product. Dimensions: C [M,N] = A [M,K] · B [K,N].
//
// Every element of C is one chain of additions over K in ascending order,
// whichever tile, edge, packing or thread computes it.

const (
	panelWidth = 32      // columns of a packed panel of B
	blockK     = 512     // rows of B that a tile runs through before C is stored
	blockKT    = 128     // the same for A as stored [K,M], whose lines lie apart: few enough for the first-level cache
	blockM     = 112     // rows of C in a piece, at most
	minBlockM  = 28      // and where threads are many
	blockN     = 512     // columns of C in a piece, at most
	packLimit  = 1 << 22 // floats of B that are packed at a time
	smallGemm  = 1 << 21 // multiply-adds that one thread does sooner than it wakes another
)

type gemm struct {
	tA, tB  bool
	m, n, k int
	a       []float32
	lda     int
	b       []float32
	ldb     int
	load    bool
	c       []float32
	ldc     int
	packed  []float32 // B in panels, or nil: each piece packs what it needs
	width   int       // columns of a piece, a multiple of panelWidth
	height  int       // rows of a piece
	columns int       // pieces across N
}

var gemmJobs jobs[gemm]

// Gemm sets C [m,n] = op(A)·op(B) + beta·C with beta 0 or 1. A is stored [m,k], or
// [k,m] if tA; B is stored [k,n], or [n,k] if tB. The leading dimensions count
// floats between rows as stored. With beta 0, C is not read.
func Gemm(p *Pool, tA, tB bool, m, n, k int, a []float32, lda int, b []float32, ldb int, beta float32, c []float32, ldc int) {
	if m < 0 || n < 0 || k < 0 {
		panic("kernel: gemm: negative dimension")
	}
	checkMatrix(tA, m, k, lda, len(a), "kernel: gemm: short a")
	checkMatrix(tB, k, n, ldb, len(b), "kernel: gemm: short b")
	checkMatrix(false, m, n, ldc, len(c), "kernel: gemm: short c")
	if beta != 0 && beta != 1 {
		panic("kernel: gemm: beta is neither 0 nor 1")
	}
	if m == 0 || n == 0 {
		return
	}
	if k == 0 {
		if beta == 0 {
			for i := range m {
				clear(c[i*ldc : i*ldc+n])
			}
		}
		return
	}
	t := gemm{tA: tA, tB: tB, m: m, n: n, k: k, a: a, lda: lda, b: b, ldb: ldb, load: beta == 1, c: c, ldc: ldc}
	if m == 1 && !tB && active.rows != nil {
		t.row(p)
		return
	}
	if m*n*k <= smallGemm {
		p = nil
	}
	rows := t.cut(p.Threads())
	if rows == 1 {
		// Each piece of B is met once: pieces pack it themselves, or read it in place.
		launch(p, &gemmJobs, t, t.columns, 1)
		return
	}
	if n*k > packLimit && n > panelWidth {
		// Columns in turns: packing memory stays bounded.
		width := max(packLimit/k/panelWidth, 1) * panelWidth
		for j := 0; j < n; j += width {
			at := j
			if tB {
				at = j * ldb
			}
			Gemm(p, tA, tB, m, min(width, n-j), k, a, lda, b[at:], ldb, beta, c[j:], ldc)
		}
		return
	}
	panels := (n + panelWidth - 1) / panelWidth
	packed := scratch.take(panels * panelWidth * k)
	t.packed = packed.f
	launch(p, &packJobs, pack{t}, panels, grainFor(2*panelWidth*k))
	launch(p, &gemmJobs, t, rows*t.columns, 1)
	scratch.put(packed)
}

// cut chooses the pieces, so that there are enough for all threads, and returns how many
// lie one above the other. No bit of the result depends on it.
func (t *gemm) cut(threads int) (rows int) {
	t.height, t.width = blockM, blockN
	rows = (t.m + t.height - 1) / t.height
	enough := 3 * threads
	// A as stored [K,M] comes in lines across M: two pieces side by side would both fetch
	// them. Lower pieces fetch B more often instead, the smaller and packed.
	for threads > 1 && t.tA && t.m > blockM && t.m >= t.n && rows < enough && t.height > minBlockM {
		t.height /= 2
		rows = (t.m + t.height - 1) / t.height
	}
	if threads > 1 && (!t.tA || rows < enough) {
		want := (4*threads + rows - 1) / rows
		width := (t.n/want + panelWidth - 1) / panelWidth * panelWidth
		t.width = max(2*panelWidth, min(blockN, width))
	}
	t.columns = (t.n + t.width - 1) / t.width
	return rows
}

func checkMatrix(t bool, rows, cols, ld, n int, msg string) {
	if t {
		rows, cols = cols, rows
	}
	if rows > 0 && cols > 0 && (ld < cols || n < (rows-1)*ld+cols) {
		panic(msg)
	}
}

// run computes pieces of C.
func (t *gemm) run(lo, hi int) {
	for piece := lo; piece < hi; piece++ {
		i0, j0 := piece/t.columns*t.height, piece%t.columns*t.width
		m, n := min(t.height, t.m-i0), min(t.width, t.n-j0)
		block := blockK
		if t.tA {
			block = blockKT
		}
		for k0 := 0; k0 < t.k; k0 += block {
			k := min(block, t.k-k0)
			at, rsa, csa := i0*t.lda+k0, t.lda, 1
			if t.tA {
				at, rsa, csa = k0*t.lda+i0, 1, t.lda
			}
			a := t.a[at:]
			var own *buffer
			if n > panelWidth && m > 1 && t.far() {
				own = scratch.take(max(m*(blockK+16), k*m))
				a, rsa, csa = packA(own.f, a, t.lda, t.tA, m, k)
			}
			t.product(i0, j0, k0, m, n, k, a, rsa, csa)
			if own != nil {
				scratch.put(own)
			}
		}
	}
}

// far reports whether A's rows are so far apart as stored that reading a tile in
// place would miss the first-level cache or the page table's.
func (t *gemm) far() bool {
	if t.tA {
		return t.lda >= 512
	}
	return t.lda%1024 == 0
}

// packA copies a block of A close together, so that its lines do not fall on the
// same sets of the cache.
func packA(dst, a []float32, lda int, tA bool, m, k int) (packed []float32, rsa, csa int) {
	if tA {
		for kk := range k {
			copy(dst[kk*m:kk*m+m], a[kk*lda:])
		}
		return dst, 1, m
	}
	const ld = blockK + 16
	for i := range m {
		copy(dst[i*ld:i*ld+k], a[i*lda:])
	}
	return dst, ld, 1
}

// product adds A's block times rows [k0,k0+k) of B to C's block at i0, j0.
func (t *gemm) product(i0, j0, k0, m, n, k int, a []float32, rsa, csa int) {
	c, load := t.c[i0*t.ldc+j0:], t.load || k0 > 0
	if t.packed == nil && !t.tB {
		active.tile(m, n, k, a, rsa, csa, t.b[k0*t.ldb+j0:], t.ldb, c, t.ldc, load)
		return
	}
	var own *buffer
	if t.packed == nil {
		own = scratch.take(blockK * panelWidth)
	}
	for j := 0; j < n; j += panelWidth {
		w := min(panelWidth, n-j)
		var panel []float32
		if own != nil {
			panel = own.f
			active.transpose(panel, panelWidth, t.b[(j0+j)*t.ldb+k0:], t.ldb, w, k)
		} else {
			panel = t.packed[(j0+j)*t.k+k0*panelWidth:]
		}
		active.tile(m, w, k, a, rsa, csa, panel, panelWidth, c[j:], t.ldc, load)
	}
	if own != nil {
		scratch.put(own)
	}
}

// pack fills panels of B: panel j holds columns [32j,32j+32) as [K,32].
type pack struct{ gemm }

var packJobs jobs[pack]

func (t *pack) run(lo, hi int) {
	for j := lo * panelWidth; j < min(hi*panelWidth, t.n); j += panelWidth {
		panel, w := t.packed[j*t.k:], min(panelWidth, t.n-j)
		if t.tB {
			active.transpose(panel, panelWidth, t.b[j*t.ldb:], t.ldb, w, t.k)
			continue
		}
		if w == panelWidth {
			active.packRows(panel, t.b[j:], t.ldb, t.k)
			continue
		}
		for kk := range t.k {
			copy(panel[kk*panelWidth:kk*panelWidth+w], t.b[kk*t.ldb+j:])
		}
	}
}

// transpose sets dst[j*ldd+i] = src[i*lds+j] for i < rows, j < cols.
func transpose(dst []float32, ldd int, src []float32, lds, rows, cols int) {
	for i := range rows {
		for j, v := range src[i*lds : i*lds+cols] {
			dst[j*ldd+i] = v
		}
	}
}
