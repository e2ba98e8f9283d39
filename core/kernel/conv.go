package kernel

// Causal depthwise convolution: y[t] = bias + sum over j of w[:,j]·x[t-width+1+j], or
// its SiLU. Dimensions: m rows of d channels, width taps.

// ConvDims are the sizes of a convolution: D channels, W taps; SiLU says whether it
// ends in that activation.
type ConvDims struct {
	D, W int
	SiLU bool
}

type causalConv struct {
	y, x, w, bias []float32
	segs          []Segment
	tails         [][]float32
	ConvDims
}

var causalConvJobs jobs[causalConv]

// CausalConv convolves each segment of x [m,D] with w [D,W] along time; bias [D] may
// be nil. A segment's rows are preceded by its tail [W-1,D], the last rows of the
// same document before it (nil = zeros), which is updated when given. y may not be
// x.
func CausalConv(p *Pool, y, x, w, bias []float32, m int, segs []Segment, tails [][]float32, dims ConvDims) {
	d, width := dims.D, dims.W
	checkSegments(segs, m)
	checkStates(tails, segs, (width-1)*d)
	if width < 1 || len(y) < m*d || len(x) < m*d || len(w) < d*width || bias != nil && len(bias) < d {
		panic("kernel: conv: short argument")
	}
	wt := scratch.take(width * d)
	transpose(wt.f, d, w, width, d, width)
	launch(p, &causalConvJobs, causalConv{y, x, wt.f, bias, segs, tails, dims}, m, grainFor(d*width))
	scratch.put(wt)
	for i := range segs {
		if tail := stateOf(tails, i); tail != nil {
			updateTail(tail, x, d, width-1, segs[i])
		}
	}
}

// updateTail makes tail hold the last n rows of what it held followed by the
// segment's rows.
func updateTail(tail, x []float32, d, n int, s Segment) {
	if s.Len >= n {
		copy(tail[:n*d], x[(s.Start+s.Len-n)*d:(s.Start+s.Len)*d])
		return
	}
	copy(tail[:(n-s.Len)*d], tail[s.Len*d:n*d])
	copy(tail[(n-s.Len)*d:n*d], x[s.Start*d:(s.Start+s.Len)*d])
}

func (t *causalConv) run(lo, hi int) {
	d := t.D
	for si := range t.segs {
		s := &t.segs[si]
		for r := max(lo, s.Start); r < min(hi, s.Start+s.Len); r++ {
			y := t.y[r*d : r*d+d]
			t.row(y, s, r, stateOf(t.tails, si))
			if t.SiLU {
				active.activate(actSiLU, y, y)
			}
		}
	}
}

// row sets y to the convolution at a row of a segment, before the activation.
func (t *causalConv) row(y []float32, s *Segment, r int, tail []float32) {
	d := t.D
	if t.bias != nil {
		copy(y, t.bias)
	} else {
		clear(y)
	}
	for j := range t.W {
		at := r - s.Start - t.W + 1 + j
		w := t.w[j*d : j*d+d]
		switch {
		case at >= 0:
			active.mulAdd(y, w, t.x[(s.Start+at)*d:][:d])
		case tail != nil:
			active.mulAdd(y, w, tail[(t.W-1+at)*d:][:d])
		}
	}
}

type causalConvBackward struct {
	dx, part, dy []float32
	causalConv   // the forward's, without an output
}

var causalConvBackwardJobs jobs[causalConvBackward]

// CausalConvBackward sets dx [m,D], dw [D,W] and dbias [D] (nil if bias is) from dy
// [m,D] and the forward's inputs, for segments that started without tails. What the
// activation was applied to is computed again.
func CausalConvBackward(p *Pool, dx, dw, dbias, dy, x, w, bias []float32, m int, segs []Segment, dims ConvDims) {
	d, width := dims.D, dims.W
	checkSegments(segs, m)
	if width < 1 || len(dx) < m*d || len(dy) < m*d || len(x) < m*d || len(w) < d*width || len(dw) < d*width ||
		bias != nil && (len(bias) < d || len(dbias) < d) {
		panic("kernel: conv backward: short argument")
	}
	blocks, size := rowBlocks(m), (width+1)*d
	work := scratch.take((blocks + 2) * size)
	wt, sum, part := work.f[:width*d], work.f[size:2*size], work.f[2*size:]
	transpose(wt, d, w, width, d, width)
	launch(p, &causalConvBackwardJobs, causalConvBackward{dx, part, dy, causalConv{nil, x, wt, bias, segs, nil, dims}}, m, rowBlock)
	combineBlocks(sum, part, blocks, size)
	transpose(dw, width, sum, d, width, d)
	if bias != nil {
		copy(dbias[:d], sum[width*d:])
	}
	scratch.put(work)
}

func (t *causalConvBackward) run(lo, hi int) {
	d, width := t.D, t.W
	size := (width + 1) * d
	part := t.part[lo/rowBlock*size:][:size]
	clear(part)
	work := scratch.take((width + 1) * d)
	recent, pre := work.f[:width*d], work.f[width*d:]
	for si := range t.segs {
		s := &t.segs[si]
		end := s.Start + s.Len
		first := max(lo, s.Start)
		ready := first // rows whose gradient before the activation is known
		for r := first; r < min(hi, end); r++ {
			if t.SiLU {
				for ; ready < min(r+width, end); ready++ {
					t.row(pre, s, ready, nil)
					active.activateBackward(actSiLU, recent[ready%width*d:][:d], t.dy[ready*d:ready*d+d], pre)
				}
			}
			dy, dx := t.slope(recent, r), t.dx[r*d:r*d+d]
			clear(dx)
			for j := range width {
				// Tap j of row r+width-1-j read row r; tap j of row r read row r-width+1+j.
				if to := r + width - 1 - j; to < end {
					active.mulAdd(dx, t.w[j*d:j*d+d], t.slope(recent, to))
				}
				if from := r - width + 1 + j; from >= s.Start {
					active.mulAdd(part[j*d:j*d+d], dy, t.x[from*d:from*d+d])
				}
			}
			active.add(part[width*d:], part[width*d:], dy)
		}
	}
	scratch.put(work)
}

// slope is a row's gradient before the activation, which is among the W most recent
// ones, each at its number's remainder by W.
func (t *causalConvBackward) slope(recent []float32, r int) []float32 {
	if t.SiLU {
		return recent[r%t.W*t.D:][:t.D]
	}
	return t.dy[r*t.D:][:t.D]
}
