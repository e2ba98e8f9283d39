package kernel

// Routed experts' feed-forward layers, block of rows by block: what one step makes of a block is still in the cache when the
// next one reads it.

// Expert is the shape of a stack of feed-forward layers y = down · act(up · x), one a group of rows. up is [wide,D] and
// down [D,F] for each, or with Turned [D,wide] and [F,D].
type Expert struct {
	D, F, Wide int // wide is F, or 2F where the activation gates
	Turned     bool
	// Act sets y [n,F] from x [n,wide], ActBackward dx [n,wide] from dy [n,F] and x. They run on the thread that calls them.
	Act         func(y, x []float32, n int)
	ActBackward func(dx, dy, x []float32, n int)
}

// ExpertRows sets rows [offsets[e],offsets[e+1]) of y [rows,D] to what expert e answers to the same rows of x [rows,D], and of
// wide [rows,wide] to up's product. up [e,...] and down [e,...] are the stacks. Every element is the chain of additions
// that GemmRows makes of it.
func ExpertRows(p *Pool, offsets []int32, k Expert, x, up, down, wide, y []float32) {
	t := expertRows{
		Expert: k, wide: wide, y: y,
		first:  groups{gemm: gemm{tB: !k.Turned, n: k.Wide, k: k.D, a: x, lda: k.D, b: up, ldb: leading(!k.Turned, k.Wide, k.D), c: wide, ldc: k.Wide}, offsets: offsets},
		second: groups{gemm: gemm{tB: !k.Turned, n: k.D, k: k.F, lda: k.F, b: down, ldb: leading(!k.Turned, k.D, k.F), c: y, ldc: k.D}, offsets: offsets},
	}
	rows := t.check()
	if len(x) < rows*k.D || len(y) < rows*k.D {
		panic("kernel: expert rows: short argument")
	}
	if t.small(rows) {
		act := scratch.take(rows * k.F)
		GemmRows(p, !k.Turned, offsets, k.Wide, k.D, x, up, wide)
		k.Act(act.f, wide, rows)
		GemmRows(p, !k.Turned, offsets, k.D, k.F, act.f, down, y)
		scratch.put(act)
		return
	}
	t.launch(p)
}

// ExpertRowsBackward sets dx [rows,D] from dy [rows,D] and the forward's wide, and for the gradients of the matrices act
// [rows,F] and dwide [rows,wide]. None of the outputs may share memory with an input.
func ExpertRowsBackward(p *Pool, offsets []int32, k Expert, dy, up, down, wide, act, dwide, dx []float32) {
	t := expertRows{
		Expert: k, back: true, wide: wide, act: act, dwide: dwide, y: dx,
		first:  groups{gemm: gemm{n: k.F, k: k.D, a: dy, lda: k.D, b: down, ldb: k.F, ldc: k.F}, offsets: offsets},
		second: groups{gemm: gemm{n: k.D, k: k.Wide, a: dwide, lda: k.Wide, b: up, ldb: k.D, c: dx, ldc: k.D}, offsets: offsets},
	}
	rows := t.check()
	if k.Turned || len(dy) < rows*k.D || len(dx) < rows*k.D || len(act) < rows*k.F || len(dwide) < rows*k.Wide {
		panic("kernel: expert rows backward: short argument")
	}
	if t.small(rows) {
		dact := scratch.take(rows * k.F)
		GemmRows(p, false, offsets, k.F, k.D, dy, down, dact.f)
		k.Act(act, wide, rows)
		k.ActBackward(dwide, dact.f, wide, rows)
		GemmRows(p, false, offsets, k.D, k.Wide, dwide, up, dx)
		scratch.put(dact)
		return
	}
	t.launch(p)
}

// leading is the leading dimension of B [k,n], stored densely.
func leading(tB bool, n, k int) int {
	if tB {
		return k
	}
	return n
}

// expertRows is one pass: blocks of rows go through first, the activation and second.
type expertRows struct {
	Expert
	back                bool
	first, second       groups
	wide, act, dwide, y []float32
	from, to            int // the experts whose weights are packed
	span                int // the most tiles of rows in a block
}

var expertJobs jobs[expertRows]

func (t *expertRows) check() (rows int) {
	rows = t.first.check()
	e := t.first.count()
	if t.D < 0 || t.F < 0 || t.Wide < t.F || len(t.first.b) < e*t.first.n*t.first.k || len(t.second.b) < e*t.second.n*t.second.k || len(t.wide) < rows*t.Wide {
		panic("kernel: expert rows: short argument")
	}
	return rows
}

// small says that there are too few rows for packing to pay, or nothing to multiply.
func (t *expertRows) small(rows int) bool {
	return rows < packedGroup*t.first.count() || t.D == 0 || t.F == 0
}

// launch packs the weights of as many experts as packing memory may hold, and runs their blocks.
func (t *expertRows) launch(p *Pool) {
	a, b := t.first.panelFloats(), t.second.panelFloats()
	turn := max(packLimit/(a+b), 1)
	for from := 0; from < t.first.count(); from += turn {
		s := *t
		s.from, s.to = from, min(from+turn, t.first.count())
		one, two := scratch.take((s.to-from)*a), scratch.take((s.to-from)*b)
		s.first.packed, s.second.packed = one.f, two.f
		launch(p, &expertPackJobs, expertPack{s}, (s.to-from)*(s.first.panels()+s.second.panels()), 1)
		tiles := 0
		for e := s.from; e < s.to; e++ {
			tiles += s.tiles(e)
		}
		// As large as the cache likes where that makes enough blocks for all threads to end together; no bit depends on it.
		s.span = min(max(tiles/(6*p.Threads()), 2), groupTiles)
		blocks := 0
		for e := s.from; e < s.to; e++ {
			blocks += s.blocks(e)
		}
		launch(p, &expertJobs, s, blocks, 1)
		scratch.put(one)
		scratch.put(two)
	}
}

func (t *groups) panels() int { return (t.n + active.tileColumns - 1) / active.tileColumns }

// panelFloats is the memory of one group's packed B.
func (t *groups) panelFloats() int { return t.panels() * active.tileColumns * t.k }

// tiles is the number of tiles down expert e's rows.
func (t *expertRows) tiles(e int) int {
	return (int(t.first.offsets[e+1]-t.first.offsets[e]) + active.tileRows - 1) / active.tileRows
}

// blocks is the number of expert e's blocks.
func (t *expertRows) blocks(e int) int {
	return (t.tiles(e) + t.span - 1) / t.span
}

func (t *expertRows) run(lo, hi int) {
	for e := t.from; e < t.to && lo < hi; e++ {
		n := t.blocks(e)
		for i := max(lo, 0); i < min(hi, n); i++ {
			begin, end, tiles := int(t.first.offsets[e]), int(t.first.offsets[e+1]), t.tiles(e)
			t.block(e, begin+share(i, tiles, n)*active.tileRows, min(begin+share(i+1, tiles, n)*active.tileRows, end))
		}
		lo, hi = lo-n, hi-n
	}
}

// block runs rows [lo,hi) of expert e.
func (t *expertRows) block(e, lo, hi int) {
	n := hi - lo
	between := scratch.take(n * t.F) // the activation's, or its gradient
	wide := t.wide[lo*t.Wide : hi*t.Wide]
	if t.back {
		t.first.rows(e-t.from, n, t.first.a[lo*t.D:], between.f)
		t.Act(t.act[lo*t.F:hi*t.F], wide, n)
		t.ActBackward(t.dwide[lo*t.Wide:hi*t.Wide], between.f, wide, n)
		t.second.rows(e-t.from, n, t.dwide[lo*t.Wide:], t.y[lo*t.D:])
	} else {
		t.first.rows(e-t.from, n, t.first.a[lo*t.D:], wide)
		t.Act(between.f, wide, n)
		t.second.rows(e-t.from, n, between.f, t.y[lo*t.D:])
	}
	scratch.put(between)
}

// rows sets c [m,n] to a [m,k] times the B that is the packed memory's e-th.
func (t *groups) rows(e, m int, a, c []float32) {
	g := t.gemm
	g.m, g.a, g.c, g.packed = m, a, c, t.packed[e*t.panelFloats():]
	g.cut(1)
	g.down, g.across = 1, 1
	g.run(0, 1)
}

// expertPack packs the panels of both stacks: an expert's first, then its second.
type expertPack struct{ expertRows }

var expertPackJobs jobs[expertPack]

func (t *expertPack) run(lo, hi int) {
	first := t.first.panels()
	each := first + t.second.panels()
	for i := lo; i < hi; i++ {
		e, at, g := i/each, i%each, &t.first
		if t.tiles(t.from+e) == 0 {
			continue
		}
		if at >= first {
			at, g = at-first, &t.second
		}
		one := pack{g.gemm}
		one.b, one.packed = g.b[(t.from+e)*g.n*g.k:], g.packed[e*g.panelFloats():]
		one.cut(1)
		one.run(at, at+1)
	}
}
