package kernel

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
)

// forEachISA runs f as a subtest for every instruction set that this CPU runs, those
// aside that differ in low precision only.
func forEachISA(t *testing.T, f func(t *testing.T)) {
	forEach(t, func(s *isa) bool { return s.over == "" }, f)
}

// forEachPrecision is forEachISA for the kernels in which all tables differ.
func forEachPrecision(t *testing.T, f func(t *testing.T)) {
	forEach(t, func(s *isa) bool { return true }, f)
}

func forEach(t *testing.T, which func(s *isa) bool, f func(t *testing.T)) {
	was := active
	defer func() { active = was }()
	for i := range isas {
		if runs(&isas[i]) && which(&isas[i]) {
			active = &isas[i]
			t.Run(active.name, f)
		}
	}
}

func source(seed uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, 17)) }

// normals returns n normal deviates times scale.
func normals(r *rand.Rand, n int, scale float64) []float32 {
	x := make([]float32, n)
	for i := range x {
		x[i] = float32(r.NormFloat64() * scale)
	}
	return x
}

const canary = float32(-1.2345e30)

// guarded returns n floats of garbage between canaries, which the test's end
// checks.
func guarded(t testing.TB, n int) []float32 {
	const pad = 37
	all := make([]float32, n+2*pad)
	for i := range all {
		all[i] = canary
	}
	t.Cleanup(func() {
		for i := range pad {
			if all[i] != canary || all[n+pad+i] != canary {
				t.Errorf("wrote outside a buffer of %d floats", n)
				return
			}
		}
	})
	x := all[pad : pad+n : pad+n]
	for i := range x {
		x[i] = float32(math.NaN()) // whoever reads an output before writing it shows
	}
	return x
}

func guardedCopy(t testing.TB, x []float32) []float32 {
	y := guarded(t, len(x))
	copy(y, x)
	return y
}

func wide(x []float32) []float64 {
	y := make([]float64, len(x))
	for i, v := range x {
		y[i] = float64(v)
	}
	return y
}

// rounding is the largest error of a rounding, relative to the number.
const rounding = 1.0 / (1 << 24)

// expect compares got with want: |got-want| <= tol·(1+|want|).
func expect(t *testing.T, what string, got []float32, want []float64, tol float64) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%s: %d values, want %d", what, len(got), len(want))
	}
	for i, w := range want {
		g := float64(got[i])
		if !(math.Abs(g-w) <= tol*(1+math.Abs(w))) {
			t.Fatalf("%s[%d] = %g, want %g (tolerance %g)", what, i, g, w, tol)
		}
	}
}

// expectBits compares two results bit by bit.
func expectBits(t *testing.T, what string, got, want []float32) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%s: %d values, want %d", what, len(got), len(want))
	}
	for i := range want {
		if math.Float32bits(got[i]) != math.Float32bits(want[i]) {
			t.Fatalf("%s[%d] = %g (%08x), want the bits of %g (%08x)", what, i,
				got[i], math.Float32bits(got[i]), want[i], math.Float32bits(want[i]))
		}
	}
}

// expectGradient compares got, the gradients of sum(dy·f(in)) by each input, with
// central differences of f in float64. A nil got skips that input.
func expectGradient(t *testing.T, names []string, got [][]float32, in [][]float64, dy []float32, f func(in [][]float64) []float64, tol float64) {
	t.Helper()
	expectSamples(t, names, got, differences(in, dy, f), tol)
}

// samples are the gradients by some elements of one input.
type samples struct {
	at   []int
	want []float64
}

// differences returns the gradients of sum(dy·f(in)) by central differences. Of long
// inputs it takes a sample, with an odd stride so that it meets every lane.
func differences(in [][]float64, dy []float32, f func(in [][]float64) []float64) []samples {
	loss := func() float64 {
		s := 0.0
		for i, v := range f(in) {
			s += v * float64(dy[i])
		}
		return s
	}
	// The truncation error is of order step² and the rounding error of order
	// 1e-16/step: both far below float32's.
	const step = 1e-5
	all := make([]samples, len(in))
	for a := range in {
		stride := 1
		if len(in[a]) > 150 {
			stride = len(in[a])/75 | 1
		}
		for i := 0; i < len(in[a]); i += stride {
			v := in[a][i]
			in[a][i] = v + step
			up := loss()
			in[a][i] = v - step
			down := loss()
			in[a][i] = v
			all[a].at = append(all[a].at, i)
			all[a].want = append(all[a].want, (up-down)/(2*step))
		}
	}
	return all
}

// expectSamples compares gradients with samples of them.
func expectSamples(t *testing.T, names []string, got [][]float32, want []samples, tol float64) {
	t.Helper()
	for a, s := range want {
		if got[a] == nil {
			continue
		}
		var g []float32
		for _, i := range s.at {
			g = append(g, got[a][i])
		}
		expect(t, names[a], g, s.want, tol)
	}
}

// segments cuts m rows in sequences of the given lengths, at the given positions.
func segments(lengths ...int) []Segment {
	var segs []Segment
	at := 0
	for _, n := range lengths {
		segs = append(segs, Segment{Start: at, Len: n})
		at += n
	}
	return segs
}

func expectPanic(t *testing.T, want string, f func()) {
	t.Helper()
	defer func() {
		t.Helper()
		if got := fmt.Sprint(recover()); got != want {
			t.Errorf("panic %q, want %q", got, want)
		}
	}()
	f()
}

func setAll(x []float32, v float32) {
	for i := range x {
		x[i] = v
	}
}
