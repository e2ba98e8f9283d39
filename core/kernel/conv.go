package kernel

// Causal depthwise convolution: y[t] = bias + sum over j of w[:,j]·x[t-width+1+j].
// Dimensions: m rows of d channels, width taps.

type causalConv struct {
	y, x, w, bias []float32
	d, width      int
	segs          []Segment
	tails         [][]float32
}

var causalConvJobs jobs[causalConv]

// CausalConv convolves each segment of x [m,d] with w [d,width] along time; bias
// [d] may be nil. A segment's rows are preceded by its tail [width-1,d], the last
// rows of the same document before it (nil = zeros), which is updated when given.
// y may not be x.
func CausalConv(p *Pool, y, x, w, bias []float32, m, d, width int, segs []Segment, tails [][]float32) {
	checkSegments(segs, m)
	checkStates(tails, segs, (width-1)*d)
	if width < 1 || len(y) < m*d || len(x) < m*d || len(w) < d*width || bias != nil && len(bias) < d {
		panic("kernel: conv: short argument")
	}
	wt := scratch.take(width * d)
	transpose(wt.f, d, w, width, d, width)
	launch(p, &causalConvJobs, causalConv{y, x, wt.f, bias, d, width, segs, tails}, m, grainFor(d*width))
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
	d := t.d
	for si := range t.segs {
		s := &t.segs[si]
		tail := stateOf(t.tails, si)
		for r := max(lo, s.Start); r < min(hi, s.Start+s.Len); r++ {
			y := t.y[r*d : r*d+d]
			if t.bias != nil {
				copy(y, t.bias)
			} else {
				clear(y)
			}
			for j := range t.width {
				at := r - s.Start - t.width + 1 + j
				w := t.w[j*d : j*d+d]
				switch {
				case at >= 0:
					active.mulAdd(y, w, t.x[(s.Start+at)*d:][:d])
				case tail != nil:
					active.mulAdd(y, w, tail[(t.width-1+at)*d:][:d])
				}
			}
		}
	}
}

type causalConvBackward struct {
	dx, part, dy, x, w []float32
	d, width           int
	segs               []Segment
}

var causalConvBackwardJobs jobs[causalConvBackward]

// CausalConvBackward sets dx [m,d], dw [d,width] and dbias [d] (nil if not wanted)
// from dy [m,d] and the forward's x and w, for segments that started without tails.
func CausalConvBackward(p *Pool, dx, dw, dbias, dy, x, w []float32, m, d, width int, segs []Segment) {
	checkSegments(segs, m)
	if width < 1 || len(dx) < m*d || len(dy) < m*d || len(x) < m*d || len(w) < d*width || len(dw) < d*width ||
		dbias != nil && len(dbias) < d {
		panic("kernel: conv backward: short argument")
	}
	blocks, size := rowBlocks(m), (width+1)*d
	work := scratch.take((blocks + 2) * size)
	wt, sum, part := work.f[:width*d], work.f[size:2*size], work.f[2*size:]
	transpose(wt, d, w, width, d, width)
	launch(p, &causalConvBackwardJobs, causalConvBackward{dx, part, dy, x, wt, d, width, segs}, m, rowBlock)
	combineBlocks(sum, part, blocks, size)
	transpose(dw, width, sum, d, width, d)
	if dbias != nil {
		copy(dbias[:d], sum[width*d:])
	}
	scratch.put(work)
}

func (t *causalConvBackward) run(lo, hi int) {
	d, width := t.d, t.width
	size := (width + 1) * d
	part := t.part[lo/rowBlock*size:][:size]
	clear(part)
	for si := range t.segs {
		s := &t.segs[si]
		end := s.Start + s.Len
		for r := max(lo, s.Start); r < min(hi, end); r++ {
			dx, dy := t.dx[r*d:r*d+d], t.dy[r*d:r*d+d]
			clear(dx)
			for j := range width {
				// Tap j of row r+width-1-j read row r; tap j of row r read row r-width+1+j.
				if to := r + width - 1 - j; to < end {
					active.mulAdd(dx, t.w[j*d:j*d+d], t.dy[to*d:to*d+d])
				}
				if from := r - width + 1 + j; from >= s.Start {
					active.mulAdd(part[j*d:j*d+d], dy, t.x[from*d:from*d+d])
				}
			}
			active.add(part[width*d:], part[width*d:], dy)
		}
	}
}
