package kernel

// The scan with constants in place of what depends on the input: the linear
// time-invariant baseline of Mamba (Gu & Dao 2023, algorithm 1). For each channel
// with N states,
//
//	h_t = decay·h_{t-1} + u_t     y_t = skip·u_t + sum over n of weight·h_t
//
// Dimensions: m rows, D channels, N states. Each channel's steps run one after the
// other in one order: the same bits whether a sequence runs whole or in chunks.

// invariantChunk is the number of steps between two states that the backward pass
// keeps, and the number of products that are added up before they join a sum.
const invariantChunk = 64

type invariantScan struct {
	y, u, decay, weight, skip []float32
	segs                      []Segment
	states                    [][]float32
	d, n                      int
}

var invariantScanJobs jobs[invariantScan]

// InvariantScan runs the scan. y, u [m,D], decay and weight [D,N], skip [D].
// states, one [D,N] a segment, are the states before the first row and are updated;
// nil = zeros, not kept.
func InvariantScan(p *Pool, y, u, decay, weight, skip []float32, segs []Segment, states [][]float32, m int, dims ScanDims) {
	d, n := dims.D, dims.N
	checkSegments(segs, m)
	checkStates(states, segs, d*n)
	if len(y) < m*d || len(u) < m*d || len(decay) < d*n || len(weight) < d*n || len(skip) < d {
		panic("kernel: invariant scan: short argument")
	}
	blocks := (d + lanes - 1) / lanes
	launch(p, &invariantScanJobs, invariantScan{y, u, decay, weight, skip, segs, states, d, n}, len(segs)*blocks, 1)
}

// run handles pairs of a segment and a block of channels.
func (t *invariantScan) run(lo, hi int) {
	nl := t.n * lanes
	blocks := (t.d + lanes - 1) / lanes
	work := scratch.take(5 * nl)
	decay, weight, h, us, ys := work.f[:nl], work.f[nl:2*nl], work.f[2*nl:3*nl], work.f[3*nl:4*nl], work.f[4*nl:]
	for piece := lo; piece < hi; piece++ {
		s, c := t.segs[piece/blocks], piece%blocks*lanes
		w := min(lanes, t.d-c)
		clear(work.f)
		transpose(decay, lanes, t.decay[c*t.n:], t.n, w, t.n)
		transpose(weight, lanes, t.weight[c*t.n:], t.n, w, t.n)
		state := stateOf(t.states, piece/blocks)
		if state != nil {
			transpose(h, lanes, state[c*t.n:], t.n, w, t.n)
		}
		for r := s.Start; r < s.Start+s.Len; r++ {
			u, y := t.u[r*t.d+c:][:w], t.y[r*t.d+c:][:w]
			spread(us, u)
			active.mul(h, decay, h)
			active.add(h, h, us)
			active.mul(ys, weight, h)
			gather16(ys, t.n)
			for l, v := range u {
				y[l] = t.skip[c+l]*v + ys[l]
			}
		}
		if state != nil {
			transpose(state[c*t.n:], t.n, h, lanes, t.n, w)
		}
	}
	scratch.put(work)
}

// spread sets every 16 floats of out to x, of at most 16.
func spread(out, x []float32) {
	for n := 0; n < len(out); n += lanes {
		copy(out[n:n+lanes], x)
	}
}

// gather16 adds the n blocks of 16 floats of x into the first, as a tree.
func gather16(x []float32, n int) {
	for n > 1 {
		half := n / 2
		active.add(x[:half*lanes], x[:half*lanes], x[(n-half)*lanes:n*lanes])
		n -= half
	}
}

type invariantScanBackward struct {
	du, ddecay, dweight, dskip []float32
	dy, u, decay, weight, skip []float32
	segs                       []Segment
	d, n, longest              int
}

var invariantScanBackwardJobs jobs[invariantScanBackward]

// InvariantScanBackward sets du [m,D], ddecay and dweight [D,N] and dskip [D] from dy
// [m,D] and the forward's inputs. The states are computed again from zero.
func InvariantScanBackward(p *Pool, du, ddecay, dweight, dskip, dy, u, decay, weight, skip []float32, segs []Segment, m int, dims ScanDims) {
	d, n := dims.D, dims.N
	checkSegments(segs, m)
	if len(du) < m*d || len(dy) < m*d || len(u) < m*d || len(decay) < d*n || len(weight) < d*n || len(skip) < d ||
		len(ddecay) < d*n || len(dweight) < d*n || len(dskip) < d {
		panic("kernel: invariant scan backward: short argument")
	}
	longest := 0
	for i := range segs {
		longest = max(longest, segs[i].Len)
	}
	launch(p, &invariantScanBackwardJobs,
		invariantScanBackward{du, ddecay, dweight, dskip, dy, u, decay, weight, skip, segs, d, n, longest}, (d+lanes-1)/lanes, 1)
}

// run handles blocks of channels, each over all segments.
func (t *invariantScanBackward) run(lo, hi int) {
	nl := t.n * lanes
	chunks := (t.longest + invariantChunk - 1) / invariantChunk
	work := scratch.take((chunks+invariantChunk+1)*nl + 9*nl + 2*lanes)
	f := work.f
	cut := func(n int) (part []float32) {
		part, f = f[:n], f[n:]
		return part
	}
	k := invariantBlock{invariantScanBackward: t, starts: cut(chunks * nl), hs: cut((invariantChunk + 1) * nl), dh: cut(nl)}
	k.e, k.w, k.us, k.gs = cut(nl), cut(nl), cut(nl), cut(nl)
	clear(work.f)
	sums, parts := cut(2*nl+lanes), cut(2*nl+lanes)
	for b := lo; b < hi; b++ {
		k.at(b * lanes)
		clear(sums)
		for i := range t.segs {
			s := &t.segs[i]
			k.forward(s)
			clear(k.dh)
			for r := (s.Len - 1) / invariantChunk * invariantChunk; r >= 0 && s.Len > 0; r -= invariantChunk {
				clear(parts)
				k.de, k.dw, k.ds = parts[:nl], parts[nl:2*nl], parts[2*nl:]
				k.backward(s.Start+r, min(invariantChunk, s.Len-r), k.starts[r/invariantChunk*nl:][:nl])
				for i, v := range parts {
					sums[i] += v
				}
			}
		}
		transpose(t.ddecay[k.c*t.n:], t.n, sums[:nl], lanes, t.n, k.width)
		transpose(t.dweight[k.c*t.n:], t.n, sums[nl:2*nl], lanes, t.n, k.width)
		copy(t.dskip[k.c:k.c+k.width], sums[2*nl:])
	}
	scratch.put(work)
}

// invariantBlock is the work on one block of channels.
type invariantBlock struct {
	*invariantScanBackward
	c, width   int       // first channel, channels
	e, w       []float32 // [N,16] decay and weight
	us, gs     []float32 // [N,16] a row of u and of dy for every state
	starts     []float32 // [chunks,N,16] states before each chunk of a segment
	hs         []float32 // [chunk+1,N,16] states inside a chunk
	dh         []float32 // [N,16] gradient of the state, from the steps behind
	de, dw, ds []float32 // [N,16], [N,16], [16]; +=
}

func (k *invariantBlock) at(c int) {
	k.c, k.width = c, min(lanes, k.d-c)
	clear(k.e) // channels past the last are zeros that nobody reads
	clear(k.w)
	transpose(k.e, lanes, k.decay[c*k.n:], k.n, k.width, k.n)
	transpose(k.w, lanes, k.weight[c*k.n:], k.n, k.width, k.n)
}

// row answers the block's channels of row r.
func (k *invariantBlock) row(x []float32, r int) []float32 { return x[r*k.d+k.c:][:k.width] }

// step sets next to the state after row r.
func (k *invariantBlock) step(next, h []float32, r int) {
	spread(k.us, k.row(k.u, r))
	active.mul(next, k.e, h)
	active.add(next, next, k.us)
}

// forward fills starts for a segment.
func (k *invariantBlock) forward(s *Segment) {
	nl := k.n * lanes
	h := k.hs[:nl]
	clear(h)
	for r := range s.Len {
		if r%invariantChunk == 0 {
			copy(k.starts[r/invariantChunk*nl:][:nl], h)
		}
		k.step(h, h, s.Start+r)
	}
}

// backward runs the steps [first,first+steps) backwards from the state before them.
func (k *invariantBlock) backward(first, steps int, start []float32) {
	nl := k.n * lanes
	copy(k.hs[:nl], start)
	for s := range steps {
		k.step(k.hs[(s+1)*nl:][:nl], k.hs[s*nl:][:nl], first+s)
	}
	for s := steps - 1; s >= 0; s-- {
		dy, u, du := k.row(k.dy, first+s), k.row(k.u, first+s), k.row(k.du, first+s)
		spread(k.gs, dy)
		active.mulAdd(k.dw, k.gs, k.hs[(s+1)*nl:][:nl])
		active.mulAdd(k.dh, k.w, k.gs)
		active.mulAdd(k.de, k.dh, k.hs[s*nl:][:nl])
		copy(k.gs, k.dh)
		gather16(k.gs, k.n)
		active.mul(k.dh, k.e, k.dh)
		for l, g := range dy {
			k.ds[l] += g * u[l]
			du[l] = k.skip[k.c+l]*g + k.gs[l]
		}
	}
}
