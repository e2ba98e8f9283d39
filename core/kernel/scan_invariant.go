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
	work := scratch.take(3 * nl)
	decay, weight, h := work.f[:nl], work.f[nl:2*nl], work.f[2*nl:]
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
		var skip, u, y [lanes]float32 // channels past the last are zeros that nobody reads
		copy(skip[:], t.skip[c:c+w])
		for r := s.Start; r < s.Start+s.Len; r++ {
			copy(u[:w], t.u[r*t.d+c:])
			for l, v := range u {
				y[l] = skip[l] * v
			}
			for n := 0; n < nl; n += lanes {
				e, k, h := lanesAt(decay, n), lanesAt(weight, n), lanesAt(h, n)
				for l, v := range u {
					x := e[l]*h[l] + v
					h[l] = x
					y[l] += k[l] * x
				}
			}
			copy(t.y[r*t.d+c:][:w], y[:])
		}
		if state != nil {
			transpose(state[c*t.n:], t.n, h, lanes, t.n, w)
		}
	}
	scratch.put(work)
}

// lanesAt answers x[n:n+lanes].
func lanesAt(x []float32, n int) *[lanes]float32 { return (*[lanes]float32)(x[n:]) }

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
	work := scratch.take((chunks+invariantChunk+1)*nl + 7*nl + 2*lanes)
	f := work.f
	cut := func(n int) (part []float32) {
		part, f = f[:n], f[n:]
		return part
	}
	k := invariantBlock{invariantScanBackward: t, starts: cut(chunks * nl), hs: cut((invariantChunk + 1) * nl), dh: cut(nl)}
	k.e, k.w = cut(nl), cut(nl)
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
func (k *invariantBlock) row(x []float32, r int) (v [lanes]float32) {
	copy(v[:k.width], x[r*k.d+k.c:])
	return v
}

// step sets next to the state after row r.
func (k *invariantBlock) step(next, h []float32, r int) {
	u := k.row(k.u, r)
	for n := 0; n < k.n*lanes; n += lanes {
		e, h, next := lanesAt(k.e, n), lanesAt(h, n), lanesAt(next, n)
		for l, v := range u {
			next[l] = e[l]*h[l] + v
		}
	}
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
	var skip [lanes]float32
	copy(skip[:k.width], k.skip[k.c:])
	ds := lanesAt(k.ds, 0)
	for s := steps - 1; s >= 0; s-- {
		dy, u := k.row(k.dy, first+s), k.row(k.u, first+s)
		var du [lanes]float32
		for l, g := range dy {
			ds[l] += g * u[l]
			du[l] = skip[l] * g
		}
		for n := 0; n < nl; n += lanes {
			before, after := lanesAt(k.hs, s*nl+n), lanesAt(k.hs, (s+1)*nl+n)
			e, w, dh, de, dw := lanesAt(k.e, n), lanesAt(k.w, n), lanesAt(k.dh, n), lanesAt(k.de, n), lanesAt(k.dw, n)
			for l, g := range dy {
				x := dh[l] + w[l]*g
				dw[l] += g * after[l]
				du[l] += x
				de[l] += x * before[l]
				dh[l] = e[l] * x
			}
		}
		copy(k.du[(first+s)*k.d+k.c:][:k.width], du[:])
	}
}
