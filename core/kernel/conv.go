package kernel

// Causal depthwise convolution: y[t] = bias + sum over j of w[:,j]·x[t-width+1+j], or
// its SiLU. Dimensions: m rows of d channels, width taps.

// ConvDims are the sizes of a convolution: D channels, W taps; SiLU says whether it
// ends in that activation.
type ConvDims struct {
	D, W int
	SiLU bool
}

// directTaps is the number of taps for which the inner kernels take a row at once.
const directTaps = 4

// causalConv has w [W,D] and a bias.
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
	work := scratch.take((width + 1) * d)
	wt := work.f[:width*d]
	transpose(wt, d, w, width, d, width)
	launch(p, &causalConvJobs, causalConv{y, x, wt, biasRow(work.f[width*d:], bias), segs, tails, dims}, m, grainFor(d*width))
	scratch.put(work)
	for i := range segs {
		if tail := stateOf(tails, i); tail != nil {
			updateTail(tail, x, d, width-1, segs[i])
		}
	}
}

// biasRow copies bias, or zeros if it is nil, to row.
func biasRow(row, bias []float32) []float32 {
	clear(row)
	copy(row, bias)
	return row
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
			switch from := r - directTaps + 1; {
			case t.W != directTaps || from < s.Start:
				t.row(y, s, r, stateOf(t.tails, si))
				if t.SiLU {
					active.activate(actSiLU, y, y)
				}
			case t.SiLU:
				active.tapsSiLU(y, t.bias, t.w, t.x[from*d:])
			default:
				active.taps(y, t.bias, t.w, t.x[from*d:])
			}
		}
	}
}

// row sets y to the convolution at a row of a segment, before the activation.
func (t *causalConv) row(y []float32, s *Segment, r int, tail []float32) {
	d := t.D
	copy(y, t.bias)
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
	dx, part, dy    []float32
	reversed, zeros []float32 // the taps from the last to the first, and a row of zeros
	causalConv                // the forward's, without an output
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
	work := scratch.take((blocks+2)*size + size)
	wt, reversed, sum, part := work.f[:size], work.f[size:2*size], work.f[2*size:3*size], work.f[3*size:]
	transpose(wt, d, w, width, d, width)
	for j := range width {
		copy(reversed[j*d:j*d+d], wt[(width-1-j)*d:])
	}
	zeros := biasRow(reversed[width*d:], nil)
	forward := causalConv{nil, x, wt, biasRow(wt[width*d:], bias), segs, nil, dims}
	launch(p, &causalConvBackwardJobs, causalConvBackward{dx, part, dy, reversed, zeros, forward}, m, rowBlock)
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
	work := scratch.take((hi - lo + width) * d)
	slopes, pre := work.f[:(hi-lo+width-1)*d], work.f[(hi-lo+width-1)*d:]
	for si := range t.segs {
		s := &t.segs[si]
		first, last := max(lo, s.Start), min(hi, s.Start+s.Len)
		if first >= last {
			continue
		}
		t.slopes(slopes[:(last-first+width-1)*d], pre, s, first)
		for r := first; r < last; r++ {
			// Tap j of row r read row r-W+1+j, and so row r was read by tap j of row r+W-1-j.
			dx, later, from := t.dx[r*d:r*d+d], slopes[(r-first)*d:], r-width+1
			dy := later[:d]
			if width == directTaps {
				active.taps(dx, t.zeros, t.reversed, later)
			} else {
				clear(dx)
				for j := range width {
					active.mulAdd(dx, t.reversed[j*d:j*d+d], later[j*d:j*d+d])
				}
			}
			if width == directTaps && from >= s.Start {
				active.tapsGrad(part, dy, t.x[from*d:])
				continue
			}
			for j := max(0, s.Start-from); j < width; j++ {
				active.mulAdd(part[j*d:j*d+d], dy, t.x[(from+j)*d:][:d])
			}
			active.add(part[width*d:], part[width*d:], dy)
		}
	}
	scratch.put(work)
}

// slopes fills rows with the gradients before the activation of a segment's rows from
// first on, and zeros where it has ended. pre is a row of scratch.
func (t *causalConvBackward) slopes(rows, pre []float32, s *Segment, first int) {
	d := t.D
	for i := range len(rows) / d {
		slope, r := rows[i*d:i*d+d], first+i
		if r >= s.Start+s.Len {
			clear(slope)
			continue
		}
		dy, from := t.dy[r*d:r*d+d], r-directTaps+1
		switch {
		case !t.SiLU:
			copy(slope, dy)
		case t.W == directTaps && from >= s.Start:
			active.tapsSlope(slope, dy, t.bias, t.w, t.x[from*d:])
		default:
			t.row(pre, s, r, nil)
			active.activateBackward(actSiLU, slope, dy, pre)
		}
	}
}

func tapsGeneric(y, bias, w, x []float32) {
	d := len(y)
	copy(y, bias)
	for j := range directTaps {
		mulAdd(y, w[j*d:j*d+d], x[j*d:j*d+d])
	}
}

func tapsSiLUGeneric(y, bias, w, x []float32) {
	tapsGeneric(y, bias, w, x)
	activateGeneric(actSiLU, y, y)
}

func tapsSlopeGeneric(dx, dy, bias, w, x []float32) {
	tapsGeneric(dx, bias, w, x)
	activateBackwardGeneric(actSiLU, dx, dy, dx)
}

func tapsGradGeneric(sum, g, x []float32) {
	d := len(g)
	for j := range directTaps {
		mulAdd(sum[j*d:j*d+d], g, x[j*d:j*d+d])
	}
	last := sum[directTaps*d : directTaps*d+d]
	addGeneric(last, last, g)
}
