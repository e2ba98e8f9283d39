package kernel

// Matrix product. Dimensions: C [M,N] = A [M,K] · B [K,N].
//
// Every element of C is one chain of additions over K in ascending order,
// whichever tile, edge, packing or thread computes it.
//
// C is cut in pieces, which run on any thread. A piece goes through K in blocks, so that a panel of B's block stays in
// the first-level cache while A's block, which stays in the second, runs past it; C is reloaded between blocks.

const (
	packLimit = 1 << 22 // floats of B that are packed at a time
	packSide  = 16      // panels that are written side by side: more would take more pages than a core knows the places of
	smallGemm = 1 << 19 // multiply-adds that one thread does sooner than it wakes another
)

type gemm struct {
	tA, tB  bool
	m, n, k int
	a       []float32
	lda     int
	b       []float32
	ldb     int
	load    bool
	bias    []float32 // [N], added at last, or nil
	c       []float32
	ldc     int
	packed  []float32 // B in panels [K,columns], or nil: each piece reads it in place or packs what it needs
	apart   bool      // pieces pack for themselves, or read in place: packed stays nil
	block   int       // of K
	down    int       // pieces across M
	across  int       // and across N
}

var gemmJobs jobs[gemm]

// Gemm sets C [m,n] = op(A)·op(B) + beta·C with beta 0 or 1. A is stored [m,k], or
// [k,m] if tA; B is stored [k,n], or [n,k] if tB. The leading dimensions count
// floats between rows as stored. With beta 0, C is not read.
func Gemm(p *Pool, tA, tB bool, m, n, k int, a []float32, lda int, b []float32, ldb int, beta float32, c []float32, ldc int) {
	multiply(p, tA, tB, m, n, k, a, lda, b, ldb, beta, nil, c, ldc)
}

// GemmBias sets C [m,n] = op(A)·op(B) + bias, where bias [n], or nil for none, is added to every row after the product.
func GemmBias(p *Pool, tA, tB bool, m, n, k int, a []float32, lda int, b []float32, ldb int, bias []float32, c []float32, ldc int) {
	if bias != nil && len(bias) < n {
		panic("kernel: gemm: short bias")
	}
	multiply(p, tA, tB, m, n, k, a, lda, b, ldb, 0, bias, c, ldc)
}

func multiply(p *Pool, tA, tB bool, m, n, k int, a []float32, lda int, b []float32, ldb int, beta float32, bias, c []float32, ldc int) {
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
					copy(c[i*ldc:], bias[:n])
				}
			}
		}
		return
	}
	t := gemm{tA: tA, tB: tB, m: m, n: n, k: k, a: a, lda: lda, b: b, ldb: ldb, load: beta == 1, bias: bias, c: c, ldc: ldc}
	if m == 1 && !tB && active.rows != nil {
		t.row(p)
		if bias != nil {
			active.add(c[:n], c[:n], bias[:n])
		}
		return
	}
	if m*n*k <= smallGemm {
		p = nil
	}
	t.cut(p.Threads())
	if t.apart {
		launch(p, &gemmJobs, t, t.down*t.across, 1)
		return
	}
	w := active.tileColumns
	if n*k > packLimit && n > w {
		// Columns in turns: packing memory stays bounded.
		width := max(packLimit/k/w, 1) * w
		for j := 0; j < n; j += width {
			at := j
			if tB {
				at = j * ldb
			}
			part := bias
			if bias != nil {
				part = bias[j:]
			}
			multiply(p, tA, tB, m, min(width, n-j), k, a, lda, b[at:], ldb, beta, part, c[j:], ldc)
		}
		return
	}
	panels := (n + w - 1) / w
	packed := scratch.take(panels * w * k)
	t.packed = packed.f
	launch(p, &packJobs, pack{t}, panels, grainFor(2*w*k))
	launch(p, &gemmJobs, t, t.down*t.across, 1)
	scratch.put(packed)
}

// cut chooses the blocks and pieces: as large as the caches allow, and enough of them for all threads to end together.
// No bit of the result depends on it.
func (t *gemm) cut(threads int) {
	h, w := active.tileRows, active.tileColumns
	parts := (t.k + maxBlockK() - 1) / maxBlockK()
	t.block = ((t.k+parts-1)/parts + 7) &^ 7
	tiles, panels := (t.m+h-1)/h, (t.n+w-1)/w
	most := max(caches.l2/2/(4*t.block)/h, 1) // tiles
	gradient := t.tA && !t.tB && t.k > 2*t.block
	if gradient {
		most += most / 8 // rather than one more piece
	}
	t.down = (tiles + most - 1) / most
	t.across = (panels*w + maxPieceN - 1) / maxPieceN
	t.apart = t.down == 1
	if threads == 1 || gradient && t.cutGradient(threads, tiles, panels*w) {
		return
	}
	// Pieces across read the same rows of A again, and pack them again if tA: rather have more down, as many for each thread.
	want, low := 6*threads, 8
	if t.tA {
		low = 4
	}
	if t.down*t.across < want {
		more := min((want+t.across-1)/t.across, tiles/low)
		if more > threads {
			more -= more % threads
		}
		t.down = max(t.down, more)
	}
	if pieces := t.down * t.across; pieces < threads || !t.tA && pieces < 4*threads {
		t.across = min((want+t.down-1)/t.down, max(panels/2, 1))
	}
	t.apart = t.down == 1
}

// Pieces that pack B for themselves.
const (
	ownColumns = 192 // columns for which it is worth its while to pack an A that others pack too
	ownTiles   = 8   // the least tiles for which it is to pack a B that others pack too
)

// cutGradient cuts the gradient of weights for several threads, if it can be cut for all of them. B is as long as the batch,
// and to pack all of it takes it through memory twice more: pieces pack it beside the products. There are few of them, for
// those across pack the same A.
func (t *gemm) cutGradient(threads, tiles, columns int) bool {
	down := t.down
	if down > 1 {
		down = (down + threads - 1) / threads * threads
	}
	want := threads
	if columns >= 2*threads*ownColumns {
		want *= 2
	}
	across := max(t.across, min((want+down-1)/down, columns/active.tileColumns/2))
	if down > 2*threads || tiles < down*ownTiles || down*across < threads {
		return false
	}
	t.down, t.across, t.apart = down, across, true
	return true
}

// maxPieceN keeps a piece's B within what threads share of the last-level cache.
const maxPieceN = 1024

// maxBlockK is the most of K in a block: a panel of B takes half of the first-level cache.
func maxBlockK() int { return max(caches.l1/2/(4*active.tileColumns)&^7, 64) }

func checkMatrix(t bool, rows, cols, ld, n int, msg string) {
	if t {
		rows, cols = cols, rows
	}
	if rows > 0 && cols > 0 && (ld < cols || n < (rows-1)*ld+cols) {
		panic(msg)
	}
}

// share returns the end of part i of n units in parts that differ by one at most.
func share(i, n, parts int) int { return i * n / parts }

// run computes pieces of C.
func (t *gemm) run(lo, hi int) {
	h, w := active.tileRows, active.tileColumns
	tiles, panels := (t.m+h-1)/h, (t.n+w-1)/w
	for piece := lo; piece < hi; piece++ {
		i, j := piece/t.across, piece%t.across
		i0, i1 := share(i, tiles, t.down)*h, min(share(i+1, tiles, t.down)*h, t.m)
		j0, j1 := share(j, panels, t.across)*w, min(share(j+1, panels, t.across)*w, t.n)
		for k0 := 0; k0 < t.k && i1 > i0 && j1 > j0; k0 += t.block {
			t.product(i0, j0, k0, i1-i0, j1-j0, min(t.block, t.k-k0))
		}
		if t.bias != nil && j1 > j0 {
			for i := i0; i < i1; i++ {
				row := t.c[i*t.ldc+j0 : i*t.ldc+j1]
				active.add(row, row, t.bias[j0:j1])
			}
		}
	}
}

// product adds A's block [m,k] at i0, k0 times B's [k,n] to C's at i0, j0.
func (t *gemm) product(i0, j0, k0, m, n, k int) {
	x := operandA{at: i0*t.lda + k0, rsa: t.lda, csa: 1}
	if t.tA {
		x = operandA{at: k0*t.lda + i0, rsa: 1, csa: t.lda}
	}
	x.a = t.a[x.at:]
	c, load, w := t.c[i0*t.ldc+j0:], t.load || k0 > 0, active.tileColumns
	var own *buffer
	j := 0
	switch {
	case n <= w || m == 1:
	case x.csa != 1:
		own = x.panels(m, k)
	case x.rsa%512 == 0 && t.packed != nil:
		own = x.rows(m, k, func(i, rows int) {
			x.times(rows, w, k, t.packed[t.panel(j0, k0):], w, nextPanel{}, c[i*t.ldc:], t.ldc, load)
		})
		j = w
	case x.rsa%512 == 0:
		own = x.rows(m, k, nil)
	}
	switch {
	case t.packed != nil:
		for ; j < n; j += w {
			x.times(m, min(w, n-j), k, t.packed[t.panel(j0+j, k0):], w, nextPanel{}, c[j:], t.ldc, load)
		}
	case !t.tB && (x.step == 0 || m/active.tileRows <= fetchTiles):
		x.times(m, n, k, t.b[k0*t.ldb+j0:], t.ldb, nextPanel{}, c, t.ldc, load)
	default:
		t.withPanels(&x, j0, k0, m, n, k, c, load)
	}
	if own != nil {
		scratch.put(own)
	}
}

// withPanels adds A's block times B's, a panel of which is packed at a time: by the product before, where that can.
func (t *gemm) withPanels(x *operandA, j0, k0, m, n, k int, c []float32, load bool) {
	w := active.tileColumns
	memory := scratch.take(2 * k * w)
	panel, other := memory.f[:k*w], memory.f[k*w:]
	beside := false
	for j := 0; j < n; j += w {
		cols := min(w, n-j)
		if !beside {
			t.panelOf(panel, j0+j, k0, cols, k)
		}
		var soon nextPanel
		if beside = x.step > 0 && !t.tB && n-j >= 2*w; beside {
			soon = nextPanel{t.b[k0*t.ldb+j0+j+w:], t.ldb, other}
		}
		x.times(m, cols, k, panel, w, soon, c[j:], t.ldc, load)
		if beside {
			panel, other = other, panel
		}
	}
	scratch.put(memory)
}

// panelOf packs B's columns [j,j+cols) and rows [k0,k0+k) as a panel.
func (t *gemm) panelOf(panel []float32, j, k0, cols, k int) {
	w := active.tileColumns
	switch {
	case t.tB:
		active.transpose(panel, w, t.b[j*t.ldb+k0:], t.ldb, cols, k)
	case cols == w:
		active.packB(panel, w*k, t.b[k0*t.ldb+j:], t.ldb, k, 1)
	default:
		for kk := range k {
			copy(panel[kk*w:][:cols], t.b[(k0+kk)*t.ldb+j:])
		}
	}
}

// fetchTiles are the tiles during which the next panel is fetched and packed. A tile takes a row for each four of k, so that
// there can't be more than four of them.
const fetchTiles = 4

// nextPanel is the panel of B that comes next: rows from, ld apart, to be packed behind to.
type nextPanel struct {
	from []float32
	ld   int
	to   []float32
}

// panel returns where the packed panel of columns [j,j+w) and the block of K at k0 starts: the panels of a block lie side
// by side.
func (t *gemm) panel(j, k0 int) int {
	w := active.tileColumns
	return k0*((t.n+w-1)/w*w) + j*min(t.block, t.k-k0)
}

// operandA is a block of A, as stored or in panels.
type operandA struct {
	a        []float32
	at       int
	rsa, csa int
	step     int // from a panel to the next, or 0
}

// panels copies a block whose elements along M are adjacent into panels. It returns their memory, to be given back.
func (x *operandA) panels(m, k int) *buffer {
	h := active.tileRows
	lines := (k*h + 15) / 16
	step := 16 * (lines | 1) // an odd number of cache lines: panels are written side by side
	panels := (m + h - 1) / h
	own := scratch.take(panels * step)
	for i := 0; i < m/h; i += packSide {
		active.packA(own.f[i*step:], step, x.a[i*h:], x.csa, k, min(packSide, m/h-i))
	}
	if rest := m % h; rest > 0 {
		last := own.f[m/h*step:]
		for kk := range k {
			copy(last[kk*h:kk*h+rest], x.a[kk*x.csa+m/h*h:])
		}
	}
	x.a, x.step = own.f, step
	return own
}

// rows copies a block whose rows are a multiple of half a page apart, and so on few sets of the cache, close together. It
// returns their memory, to be given back. What is done with rows [i,i+n) before brings them near.
func (x *operandA) rows(m, k int, before func(i, n int)) *buffer {
	ld := k&^15 + 16
	own := scratch.take(m * ld)
	all, some := *x, 8*active.tileRows
	for i := 0; i < m; i += some {
		n := min(some, m-i)
		x.a = all.a[i*x.rsa:]
		if before != nil {
			before(i, n)
		}
		for r := range n {
			copy(own.f[(i+r)*ld:][:k], x.a[r*x.rsa:])
		}
	}
	x.a, x.rsa = own.f, ld
	return own
}

// times adds the block times B [k,n] to C.
func (x *operandA) times(m, n, k int, b []float32, ldb int, soon nextPanel, c []float32, ldc int, load bool) {
	if x.step > 0 {
		active.tilePanels(m, n, k, x.a, x.step, b, ldb, soon, c, ldc, load)
		return
	}
	active.tile(m, n, k, x.a, x.rsa, x.csa, b, ldb, c, ldc, load)
}

// pack fills panels of B: columns [w·j,w·j+w) of a block of K as [block,w], where w is the table's columns.
type pack struct{ gemm }

var packJobs jobs[pack]

func (t *pack) run(lo, hi int) {
	w := active.tileColumns
	for k0 := 0; k0 < t.k; k0 += t.block {
		k, at := min(t.block, t.k-k0), lo
		if !t.tB { // whole panels, side by side
			at = min(hi, t.n/w)
			active.packB(t.packed[t.panel(lo*w, k0):], w*k, t.b[k0*t.ldb+lo*w:], t.ldb, k, at-lo)
		}
		for ; at < hi; at++ {
			t.panelOf(t.packed[t.panel(at*w, k0):], at*w, k0, min(w, t.n-at*w), k)
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
