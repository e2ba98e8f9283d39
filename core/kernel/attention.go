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
	queryBlock = 56 // rows per block
)

type attention struct {
	out, lse, qkv []float32
	segs          []Segment
	caches        []AttentionCache
	keysT         []float32 // [blocks of keys,G,K,keyBlock]: keys transposed
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
// logarithm of its softmax's denominator, for the backward pass. qkv
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
	queries, keys := 0, 0
	for si := range segs {
		queries += (segs[si].Len + queryBlock - 1) / queryBlock
		lo, hi := t.keyBlocks(si)
		keys += hi - lo
	}
	buf := scratch.take(keys * dims.G * dims.K * keyBlock)
	t.keysT = buf.f
	launch(p, &transposeKeysJobs, transposeKeys{t}, keys*dims.G, grainFor(keyBlock*dims.K))
	launch(p, &attentionJobs, t, queries*dims.H, grainFor(queryBlock*keyBlock*dims.K))
	scratch.put(buf)
}

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

// transposeKeys fills keysT.
type transposeKeys struct{ attention }

var transposeKeysJobs jobs[transposeKeys]

func (t *transposeKeys) run(lo, hi int) {
	size := t.K * keyBlock
	for piece := lo; piece < hi; piece++ {
		g, block, si := piece%t.G, piece/t.G, 0
		first, last := t.keyBlocks(si)
		for block >= last-first {
			block -= last - first
			si++
			first, last = t.keyBlocks(si)
		}
		s := &t.segs[si]
		k, _, ld, origin := t.keyRows(si, g)
		dst := t.keysT[piece*size : (piece+1)*size]
		from := max((first+block)*keyBlock, t.first(si))
		to := min((first+block+1)*keyBlock, s.Pos+s.Len)
		if to-from < keyBlock {
			clear(dst) // scores of no key stay finite until they are masked
		}
		active.transpose(dst[from%keyBlock:], keyBlock, k[(from-origin)*ld:], ld, to-from, t.K)
	}
}

// run handles pairs of a block of queries and a head.
func (t *attention) run(lo, hi int) {
	work := scratch.take(queryBlock * (keyBlock + 2))
	for piece := lo; piece < hi; piece++ {
		h, block, si, keysBefore := piece%t.H, piece/t.H, 0, 0
		for {
			n := (t.segs[si].Len + queryBlock - 1) / queryBlock
			if block < n {
				break
			}
			block -= n
			first, last := t.keyBlocks(si)
			keysBefore += last - first
			si++
		}
		t.block(si, h, block*queryBlock, keysBefore, work.f)
	}
	scratch.put(work)
}

// block computes the segment's rows from r0 on, for one head.
func (t *attention) block(si, h, r0, keysBefore int, work []float32) {
	s := &t.segs[si]
	rows := min(queryBlock, s.Len-r0)
	g := h / (t.H / t.G)
	_, values, ld, origin := t.keyRows(si, g)
	first := t.first(si)
	firstBlock, _ := t.keyBlocks(si)
	width := (t.H + 2*t.G) * t.K
	row := s.Start + r0
	q := t.qkv[row*width+h*t.K:]
	out := t.out[row*t.H*t.K+h*t.K:]
	scores, top, sum := work[:queryBlock*keyBlock], work[queryBlock*keyBlock:][:queryBlock], work[queryBlock*(keyBlock+1):]
	for i := range rows {
		top[i], sum[i] = negInf, 0
	}
	p0, last := s.Pos+r0, s.Pos+r0+rows-1
	from := t.sees(first, p0)
	for b := from / keyBlock; b*keyBlock <= last; b++ {
		at := b * keyBlock
		keysT := t.keysT[((keysBefore+b-firstBlock)*t.G+g)*t.K*keyBlock:]
		active.tile(rows, keyBlock, t.K, q, width, 1, keysT, keyBlock, scores, keyBlock, false)
		for i := range rows {
			sc := scores[i*keyBlock : (i+1)*keyBlock]
			mask(sc, t.sees(first, p0+i)-at, p0+i-at+1)
			top[i], sum[i] = active.attendRow(sc, out[i*t.H*t.K:][:t.K], t.Scale, top[i], sum[i])
		}
		// Weights of masked keys are 0 and change no bit of the sums.
		k0, k1 := max(0, first-at), min(keyBlock, last+1-at)
		active.tile(rows, t.K, k1-k0, scores[k0:], keyBlock, 1, values[(at+k0-origin)*ld:], ld, out, t.H*t.K, b > from/keyBlock)
	}
	for i := range rows {
		o := out[i*t.H*t.K:][:t.K]
		active.scale(o, o, 1/sum[i])
		t.lse[(row+i)*t.H+h] = top[i] + log32(sum[i])
	}
}

// sees returns the first position that a row at pos sees, given the segment's first.
func (d *AttentionDims) sees(first, pos int) int {
	if d.Window > 0 {
		return max(first, pos-d.Window+1)
	}
	return first
}

// mask sets the scores of a block outside [lo,hi) to -Inf.
func mask(scores []float32, lo, hi int) {
	if lo > 0 {
		copy(scores[:min(lo, keyBlock)], masked[:])
	}
	if hi < keyBlock {
		copy(scores[max(hi, 0):], masked[:])
	}
}

// masked is a block of scores of keys that a row does not see.
var masked = func() (m [keyBlock]float32) {
	for i := range m {
		m[i] = negInf
	}
	return m
}()
