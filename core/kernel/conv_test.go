package kernel

import (
	"fmt"
	"math"
	"testing"
)

func convNaive(x, w, bias []float64, segs []Segment, dims ConvDims) []float64 {
	d, width := dims.D, dims.W
	y := make([]float64, segmentRows(segs)*d)
	for _, s := range segs {
		for r := range s.Len {
			for c := range d {
				v := 0.0
				if bias != nil {
					v = bias[c]
				}
				for j := range width {
					if at := r - width + 1 + j; at >= 0 {
						v += w[c*width+j] * x[(s.Start+at)*d+c]
					}
				}
				if dims.SiLU {
					v /= 1 + math.Exp(-v)
				}
				y[(s.Start+r)*d+c] = v
			}
		}
	}
	return y
}

func TestCausalConv(t *testing.T) {
	p := NewPool(2)
	defer p.Close()
	forEachISA(t, func(t *testing.T) {
		for _, c := range []ConvDims{{D: 1, W: 1}, {D: 7, W: 4}, {D: 33, W: 3}, {D: 16, W: 5}, {D: 37, W: 4}, {D: 27, W: 4}, {D: 53, W: 4}, {1, 1, true}, {7, 4, true}, {33, 3, true}, {16, 5, true}, {37, 4, true}, {27, 4, true}, {53, 4, true}} {
			segs := segments(5, 0, 1, 71)
			m := segmentRows(segs)
			r := source(1)
			x, w, bias := normals(r, m*c.D, 1), normals(r, c.D*c.W, 1), normals(r, c.D, 1)
			y := guarded(t, m*c.D)
			CausalConv(p, y, x, w, bias, m, segs, nil, c)
			expect(t, "y", y, convNaive(wide(x), wide(w), wide(bias), segs, c), 2e-6)
			CausalConv(p, y, x, w, nil, m, segs, nil, c)
			expect(t, "y without bias", y, convNaive(wide(x), wide(w), nil, segs, c), 2e-6)

			dy := normals(r, len(y), 1)
			dx, dw, dbias := guarded(t, len(x)), guarded(t, len(w)), guarded(t, c.D)
			CausalConvBackward(p, dx, dw, dbias, dy, x, w, bias, m, segs, c)
			expectGradient(t, []string{"dx", "dw", "dbias"}, [][]float32{dx, dw, dbias}, [][]float64{wide(x), wide(w), wide(bias)}, dy,
				func(in [][]float64) []float64 { return convNaive(in[0], in[1], in[2], segs, c) }, 1e-5)
			CausalConvBackward(p, dx, dw, nil, dy, x, w, nil, m, segs, c)
			expectGradient(t, []string{"dx without bias", "dw without bias"}, [][]float32{dx, dw}, [][]float64{wide(x), wide(w)}, dy,
				func(in [][]float64) []float64 { return convNaive(in[0], in[1], nil, segs, c) }, 1e-5)
		}
	})
}

func TestCausalConvChunks(t *testing.T) {
	forEachISA(t, func(t *testing.T) {
		for _, c := range []ConvDims{{D: 19, W: 4}, {D: 27, W: 4}, {19, 4, true}, {53, 4, true}} {
			const m = 40
			d := c.D
			r := source(2)
			x, w, bias := normals(r, m*d, 1), normals(r, d*c.W, 1), normals(r, d, 1)
			whole := make([]float32, m*d)
			CausalConv(nil, whole, x, w, bias, m, segments(m), nil, c)
			for _, chunk := range []int{1, 2, 3, 7, 40} {
				tail := guarded(t, (c.W-1)*d)
				clear(tail)
				for from := 0; from < m; from += chunk {
					n := min(chunk, m-from)
					y := guarded(t, n*d)
					CausalConv(nil, y, x[from*d:], w, bias, n, segments(n), [][]float32{tail}, c)
					expectBits(t, fmt.Sprintf("%v: chunks of %d, at %d", c, chunk, from), y, whole[from*d:(from+n)*d])
				}
			}
		}
	})
}
