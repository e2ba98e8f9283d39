package kernel

import "unsafe"

// Matrix product of BF16 numbers. Dimensions: C [M,N] = A [M,K] · B [K,N].
//
// Products of BF16 numbers are exact in FP32, and sums are FP32. With AVX512_BF16 the pairs
// of K are taken in ascending order; of a pair first the odd product is added and then the
// even one, each sum rounded to nearest even whatever MXCSR says, as Intel specifies it (a CPU
// of another maker may round a pair's sum once), and subnormal operands and sums count as 0.
// Without it the operands are widened and Gemm adds in ascending order, so the last places
// differ. Either way an element is one chain of additions, whatever the rows and threads.

// A number is an element of a matrix: FP32, or BF16 as uint16.
type number interface{ float32 | uint16 }

// halfMatrix is a matrix of BF16 numbers, or of FP32 numbers that are rounded to them.
type halfMatrix struct {
	h []uint16
	f []float32
}

func halfMatrixOf[T number](x []T) halfMatrix {
	switch x := any(x).(type) {
	case []uint16:
		return halfMatrix{h: x}
	case []float32:
		return halfMatrix{f: x}
	}
	panic("unreachable")
}

// from returns the matrix less its first n elements.
func (x halfMatrix) from(n int) halfMatrix {
	if x.h != nil {
		return halfMatrix{h: x.h[n:]}
	}
	return halfMatrix{f: x.f[n:]}
}

// set sets the first elements to x, rounded if they are BF16.
func (x halfMatrix) set(values []float32) {
	if x.h != nil {
		active.narrowBF16(x.h[:len(values)], values)
		return
	}
	copy(x.f, values)
}

// bf16Kernels are the inner kernels of BF16 arithmetic. A word is a pair of BF16
// numbers that follow each other along K, the first in the low half, carried as a float32.
type bf16Kernels struct {
	// tile adds to C [m,n], or sets it unless load, the product of m rows of A with a panel
	// of B: word kk of A's row i is a[i*rsa+kk*csa], those of B b[kk*panelWidth:][:n].
	tile func(m, n, k int, a []float32, rsa, csa int, b []float32, c []float32, ldc int, load bool)
	// pairs and pairs32 set word i of dst to lo[i] and hi[i], or 0 if hi is empty; pairs32
	// rounds to nearest even and takes subnormal numbers for 0.
	pairs   func(dst []float32, lo, hi []uint16)
	pairs32 func(dst, lo, hi []float32)
	// row32 rounds src like pairs32 and writes zeros up to the next multiple of 16.
	row32 func(dst []uint16, src []float32)
}

// GemmBF16 sets C [m,n] = op(A)·op(B) + beta·C with beta 0 or 1, for matrices laid out as
// Gemm's. FP32 operands are rounded to BF16 on the way. A result of BF16 is rounded once, at the end.
func GemmBF16[A, B, C number](p *Pool, tA, tB bool, m, n, k int, a []A, lda int, b []B, ldb int, beta float32, c []C, ldc int) {
	multiplyBF16(p, tA, tB, m, n, k, a, lda, b, ldb, beta, nil, c, ldc)
}

// GemmBF16Bias sets C [m,n] = op(A)·op(B) + bias, where the FP32 bias [n], or nil for none, is added to every row after the
// product and before a result of BF16 is rounded.
func GemmBF16Bias[A, B, C number](p *Pool, tA, tB bool, m, n, k int, a []A, lda int, b []B, ldb int, bias []float32, c []C, ldc int) {
	if bias != nil && len(bias) < n {
		panic("kernel: gemm: short bias")
	}
	multiplyBF16(p, tA, tB, m, n, k, a, lda, b, ldb, 0, bias, c, ldc)
}

func multiplyBF16[A, B, C number](p *Pool, tA, tB bool, m, n, k int, a []A, lda int, b []B, ldb int, beta float32, bias []float32, c []C, ldc int) {
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
				if bias != nil {
					halfMatrixOf(c[i*ldc:]).set(bias[:n])
				}
			}
		}
		return
	}
	t := gemmBF16{
		tA: tA, tB: tB, m: m, n: n, k: k, a: halfMatrixOf(a), lda: lda, b: halfMatrixOf(b), ldb: ldb,
		load: beta == 1, bias: bias, c: halfMatrixOf(c), ldc: ldc,
	}
	if m <= fewRows {
		j := t.few(p)
		if j == n {
			return
		}
		t = t.columnsFrom(j, n-j)
	}
	if m*t.n*k <= smallGemm {
		p = nil
	}
	// Columns and then rows in turns, so that scratch memory stays bounded.
	width := max(packLimit/k/panelWidth, 1) * panelWidth
	for j := 0; j < t.n; j += width {
		turn := t.columnsFrom(j, min(width, t.n-j))
		if active.bf16 == nil {
			turn.widened(p)
		} else {
			turn.paired(p)
		}
	}
}

type gemmBF16 struct {
	tA, tB        bool
	m, n, k       int
	a             halfMatrix
	lda           int
	b             halfMatrix
	ldb           int
	load          bool
	bias          []float32 // [N], added at last, or nil
	c             halfMatrix
	ldc           int
	packed        []float32 // B in panels of words
	block         int       // words of a panel that a tile runs through
	height, width int       // of a piece of C
	columns       int       // pieces across N
}

// columnsFrom returns the product less all columns but n from j on.
func (t *gemmBF16) columnsFrom(j, n int) gemmBF16 {
	part := *t
	part.n, part.c = n, t.c.from(j)
	if t.tB {
		part.b = t.b.from(j * t.ldb)
	} else {
		part.b = t.b.from(j)
	}
	if t.bias != nil {
		part.bias = t.bias[j:]
	}
	return part
}

var gemmBF16Jobs jobs[gemmBF16]

const (
	panelWidth  = 32 // columns of a packed panel of elements of fewer than 32 bits
	bf16MaxRows = 14
)

// pitch is the distance in words between the rows of a packed block: not a power of two.
func (t *gemmBF16) pitch() int { return t.block + 16 }

// paired computes the product by BF16 arithmetic.
func (t *gemmBF16) paired(p *Pool) {
	words := (t.k + 1) / 2
	panels := (t.n + panelWidth - 1) / panelWidth
	packed := scratch.take(panels * panelWidth * words)
	t.packed = packed.f
	t.block = min(blockWords(panelWidth), (words+7)&^7)
	launch(p, &pairJobs, pairPack{*t}, panels, grainFor(2*panelWidth*t.k))

	// A block of A takes an eighth of the second-level cache and a piece of C, where it is widened, half of it.
	threads := p.Threads()
	t.height = max(caches.l2/8/(4*t.block)/bf16MaxRows, 1) * bf16MaxRows
	widest := caches.l2 / 2 / (4 * t.height) / panelWidth * panelWidth
	t.height = min(t.height, t.m)
	rows := (t.m + t.height - 1) / t.height
	want := (4*threads + rows - 1) / rows
	t.width = max(2*panelWidth, min(widest, (t.n/want+panelWidth-1)/panelWidth*panelWidth))
	t.columns = (t.n + t.width - 1) / t.width
	launch(p, &gemmBF16Jobs, *t, rows*t.columns, 1)
	scratch.put(packed)
}

// run computes pieces of C.
func (t *gemmBF16) run(lo, hi int) {
	block := scratch.take(t.height * t.pitch())
	sums := scratch.take(t.height * t.width)
	for piece := lo; piece < hi; piece++ {
		i0, j0 := piece/t.columns*t.height, piece%t.columns*t.width
		m, n := min(t.height, t.m-i0), min(t.width, t.n-j0)
		c, ldc := sums.f, n
		if t.c.f != nil {
			c, ldc = t.c.f[i0*t.ldc+j0:], t.ldc
		} else if t.load {
			for i := range m {
				active.widenBF16(c[i*n:(i+1)*n], t.c.h[(i0+i)*t.ldc+j0:])
			}
		}
		for k0 := 0; k0 < t.k; k0 += 2 * t.block {
			k := min(2*t.block, t.k-k0)
			rsa, csa := t.packA(block.f, i0, k0, m, k)
			for j := 0; j < n; j += panelWidth {
				panel := t.packed[(j0+j)*((t.k+1)/2)+k0/2*panelWidth:]
				active.bf16.tile(m, min(panelWidth, n-j), (k+1)/2, block.f, rsa, csa, panel, c[j:], ldc, t.load || k0 > 0)
			}
		}
		for i := range m {
			row := c[i*ldc:][:n]
			if t.bias != nil {
				active.add(row, row, t.bias[j0:])
			}
			if t.c.f == nil {
				active.narrowBF16(t.c.h[(i0+i)*t.ldc+j0:][:n], row)
			}
		}
	}
	scratch.put(sums)
	scratch.put(block)
}

// packA makes words of a block of A.
func (t *gemmBF16) packA(dst []float32, i0, k0, m, k int) (rsa, csa int) {
	if t.tA {
		for kk := 0; kk < k; kk += 2 {
			t.a.pairRows(dst[kk/2*m:][:m], (k0+kk)*t.lda+i0, t.lda, kk+1 < k)
		}
		return 1, m
	}
	for i := range m {
		t.a.words(dst[i*t.pitch():][:t.pitch()], (i0+i)*t.lda+k0, k)
	}
	return t.pitch(), 1
}

// pairRows sets the words of dst to the elements at index at and, if there are two rows,
// those ld further.
func (x halfMatrix) pairRows(dst []float32, at, ld int, two bool) {
	n := len(dst)
	if x.h != nil {
		var hi []uint16
		if two {
			hi = x.h[at+ld:][:n]
		}
		active.bf16.pairs(dst, x.h[at:][:n], hi)
		return
	}
	var hi []float32
	if two {
		hi = x.f[at+ld:][:n]
	}
	active.bf16.pairs32(dst, x.f[at:][:n], hi)
}

// words sets the first words of dst to the n elements at index at, and a half that is
// left over to 0. dst has room up to the next multiple of 8 words.
func (x halfMatrix) words(dst []float32, at, n int) {
	h := unsafe.Slice((*uint16)(unsafe.Pointer(unsafe.SliceData(dst))), 2*len(dst))
	if x.f != nil {
		active.bf16.row32(h[:(n+15)&^15], x.f[at:][:n])
		return
	}
	copy(h, x.h[at:][:n])
	if n%2 == 1 {
		h[n] = 0
	}
}

// pairPack fills panels of B: panel j holds columns [32j,32j+32) as words [K/2,32].
type pairPack struct{ gemmBF16 }

var pairJobs jobs[pairPack]

func (t *pairPack) run(lo, hi int) {
	words := (t.k + 1) / 2
	var rows *buffer
	if t.tB {
		rows = scratch.take(panelWidth * t.pitch())
	}
	for j := lo * panelWidth; j < min(hi*panelWidth, t.n); j += panelWidth {
		panel, w := t.packed[j*words:], min(panelWidth, t.n-j)
		if !t.tB {
			for kk := 0; kk < t.k; kk += 2 {
				t.b.pairRows(panel[kk/2*panelWidth:][:w], kk*t.ldb+j, t.ldb, kk+1 < t.k)
			}
			continue
		}
		for k0 := 0; k0 < t.k; k0 += 2 * t.block {
			k := min(2*t.block, t.k-k0)
			for i := range w {
				t.b.words(rows.f[i*t.pitch():][:t.pitch()], (j+i)*t.ldb+k0, k)
			}
			active.transpose(panel[k0/2*panelWidth:], panelWidth, rows.f, t.pitch(), w, (k+1)/2)
		}
	}
	if rows != nil {
		scratch.put(rows)
	}
}

// widened computes the product by FP32 arithmetic.
func (t *gemmBF16) widened(p *Pool) {
	rows, cols := t.k, t.n
	if t.tB {
		rows, cols = cols, rows
	}
	b := scratch.take(rows * cols)
	launch(p, &widenedJobs, widened{b.f, t.b, t.ldb, cols}, rows, grainFor(cols))
	height := max(packLimit/t.k, 1)
	for i := 0; i < t.m; i += height {
		m := min(height, t.m-i)
		a := scratch.take(m * t.k)
		lda := t.k
		if t.tA {
			lda = m
			launch(p, &widenedJobs, widened{a.f, t.a.from(i), t.lda, m}, t.k, grainFor(m))
		} else {
			launch(p, &widenedJobs, widened{a.f, t.a.from(i * t.lda), t.lda, t.k}, m, grainFor(t.k))
		}
		beta := float32(0)
		if t.load {
			beta = 1
		}
		if t.c.f != nil {
			multiply(p, t.tA, t.tB, m, t.n, t.k, a.f, lda, b.f, cols, beta, t.bias, t.c.f[i*t.ldc:], t.ldc)
		} else {
			c := scratch.take(m * t.n)
			h := t.c.h[i*t.ldc:]
			if t.load {
				launch(p, &widenedJobs, widened{c.f, halfMatrix{h: h}, t.ldc, t.n}, m, grainFor(t.n))
			}
			multiply(p, t.tA, t.tB, m, t.n, t.k, a.f, lda, b.f, cols, beta, t.bias, c.f, t.n)
			launch(p, &roundedJobs, rounded{h, t.ldc, c.f, t.n}, m, grainFor(t.n))
			scratch.put(c)
		}
		scratch.put(a)
	}
	scratch.put(b)
}

// widened sets dst [rows,cols] to the BF16 numbers of a matrix.
type widened struct {
	dst  []float32
	src  halfMatrix
	ld   int
	cols int
}

var widenedJobs jobs[widened]

func (t *widened) run(lo, hi int) {
	var own *buffer
	if t.src.f != nil {
		own = scratch.take(t.cols/2 + 1)
	}
	for i := lo; i < hi; i++ {
		dst, at := t.dst[i*t.cols:(i+1)*t.cols], i*t.ld
		if t.src.f == nil {
			active.widenBF16(dst, t.src.h[at:])
			continue
		}
		h := unsafe.Slice((*uint16)(unsafe.Pointer(&own.f[0])), t.cols)
		active.narrowBF16(h, t.src.f[at:])
		active.widenBF16(dst, h)
	}
	if own != nil {
		scratch.put(own)
	}
}

// rounded sets dst [rows,cols] to src, rounded.
type rounded struct {
	dst  []uint16
	ld   int
	src  []float32
	cols int
}

var roundedJobs jobs[rounded]

func (t *rounded) run(lo, hi int) {
	for i := lo; i < hi; i++ {
		active.narrowBF16(t.dst[i*t.ld:][:t.cols], t.src[i*t.cols:])
	}
}
