package kernel

// Causal attention in blocks of keys with a running softmax (Dao et al. 2022),
// so that no T x T matrix exists. Dimensions: M packed rows, H query heads, G
// key/value heads (H a multiple of G), K head width.
//
// Blocks of keys start at multiples of keyBlock in absolute position: a row meets
// its keys in the same blocks whether its sequence runs whole, in chunks with a
// cache, or step by step.

// AttentionDims are the sizes of an attention call.
type AttentionDims struct {
	H, G, K int
	Window  int     // a row sees the last Window positions, its own included; 0 = all
	Scale   float32 // multiplies the scores; positive, usually 1/sqrt(K)
}

// AttentionCache holds the keys (already rotated) and values [>=Pos+Len,G*K] of a
// segment by absolute position, those of the segment's own rows included.
type AttentionCache struct{ K, V []float32 }

const (
	keyBlock   = 64 // keys per block
	queryBlock = 64 // rows per block: as many as keys, so that sequences meet few blocks that are seen in part
	queryGroup = 12 // rows that are cut to the keys they see where a block is not seen whole
)

type attention struct {
	out, lse, qkv []float32
	segs          []Segment
	caches        []AttentionCache
	keysT         []float32 // for each segment [G,blocks of keys,K,keyBlock]: keys transposed
	values        []float32 // for each segment [G,blocks of keys,keyBlock,K]
	AttentionDims
}

var attentionJobs jobs[attention]

func (d *AttentionDims) check(segs []Segment, qkv, out, lse []float32) (m int) {
	m = segmentRows(segs)
	if d.H < 1 || d.G < 1 || d.K < 1 || d.H%d.G != 0 || d.Window < 0 || !(d.Scale > 0) {
		panic("kernel: attention: wrong dimensions")
	}
	if len(qkv) < m*(d.H+2*d.G)*d.K || len(out) < m*d.H*d.K || len(lse) < m*d.H {
		panic("kernel: attention: short argument")
	}
	return m
}

// Attention sets out [M,H*K] to the attention of each row and lse [M,H] to the
// logarithm to base 2 of its softmax's denominator, for the backward pass. qkv
// [M,(H+2G)*K] holds the query heads, key heads and value heads of each row. With
// caches, one a segment, keys and values come from the cache and rows see what
// lies before Pos too; without, they see their own segment's rows only.
func Attention(p *Pool, out, lse, qkv []float32, segs []Segment, caches []AttentionCache, dims AttentionDims) {
	dims.check(segs, qkv, out, lse)
	if caches != nil {
		if len(caches) != len(segs) {
			panic("kernel: attention: not one cache a segment")
		}
		for i, c := range caches {
			need := (segs[i].Pos + segs[i].Len) * dims.G * dims.K
			if len(c.K) < need || len(c.V) < need {
				panic("kernel: attention: short cache")
			}
		}
	}
	t := attention{out: out, lse: lse, qkv: qkv, segs: segs, caches: caches, AttentionDims: dims}
	if len(segs)*dims.G >= enoughPieces {
		launch(p, &attentionWholeJobs, attentionWhole{t}, len(segs)*dims.G, 1)
		return
	}
	queries, keys := 0, 0
	for si := range segs {
		queries += queryBlocks(segs[si].Len)
		lo, hi := t.keyBlocks(si)
		keys += hi - lo
	}
	size := keys * dims.G * dims.K * keyBlock
	buf := scratch.take(2 * size)
	t.keysT, t.values = buf.f[:size], buf.f[size:]
	launch(p, &packKeysJobs, packKeys{t}, keys*dims.G, grainFor(2*keyBlock*dims.K))
	launch(p, &attentionJobs, t, queries*dims.H, grainFor(queryBlock*keyBlock*dims.K))
	scratch.put(buf)
}

// enoughPieces is the number of pairs of a segment and a kv head that keeps threads busy
// to the end. Each then packs its keys and values where it uses them; fewer are packed
// first, for blocks of queries that run side by side.
const enoughPieces = 8

// queryBlocks is the number of blocks that n rows make. No bit depends on it.
func queryBlocks(n int) int { return (n + queryBlock - 1) / queryBlock }

// first returns the first position that any row of a segment sees: the window's of
// its first row.
func (t *attention) first(si int) int {
	s := &t.segs[si]
	first := 0
	if t.caches == nil {
		first = s.Pos
	}
	if t.Window > 0 {
		first = max(first, s.Pos-t.Window+1)
	}
	return first
}

// keyBlocks returns the range of blocks that hold the segment's keys.
func (t *attention) keyBlocks(si int) (lo, hi int) {
	s := &t.segs[si]
	if s.Len == 0 {
		return 0, 0
	}
	return t.first(si) / keyBlock, (s.Pos+s.Len-1)/keyBlock + 1
}

// keyRows returns keys and values of one segment for kv head g: position x is at
// row x-origin.
func (t *attention) keyRows(si, g int) (k, v []float32, ld, origin int) {
	if t.caches != nil {
		c := &t.caches[si]
		return c.K[g*t.K:], c.V[g*t.K:], t.G * t.K, 0
	}
	s := &t.segs[si]
	ld = (t.H + 2*t.G) * t.K
	base := s.Start*ld + (t.H+g)*t.K
	return t.qkv[base:], t.qkv[base+t.G*t.K:], ld, s.Pos
}

// pack transposes a block of a segment's keys [K,keyBlock] and copies its values
// [keyBlock,K]: as stored, the rows of a head lie so far apart that they fall on few
// sets of the first-level cache.
func (t *attention) pack(si, g, block int, keysT, values []float32) {
	s := &t.segs[si]
	k, v, ld, origin := t.keyRows(si, g)
	from := max(block*keyBlock, t.first(si))
	to := min((block+1)*keyBlock, s.Pos+s.Len)
	if to-from < keyBlock {
		clear(keysT[:t.K*keyBlock]) // scores of no key stay finite until they are masked
	}
	active.transpose(keysT[from%keyBlock:], keyBlock, k[(from-origin)*ld:], ld, to-from, t.K)
	if !t.few(si) {
		active.attend.scale(values[from%keyBlock*t.K:], t.K, v[(from-origin)*ld:], ld, nil, 1, to-from, t.K)
	}
}

// few says that a segment has so few rows that its values are read where they are
// rather than packed: those of decoding are read once.
func (t *attention) few(si int) bool { return t.segs[si].Len < queryGroup }

// packKeys fills keysT and values.
type packKeys struct{ attention }

var packKeysJobs jobs[packKeys]

func (t *packKeys) run(lo, hi int) {
	size := t.K * keyBlock
	for piece := lo; piece < hi; piece++ {
		block, si := piece, 0
		first, last := t.keyBlocks(si)
		for block >= (last-first)*t.G {
			block -= (last - first) * t.G
			si++
			first, last = t.keyBlocks(si)
		}
		t.pack(si, block/(last-first), first+block%(last-first), t.keysT[piece*size:], t.values[piece*size:])
	}
}

// attentionWhole is attention in pairs of a segment and a kv head.
type attentionWhole struct{ attention }

var attentionWholeJobs jobs[attentionWhole]

func (t *attentionWhole) run(lo, hi int) {
	most := 0
	for piece := lo; piece < hi; piece++ {
		first, last := t.keyBlocks(piece / t.G)
		most = max(most, last-first)
	}
	size := most * t.K * keyBlock
	buf := scratch.take(2*size + t.workSize())
	keysT, values, w := buf.f[:size], buf.f[size:2*size], t.work(buf.f[2*size:])
	for piece := lo; piece < hi; piece++ {
		si, g := piece/t.G, piece%t.G
		first, last := t.keyBlocks(si)
		for b := first; b < last; b++ {
			at := (b - first) * t.K * keyBlock
			t.pack(si, g, b, keysT[at:], values[at:])
		}
		n := queryBlocks(t.segs[si].Len)
		for h := g * (t.H / t.G); h < (g+1)*(t.H/t.G); h++ {
			for b := range n {
				t.block(si, h, b*queryBlock, keysT, values, &w)
			}
		}
	}
	scratch.put(buf)
}

// run handles pairs of a head and a block of queries.
func (t *attention) run(lo, hi int) {
	buf := scratch.take(t.workSize())
	w := t.work(buf.f)
	for piece := lo; piece < hi; piece++ {
		block, si, keys := piece, 0, 0
		n := queryBlocks(t.segs[si].Len)
		first, last := t.keyBlocks(si)
		for block >= n*t.H {
			block -= n * t.H
			keys += (last - first) * t.G
			si++
			n = queryBlocks(t.segs[si].Len)
			first, last = t.keyBlocks(si)
		}
		h := block / n
		at := (keys + h/(t.H/t.G)*(last-first)) * t.K * keyBlock
		t.block(si, h, block%n*queryBlock, t.keysT[at:], t.values[at:], &w)
	}
	scratch.put(buf)
}

// attentionWork is the memory for one block of queries.
type attentionWork struct {
	q, sums []float32 // [queryBlock,K]: queries in units of log 2, weighted sums of values
	scores  []float32 // [queryBlock,keyBlock]
	// [queryBlock]
	top, sum, shrink []float32
}

func (d *AttentionDims) workSize() int { return 2*queryBlock*d.K + queryBlock*(keyBlock+3) }

func (d *AttentionDims) work(mem []float32) attentionWork {
	part := func(n int) []float32 {
		p := mem[:n:n]
		mem = mem[n:]
		return p
	}
	return attentionWork{
		q: part(queryBlock * d.K), sums: part(queryBlock * d.K), scores: part(queryBlock * keyBlock),
		top: part(queryBlock), sum: part(queryBlock), shrink: part(queryBlock),
	}
}

// block computes a block of the segment's rows from r0 on, for one head, with the
// packed blocks of keys and values that the segment sees.
func (t *attention) block(si, h, r0 int, keysT, values []float32, w *attentionWork) {
	s := &t.segs[si]
	rows := min(queryBlock, s.Len-r0)
	first := t.first(si)
	width := (t.H + 2*t.G) * t.K
	row := s.Start + r0
	active.attend.scale(w.q, t.K, t.qkv[row*width+h*t.K:], width, nil, t.Scale*log2e, rows, t.K)
	clear(w.sums[:rows*t.K])
	for i := range rows {
		w.top[i], w.sum[i] = negInf, 0
	}
	p0, last := s.Pos+r0, s.Pos+r0+rows-1
	size := t.K * keyBlock
	_, stored, ld, origin := t.keyRows(si, h/(t.H/t.G))
	for b := t.sees(first, p0) / keyBlock; b*keyBlock <= last; b++ {
		at := b * keyBlock
		start := (b - first/keyBlock) * size
		keysT, values := keysT[start:start+size], values[start:start+size]
		for i, n := 0, 0; i < rows; i += n {
			seen := t.seen(first, p0, at, i, rows)
			if n = seen.rows; seen.lo >= seen.hi {
				continue
			}
			scores := w.scores[i*keyBlock+seen.lo:]
			active.tile(n, seen.hi-seen.lo, t.K, w.q[i*t.K:], t.K, 1, keysT[seen.lo:], keyBlock, scores, keyBlock, false)
			seen.mask(w.scores[i*keyBlock:])
			active.attend.rows(scores, w.top[i:], w.sum[i:], w.shrink, w.sums[i*t.K:], n, seen.hi-seen.lo, t.K)
			// Weights of masked keys are 0 and change no bit of the sums.
			k0, k1 := max(seen.lo, first-at), min(seen.hi, p0+i+n-at)
			v, ldv := values[k0*t.K:], t.K
			if t.few(si) {
				v, ldv = stored[(at+k0-origin)*ld:], ld
			}
			active.tile(n, t.K, k1-k0, scores[k0-seen.lo:], keyBlock, 1, v, ldv, w.sums[i*t.K:], t.K, true)
		}
	}
	for i := range rows {
		t.lse[(row+i)*t.H+h] = w.top[i] + log32(w.sum[i])*log2e
		w.sum[i] = 1 / w.sum[i]
	}
	active.attend.scale(t.out[row*t.H*t.K+h*t.K:], t.H*t.K, w.sums, t.K, w.sum, 1, rows, t.K)
}

// sees returns the first position that a row at pos sees, given the segment's first.
func (d *AttentionDims) sees(first, pos int) int {
	if d.Window > 0 {
		return max(first, pos-d.Window+1)
	}
	return first
}

// seenKeys are the keys of a block that some rows see.
type seenKeys struct {
	rows   int
	lo, hi int // columns [lo,hi) hold them all; multiples of 16
	// Row i sees columns [from[i],to[i]); nothing is masked if whole.
	whole    bool
	from, to [queryGroup]int
}

// seen returns the keys from position at on that rows i, i+1, ... of a block see, whose
// row 0 is at position p0: all rows that are left if they see the whole block, else up
// to queryGroup.
func (d *AttentionDims) seen(first, p0, at, i, rows int) (s seenKeys) {
	if d.sees(first, p0+rows-1) <= at && p0+i >= at+keyBlock-1 {
		s.rows, s.hi, s.whole = rows-i, keyBlock, true
		return s
	}
	s.rows = min(queryGroup, rows-i)
	for r := range s.rows {
		pos := p0 + i + r
		s.from[r] = min(max(d.sees(first, pos)-at, 0), keyBlock)
		s.to[r] = min(max(pos-at+1, 0), keyBlock)
	}
	s.lo = s.from[0] &^ 15
	s.hi = (s.to[s.rows-1] + 15) &^ 15
	return s
}

// mask sets the scores [rows,keyBlock] in [lo,hi) that a row does not see to -Inf.
func (s *seenKeys) mask(scores []float32) {
	if s.whole {
		return
	}
	for r := range s.rows {
		row := scores[r*keyBlock:]
		copy(row[s.lo:max(s.lo, s.from[r])], masked[:])
		copy(row[max(s.lo, s.to[r]):max(s.lo, s.hi)], masked[:])
	}
}

// masked is a row of -Inf.
var masked = func() (row [keyBlock]float32) {
	for i := range row {
		row[i] = negInf
	}
	return row
}()
