package kernel

// Backward pass of Mamba-2's scan in its dual form (Dao & Gu 2024, section 6): inside
// a chunk of q steps the scan is a product with a lower triangular matrix, and all of
// its gradients are matrix products. For one head, with rows x = dt·u, l the sum
// of dt·A from the chunk's start to a step, h0 the state before the chunk and dh the
// gradient of the state after it,
//
//	y_t = exp(l_t) C_t h0 + sum over s <= t of S_ts W_ts x_s     S = C Bᵀ, W_ts = exp(l_t-l_s)
//
//	dx = (S∘W)ᵀ dy + v∘(B dh)          v_s = exp(l_q-l_s)
//	dC = (W∘(dy xᵀ)) B + (exp(l)∘dy) h0ᵀ
//	dB = (W∘(dy xᵀ))ᵀ C + (v∘x) dhᵀ
//	dh0 = exp(l_q) dh + Cᵀ (exp(l)∘dy)
//
// The exponent of a step is in every term that crosses it: its gradient is a sum of
// those terms, none of which is taken away again. The forward pass stays a
// recurrence, so that a sequence has the same bits whole and step by step.
//
// Dimensions as in scan.go; q steps in a chunk, at most SSDChunk.

// SSDChunk is the number of steps between two saved states. Products within a chunk
// cost q and those with states N for each of a head's channels: about the same for
// Mamba-2's N of 64.
const SSDChunk = 64

// ssdHeads is the number of heads, at most, whose contributions to db and dc are added
// up in one piece; the pieces' sums are combined in order.
const ssdHeads = 4

// Parts returns the number of pieces that a group's heads are cut in.
func (d SSDDims) Parts() int { return (d.H/d.G + ssdHeads - 1) / ssdHeads }

// SSDBackwardScratch returns the length of scratch for SSDBackward.
func SSDBackwardScratch(m, segments int, dims SSDDims) int {
	return 2*dims.Parts()*m*dims.G*dims.N + 2*segments*dims.H
}

type ssdBackward struct {
	du, ddt, dy, u, dt, a, b, c, skip []float32
	segs                              []Segment
	saved                             []float32
	dbPart, dcPart                    []float32 // [parts,m,G*N]
	daPart, dskipPart                 []float32 // [segments,H]
	m                                 int
	SSDDims
}

var ssdBackwardJobs jobs[ssdBackward]

// SSDBackward sets du [m,H*P], ddt [m,H], da [H], db, dc [m,G*N] and dskip [H] (nil
// if skip is) from dy [m,H*P], the forward's inputs and saved. scratch has the
// length SSDBackwardScratch.
func SSDBackward(p *Pool, du, ddt, da, db, dc, dskip, dy, u, dt, a, b, c, skip []float32, segs []Segment, saved []float32, m int, dims SSDDims, work []float32) {
	s := dims.shape()
	s.checkBackward(du, ddt, da, db, dc, dskip, dy, u, dt, a, b, c, skip, segs, saved, m)
	if len(work) < SSDBackwardScratch(m, len(segs), dims) {
		panic("kernel: scan backward: short argument")
	}
	t := ssdBackward{du: du, ddt: ddt, dy: dy, u: u, dt: dt, a: a, b: b, c: c, skip: skip, segs: segs, saved: saved, m: m, SSDDims: dims}
	parts, size := dims.Parts(), m*dims.G*dims.N
	t.dbPart, work = work[:parts*size], work[parts*size:]
	t.dcPart, work = work[:parts*size], work[parts*size:]
	t.daPart, t.dskipPart = work[:len(segs)*dims.H], work[len(segs)*dims.H:]
	launch(p, &ssdBackwardJobs, t, len(segs)*dims.G*parts, 1)
	combineBlocks(da, t.daPart, len(segs), dims.H)
	if skip != nil {
		combineBlocks(dskip, t.dskipPart, len(segs), dims.H)
	}
	addParts(p, db[:size], t.dbPart)
	addParts(p, dc[:size], t.dcPart)
}

// run handles triples of a segment, a group and a part of its heads.
func (t *ssdBackward) run(lo, hi int) {
	k := ssdChunks.take()
	parts, perGroup := t.Parts(), t.H/t.G
	for piece := lo; piece < hi; piece++ {
		k.ssdBackward = t
		k.si, k.group, k.part = piece/(parts*t.G), piece/parts%t.G, piece%parts
		k.head = k.group*perGroup + k.part*ssdHeads
		k.heads = min(ssdHeads, perGroup-k.part*ssdHeads)
		work := k.layOut()
		s := &t.segs[k.si]
		for i := range k.heads {
			clear(k.dh[i])
			t.daPart[k.si*t.H+k.head+i], t.dskipPart[k.si*t.H+k.head+i] = 0, 0
		}
		for r := (s.Len+SSDChunk-1)/SSDChunk*SSDChunk - SSDChunk; r >= 0; r -= SSDChunk {
			k.row, k.q = s.Start+r, min(SSDChunk, s.Len-r)
			k.steps(r / SSDChunk)
		}
		scratch.put(work)
	}
	ssdChunks.put(k)
}

// An ssdPiece is a chunk of some heads of a group at work. Its matrices lie with
// their rows close together.
type ssdPiece struct {
	*ssdBackward
	si, group, part int
	head, heads     int // the first, and how many
	row, q          int

	dh        [ssdHeads][]float32 // [N,P]
	s, w, sw  []float32           // [q,q]: C Bᵀ, W, and their product
	e, sum    []float32           // [q,q]: W∘(dy xᵀ) of a head, and of all
	x, dy, dx []float32           // [q,P]
	h0        []float32           // [N,P]
	cross     []float32           // [q,N]
	gap       []float32           // [q]: l_t - l_s for s up to the current t
	column    []float32           // [q]
	slope     [SSDChunk]float32   // of each step's exponent
}

var ssdChunks jobs[ssdPiece]

// layOut takes memory for a piece.
func (k *ssdPiece) layOut() *buffer {
	q, p, n := SSDChunk, k.P, k.N
	work := scratch.take(5*q*q + 3*q*p + (1+ssdHeads)*n*p + q*n + 2*q)
	f := work.f
	cut := func(n int) (x []float32) { x, f = f[:n:n], f[n:]; return x }
	for i := range k.dh {
		k.dh[i] = cut(n * p)
	}
	k.s, k.w, k.sw, k.e, k.sum = cut(q*q), cut(q*q), cut(q*q), cut(q*q), cut(q*q)
	k.x, k.dy, k.dx, k.h0, k.cross = cut(q*p), cut(q*p), cut(q*p), cut(n*p), cut(q*n)
	k.gap, k.column = cut(q), cut(q)
	return work
}

// steps runs the segment's i'th chunk, of q steps from row on.
func (k *ssdPiece) steps(i int) {
	q, n, gn := k.q, k.N, k.G*k.N
	at := k.row*gn + k.group*n
	b, c := k.b[at:], k.c[at:]
	to := k.part*k.m*gn + at
	db, dc := k.dbPart[to:], k.dcPart[to:]
	Gemm(nil, false, true, q, q, n, c, gn, b, gn, 0, k.s, q)
	clear(k.sum[:q*q])
	for r := range q {
		clear(db[r*gn : r*gn+n])
		clear(dc[r*gn : r*gn+n])
	}
	for j := range k.heads {
		k.ofHead(j, i, b, c, db, dc)
	}
	Gemm(nil, false, false, q, n, q, k.sum, q, b, gn, 1, dc, gn)
	Gemm(nil, true, false, q, n, q, k.sum, q, c, gn, 1, db, gn)
}

// ofHead runs the j'th head of the i'th chunk; b, c, db and dc are the chunk's rows.
func (k *ssdPiece) ofHead(j, i int, b, c, db, dc []float32) {
	q, p, n, gn := k.q, k.P, k.N, k.G*k.N
	head := k.head + j
	a, d := k.a[head], k.H*p
	at := k.row*d + head*p
	u, dy, du := k.u[at:], k.dy0(at), k.du[at:]
	dt, ddt := k.dt[k.row*k.H+head:], k.ddt[k.row*k.H+head:]
	dh := k.dh[j]
	k.loadState(i, head)
	slope := k.slope[:q]
	clear(slope)

	k.weights(dt, a)
	first := exp32(dt[0] * a)
	total := first * k.w[(q-1)*q] // exp(l_q)
	for t := range q {
		active.scale(k.x[t*p:t*p+p], u[t*d:t*d+p], dt[t*k.H])
		copy(k.dy[t*p:t*p+p], dy[t*d:t*d+p])
	}

	// What steps of the chunk give one another.
	Gemm(nil, false, true, q, q, p, k.dy, p, k.x, p, 0, k.e, q)
	active.mul(k.e[:q*q], k.e, k.w)
	active.mul(k.sw[:q*q], k.s, k.w)
	active.add(k.sum[:q*q], k.sum, k.e)
	crossing := k.column[:q] // pairs that reach over each step from the left, by their first step
	clear(crossing)
	for t := q - 1; t > 0; t-- {
		active.mulAdd(crossing, k.s[t*q:t*q+q], k.e[t*q:t*q+q])
		slope[t] += active.sum(crossing[:t])
	}

	// What they give to the state after the chunk.
	last := k.w[(q-1)*q : q*q] // v
	Gemm(nil, false, false, q, p, n, b, gn, dh, p, 0, k.dx, p)
	for s := range q {
		active.scale(k.dx[s*p:s*p+p], k.dx[s*p:s*p+p], last[s])
	}
	Gemm(nil, true, false, q, p, q, k.sw, q, k.dy, p, 1, k.dx, p)
	Gemm(nil, false, true, q, n, p, k.x, p, dh, p, 0, k.cross, n)
	given := float32(0)
	for s := range q {
		slope[s] += given
		row := db[s*gn : s*gn+n]
		active.axpy(row, last[s], k.cross[s*n:s*n+n])
		given += last[s] * active.dot(b[s*gn:s*gn+n], k.cross[s*n:s*n+n])
	}

	// du, skip and the step's own gradient.
	skip, dskip, da := float32(0), float32(0), float32(0)
	if k.skip != nil {
		skip = k.skip[head]
	}
	for s := range q {
		g, x := k.dy[s*p:s*p+p], u[s*d:s*d+p]
		dskip += active.dot(g, x)
		ddt[s*k.H] = active.dot(k.dx[s*p:s*p+p], x)
		active.linear(du[s*d:s*d+p], k.dx[s*p:s*p+p], g, dt[s*k.H], skip, 0)
	}

	// What the state before the chunk gives to the steps, and to the state after it.
	for t := range q {
		active.scale(k.dy[t*p:t*p+p], k.dy[t*p:t*p+p], first*k.w[t*q])
	}
	Gemm(nil, false, true, q, n, p, k.dy, p, k.h0, p, 0, k.cross, n)
	taken := total * active.dot(k.h0, dh)
	for t := q - 1; t >= 0; t-- {
		active.add(dc[t*gn:t*gn+n], dc[t*gn:t*gn+n], k.cross[t*n:t*n+n])
		taken += active.dot(c[t*gn:t*gn+n], k.cross[t*n:t*n+n])
		slope[t] += taken
	}
	active.scale(dh, dh, total)
	Gemm(nil, true, false, n, p, q, c, gn, k.dy, p, 1, dh, p)

	for t, v := range slope {
		ddt[t*k.H] += a * v
		da += dt[t*k.H] * v
	}
	k.daPart[k.si*k.H+head] += da
	k.dskipPart[k.si*k.H+head] += dskip
}

// dy0 is the output's gradient from an index on; dy itself names a piece's copy.
func (k *ssdPiece) dy0(at int) []float32 { return k.ssdBackward.dy[at:] }

// weights sets W. A row's exponents are the last row's plus its own step's, so that
// each is as exact as a sum of what lies between two steps.
func (k *ssdPiece) weights(dt []float32, a float32) {
	q := k.q
	for t := range q {
		step := dt[t*k.H] * a
		gap := k.gap[:t]
		active.addScalar(gap, gap, step)
		k.gap[t] = 0
		row := k.w[t*q : t*q+q]
		active.expInto(row[:t+1], k.gap[:t+1], 1, 0)
		clear(row[t+1:])
	}
}

// loadState gets the state of a head before the i'th chunk of the segment, saved in
// blocks of lanes [N,16], into h0.
func (k *ssdPiece) loadState(i, head int) {
	s := k.shape()
	nl := k.N * lanes
	at := (s.savedChunk(k.segs, k.si)+i)*k.H*s.blocks() + head*s.blocks()
	for p := 0; p < k.P; p += lanes {
		block := k.saved[at*nl : (at+1)*nl]
		w := min(lanes, k.P-p)
		for n := range k.N {
			copy(k.h0[n*k.P+p:n*k.P+p+w], block[n*lanes:])
		}
		at++
	}
}

// addParts sets out to the sum of parts of its length, one after the other.
func addParts(p *Pool, out, parts []float32) {
	launch(p, &partSums, partSum{out, parts}, len(out), pieceWork)
}

type partSum struct{ out, parts []float32 }

var partSums jobs[partSum]

func (t *partSum) run(lo, hi int) {
	out := t.out[lo:hi]
	copy(out, t.parts[lo:hi])
	for at := len(t.out); at < len(t.parts); at += len(t.out) {
		active.add(out, out, t.parts[at+lo:at+hi])
	}
}
