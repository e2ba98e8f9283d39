package kernel

import (
	"fmt"
	"testing"
)

func convNaive(x, w, bias []float64, d, width int, segs []Segment) []float64 {
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
		for _, c := range []struct{ d, width int }{{1, 1}, {7, 4}, {33, 3}, {16, 5}} {
			segs := segments(5, 0, 1, 71)
			m := segmentRows(segs)
			r := source(1)
			x, w, bias := normals(r, m*c.d, 1), normals(r, c.d*c.width, 1), normals(r, c.d, 1)
			y := guarded(t, m*c.d)
			CausalConv(p, y, x, w, bias, m, c.d, c.width, segs, nil)
			expect(t, "y", y, convNaive(wide(x), wide(w), wide(bias), c.d, c.width, segs), 2e-6)
			CausalConv(p, y, x, w, nil, m, c.d, c.width, segs, nil)
			expect(t, "y without bias", y, convNaive(wide(x), wide(w), nil, c.d, c.width, segs), 2e-6)

			dy := normals(r, len(y), 1)
			dx, dw, dbias := guarded(t, len(x)), guarded(t, len(w)), guarded(t, c.d)
			CausalConvBackward(p, dx, dw, dbias, dy, x, w, m, c.d, c.width, segs)
			expectGradient(t, []string{"dx", "dw", "dbias"}, [][]float32{dx, dw, dbias}, [][]float64{wide(x), wide(w), wide(bias)}, dy,
				func(in [][]float64) []float64 { return convNaive(in[0], in[1], in[2], c.d, c.width, segs) }, 1e-5)
		}
	})
}

func TestCausalConvChunks(t *testing.T) {
	forEachISA(t, func(t *testing.T) {
		const m, d, width = 40, 19, 4
		r := source(2)
		x, w, bias := normals(r, m*d, 1), normals(r, d*width, 1), normals(r, d, 1)
		whole := make([]float32, m*d)
		CausalConv(nil, whole, x, w, bias, m, d, width, segments(m), nil)
		for _, chunk := range []int{1, 2, 3, 7, 40} {
			tail := guarded(t, (width-1)*d)
			clear(tail)
			for from := 0; from < m; from += chunk {
				n := min(chunk, m-from)
				y := guarded(t, n*d)
				CausalConv(nil, y, x[from*d:], w, bias, n, d, width, segments(n), [][]float32{tail})
				expectBits(t, fmt.Sprintf("chunks of %d, at %d", chunk, from), y, whole[from*d:(from+n)*d])
			}
		}
	})
}
