package kernel

// Packed is the B [K,N] of several products, packed once. It takes scratch memory of B's size until Release.
type Packed struct {
	g      gemm // without A and C
	memory *buffer
}

// PackB packs op(B) [k,n], stored as Gemm has it. A B that is too large to be packed as a whole is read, and packed in parts, by every
// product instead. b must not change before Release.
func PackB(p *Pool, tB bool, n, k int, b []float32, ldb int) Packed {
	if n < 0 || k < 0 {
		panic("kernel: gemm: negative dimension")
	}
	checkMatrix(tB, k, n, ldb, len(b), "kernel: gemm: short b")
	q := Packed{g: gemm{tB: tB, n: n, k: k, b: b, ldb: ldb}}
	w := active.tileColumns
	if n == 0 || k == 0 || n*k > packLimit {
		return q
	}
	q.g.m = 1
	q.g.cut(1) // in blocks of K, of which M and the threads know nothing
	panels := (n + w - 1) / w
	q.memory = scratch.take(panels * w * k)
	q.g.packed = q.memory.f
	launch(p, &packJobs, pack{q.g}, panels, grainFor(2*w*k))
	return q
}

// Times sets C [m,n] = A·B, with the bits of Gemm.
func (q *Packed) Times(p *Pool, m int, a []float32, lda int, c []float32, ldc int) {
	if q.memory == nil {
		Gemm(p, false, q.g.tB, m, q.g.n, q.g.k, a, lda, q.g.b, q.g.ldb, 0, c, ldc)
		return
	}
	t := q.g
	t.m, t.a, t.lda, t.c, t.ldc = m, a, lda, c, ldc
	if m < 0 {
		panic("kernel: gemm: negative dimension")
	}
	checkMatrix(false, m, t.k, lda, len(a), "kernel: gemm: short a")
	checkMatrix(false, m, t.n, ldc, len(c), "kernel: gemm: short c")
	if m == 0 {
		return
	}
	if m*t.n*t.k <= smallGemm {
		p = nil
	}
	t.cut(p.Threads())
	launch(p, &gemmJobs, t, t.down*t.across, 1)
}

// Release gives the memory back; there are no products afterwards.
func (q *Packed) Release() {
	if q.memory != nil {
		scratch.put(q.memory)
		q.memory = nil
	}
}
