package nn_test

import (
	"math"
	"testing"

	"github.com/archlab/archlab/core/kernel"
	"github.com/archlab/archlab/core/nn"
	. "github.com/archlab/archlab/core/nn/nntest"
)

// scanReference is the recurrence of H heads of P channels with G groups of b and c; steps and decays belong to heads if
// perHead, else to channels and, the decays, to states. With a gate, the steps are softplus(dt + bias).
func scanReference(v Values, h, p, groups, n int, perHead bool) []float64 {
	u, dt, a, b, c, skip := v.F["u"], v.F["dt"], v.F["a"], v.F["b"], v.F["c"], v.F["skip"]
	d := h * p
	y := make([]float64, v.Rows*d)
	for _, s := range v.Segments {
		for ch := range d {
			head, state := ch/p, make([]float64, n)
			group := head / (h / groups)
			for i := s.Start; i < s.Start+s.Len; i++ {
				x := u[i*d+ch]
				owner, owners := ch, d
				if perHead {
					owner, owners = head, h
				}
				step, out, gate := dt[i*owners+owner], skip[owner]*x, 1.0
				if gates := v.F["gate"]; gates != nil {
					step = math.Log1p(math.Exp(step + v.F["bias"][ch]))
					gate = gates[i*d+ch]
					gate /= 1 + math.Exp(-gate)
				}
				for j := range state {
					decay := a[head]
					if !perHead {
						decay = a[ch*n+j]
					}
					at := (i*groups+group)*n + j
					state[j] = math.Exp(step*decay)*state[j] + step*x*b[at]
					out += c[at] * state[j]
				}
				y[i*d+ch] = gate * out
			}
		}
	}
	return y
}

func TestSelectiveScan(t *testing.T) {
	cases := map[string]struct {
		d, n     int
		segments []kernel.Segment
	}{
		"one token":     {1, 1, Segments(1)},
		"odd sizes":     {7, 3, Segments(3, 1, 9)},
		"across chunks": {17, 2, Segments(40, 19)},
		// 60 documents of one token each: more than the op's memory is laid out for.
		"many segments": {3, 2, Segments(ones(60)...)},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			Case{
				Segments: c.segments,
				Params: []Tensor{
					Rows("u", c.d), Rows("dt", c.d), {Name: "bias", Shape: []int{c.d}}, Rows("gate", c.d),
					{Name: "a", Shape: []int{c.d, c.n}, Values: Between(-2, -0.1)}, Rows("b", c.n), Rows("c", c.n),
					{Name: "skip", Shape: []int{c.d}},
				},
				Build: func(g *nn.Graph, p Nodes) *nn.Node {
					return g.SelectiveScan("scan", p["u"], p["dt"], p["a"], p["b"], p["c"], p["skip"], p["bias"], p["gate"])
				},
				Reference: func(v Values) []float64 { return scanReference(v, 1, c.d, 1, c.n, false) },
			}.Check(t)
		})
	}
}

func ones(n int) []int {
	x := make([]int, n)
	for i := range x {
		x[i] = 1
	}
	return x
}

func TestSSD(t *testing.T) {
	cases := map[string]struct {
		h, p, g, n int
		segments   []kernel.Segment
	}{
		"one head":      {1, 3, 1, 2, Segments(6)},
		"groups":        {4, 2, 2, 3, Segments(5, 8)},
		"wide heads":    {2, 19, 1, 2, Segments(3, 18)},
		"many segments": {2, 2, 1, 2, Segments(ones(60)...)},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			Case{
				Segments: c.segments,
				Params: []Tensor{
					Rows("u", c.h*c.p), {Name: "dt", Shape: []int{PerRow, c.h}, Values: Between(0.01, 0.8)},
					{Name: "a", Shape: []int{c.h}, Values: Between(-2, -0.1)}, Rows("b", c.g*c.n), Rows("c", c.g*c.n),
					{Name: "skip", Shape: []int{c.h}},
				},
				Build: func(g *nn.Graph, p Nodes) *nn.Node {
					return g.SSD("scan", p["u"], p["dt"], p["a"], p["b"], p["c"], p["skip"], c.g)
				},
				Reference: func(v Values) []float64 { return scanReference(v, c.h, c.p, c.g, c.n, true) },
			}.Check(t)
		})
	}
}

func TestInvariantScan(t *testing.T) {
	const d, n = 5, 3
	Case{
		Segments: Segments(9, 1, 70),
		Params: []Tensor{
			Rows("u", d), {Name: "dt", Shape: []int{d}, Values: Between(0.05, 0.8)},
			{Name: "a", Shape: []int{d, n}, Values: Between(-2, -0.1)}, {Name: "b", Shape: []int{d, n}}, {Name: "c", Shape: []int{d, n}},
			{Name: "skip", Shape: []int{d}},
		},
		Build: func(g *nn.Graph, p Nodes) *nn.Node {
			return g.InvariantScan("scan", p["u"], p["dt"], p["a"], p["b"], p["c"], p["skip"])
		},
		// The selective scan with the same step, b and c at every token, one channel at a time.
		Reference: func(v Values) []float64 {
			y := make([]float64, v.Rows*d)
			for ch := range d {
				one := Values{Segments: v.Segments, Rows: v.Rows, F: map[string][]float64{
					"a": v.F["a"][ch*n : (ch+1)*n], "skip": v.F["skip"][ch : ch+1],
				}}
				for i := range v.Rows {
					one.F["u"] = append(one.F["u"], v.F["u"][i*d+ch])
					one.F["dt"] = append(one.F["dt"], v.F["dt"][ch])
					one.F["b"] = append(one.F["b"], v.F["b"][ch*n:(ch+1)*n]...)
					one.F["c"] = append(one.F["c"], v.F["c"][ch*n:(ch+1)*n]...)
				}
				for i, x := range scanReference(one, 1, 1, 1, n, false) {
					y[i*d+ch] = x
				}
			}
			return y
		},
	}.Check(t)
}

// TestScanParameters: what is made of parameters alone is made whole, however few rows a run has.
func TestScanParameters(t *testing.T) {
	for name, c := range map[string]struct {
		build     func(*nn.Graph, *nn.Node) *nn.Node
		reference func(float64) float64
	}{
		"decay":     {(*nn.Graph).Decay, func(x float64) float64 { return -math.Exp(x) }},
		"step size": {(*nn.Graph).StepSize, func(x float64) float64 { return math.Log1p(math.Exp(x)) }},
	} {
		t.Run(name, func(t *testing.T) {
			const n = 7
			Case{
				Segments: Segments(2),
				Params:   []Tensor{Rows("x", 1), {Name: "w", Shape: []int{n, 1}}, {Name: "p", Shape: []int{n}}},
				Build: func(g *nn.Graph, p Nodes) *nn.Node {
					return nn.Linear(p["x"], p["w"], c.build(g, p["p"]))
				},
				Reference: func(v Values) []float64 {
					var y []float64
					for _, x := range v.F["x"] {
						for j, w := range v.F["w"] {
							y = append(y, x*w+c.reference(v.F["p"][j]))
						}
					}
					return y
				},
			}.Check(t)
		})
	}
}
