package kernel

import (
	"fmt"
	"testing"
)

// invariantNaive runs the scan in float64: in = u, decay, weight, skip.
func invariantNaive(in [][]float64, segs []Segment, d, n int) []float64 {
	u, decay, weight, skip := in[0], in[1], in[2], in[3]
	y := make([]float64, len(u))
	for _, s := range segs {
		for c := range d {
			h := make([]float64, n)
			for r := s.Start; r < s.Start+s.Len; r++ {
				y[r*d+c] = skip[c] * u[r*d+c]
				for i := range h {
					h[i] = decay[c*n+i]*h[i] + u[r*d+c]
					y[r*d+c] += weight[c*n+i] * h[i]
				}
			}
		}
	}
	return y
}

func invariantInputs(d, n, m int) [][]float32 {
	r := source(uint64(d*n + m))
	in := [][]float32{normals(r, m*d, 1), normals(r, d*n, 1), normals(r, d*n, 1), normals(r, d, 1)}
	for i := range in[1] {
		in[1][i] = r.Float32() * 0.95
	}
	return in
}

var invariantSizes = []ScanDims{{1, 1}, {7, 5}, {16, 1}, {33, 4}}

func TestInvariantScan(t *testing.T) {
	p := NewPool(3)
	defer p.Close()
	forEachISA(t, func(t *testing.T) {
		for _, dims := range invariantSizes {
			t.Run(fmt.Sprintf("D=%d N=%d", dims.D, dims.N), func(t *testing.T) {
				segs := segments(33, 0, 1, 70)
				m := segmentRows(segs)
				in := invariantInputs(dims.D, dims.N, m)
				y := guarded(t, m*dims.D)
				InvariantScan(p, y, in[0], in[1], in[2], in[3], segs, nil, m, dims)
				// The longest chain is some 20 states (0.95^20 is a third) of sizes up to 3.
				expect(t, "y", y, invariantNaive(wideAll(in), segs, dims.D, dims.N), 1e-5)

				// One sequence in chunks gives the bits of the whole.
				whole := make([]float32, m*dims.D)
				InvariantScan(nil, whole, in[0], in[1], in[2], in[3], segments(m), nil, m, dims)
				for _, chunk := range []int{1, 7, 50} {
					state := guarded(t, dims.D*dims.N)
					clear(state)
					for from := 0; from < m; from += chunk {
						n := min(chunk, m-from)
						part := guarded(t, n*dims.D)
						InvariantScan(p, part, in[0][from*dims.D:], in[1], in[2], in[3], segments(n), [][]float32{state}, n, dims)
						expectBits(t, fmt.Sprintf("chunks of %d, at %d", chunk, from), part, whole[from*dims.D:(from+n)*dims.D])
					}
				}
			})
		}
	})
}

func TestInvariantScanBackward(t *testing.T) {
	p := NewPool(3)
	defer p.Close()
	forEachISA(t, func(t *testing.T) {
		for _, dims := range invariantSizes {
			t.Run(fmt.Sprintf("D=%d N=%d", dims.D, dims.N), func(t *testing.T) {
				segs := segments(5, 0, 1, 70)
				m := segmentRows(segs)
				in := invariantInputs(dims.D, dims.N, m)
				dy := normals(source(12), m*dims.D, 1)
				var got [][]float32
				for _, x := range in {
					got = append(got, guarded(t, len(x)))
				}
				InvariantScanBackward(p, got[0], got[1], got[2], got[3], dy, in[0], in[1], in[2], in[3], segs, m, dims)
				// Sums over all rows of products of two states of sizes up to 10.
				expectGradient(t, []string{"du", "ddecay", "dweight", "dskip"}, got, wideAll(in), dy,
					func(in [][]float64) []float64 { return invariantNaive(in, segs, dims.D, dims.N) }, 1e-4)
			})
		}
	})
}
