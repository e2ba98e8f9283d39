package kernel

import (
	"fmt"
	"math"
	"testing"
)

// scanNaive runs either scan in float64: in = u, dt, a, b, c, skip, and for Mamba's, whose
// dt are before bias and softplus, bias and gate.
func scanNaive(in [][]float64, segs []Segment, s scanShape) []float64 {
	u, dt, a, b, c, skip := in[0], in[1], in[2], in[3], in[4], in[5]
	ch := s.h * s.p
	y := make([]float64, segmentRows(segs)*ch)
	for _, seg := range segs {
		for k := range ch {
			head := k / s.p
			group := head / (s.h / s.g)
			h := make([]float64, s.n)
			for r := seg.Start; r < seg.Start+seg.Len; r++ {
				di, si := r*ch+k, k
				if s.scalar {
					di, si = r*s.h+head, head
				}
				x, step, gate := u[r*ch+k], dt[di], 1.0
				if !s.scalar {
					step = math.Log1p(math.Exp(step + in[6][k]))
					gate = in[7][r*ch+k]
					gate /= 1 + math.Exp(-gate)
				}
				out := skip[si] * x
				for n := range s.n {
					ai := head
					if !s.scalar {
						ai = k*s.n + n
					}
					h[n] = math.Exp(step*a[ai])*h[n] + step*x*b[(r*s.g+group)*s.n+n]
					out += c[(r*s.g+group)*s.n+n] * h[n]
				}
				y[r*ch+k] = gate * out
			}
		}
	}
	return y
}

// scanInputs returns the inputs of scanNaive for a shape.
func scanInputs(s scanShape, m int) [][]float32 {
	r := source(uint64(m + s.n))
	in := [][]float32{
		normals(r, m*s.h*s.p, 1), normals(r, m*s.dtWidth(), 0.3), normals(r, s.decays(), 1),
		normals(r, m*s.g*s.n, 1), normals(r, m*s.g*s.n, 1), normals(r, s.skips(), 1),
	}
	for i, v := range in[2] {
		in[2][i] = -abs32(v) - 0.1
	}
	if !s.scalar {
		return append(in, normals(r, s.p, 1), normals(r, m*s.p, 1))
	}
	for i, v := range in[1] {
		in[1][i] = abs32(v) + 0.01
	}
	return in
}

// scanInputsFrom returns inputs without their first rows.
func scanInputsFrom(in [][]float32, rows int, s scanShape) [][]float32 {
	out := append([][]float32{}, in...)
	for i, width := range map[int]int{0: s.h * s.p, 1: s.dtWidth(), 3: s.g * s.n, 4: s.g * s.n, 7: s.p} {
		if i < len(out) {
			out[i] = out[i][rows*width:]
		}
	}
	return out
}

// scanGrads names the gradients in the order of the inputs.
var scanGrads = []string{"du", "ddt", "da", "db", "dc", "dskip", "dbias", "dgate"}

func wideAll(in [][]float32) (out [][]float64) {
	for _, x := range in {
		out = append(out, wide(x))
	}
	return out
}

var scanShapes = []struct {
	name  string
	shape scanShape
}{
	{"mamba D=1 N=1", ScanDims{1, 1}.shape()},
	{"mamba D=7 N=5", ScanDims{7, 5}.shape()},
	{"mamba D=33 N=16", ScanDims{33, 16}.shape()},
	{"mamba D=150 N=3", ScanDims{150, 3}.shape()},
	{"ssd H=1 P=1 N=1", SSDDims{1, 1, 1, 1}.shape()},
	{"ssd H=4 P=7 G=2 N=5", SSDDims{4, 7, 2, 5}.shape()},
	{"ssd H=2 P=16 G=1 N=33", SSDDims{2, 16, 1, 33}.shape()},
	{"ssd H=3 P=37 G=3 N=4", SSDDims{3, 37, 3, 4}.shape()},
	{"ssd H=9 P=20 G=1 N=2", SSDDims{9, 20, 1, 2}.shape()},
	{"ssd H=1 P=140 G=1 N=2", SSDDims{1, 140, 1, 2}.shape()},
}

func TestScan(t *testing.T) {
	p := NewPool(2)
	defer p.Close()
	forEachISA(t, func(t *testing.T) {
		for _, c := range scanShapes {
			t.Run(c.name, func(t *testing.T) {
				segs := segments(33, 0, 1, 16, 47)
				m := segmentRows(segs)
				in := scanInputs(c.shape, m)
				y := guarded(t, m*c.shape.h*c.shape.p)
				saved := guarded(t, c.shape.saved(m, len(segs)))
				runScan(p, y, in, segs, nil, saved, m, c.shape)
				expect(t, "y", y, scanNaive(wideAll(in), segs, c.shape), 3e-6*math.Sqrt(float64(c.shape.n)))
				plain := guarded(t, len(y))
				runScan(nil, plain, in, segs, nil, nil, m, c.shape)
				expectBits(t, "y without saving", plain, y)
			})
		}
	})
}

func TestScanBackward(t *testing.T) {
	p := NewPool(2)
	defer p.Close()
	for _, c := range scanShapes {
		segs := segments(5, 0, 1, 19)
		if c.shape.scalar {
			segs = segments(70, 0, 1, 5)
		}
		if c.shape.p > 100 {
			segs = segments(4, 1)
		}
		m := segmentRows(segs)
		in := scanInputs(c.shape, m)
		dy := normals(source(12), m*c.shape.h*c.shape.p, 1)
		want := differences(wideAll(in), dy, func(in [][]float64) []float64 { return scanNaive(in, segs, c.shape) })
		t.Run(c.name, func(t *testing.T) {
			forEachISA(t, func(t *testing.T) {
				y, saved := guarded(t, len(dy)), guarded(t, c.shape.saved(m, len(segs)))
				runScan(p, y, in, segs, nil, saved, m, c.shape)
				var got [][]float32
				for _, x := range in {
					got = append(got, guarded(t, len(x)))
				}
				work := guarded(t, c.shape.backwardScratch(m, len(segs)))
				runScanBackward(p, got, dy, in, segs, saved, m, c.shape, work)
				// Sums of up to h·p·n products of several factors of size about 3.
				expectSamples(t, scanGrads[:len(in)], got, want, 1e-4)
			})
		})
	}
}

func TestScanChunks(t *testing.T) {
	p := NewPool(3)
	defer p.Close()
	forEachISA(t, func(t *testing.T) {
		for _, c := range scanShapes {
			const m = 50
			s := c.shape
			in := scanInputs(s, m)
			ch := s.h * s.p
			whole := make([]float32, m*ch)
			runScan(nil, whole, in, segments(m), nil, nil, m, s)
			for _, chunk := range []int{1, 7, 16, 50} {
				state := guarded(t, ch*s.n)
				clear(state)
				for from := 0; from < m; from += chunk {
					n := min(chunk, m-from)
					y := guarded(t, n*ch)
					runScan(p, y, scanInputsFrom(in, from, s), segments(n), [][]float32{state}, nil, n, s)
					expectBits(t, fmt.Sprintf("%s, chunks of %d, at %d", c.name, chunk, from), y, whole[from*ch:(from+n)*ch])
				}
			}
		}
	})
}

// Subnormal numbers may count as zeros, and must not afterwards.
func TestScanSubnormal(t *testing.T) {
	const m = 60
	for name, s := range map[string]scanShape{"selective": ScanDims{D: 33, N: 5}.shape(), "ssd": SSDDims{2, 17, 1, 5}.shape()} {
		in := scanInputs(s, m)
		setAll(in[0], 1e-39)
		for l := range s.p { // then a state that decays for long
			in[0][l] = 1e-30
		}
		dy := normals(source(3), len(in[0]), 1)
		want := scanNaive(wideAll(in), segments(m), s)
		half := float32(0.5)
		forEachISA(t, func(t *testing.T) {
			y, saved, work := guarded(t, len(in[0])), guarded(t, s.saved(m, 1)), guarded(t, s.backwardScratch(m, 1))
			runScan(nil, y, in, segments(m), nil, saved, m, s)
			for i := range y {
				if off := math.Abs(float64(y[i]) - want[i]); off > 1e-5*math.Abs(want[i])+1e-36 {
					t.Fatalf("%s: y[%d] = %g, want %g", name, i, y[i], want[i])
				}
			}
			if tiny := math.Float32frombits(1 << 20); tiny*half == 0 {
				t.Errorf("%s: subnormal numbers are zeros after a scan", name)
			}
			// With inputs that are nearly zero the outputs' gradient by the input is all that matters: skip times dy, and what the states pass on.
			var grads [][]float32
			for _, x := range in {
				grads = append(grads, guarded(t, len(x)))
			}
			runScanBackward(nil, grads, dy, in, segments(m), saved, m, s, work)
			expectGradient(t, scanGrads[:1], grads[:1], wideAll(in)[:1], dy, func(x [][]float64) []float64 {
				return scanNaive(append([][]float64{x[0]}, wideAll(in)[1:]...), segments(m), s)
			}, 1e-4)
			if tiny := math.Float32frombits(1 << 20); tiny*half == 0 {
				t.Errorf("%s: subnormal numbers are zeros after a scan's backward pass", name)
			}
		})
	}
}

func TestScanPanics(t *testing.T) {
	x := make([]float32, 64)
	expectPanic(t, "kernel: scan: short argument", func() {
		SelectiveScan(nil, x, x, x, x, x, x, x, x, x, segments(9), nil, nil, 9, ScanDims{8, 2})
	})
	expectPanic(t, "kernel: segments: short state", func() {
		SelectiveScan(nil, x, x, x, x, x, x, x, x, x, segments(2), [][]float32{x[:15]}, nil, 2, ScanDims{8, 2})
	})
	expectPanic(t, "kernel: scan: wrong dimensions", func() {
		SSD(nil, x, x, x, x, x, x, nil, segments(2), nil, nil, 2, SSDDims{3, 1, 2, 2})
	})
}

// backwardScratch, runScan and runScanBackward are those of either scan.
func (s scanShape) backwardScratch(m, segments int) int {
	if s.scalar {
		return SSDBackwardScratch(m, segments, SSDDims{s.h, s.p, s.g, s.n})
	}
	return SelectiveScanBackwardScratch(m, segments, ScanDims{s.p, s.n})
}

func runScan(p *Pool, y []float32, in [][]float32, segs []Segment, states [][]float32, saved []float32, m int, s scanShape) {
	if s.scalar {
		SSD(p, y, in[0], in[1], in[2], in[3], in[4], in[5], segs, states, saved, m, SSDDims{s.h, s.p, s.g, s.n})
		return
	}
	SelectiveScan(p, y, in[0], in[1], in[2], in[3], in[4], in[5], in[6], in[7], segs, states, saved, m, ScanDims{s.p, s.n})
}

func runScanBackward(p *Pool, grads [][]float32, dy []float32, in [][]float32, segs []Segment, saved []float32, m int, s scanShape, work []float32) {
	if s.scalar {
		SSDBackward(p, grads[0], grads[1], grads[2], grads[3], grads[4], grads[5], dy,
			in[0], in[1], in[2], in[3], in[4], in[5], segs, saved, m, SSDDims{s.h, s.p, s.g, s.n}, work)
		return
	}
	SelectiveScanBackward(p, grads[0], grads[1], grads[2], grads[3], grads[4], grads[5], grads[6], grads[7], dy,
		in[0], in[1], in[2], in[3], in[4], in[5], in[6], in[7], segs, saved, m, ScanDims{s.p, s.n}, work)
}
