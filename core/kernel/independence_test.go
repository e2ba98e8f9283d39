package kernel

import (
	"fmt"
	"testing"
)

// A row has the same bits alone as among others, wherever it sits.
func TestRowsAreIndependent(t *testing.T) {
	const m, d = 70, 45 // rows start at all offsets within a vector
	forEachISA(t, func(t *testing.T) {
		r := source(31)
		x, gain, bias := normals(r, m*2*d, 1), normals(r, d, 1), normals(r, d, 1)
		dy := normals(r, m*d, 1)
		targets := make([]int32, m)
		stat, stat2, dgain, dbias := make([]float32, m), make([]float32, m), make([]float32, d), make([]float32, d)
		for _, c := range []struct {
			name   string
			in, on int // columns of the input x and of the output
			run    func(out, x []float32, row, rows int)
		}{
			{"rms norm", d, d, func(out, x []float32, row, rows int) { RMSNorm(nil, out, stat, x, gain, rows, d, 1e-5) }},
			{"rms norm backward", d, d, func(out, x []float32, row, rows int) {
				RMSNorm(nil, out, stat, x, gain, rows, d, 1e-5)
				RMSNormBackward(nil, out, dgain, dy[row*d:], x, gain, stat, rows, d)
			}},
			{"layer norm", d, d, func(out, x []float32, row, rows int) {
				LayerNorm(nil, out, stat2, stat, x, gain, bias, rows, d, 1e-5)
			}},
			{"layer norm backward", d, d, func(out, x []float32, row, rows int) {
				LayerNorm(nil, out, stat2, stat, x, gain, bias, rows, d, 1e-5)
				LayerNormBackward(nil, out, dgain, dbias, dy[row*d:], x, gain, stat2, stat, rows, d)
			}},
			{"gelu", d, d, func(out, x []float32, row, rows int) { GELU(nil, out, x[:rows*d]) }},
			{"gelu backward", d, d, func(out, x []float32, row, rows int) { GELUBackward(nil, out, dy[row*d:], x[:rows*d]) }},
			{"softplus", d, d, func(out, x []float32, row, rows int) { Softplus(nil, out, x[:rows*d]) }},
			{"swiglu", 2 * d, d, func(out, x []float32, row, rows int) { SwiGLU(nil, out, x, rows, d) }},
			{"swiglu backward", 2 * d, 2 * d, func(out, x []float32, row, rows int) { SwiGLUBackward(nil, out, dy[row*d:], x, rows, d) }},
			{"softmax", d, d, func(out, x []float32, row, rows int) { SoftmaxRows(nil, out, x, rows, d) }},
			{"log softmax", d, d, func(out, x []float32, row, rows int) { LogSoftmaxRows(nil, out, x, rows, d) }},
			{"softmax loss", d, d, func(out, x []float32, row, rows int) {
				copy(out, x[:rows*d])
				SoftmaxLoss(nil, out, d, targets, nil, stat, nil, rows, d, true, 1)
			}},
			{"add bias", d, d, func(out, x []float32, row, rows int) { AddBias(nil, out, x, bias, rows, d) }},
		} {
			whole := make([]float32, m*c.on)
			c.run(whole, x, 0, m)
			for _, rows := range []int{1, 3} {
				for row := 0; row+rows <= m; row += 2*rows + 1 {
					out := guarded(t, rows*c.on)
					c.run(out, x[row*c.in:], row, rows)
					expectBits(t, fmt.Sprintf("%s, %d rows from %d", c.name, rows, row), out, whole[row*c.on:(row+rows)*c.on])
				}
			}
		}
	})
}

// A sequence has the same bits alone as among others, in the forward and in the
// backward pass.
func TestSequencesAreIndependent(t *testing.T) {
	forEachISA(t, func(t *testing.T) {
		att := AttentionDims{H: 4, G: 2, K: 12, Scale: 0.3}
		const before, n, after = 37, 75, 5
		width, wo := (att.H+2*att.G)*att.K, att.H*att.K
		m := before + n + after
		r := source(32)
		qkv, dout := normals(r, m*width, 1), normals(r, m*wo, 1)
		attend := func(qkv, dout []float32, segs []Segment) (out, dqkv []float32) {
			m := segmentRows(segs)
			out, dqkv = make([]float32, m*wo), make([]float32, m*width)
			lse := make([]float32, m*att.H)
			Attention(nil, out, lse, qkv, segs, nil, att)
			AttentionBackward(nil, dqkv, dout, out, lse, qkv, segs, att)
			return out, dqkv
		}
		out, dqkv := attend(qkv, dout, segments(before, n, after))
		alone, dalone := attend(qkv[before*width:], dout[before*wo:], segments(n))
		expectBits(t, "attention", alone, out[before*wo:(before+n)*wo])
		expectBits(t, "attention backward", dalone, dqkv[before*width:(before+n)*width])

		for _, c := range scanShapes {
			s := c.shape
			in := scanInputs(s, m)
			ch := s.h * s.p
			dy := normals(source(33), m*ch, 1)
			run := func(from int, segs []Segment) (rows [][]float32) {
				m := segmentRows(segs)
				in := scanInputsFrom(in, from, s)
				y, saved, work := make([]float32, m*ch), make([]float32, s.saved(m, len(segs))), make([]float32, s.backwardScratch(m, len(segs)))
				var grads [][]float32
				for i, w := range []int{ch, s.dtWidth(), 0, s.g * s.n, s.g * s.n, 0, 0, ch}[:len(in)] {
					grads = append(grads, make([]float32, m*w))
					if w == 0 {
						grads[i] = make([]float32, len(in[i]))
					} else {
						rows = append(rows, grads[i])
					}
				}
				runScan(nil, y, in, segs, nil, saved, m, s)
				runScanBackward(nil, grads, dy[from*ch:], in, segs, saved, m, s, work)
				return append(rows, y)
			}
			whole, alone := run(0, segments(before, n, after)), run(before, segments(n))
			for i := range alone {
				w := len(alone[i]) / n
				expectBits(t, fmt.Sprintf("%s, value %d", c.name, i), alone[i], whole[i][before*w:(before+n)*w])
			}
		}
	})
}
