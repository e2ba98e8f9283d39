package kernel

// Matrix product. Dimensions: C [M,N] = A [M,K] · B [K,N].
//
// Every element of C is one chain of additions over K in ascending order,
// whichever tile, edge, packing or thread computes it.

const (
	panelWidth = 32  // columns of a packed panel of B
	blockK     = 512 // rows of B that a tile runs through before C is stored
	blockM     = 112 // rows of C in a piece
	blockN     = 512 // columns of C in a piece; a multiple of panelWidth
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
	rows := (m + blockM - 1) / blockM
	t.columns = (n + blockN - 1) / blockN
	if !tB {
		launch(p, &gemmJobs, t, rows*t.columns, 1)
		return
	}
	packed := scratch.take(n * k)
	transpose(packed.f, n, b, ldb, n, k)
	t.b, t.ldb = packed.f, n
	launch(p, &gemmJobs, t, rows*t.columns, 1)
	scratch.put(packed)
}

func checkMatrix(t bool, rows, cols, ld, n int, msg string) {
	if t {
		rows, cols = cols, rows
	}
	if rows > 0 && cols > 0 && (ld < cols || n < (rows-1)*ld+cols) {
		panic(msg)
	}
}

func (t *gemm) run(lo, hi int) {
	for piece := lo; piece < hi; piece++ {
		i0, j0 := piece/t.columns*blockM, piece%t.columns*blockN
		m, n := min(blockM, t.m-i0), min(blockN, t.n-j0)
		rsa, csa := t.lda, 1
		if t.tA {
			rsa, csa = 1, t.lda
		}
		for k0 := 0; k0 < t.k; k0 += blockK {
			k := min(blockK, t.k-k0)
			tileGeneric(m, n, k, t.a[i0*rsa+k0*csa:], rsa, csa, t.b[k0*t.ldb+j0:], t.ldb, t.c[i0*t.ldc+j0:], t.ldc, t.load || k0 > 0)
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
