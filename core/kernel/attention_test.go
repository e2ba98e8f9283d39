package kernel

import (
	"fmt"
	"math"
	"testing"
)

// attentionNaive materialises the scores. Rows outside a row's window, or after it,
// do not exist for it.
func attentionNaive(qkv []float64, segs []Segment, d AttentionDims) (out, lse []float64) {
	m := segmentRows(segs)
	width := (d.H + 2*d.G) * d.K
	out, lse = make([]float64, m*d.H*d.K), make([]float64, m*d.H)
	for _, s := range segs {
		for h := range d.H {
			g := h / (d.H / d.G)
			for r := range s.Len {
				row := s.Start + r
				q := qkv[row*width+h*d.K:]
				w := make([]float64, r+1)
				sum := 0.0
				for j := 0; j <= r; j++ {
					if d.Window > 0 && r-j >= d.Window {
						continue
					}
					k := qkv[(s.Start+j)*width+(d.H+g)*d.K:]
					dot := 0.0
					for c := range d.K {
						dot += q[c] * k[c]
					}
					w[j] = math.Exp(dot * float64(d.Scale))
					sum += w[j]
				}
				for j := 0; j <= r; j++ {
					v := qkv[(s.Start+j)*width+(d.H+d.G+g)*d.K:]
					for c := range d.K {
						out[(row*d.H+h)*d.K+c] += w[j] / sum * v[c]
					}
				}
				lse[row*d.H+h] = math.Log(sum)
			}
		}
	}
	return out, lse
}

var attentionCases = []struct {
	name string
	segs []Segment
	dims AttentionDims
}{
	{"one row", segments(1), AttentionDims{H: 1, G: 1, K: 1, Scale: 1}},
	{"ragged", segments(7, 0, 33, 1), AttentionDims{H: 4, G: 2, K: 8, Scale: 0.35}},
	{"blocks", segments(64, 131, 65), AttentionDims{H: 2, G: 2, K: 16, Scale: 0.25}},
	{"one kv head", segments(90, 20), AttentionDims{H: 3, G: 1, K: 33, Scale: 0.17}},
	{"window", segments(150, 70), AttentionDims{H: 2, G: 1, K: 12, Window: 37, Scale: 0.3}},
	{"window of one", segments(70), AttentionDims{H: 1, G: 1, K: 5, Window: 1, Scale: 0.3}},
	{"positions", []Segment{{0, 67, 13}, {67, 70, 100}}, AttentionDims{H: 2, G: 1, K: 32, Window: 64, Scale: 0.2}},
	{"wide heads", segments(70), AttentionDims{H: 1, G: 1, K: 130, Scale: 0.1}},
}

func TestAttention(t *testing.T) {
	p := NewPool(2)
	defer p.Close()
	forEachISA(t, func(t *testing.T) {
		for _, c := range attentionCases {
			t.Run(c.name, func(t *testing.T) {
				m := segmentRows(c.segs)
				qkv := guardedCopy(t, normals(source(3), m*(c.dims.H+2*c.dims.G)*c.dims.K, 1))
				out, lse := guarded(t, m*c.dims.H*c.dims.K), guarded(t, m*c.dims.H)
				Attention(p, out, lse, qkv, c.segs, nil, c.dims)
				wantOut, wantLSE := attentionNaive(wide(qkv), c.segs, c.dims)
				// Weighted means of values of size about 3 with weights good to a few 1e-7.
				expect(t, "out", out, wantOut, 5e-6)
				expect(t, "lse", lse, inLog2(wantLSE), 5e-6)
			})
		}
	})
}

func TestAttentionBackward(t *testing.T) {
	p := NewPool(2)
	defer p.Close()
	forEachISA(t, func(t *testing.T) {
		for _, c := range []struct {
			name string
			segs []Segment
			dims AttentionDims
		}{
			{"one row", segments(1), AttentionDims{H: 1, G: 1, K: 3, Scale: 1}},
			{"groups", segments(7, 0, 12), AttentionDims{H: 4, G: 2, K: 3, Scale: 0.5}},
			{"window", segments(21), AttentionDims{H: 2, G: 1, K: 5, Window: 4, Scale: 0.4}},
			{"blocks", segments(66, 3), AttentionDims{H: 1, G: 1, K: 2, Scale: 0.7}},
		} {
			t.Run(c.name, func(t *testing.T) {
				m := segmentRows(c.segs)
				r := source(4)
				qkv := normals(r, m*(c.dims.H+2*c.dims.G)*c.dims.K, 1)
				out, lse := guarded(t, m*c.dims.H*c.dims.K), guarded(t, m*c.dims.H)
				Attention(p, out, lse, qkv, c.segs, nil, c.dims)
				dout := normals(r, len(out), 1)
				dqkv := guarded(t, len(qkv))
				AttentionBackward(p, dqkv, dout, out, lse, qkv, c.segs, c.dims)
				expectGradient(t, []string{"dqkv"}, [][]float32{dqkv}, [][]float64{wide(qkv)}, dout, func(in [][]float64) []float64 {
					out, _ := attentionNaive(in[0], c.segs, c.dims)
					return out
				}, 3e-5) // sums of up to 66 terms of size about 3
			})
		}
	})
}

// Long sequences cross many blocks, where differences are too slow: the gradient
// along a random direction must agree with the change of the naive loss.
func TestAttentionBackwardAlongDirection(t *testing.T) {
	forEachISA(t, func(t *testing.T) {
		for _, c := range attentionCases {
			m := segmentRows(c.segs)
			r := source(8)
			qkv := normals(r, m*(c.dims.H+2*c.dims.G)*c.dims.K, 1)
			out, lse := make([]float32, m*c.dims.H*c.dims.K), make([]float32, m*c.dims.H)
			Attention(nil, out, lse, qkv, c.segs, nil, c.dims)
			dout, dqkv := normals(r, len(out), 1), guarded(t, len(qkv))
			AttentionBackward(nil, dqkv, dout, out, lse, qkv, c.segs, c.dims)
			for trial := range 3 {
				dir := normals(r, len(qkv), 1)
				loss := func(step float64) float64 {
					x := wide(qkv)
					for i := range x {
						x[i] += step * float64(dir[i])
					}
					o, _ := attentionNaive(x, c.segs, c.dims)
					s := 0.0
					for i := range o {
						s += o[i] * float64(dout[i])
					}
					return s
				}
				want := (loss(1e-4) - loss(-1e-4)) / 2e-4
				got, size := 0.0, 0.0
				for i, v := range dqkv {
					got += float64(v) * float64(dir[i])
					size += float64(v) * float64(v)
				}
				// A difference of norm ε·|dqkv| moves the inner product by about as much;
				// the finite difference is good to about 1e-6.
				if math.Abs(got-want) > 2e-6*(1+math.Sqrt(size))*10 {
					t.Errorf("%s, direction %d: %g, want %g", c.name, trial, got, want)
				}
			}
		}
	})
}

// Whole = in chunks with a cache = step by step, to the bit; and a segment's rows
// do not depend on the segments around it.
func TestAttentionChunks(t *testing.T) {
	p := NewPool(3)
	defer p.Close()
	forEachISA(t, func(t *testing.T) {
		for _, window := range []int{0, 50} {
			d := AttentionDims{H: 4, G: 2, K: 20, Window: window, Scale: 0.22}
			const total = 150
			width := (d.H + 2*d.G) * d.K
			qkv := normals(source(6), total*width, 1)
			out, lse := make([]float32, total*d.H*d.K), make([]float32, total*d.H)
			Attention(nil, out, lse, qkv, segments(total), nil, d)
			for _, chunk := range []int{1, 7, 64, 70, total} {
				cache := AttentionCache{K: guarded(t, total*d.G*d.K), V: guarded(t, total*d.G*d.K)}
				for from := 0; from < total; from += chunk {
					n := min(chunk, total-from)
					// The chunk is the second of two segments; the first is another document.
					const other = 3
					rows := append(normals(source(9), other*width, 1), qkv[from*width:(from+n)*width]...)
					for i := from; i < from+n; i++ {
						copy(cache.K[i*d.G*d.K:(i+1)*d.G*d.K], qkv[i*width+d.H*d.K:])
						copy(cache.V[i*d.G*d.K:(i+1)*d.G*d.K], qkv[i*width+(d.H+d.G)*d.K:])
					}
					stranger := AttentionCache{K: normals(source(10), (other+5)*d.G*d.K, 1), V: normals(source(11), (other+5)*d.G*d.K, 1)}
					segs := []Segment{{0, other, 5}, {other, n, from}}
					gotOut, gotLSE := guarded(t, (other+n)*d.H*d.K), guarded(t, (other+n)*d.H)
					Attention(p, gotOut, gotLSE, rows, segs, []AttentionCache{stranger, cache}, d)
					what := fmt.Sprintf("window %d, chunks of %d, at %d", window, chunk, from)
					expectBits(t, what+": out", gotOut[other*d.H*d.K:], out[from*d.H*d.K:(from+n)*d.H*d.K])
					expectBits(t, what+": lse", gotLSE[other*d.H:], lse[from*d.H:(from+n)*d.H])
				}
			}
		}
	})
}

func TestAttentionPanics(t *testing.T) {
	d := AttentionDims{H: 2, G: 1, K: 4, Scale: 1}
	x := make([]float32, 3*16)
	expectPanic(t, "kernel: attention: wrong dimensions", func() {
		Attention(nil, x, x, x, segments(1), nil, AttentionDims{H: 3, G: 2, K: 1})
	})
	expectPanic(t, "kernel: attention: short cache", func() {
		Attention(nil, x, x, x, []Segment{{0, 1, 2}}, []AttentionCache{{x[:11], x}}, d)
	})
	expectPanic(t, "kernel: segments: not in order, or negative", func() {
		Attention(nil, x, x, x, []Segment{{1, 1, 0}}, nil, d)
	})
}

func inLog2(x []float64) []float64 {
	y := make([]float64, len(x))
	for i, v := range x {
		y[i] = v / math.Ln2
	}
	return y
}
