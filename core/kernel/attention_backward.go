package kernel

type attentionBackward struct {
	dqkv, dout, out, lse, qkv []float32
	segs                      []Segment
	AttentionDims
}

var attentionBackwardJobs jobs[attentionBackward]

// AttentionBackward sets dqkv [M,(H+2G)*K] from dout [M,H*K] and what Attention
// (without caches) read and returned.
func AttentionBackward(p *Pool, dqkv, dout, out, lse, qkv []float32, segs []Segment, dims AttentionDims) {
	m := dims.check(segs, qkv, out, lse)
	if len(dqkv) < m*(dims.H+2*dims.G)*dims.K || len(dout) < m*dims.H*dims.K {
		panic("kernel: attention backward: short argument")
	}
	launch(p, &attentionBackwardJobs, attentionBackward{dqkv, dout, out, lse, qkv, segs, dims}, len(segs)*dims.G, 1)
}

// run handles pairs of a segment and a kv head, with all query heads that share it.
func (t *attentionBackward) run(lo, hi int) {
	for piece := lo; piece < hi; piece++ {
		s, g := &t.segs[piece/t.G], piece%t.G
		width := (t.H + 2*t.G) * t.K
		ld := (s.Len + keyBlock - 1) / keyBlock * keyBlock
		work := scratch.take(2*t.K*ld + 2*queryBlock*keyBlock + queryBlock)
		b := attentionBlock{t: t, s: s, width: width, ld: ld}
		b.keysT, b.valuesT = work.f[:t.K*ld], work.f[t.K*ld:2*t.K*ld]
		rest := work.f[2*t.K*ld:]
		b.w, b.dw, b.delta = rest[:queryBlock*keyBlock], rest[queryBlock*keyBlock:2*queryBlock*keyBlock], rest[2*queryBlock*keyBlock:]
		clear(work.f[:2*t.K*ld])
		base := s.Start * width
		b.k, b.v = base+(t.H+g)*t.K, base+(t.H+t.G+g)*t.K
		if s.Len > 0 {
			active.transpose(b.keysT, ld, t.qkv[b.k:], width, s.Len, t.K)
			active.transpose(b.valuesT, ld, t.qkv[b.v:], width, s.Len, t.K)
		}
		for r := range s.Len {
			clear(t.dqkv[b.k+r*width:][:t.K])
			clear(t.dqkv[b.v+r*width:][:t.K])
		}
		for h := g * (t.H / t.G); h < (g+1)*(t.H/t.G); h++ {
			for r := 0; r < s.Len; r += queryBlock {
				b.queries(h, r)
			}
		}
		scratch.put(work)
	}
}

// attentionBlock is one segment and kv head at work. With w the weights, from
// scores computed again, and delta = dout·out:
//
//	dv += wᵀ·dout   dw = dout·vᵀ   ds = w·(dw-delta)·scale   dq = ds·k   dk += dsᵀ·q
type attentionBlock struct {
	t              *attentionBackward
	s              *Segment
	width          int       // columns of qkv
	k, v           int       // where the segment's keys and values start in qkv
	keysT, valuesT []float32 // [K,ld]
	ld             int
	w, dw          []float32 // [queryBlock,keyBlock]
	delta          []float32 // [queryBlock]
}

// queries handles the rows from r0 on, for one query head.
func (b *attentionBlock) queries(h, r0 int) {
	t := b.t
	rows := min(queryBlock, b.s.Len-r0)
	row := b.s.Start + r0
	at := row*b.width + h*t.K
	q, dq := t.qkv[at:], t.dqkv[at:]
	ldo := t.H * t.K
	dout, out := t.dout[row*ldo+h*t.K:], t.out[row*ldo+h*t.K:]
	for i := range rows {
		b.delta[i] = active.dot(dout[i*ldo:][:t.K], out[i*ldo:][:t.K])
	}
	start := t.sees(0, r0) / keyBlock * keyBlock
	for j := start; j < r0+rows; j += keyBlock {
		active.tile(rows, keyBlock, t.K, q, b.width, 1, b.keysT[j:], b.ld, b.w, keyBlock, false)
		active.tile(rows, keyBlock, t.K, dout, ldo, 1, b.valuesT[j:], b.ld, b.dw, keyBlock, false)
		for i := range rows {
			w := b.w[i*keyBlock : (i+1)*keyBlock]
			mask(w, t.sees(0, r0+i)-j, r0+i-j+1)
			active.attendBackward(w, b.dw[i*keyBlock:(i+1)*keyBlock], t.Scale, t.lse[(row+i)*t.H+h], b.delta[i])
		}
		keys := min(keyBlock, b.s.Len-j)
		k, v := b.k+j*b.width, b.v+j*b.width
		active.tile(keys, t.K, rows, b.w, 1, keyBlock, dout, ldo, t.dqkv[v:], b.width, true)
		active.tile(keys, t.K, rows, b.dw, 1, keyBlock, q, b.width, t.dqkv[k:], b.width, true)
		active.tile(rows, t.K, keys, b.dw, keyBlock, 1, t.qkv[k:], b.width, dq, b.width, j > start)
	}
}
