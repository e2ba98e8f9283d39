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
		if s.Len == 0 {
			continue
		}
		width := (t.H + 2*t.G) * t.K
		keys := (s.Len + keyBlock - 1) / keyBlock * keyBlock * t.K
		queries := queryBlock * t.K
		work := scratch.take(5*keys + 3*queries + 2*queryBlock*keyBlock + 2*queryBlock)
		rest := work.f
		part := func(n int) []float32 {
			p := rest[:n:n]
			rest = rest[n:]
			return p
		}
		b := attentionBlock{
			t: t, s: s,
			keysT: part(keys), valuesT: part(keys), keys: part(keys), dk: part(keys), dv: part(keys),
			q: part(queries), dq: part(queries), dout: part(queries),
			w: part(queryBlock * keyBlock), dw: part(queryBlock * keyBlock), lse: part(queryBlock), delta: part(queryBlock),
		}
		k := s.Start*width + (t.H+g)*t.K
		v := k + t.G*t.K
		for j := 0; j < s.Len; j += keyBlock {
			n := min(keyBlock, s.Len-j)
			keysT, valuesT := b.keysT[j*t.K:][:keyBlock*t.K], b.valuesT[j*t.K:][:keyBlock*t.K]
			if n < keyBlock {
				clear(keysT)
				clear(valuesT)
			}
			active.transpose(keysT, keyBlock, t.qkv[k+j*width:], width, n, t.K)
			active.transpose(valuesT, keyBlock, t.qkv[v+j*width:], width, n, t.K)
		}
		active.attend.scale(b.keys, t.K, t.qkv[k:], width, nil, 1, s.Len, t.K)
		clear(b.dk)
		clear(b.dv)
		for h := g * (t.H / t.G); h < (g+1)*(t.H/t.G); h++ {
			for r := 0; r < s.Len; r += queryBlock {
				b.queries(h, r, min(queryBlock, s.Len-r))
			}
		}
		// dk was summed from queries in units of log 2: scale·log2(e).
		active.attend.scale(t.dqkv[k:], width, b.dk, t.K, nil, ln2, s.Len, t.K)
		active.attend.scale(t.dqkv[v:], width, b.dv, t.K, nil, 1, s.Len, t.K)
		scratch.put(work)
	}
}

// attentionBlock is one segment and kv head at work. With w the weights, from
// scores computed again, and delta = dout·out:
//
//	dv += wᵀ·dout   dw = dout·vᵀ   ds = w·(dw-delta)   dq = ds·k·scale   dk += dsᵀ·q·scale
type attentionBlock struct {
	t              *attentionBackward
	s              *Segment
	keysT, valuesT []float32 // [blocks of keys,K,keyBlock]
	keys, dk, dv   []float32 // [keys,K]
	q, dq, dout    []float32 // [queryBlock,K]
	w, dw          []float32 // [queryBlock,keyBlock]
	lse, delta     []float32 // [queryBlock]
}

// queries handles some rows from r0 on, for one query head.
func (b *attentionBlock) queries(h, r0, rows int) {
	t, k := b.t, b.t.K
	width, ldo := (t.H+2*t.G)*k, t.H*k
	row := b.s.Start + r0
	at := row*width + h*k
	dout, out := t.dout[row*ldo+h*k:], t.out[row*ldo+h*k:]
	active.attend.scale(b.q, k, t.qkv[at:], width, nil, t.Scale*log2e, rows, k)
	active.attend.scale(b.dout, k, dout, ldo, nil, 1, rows, k)
	for i := range rows {
		b.delta[i] = active.dot(dout[i*ldo:][:k], out[i*ldo:][:k])
		b.lse[i] = t.lse[(row+i)*t.H+h]
	}
	clear(b.dq[:rows*k])
	for j := t.sees(0, r0) / keyBlock * keyBlock; j < r0+rows; j += keyBlock {
		keys := min(keyBlock, b.s.Len-j)
		seen := t.seen(0, r0, j, 0, rows)
		if seen.whole {
			b.scores(j, 0, &seen)
			active.tile(keys, k, rows, b.w, 1, keyBlock, b.dout, k, b.dv[j*k:], k, true)
			active.tile(keys, k, rows, b.dw, 1, keyBlock, b.q, k, b.dk[j*k:], k, true)
			continue
		}
		for i := 0; i < rows; i += seen.rows {
			seen = t.seen(0, r0, j, i, rows)
			b.scores(j, i, &seen)
		}
		for c := 0; c < keys; c += queryGroup {
			n := min(queryGroup, keys-c)
			// The rows that see any of the n keys.
			from, to := max(0, j+c-r0), rows
			if t.Window > 0 {
				to = min(rows, j+c+n-1+t.Window-r0)
			}
			if from >= to {
				continue
			}
			active.tile(n, k, to-from, b.w[from*keyBlock+c:], 1, keyBlock, b.dout[from*k:], k, b.dv[(j+c)*k:], k, true)
			active.tile(n, k, to-from, b.dw[from*keyBlock+c:], 1, keyBlock, b.q[from*k:], k, b.dk[(j+c)*k:], k, true)
		}
	}
	active.attend.scale(t.dqkv[at:], width, b.dq, k, nil, t.Scale, rows, k)
}

// scores sets w and dw (ds) of the rows from i on that seen speaks of and the keys from
// j on, 0 where a row does not see a key, and adds to dq.
func (b *attentionBlock) scores(j, i int, seen *seenKeys) {
	k, n, lo, hi := b.t.K, seen.rows, seen.lo, max(seen.lo, seen.hi)
	w, dw := b.w[i*keyBlock:], b.dw[i*keyBlock:]
	if hi-lo < keyBlock {
		for r := range n {
			clear(w[r*keyBlock:][:lo])
			clear(w[r*keyBlock+hi:][:keyBlock-hi])
			clear(dw[r*keyBlock:][:lo])
			clear(dw[r*keyBlock+hi:][:keyBlock-hi])
		}
		if lo == hi {
			return
		}
	}
	active.tile(n, hi-lo, k, b.q[i*k:], k, 1, b.keysT[j*k+lo:], keyBlock, w[lo:], keyBlock, false)
	active.tile(n, hi-lo, k, b.dout[i*k:], k, 1, b.valuesT[j*k+lo:], keyBlock, dw[lo:], keyBlock, false)
	seen.mask(w)
	active.attend.back(w[lo:], dw[lo:], b.lse[i:], b.delta[i:], n, hi-lo)
	k1 := min(hi, b.s.Len-j)
	active.tile(n, k, k1-lo, dw[lo:], keyBlock, 1, b.keys[(j+lo)*k:], k, b.dq[i*k:], k, true)
}
