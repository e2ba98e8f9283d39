package kernel

// Products of groups of rows, such as the tokens of each expert, as one operation: threads meet at its end only, and no
// product is too small to share. Every element is the chain of additions that Gemm makes of it.

const (
	groupTiles  = 16 // tiles down a piece, at most: groups differ in size, and pieces should not
	packedGroup = 32 // rows of a mean group from which on it pays to pack B
)

// groups are the products over rows [offsets[e],offsets[e+1]) of A. In rows those are the rows of C too, and each group
// has a B of its own; in sums they are K, B's rows as well, and each group has a C of its own.
type groups struct {
	gemm
	offsets []int32
	sums    bool
}

// GemmRows sets rows [offsets[e],offsets[e+1]) of C [rows,n] to those of A [rows,k] times op(B_e), where B [e,k,n], or
// [e,n,k] if tB.
func GemmRows(p *Pool, tB bool, offsets []int32, n, k int, a, b, c []float32) {
	ldb := n
	if tB {
		ldb = k
	}
	t := groups{gemm: gemm{tB: tB, n: n, k: k, a: a, lda: k, b: b, ldb: ldb, c: c, ldc: n}, offsets: offsets}
	rows := t.check()
	if len(b) < t.count()*n*k || len(c) < rows*n || len(a) < rows*k {
		panic("kernel: gemm rows: short argument")
	}
	t.launch(p, rows, t.count()*k)
}

// GemmSums sets C_e [m,n] to Aᵀ·B over rows [offsets[e],offsets[e+1]) of A [rows,m] and B [rows,n], where C [e,m,n].
func GemmSums(p *Pool, offsets []int32, m, n int, a, b, c []float32) {
	t := groups{gemm: gemm{tA: true, m: m, n: n, a: a, lda: m, b: b, ldb: n, c: c, ldc: n}, offsets: offsets, sums: true}
	rows := t.check()
	if len(b) < rows*n || len(c) < t.count()*m*n || len(a) < rows*m {
		panic("kernel: gemm sums: short argument")
	}
	t.launch(p, rows, rows)
}

func (t *groups) count() int { return len(t.offsets) - 1 }

// check returns the number of rows.
func (t *groups) check() (rows int) {
	if t.m < 0 || t.n < 0 || t.k < 0 || len(t.offsets) == 0 || t.offsets[0] != 0 {
		panic("kernel: gemm groups: bad dimension")
	}
	for e := range t.count() {
		if t.offsets[e+1] < t.offsets[e] {
			panic("kernel: gemm groups: offsets descend")
		}
	}
	return int(t.offsets[t.count()])
}

// launch runs all products; B has the given lines of K in all.
func (t *groups) launch(p *Pool, rows, lines int) {
	w := active.tileColumns
	width := (t.n + w - 1) / w * w
	if rows < packedGroup*t.count() || lines*width > packLimit || t.n == 0 || !t.sums && t.k == 0 || t.sums && t.m == 0 {
		for e := range t.count() {
			g := t.one(e)
			Gemm(p, g.tA, g.tB, g.m, g.n, g.k, g.a, g.lda, g.b, g.ldb, 0, g.c, g.ldc)
		}
		return
	}
	packed := scratch.take(lines * width)
	t.packed = packed.f
	pieces := 0
	for e := range t.count() {
		pieces += t.pieces(e)
	}
	launch(p, &groupPackJobs, groupPack{*t}, t.count()*(width/w), 1)
	launch(p, &groupJobs, *t, pieces, 1)
	scratch.put(packed)
}

// one is the product of group e.
func (t *groups) one(e int) gemm {
	g := t.gemm
	lo, hi := int(t.offsets[e]), int(t.offsets[e+1])
	at := lo // lines of K before this group's in B
	if t.sums {
		g.k, g.a, g.b, g.c = hi-lo, t.a[lo*t.lda:], t.b[lo*t.ldb:], t.c[e*t.m*t.n:]
	} else {
		g.m, g.a, g.b, g.c, at = hi-lo, t.a[lo*t.lda:], t.b[e*t.n*t.k:], t.c[lo*t.ldc:], e*t.k
	}
	if g.m > 0 && g.k > 0 {
		g.cut(1)
		tiles := (g.m + active.tileRows - 1) / active.tileRows
		g.down = max(g.down, (tiles+groupTiles-1)/groupTiles)
	}
	if t.packed != nil {
		w := active.tileColumns
		g.packed = t.packed[at*((t.n+w-1)/w*w):]
	}
	return g
}

// pieces is the number of pieces of group e: one clears the C of a sum over no rows.
func (t *groups) pieces(e int) int {
	g := t.one(e)
	if g.k == 0 {
		return 1
	}
	return g.down * g.across
}

var groupJobs jobs[groups]

func (t *groups) run(lo, hi int) {
	for e := 0; e < t.count() && lo < hi; e++ {
		g, n := t.one(e), t.pieces(e)
		if from, to := max(lo, 0), min(hi, n); from < to {
			if g.k == 0 {
				clear(g.c[:g.m*g.n])
			} else {
				g.run(from, to)
			}
		}
		lo, hi = lo-n, hi-n
		if hi <= 0 {
			return
		}
	}
}

// groupPack packs the panels of all groups, one group's after the other's.
type groupPack struct{ groups }

var groupPackJobs jobs[groupPack]

func (t *groupPack) run(lo, hi int) {
	panels := (t.n + active.tileColumns - 1) / active.tileColumns
	for i := lo; i < hi; i++ {
		if g := t.one(i / panels); g.m > 0 && g.k > 0 {
			pk := pack{g}
			pk.run(i%panels, i%panels+1)
		}
	}
}
