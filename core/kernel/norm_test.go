package kernel

import (
	"math"
	"testing"
)

func rmsNormNaive(x, gain []float64, m, d int, eps float64) []float64 {
	y := make([]float64, m*d)
	for i := range m {
		s := 0.0
		for _, v := range x[i*d : i*d+d] {
			s += v * v
		}
		for j := range d {
			y[i*d+j] = x[i*d+j] / math.Sqrt(s/float64(d)+eps)
			if gain != nil {
				y[i*d+j] *= gain[j]
			}
		}
	}
	return y
}

func layerNormNaive(x, gain, bias []float64, m, d int, eps float64) []float64 {
	y := make([]float64, m*d)
	for i := range m {
		row := x[i*d : i*d+d]
		mean, variance := 0.0, 0.0
		for _, v := range row {
			mean += v / float64(d)
		}
		for _, v := range row {
			variance += (v - mean) * (v - mean) / float64(d)
		}
		for j, v := range row {
			v = (v - mean) / math.Sqrt(variance+eps)
			if gain != nil {
				v *= gain[j]
			}
			if bias != nil {
				v += bias[j]
			}
			y[i*d+j] = v
		}
	}
	return y
}

var normShapes = [][2]int{{0, 3}, {1, 1}, {7, 33}, {2, 16}, {131, 5}, {66, 48}}

func TestRMSNorm(t *testing.T) {
	p := NewPool(2)
	defer p.Close()
	const eps = 1e-5
	forEachISA(t, func(t *testing.T) {
		for _, s := range normShapes {
			m, d := s[0], s[1]
			r := source(uint64(m))
			x, gain, dy := normals(r, m*d, 2), normals(r, d, 1), normals(r, m*d, 1)
			for _, g := range [][]float32{gain, nil} {
				y, rstd, dx := guarded(t, m*d), guarded(t, m), guarded(t, m*d)
				RMSNorm(p, y, rstd, x, g, m, d, eps)
				in, got := [][]float64{wide(x)}, [][]float32{dx}
				var dgain []float32
				if g != nil {
					dgain = guarded(t, d)
					in, got = append(in, wide(g)), append(got, dgain)
				}
				naive := func(in [][]float64) []float64 { return rmsNormNaive(in[0], append(in, nil)[1], m, d, eps) }
				expect(t, "y", y, naive(in), 2e-6)
				RMSNormBackward(p, dx, dgain, dy, x, g, rstd, m, d)
				expectGradient(t, []string{"dx", "dgain"}, got, in, dy, naive, 2e-5)
			}
		}
	})
}

func TestLayerNorm(t *testing.T) {
	p := NewPool(2)
	defer p.Close()
	const eps = 1e-5
	forEachISA(t, func(t *testing.T) {
		for _, s := range normShapes {
			m, d := s[0], s[1]
			if d == 1 {
				continue // the derivative is zero but for eps: nothing to compare
			}
			r := source(uint64(m))
			x, gain, bias, dy := normals(r, m*d, 2), normals(r, d, 1), normals(r, d, 1), normals(r, m*d, 1)
			for i := range x {
				x[i] += 3 // a mean to take away
			}
			y, mean, rstd := guarded(t, m*d), guarded(t, m), guarded(t, m)
			dx, dgain, dbias := guarded(t, m*d), guarded(t, d), guarded(t, d)
			naive := func(in [][]float64) []float64 { return layerNormNaive(in[0], in[1], in[2], m, d, eps) }
			in := [][]float64{wide(x), wide(gain), wide(bias)}
			LayerNorm(p, y, mean, rstd, x, gain, bias, m, d, eps)
			expect(t, "y", y, naive(in), 4e-6)
			LayerNormBackward(p, dx, dgain, dbias, dy, x, gain, mean, rstd, m, d)
			expectGradient(t, []string{"dx", "dgain", "dbias"}, [][]float32{dx, dgain, dbias}, in, dy, naive, 3e-5)

			LayerNorm(p, y, mean, rstd, x, nil, nil, m, d, eps)
			expect(t, "plain y", y, layerNormNaive(wide(x), nil, nil, m, d, eps), 4e-6)
			LayerNormBackward(p, dx, nil, nil, dy, x, nil, mean, rstd, m, d)
			expectGradient(t, []string{"plain dx"}, [][]float32{dx}, in[:1], dy, func(in [][]float64) []float64 {
				return layerNormNaive(in[0], nil, nil, m, d, eps)
			}, 3e-5)
		}
	})
}

// A norm that takes in the sum before it, and a backward pass that takes in the one after
// it, have the bits of two passes, whatever memory they share.
func TestNormsWithSums(t *testing.T) {
	p := NewPool(2)
	defer p.Close()
	const eps = 1e-5
	forEachISA(t, func(t *testing.T) {
		for _, s := range normShapes {
			m, d := s[0], s[1]
			r := source(uint64(m))
			a, b, gain, bias := normals(r, m*d, 2), normals(r, m*d, 1), normals(r, d, 1), normals(r, d, 1)
			dy, plus := normals(r, m*d, 1), normals(r, m*d, 1)
			x, y, mean, rstd := make([]float32, m*d), make([]float32, m*d), make([]float32, m), make([]float32, m)
			dx, dgain, dbias := make([]float32, m*d), make([]float32, d), make([]float32, d)
			gotX, gotY, gotMean, gotRstd := guarded(t, m*d), guarded(t, m*d), guarded(t, m), guarded(t, m)
			gotDX, gotDGain, gotDBias := guarded(t, m*d), guarded(t, d), guarded(t, d)

			Add(p, x, a, b)
			LayerNorm(p, y, mean, rstd, x, gain, bias, m, d, eps)
			AddLayerNorm(p, gotY, gotMean, gotRstd, gotX, a, b, gain, bias, m, d, eps)
			expectBits(t, "layer norm's sum", gotX, x)
			expectBits(t, "layer norm's y", gotY, y)
			expectBits(t, "mean", gotMean, mean)
			expectBits(t, "rstd", gotRstd, rstd)
			inPlace := guardedCopy(t, b)
			AddLayerNorm(p, gotY, gotMean, gotRstd, inPlace, a, inPlace, gain, bias, m, d, eps)
			expectBits(t, "layer norm's sum in place", inPlace, x)
			expectBits(t, "layer norm's y of a sum in place", gotY, y)

			LayerNormBackward(p, dx, dgain, dbias, dy, x, gain, mean, rstd, m, d)
			Add(p, dx, plus, dx)
			LayerNormBackwardAdd(p, gotDX, gotDGain, gotDBias, dy, x, gain, mean, rstd, plus, m, d)
			expectBits(t, "layer norm's dx", gotDX, dx)
			expectBits(t, "layer norm's dgain", gotDGain, dgain)
			expectBits(t, "layer norm's dbias", gotDBias, dbias)
			same := guardedCopy(t, dy)
			LayerNormBackwardAdd(p, same, gotDGain, gotDBias, same, x, gain, mean, rstd, plus, m, d)
			expectBits(t, "layer norm's dx over dy", same, dx)
			same = guardedCopy(t, plus)
			LayerNormBackwardAdd(p, same, gotDGain, gotDBias, dy, x, gain, mean, rstd, same, m, d)
			expectBits(t, "layer norm's dx over plus", same, dx)

			RMSNorm(p, y, rstd, x, gain, m, d, eps)
			AddRMSNorm(p, gotY, gotRstd, gotX, a, b, gain, m, d, eps)
			expectBits(t, "rms norm's sum", gotX, x)
			expectBits(t, "rms norm's y", gotY, y)
			expectBits(t, "rms norm's rstd", gotRstd, rstd)
			for _, g := range [][]float32{gain, nil} {
				var dgain, gotDGain []float32
				if g != nil {
					dgain, gotDGain = make([]float32, d), guarded(t, d)
				}
				RMSNormBackward(p, dx, dgain, dy, x, g, rstd, m, d)
				Add(p, dx, dx, plus)
				RMSNormBackwardAdd(p, gotDX, gotDGain, dy, x, g, rstd, plus, m, d)
				expectBits(t, "rms norm's dx", gotDX, dx)
				expectBits(t, "rms norm's dgain", gotDGain, dgain)
				same := guardedCopy(t, plus)
				RMSNormBackwardAdd(p, same, gotDGain, dy, x, g, rstd, same, m, d)
				expectBits(t, "rms norm's dx in place", same, dx)
			}
		}
	})
}

func TestRotary(t *testing.T) {
	forEachISA(t, func(t *testing.T) {
		const m, ld, heads, k, theta = 9, 41, 3, 10, 10000.0
		segs := []Segment{{0, 4, 7}, {4, 0, 3}, {4, 5, 300}}
		x := guardedCopy(t, normals(source(1), m*ld, 1))
		orig := append([]float32(nil), x...)
		Rotary(nil, x, x, m, ld, heads, k, segs, theta, false)
		for _, s := range segs {
			for r := range s.Len {
				row := orig[(s.Start+r)*ld : (s.Start+r+1)*ld]
				want := wide(row)
				for h := range heads {
					for i := range k / 2 {
						a := float64(s.Pos+r) * math.Pow(theta, -2*float64(i)/k)
						u, v := want[h*k+i], want[h*k+i+k/2]
						want[h*k+i], want[h*k+i+k/2] = u*math.Cos(a)-v*math.Sin(a), v*math.Cos(a)+u*math.Sin(a)
					}
				}
				expect(t, "row", x[(s.Start+r)*ld:(s.Start+r+1)*ld], want, 1e-6)
			}
		}
		y, from := guarded(t, m*ld), guardedCopy(t, orig)
		Rotary(nil, y, from, m, ld, heads, k, segs, theta, false)
		expectBits(t, "beside x", y, x)
		expectBits(t, "x", from, orig)

		Rotary(nil, x, x, m, ld, heads, k, segs, theta, true)
		expect(t, "turned back", x, wide(orig), 1e-6)

		// A row alone gets the same bits: the table's form does not matter.
		copy(x, orig)
		Rotary(nil, x, x, m, ld, heads, k, []Segment{{0, m, 5}}, theta, false)
		for r := range m {
			alone := append([]float32(nil), orig[r*ld:(r+1)*ld]...)
			Rotary(nil, alone, alone, 1, ld, heads, k, []Segment{{0, 1, 5 + r}}, theta, false)
			expectBits(t, "row alone", alone, x[r*ld:(r+1)*ld])
		}
	})
}
