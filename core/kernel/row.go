package kernel

// Products of a few rows with a matrix B stored [K,N]: decoding's. They are bound by the
// reading of B, so that B streams by once in the order in which it lies, and every row's sums
// stay in the second-level cache meanwhile. The bits are those of the products by tiles.

// rowKernels are the inner kernels of such products. B holds len(y) columns of rows ldb apart.
type rowKernels struct {
	// fp32 adds x·B to y, a row of B for each element of x.
	fp32 func(y, x, b []float32, ldb int)
	// bf16 adds x·B to y, whose length is a multiple of rowStep and whose columns lie in an
	// order of the kernel's: x holds widened numbers, or pairs if pairs.
	bf16  func(y, x []float32, b []uint16, ldb int)
	pairs bool
	// order sets dst to src, its columns in ascending order.
	order func(dst, src []float32)
}

const (
	rowStep  = 32
	smallRow = 1 << 16 // elements of B that one thread reads sooner than it wakes another
)

// rowMost is the most columns of a piece: their sums take an eighth of the second-level cache.
func rowMost() int { return max(caches.l2/8/4/rowStep, 1) * rowStep }

// rowReuse is how many elements of BF16 of B are in a piece that several rows read: half of the second-level cache.
func rowReuse() int { return caches.l2 / 2 / 2 }

// rowWidth is the number of columns of a piece, so that all threads have the same share.
func rowWidth(n, threads int) int {
	parts := (n + rowMost() - 1) / rowMost()
	if threads > 1 {
		parts = (parts + 2*threads - 1) / (2 * threads) * (2 * threads)
	}
	return ((n+parts-1)/parts + rowStep - 1) / rowStep * rowStep
}

type gemmRow struct {
	gemm
	width int
}

var gemmRowJobs jobs[gemmRow]

// row computes a product of one row; B is stored [K,N].
func (t *gemm) row(p *Pool) {
	if t.n*t.k <= smallRow {
		p = nil
	}
	r := gemmRow{*t, rowWidth(t.n, p.Threads())}
	var x *buffer
	if t.tA {
		x = scratch.take(t.k)
		transpose(x.f, t.k, t.a, t.lda, t.k, 1)
		r.a = x.f
	}
	launch(p, &gemmRowJobs, r, (t.n+r.width-1)/r.width, 1)
	if x != nil {
		scratch.put(x)
	}
}

func (t *gemmRow) run(lo, hi int) {
	for piece := lo; piece < hi; piece++ {
		j := piece * t.width
		y := t.c[j:][:min(t.width, t.n-j)]
		if !t.load {
			clear(y)
		}
		active.rows.fp32(y, t.a[:t.k], t.b[j:], t.ldb)
	}
}

type gemmBF16Row struct {
	gemmBF16
	x []float32 // [M,K] or, in pairs, [M,K/2]
}

var gemmBF16RowJobs jobs[gemmBF16Row]

// few computes the product of a few rows with as many columns of B, stored [K,N], as make
// whole steps, and returns their number: 0 if the kernels can't.
func (t *gemmBF16) few(p *Pool) int {
	n := t.n &^ (rowStep - 1)
	if active.rows == nil || t.tA || t.tB || t.load || t.b.h == nil || n == 0 || active.rows.pairs && t.k%2 == 1 {
		return 0
	}
	if t.n*t.k <= smallRow {
		p = nil
	}
	// Whole vectors of halves, where pairs are made of FP32.
	ld := (t.k + 15) &^ 15
	x := scratch.take(t.m * ld)
	r := gemmBF16Row{*t, x.f}
	r.n, r.width, r.lda = n, rowWidth(n, p.Threads()), ld
	if t.m > 1 {
		r.width = max(rowStep, min(r.width, rowReuse()/t.k&^(rowStep-1)))
	}
	for i := range t.m {
		switch row := x.f[i*ld:][:ld]; {
		case active.rows.pairs:
			t.a.words(row, i*t.lda, t.k)
		case t.a.f != nil:
			round := widened{row[:t.k], t.a.from(i * t.lda), 0, t.k}
			round.run(0, 1)
		default:
			active.widenBF16(row[:t.k], t.a.h[i*t.lda:])
		}
	}
	launch(p, &gemmBF16RowJobs, r, (n+r.width-1)/r.width, 1)
	scratch.put(x)
	return n
}

func (t *gemmBF16Row) run(lo, hi int) {
	sums := scratch.take(2 * t.width)
	words := t.k
	if active.rows.pairs {
		words /= 2
	}
	for piece := lo; piece < hi; piece++ {
		j := piece * t.width
		n := min(t.width, t.n-j)
		y := sums.f[:n]
		for i := range t.m {
			clear(y)
			active.rows.bf16(y, t.x[i*t.lda:][:words], t.b.h[j:], t.ldb)
			ordered := sums.f[t.width:][:n]
			if t.c.f != nil {
				ordered = t.c.f[i*t.ldc+j:][:n]
			}
			active.rows.order(ordered, y)
			if t.bias != nil {
				active.add(ordered, ordered, t.bias[j:])
			}
			if t.c.f == nil {
				active.narrowBF16(t.c.h[i*t.ldc+j:][:n], ordered)
			}
		}
	}
	scratch.put(sums)
}
