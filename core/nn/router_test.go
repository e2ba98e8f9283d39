package nn_test

import (
	"math"
	"sort"
	"testing"

	"github.com/archlab/archlab/core/engine"
	"github.com/archlab/archlab/core/kernel"
	"github.com/archlab/archlab/core/nn"
	. "github.com/archlab/archlab/core/nn/nntest"
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// routed is what the reference router answers for one row.
type routed struct {
	scores []float64 // [E]
	chosen []int     // [K]
	gates  []float64 // [K]
}

func routeReference(logits, bias []float64, r nn.Router) routed {
	out := routed{scores: make([]float64, len(logits))}
	sum := 0.0
	for e, x := range logits {
		out.scores[e] = math.Exp(x)
		sum += out.scores[e]
	}
	for e, x := range logits {
		out.scores[e] /= sum
		if r.Sigmoid {
			out.scores[e] = 1 / (1 + math.Exp(-x))
		}
		out.chosen = append(out.chosen, e)
	}
	by := func(e int) float64 {
		if bias == nil {
			return out.scores[e]
		}
		return out.scores[e] + bias[e]
	}
	sort.SliceStable(out.chosen, func(i, j int) bool { return by(out.chosen[i]) > by(out.chosen[j]) })
	out.chosen = out.chosen[:r.K]
	total := 1.0
	if r.Normalize {
		total = 0
		for _, e := range out.chosen {
			total += out.scores[e]
		}
	}
	scale := 1.0
	if r.Scale != 0 {
		scale = float64(r.Scale)
	}
	for _, e := range out.chosen {
		out.gates = append(out.gates, scale*out.scores[e]/total)
	}
	return out
}

var routers = map[string]nn.Router{
	"softmax":                    {K: 2, Normalize: true},
	"softmax, gates as they are": {K: 1},
	"sigmoid, scaled":            {K: 3, Sigmoid: true, Normalize: true, Scale: 2.5},
	"sigmoid, as they are":       {K: 2, Sigmoid: true},
}

func TestRoute(t *testing.T) {
	const e = 5
	for name, r := range routers {
		for _, biased := range []bool{false, true} {
			if biased {
				name += ", biased"
			}
			t.Run(name, func(t *testing.T) {
				Case{
					Segments: Segments(6, 3),
					Params:   []Tensor{Rows("logits", e)},
					Build: func(g *nn.Graph, p Nodes) *nn.Node {
						var bias *nn.Node
						if biased {
							bias = constant(g, []float32{0.4, -0.3, 0, 0.2, 0})
						}
						return g.Route(p["logits"], bias, r).Gates
					},
					Reference: func(v Values) []float64 {
						var bias, y []float64
						if biased {
							bias = []float64{float64(float32(0.4)), float64(float32(-0.3)), 0, float64(float32(0.2)), 0}
						}
						for i := range v.Rows {
							y = append(y, routeReference(v.F["logits"][i*e:(i+1)*e], bias, r).gates...)
						}
						return y
					},
				}.Check(t)
			})
		}
	}
}

// TestUnderflownGates: a bias that chooses experts whose scores underflow makes equal gates without a gradient, and the
// rows beside are as ever.
func TestUnderflownGates(t *testing.T) {
	const e = 4
	logits := []float32{
		200, 0, 0, 0, // the chosen scores are 0
		80, -5, 0, 0, // 1e-37: their proportion may be lost
		0, 1, 2, 3,
	}
	for _, sigmoid := range []bool{false, true} {
		if sigmoid {
			logits[1], logits[2], logits[5], logits[6] = -200, -200, -85, -85
		}
		g := nn.NewGraph(3, nn.Training)
		w := g.Param("logits", nn.Constant(0), 3, e)
		bias := constant(g, []float32{0, 10, 10, 0})
		gates := g.Route(w, bias, nn.Router{K: 2, Sigmoid: sigmoid, Normalize: true, Scale: 3}).Gates
		weighed := nn.Mul(gates, constantTensor(g, []float32{1, -2, 1, -2, 1, -2}, 3, 2))
		total := gorgonia.Must(gorgonia.Sum(weighed))
		got, grad := forwardBackward(t, g, total, gates, logits)
		for i, x := range got[:4] {
			if x != 1.5 {
				t.Errorf("sigmoid %v: gate %d is %g, want 1.5", sigmoid, i, x)
			}
		}
		for i, x := range grad[:2*e] {
			if x != 0 {
				t.Errorf("sigmoid %v: gradient %d is %g, want 0", sigmoid, i, x)
			}
		}
		want := routeReference([]float64{0, 1, 2, 3}, []float64{0, 10, 10, 0}, nn.Router{K: 2, Sigmoid: sigmoid, Normalize: true, Scale: 3})
		for j, x := range want.gates {
			if math.Abs(float64(got[4+j])-x) > 1e-6 {
				t.Errorf("sigmoid %v: gate %d of the last row is %g, want %g", sigmoid, j, got[4+j], x)
			}
		}
		if grad[2*e+1] == 0 || grad[2*e+2] == 0 {
			t.Errorf("sigmoid %v: the last row has gradient %v", sigmoid, grad[2*e:])
		}
	}
}

// TestUnderflownBalance: a row of sigmoid scores that are all 0 shares itself out evenly and has no gradient.
func TestUnderflownBalance(t *testing.T) {
	const e = 4
	g := nn.NewGraph(2, nn.Training)
	w := g.Param("logits", nn.Constant(0), 2, e)
	// Both rows choose experts 0 and 1 (ties go to the first): loads are 2, 2, 0, 0. The second row's scores are 0.5 but one.
	loss := g.Route(w, nil, nn.Router{K: 2, Sigmoid: true, Normalize: true}).BalanceLoss()
	got, grad := forwardBackward(t, g, nn.Mean(loss), loss, []float32{-200, -200, -300, -300, 0, 0, -200, 0})
	const share1, share2 = 1, 2 / 1.5 // Σ load·p of each row
	if want := e / (2. * 2 * 2) * (share1 + share2); !(math.Abs(float64(got[0])-want) <= 1e-6) {
		t.Errorf("loss %g, want %g", got[0], want)
	}
	for i, x := range grad[:e] {
		if x != 0 {
			t.Errorf("gradient %d is %g, want 0", i, x)
		}
	}
	// ds = c (load - 4/3)/1.5, and a sigmoid of 0.5 has slope 0.25.
	if want := e / (2. * 2 * 2) * (2 - share2) / 1.5 * 0.25; !(math.Abs(float64(grad[e])-want) <= 1e-6) {
		t.Errorf("gradient of the second row is %g, want %g", grad[e], want)
	}
}

// forwardBackward runs total and its gradient by the graph's only parameter, with the given value, and answers out and it.
func forwardBackward(t *testing.T, g *nn.Graph, total, out *nn.Node, w []float32) (value, grad []float32) {
	t.Helper()
	spec := g.Params()[0]
	params, err := engine.NewParams([]engine.ParamSpec{{Name: spec.Name, Shape: spec.Shape}})
	if err != nil {
		t.Fatal(err)
	}
	params.Train()
	copy(params.Get(spec.Name).W, w)
	grads, backward, err := engine.Differentiate(total, []string{spec.Name}, []*nn.Node{spec.Node})
	if err != nil {
		t.Fatal(err)
	}
	p, err := engine.Compile(g.Expr(), gorgonia.Nodes{total, out}, engine.Options{Params: params, Capacity: g.Rows(), Grads: grads, Backward: backward})
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Run(&engine.Run{Rows: g.Rows(), Segments: []kernel.Segment{{Len: g.Rows()}}}); err != nil {
		t.Fatal(err)
	}
	b, _ := p.Buffer(out)
	return b.F32, params.Get(spec.Name).Grad
}

func TestRouterLosses(t *testing.T) {
	const e = 4
	for name, r := range routers {
		t.Run("balance, "+name, func(t *testing.T) {
			var load []float64 // counted once: the choice has no derivative
			Case{
				Segments: Segments(4, 7),
				Params:   []Tensor{Rows("logits", e)},
				Build:    func(g *nn.Graph, p Nodes) *nn.Node { return g.Route(p["logits"], nil, r).BalanceLoss() },
				Reference: func(v Values) []float64 {
					count, mean := make([]float64, e), make([]float64, e)
					for i := range v.Rows {
						x := routeReference(v.F["logits"][i*e:(i+1)*e], nil, r)
						for _, c := range x.chosen {
							count[c] += 1 / float64(v.Rows*r.K)
						}
						sum := 0.0
						for _, s := range x.scores {
							sum += s
						}
						for j, s := range x.scores {
							mean[j] += s / sum / float64(v.Rows)
						}
					}
					if load == nil {
						load = count
					}
					y := 0.0
					for j := range mean {
						y += e * load[j] * mean[j]
					}
					return []float64{y}
				},
			}.Check(t)
		})
	}
	t.Run("z", func(t *testing.T) {
		Case{
			Segments: Segments(4, 7),
			Params:   []Tensor{Rows("logits", e)},
			Build: func(g *nn.Graph, p Nodes) *nn.Node {
				return g.Route(p["logits"], nil, nn.Router{K: 2}).ZLoss()
			},
			Reference: func(v Values) []float64 {
				y := 0.0
				for i := range v.Rows {
					sum := 0.0
					for _, x := range v.F["logits"][i*e : (i+1)*e] {
						sum += math.Exp(x)
					}
					y += math.Log(sum) * math.Log(sum) / float64(v.Rows)
				}
				return []float64{y}
			},
		}.Check(t)
	})
}

func constant(g *nn.Graph, x []float32) *nn.Node { return constantTensor(g, x, len(x)) }

func constantTensor(g *nn.Graph, x []float32, shape ...int) *nn.Node {
	return g.Expr().AddNode(gorgonia.NewConstant(tensor.New(tensor.WithShape(shape...), tensor.WithBacking(x))))
}
