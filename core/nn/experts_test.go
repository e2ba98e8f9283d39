package nn_test

import (
	"math"
	"testing"

	"github.com/archlab/archlab/core/engine"
	"github.com/archlab/archlab/core/nn"
	. "github.com/archlab/archlab/core/nn/nntest"
	"gorgonia.org/gorgonia"
)

// expertsReference runs every chosen expert on every row in the order of the choices. seats, if positive, limits the tokens
// of each expert, first choices first.
func expertsReference(v Values, r nn.Router, kind string, e, d, f, seats int) []float64 {
	x, up, down := v.F["x"], v.F["up"], v.F["down"]
	y := make([]float64, v.Rows*d)
	taken := make([]int, e)
	for j := range r.K {
		for i := range v.Rows {
			rt := routeReference(v.F["logits"][i*e:(i+1)*e], nil, r)
			ex := rt.chosen[j]
			if seats > 0 && taken[ex] == seats {
				continue
			}
			taken[ex]++
			for h := range f {
				product := func(row int) (sum float64) {
					for c := range d {
						sum += up[(ex*len(up)/(e*d)+row)*d+c] * x[i*d+c]
					}
					return sum
				}
				act := product(h)
				switch kind {
				case "swiglu":
					act = act / (1 + math.Exp(-act)) * product(f+h)
				case "squared_relu":
					act = max(act, 0) * max(act, 0)
				}
				for c := range d {
					y[i*d+c] += rt.gates[j] * down[(ex*d+c)*f+h] * act
				}
			}
		}
	}
	return y
}

func TestExperts(t *testing.T) {
	cases := map[string]struct {
		e, d, f, rows int
		router        nn.Router
		seats         int // of an expert
		kind          string
	}{
		"dropless":                       {e: 4, d: 5, f: 3, rows: 9, router: nn.Router{K: 2, Normalize: true}},
		"one row leaves experts idle":    {e: 6, d: 3, f: 2, rows: 1, router: nn.Router{K: 2}},
		"all experts":                    {e: 3, d: 3, f: 2, rows: 5, router: nn.Router{K: 3, Sigmoid: true, Normalize: true, Scale: 1.5}},
		"squared relu":                   {e: 4, d: 5, f: 3, rows: 9, router: nn.Router{K: 2, Normalize: true}, kind: "squared_relu"},
		"capacity":                       {e: 3, d: 4, f: 2, rows: 10, router: nn.Router{K: 2, Normalize: true, Capacity: 0.6}, seats: 4},
		"capacity of one seat an expert": {e: 2, d: 3, f: 2, rows: 8, router: nn.Router{K: 1, Capacity: 0.2}, seats: 1},
	}
	for name, c := range cases {
		wide := c.f
		if c.kind == "" {
			c.kind, wide = "swiglu", 2*c.f
		}
		t.Run(name, func(t *testing.T) {
			Case{
				Segments: Segments(c.rows),
				Params: []Tensor{
					Rows("x", c.d), Rows("logits", c.e),
					{Name: "up", Shape: []int{c.e, wide, c.d}}, {Name: "down", Shape: []int{c.e, c.d, c.f}},
				},
				Build: func(g *nn.Graph, p Nodes) *nn.Node {
					return nn.Experts(p["x"], g.Route(p["logits"], nil, c.router), c.kind, p["up"], p["down"])
				},
				Reference: func(v Values) []float64 { return expertsReference(v, c.router, c.kind, c.e, c.d, c.f, c.seats) },
			}.Check(t)
		})
	}
}

// TestRouterMetrics holds load, imbalance, entropy and drops against logits whose answers are known.
func TestRouterMetrics(t *testing.T) {
	// Three tokens want expert 0, one wants expert 1; experts 2 and 3 are idle. Three quarters of ln 1 and one of ln 2.
	logits := []float32{
		40, 0, 0, 0,
		40, 0, 0, 0,
		40, 0, 0, 0,
		0, 40, 40, 0,
	}
	got := map[string]float64{}
	g := nn.NewGraph(6, nn.Training)
	r := g.Route(g.Input("logits", 4), nil, nn.Router{K: 1, Capacity: 1.5}) // ceil(1.5·4/4) = 2 seats
	nodes := map[string]*nn.Node{"imbalance": r.Imbalance(), "entropy": r.Entropy(), "dropped": r.Dropped(), "load": r.Load()}
	p, err := engine.Compile(g.Expr(), gorgonia.Nodes{nodes["imbalance"], nodes["entropy"], nodes["dropped"], nodes["load"]}, engine.Options{Capacity: 6})
	if err != nil {
		t.Fatal(err)
	}
	in, _ := p.Input("logits")
	copy(in.F32, logits)
	if err := p.Run(&engine.Run{Rows: 4, Segments: Segments(4)}); err != nil {
		t.Fatal(err)
	}
	for name, n := range nodes {
		b, _ := p.Buffer(n)
		got[name] = float64(b.F32[0])
	}
	want := map[string]float64{"imbalance": 3, "entropy": math.Ln2 / 4, "dropped": 0.25, "load": 3}
	for name, w := range want {
		if math.Abs(got[name]-w) > 1e-6 {
			t.Errorf("%s = %g, want %g", name, got[name], w)
		}
	}
}

// TestScoringNeverDrops: capacity is a matter of training.
func TestScoringNeverDrops(t *testing.T) {
	for _, mode := range []nn.Mode{nn.Training, nn.Scoring} {
		g := nn.NewGraph(3, mode)
		r := g.Route(g.Input("logits", 2), nil, nn.Router{K: 1, Normalize: true, Capacity: 0.5})
		one := g.Input("x", 1)
		up, down := constantTensor(g, []float32{1, 1, 1, 1}, 2, 2, 1), constantTensor(g, []float32{1, 1}, 2, 1, 1)
		y := nn.Experts(one, r, "swiglu", up, down)
		p, err := engine.Compile(g.Expr(), gorgonia.Nodes{y}, engine.Options{Capacity: 3})
		if err != nil {
			t.Fatal(err)
		}
		logits, _ := p.Input("logits")
		copy(logits.F32, []float32{9, 0, 9, 0, 9, 0})
		x, _ := p.Input("x")
		copy(x.F32, []float32{1, 1, 1})
		run := engine.Run{Rows: 3, Segments: Segments(3)}
		if err := p.Run(&run); err != nil {
			t.Fatal(err)
		}
		b, _ := p.Buffer(y)
		dropped := b.F32[2] == 0
		if want := mode == nn.Training; dropped != want {
			t.Errorf("%v: the third token's output is %g: dropped %v, want %v", mode, b.F32[2], dropped, want)
		}
	}
}
