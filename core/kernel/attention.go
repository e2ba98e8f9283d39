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
	Scale   float32 // multiplies the scores; usually 1/sqrt(K)
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
	AttentionDims
}

var attentionJobs jobs[attention]

func (d *AttentionDims) check(segs []Segment, qkv, out, lse []float32) (m int) {
	m = segmentRows(segs)
	if d.H < 1 || d.G < 1 || d.K < 1 || d.H%d.G != 0 || d.Window < 0 {
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
	blocks := 0
	for i := range segs {
		blocks += (segs[i].Len + queryBlock - 1) / queryBlock
	}
	launch(p, &attentionJobs, attention{out, lse, qkv, segs, caches, dims}, blocks*dims.H, 1)
}

// locate returns the segment and block of the piece'th (block, head).
func locate(segs []Segment, block int) (si, qb int) {
	for si = range segs {
		n := (segs[si].Len + queryBlock - 1) / queryBlock
		if block < n {
			return si, block
		}
		block -= n
	}
	return 0, 0
}

// keys returns keys and values of one segment for kv head g: row r is position
// first+r.
func (t *attention) keys(si, g int) (k, v []float32, ld, first int) {
	if t.caches != nil {
		c := &t.caches[si]
		return c.K[g*t.K:], c.V[g*t.K:], t.G * t.K, 0
	}
	s := &t.segs[si]
	ld = (t.H + 2*t.G) * t.K
	base := s.Start*ld + (t.H+g)*t.K
	return t.qkv[base:], t.qkv[base+t.G*t.K:], ld, s.Pos
}

func (t *attention) run(lo, hi int) {
	var scores [keyBlock]float32
	for piece := lo; piece < hi; piece++ {
		si, qb := locate(t.segs, piece/t.H)
		h := piece % t.H
		s := &t.segs[si]
		keys, values, ld, first := t.keys(si, h/(t.H/t.G))
		for r := qb * queryBlock; r < min((qb+1)*queryBlock, s.Len); r++ {
			row := s.Start + r
			q := t.qkv[row*(t.H+2*t.G)*t.K+h*t.K:][:t.K]
			out := t.out[row*t.H*t.K+h*t.K:][:t.K]
			clear(out)
			pos := s.Pos + r
			from := first
			if t.Window > 0 {
				from = max(first, pos-t.Window+1)
			}
			top, sum := negInf, float32(0)
			for b := from / keyBlock * keyBlock; b <= pos; b += keyBlock {
				lo, hi := max(b, from), min(b+keyBlock-1, pos)
				sc := scores[:hi-lo+1]
				for j := range sc {
					sc[j] = dot32(q, keys[(lo+j-first)*ld:][:t.K]) * t.Scale
				}
				newTop := max(top, maxOf(sc))
				f := exp32(top - newTop)
				sum = sum*f + expInto(sc, sc, 1, newTop)
				top = newTop
				for c := range out {
					out[c] *= f
				}
				for j, w := range sc {
					axpy(out, w, values[(lo+j-first)*ld:][:t.K])
				}
			}
			for c := range out {
				out[c] /= sum
			}
			t.lse[row*t.H+h] = top + log32(sum)
		}
	}
}
