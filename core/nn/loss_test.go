package nn_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/archlab/archlab/core/engine"
	"github.com/archlab/archlab/core/kernel"
	"github.com/archlab/archlab/core/nn"
	"github.com/archlab/archlab/core/nn/nntest"
	"gorgonia.org/gorgonia"
)

// logProb is log softmax(w x)[target], and whether the target is the first largest.
func logProb(x, w []float64, d, target int) (float64, bool) {
	top, sum := math.Inf(-1), 0.0
	logits := make([]float64, len(w)/d)
	best := 0
	for o := range logits {
		for i := range d {
			logits[o] += w[o*d+i] * x[i]
		}
		if logits[o] > top {
			top, best = logits[o], o
		}
	}
	for _, l := range logits {
		sum += math.Exp(l - top)
	}
	return logits[target] - top - math.Log(sum), best == target
}

// headLoss is the sum over rows with a weight of weight·(-log p).
func headLoss(hidden, w []float64, d, offset int, targets []int32, weights []float32, segs []kernel.Segment) float64 {
	loss := 0.0
	for _, s := range segs {
		for i := s.Start; i+offset < s.Start+s.Len; i++ {
			if wt := weights[i+offset]; wt != 0 {
				lp, _ := logProb(hidden[i*d:(i+1)*d], w, d, int(targets[i+offset]))
				loss -= float64(wt) * lp
			}
		}
	}
	return loss
}

// The heads share a projection or have their own, and may share hidden states.
func TestLoss(t *testing.T) {
	const v, d, rows = 7, 5, 12
	segs := nntest.Segments(8, 1, 3)
	rng := rand.New(rand.NewPCG(3, 3))
	targets, weights := make([]int32, rows), make([]float32, rows)
	for i := range targets {
		targets[i] = int32(rng.IntN(v))
		weights[i] = []float32{0, 0.5, 1, -0.25}[rng.IntN(4)]
	}
	weights[2], weights[11] = 0, 1
	for _, c := range []struct {
		name  string
		heads []nn.Head // hidden and projection by the names below
		names [][2]string
		aux   bool
	}{
		{name: "main"},
		{name: "own", heads: []nn.Head{{Offset: 1, Weight: 0.3}}, names: [][2]string{{"h1", "w1"}}},
		{name: "shared projection", heads: []nn.Head{{Offset: 1, Weight: 0.3}, {Offset: 2, Weight: 2}}, names: [][2]string{{"h1", "w"}, {"h2", "w"}}},
		{name: "shared hidden", heads: []nn.Head{{Offset: 2, Weight: 0.3}}, names: [][2]string{{"h", "w1"}}},
		{name: "auxiliary", aux: true},
	} {
		t.Run(c.name, func(t *testing.T) {
			list := []nntest.Tensor{nntest.Rows("h", d), {Name: "w", Shape: []int{v, d}}}
			for _, n := range c.names {
				if n[0] != "h" {
					list = append(list, nntest.Rows(n[0], d))
				}
				if n[1] != "w" {
					list = append(list, nntest.Tensor{Name: n[1], Shape: []int{v, d}})
				}
			}
			if c.aux {
				list = append(list, nntest.Tensor{Name: "a"}, nntest.Tensor{Name: "b"})
			}
			nntest.Case{
				Segments: segs,
				Ints:     map[string][]int32{"targets": targets},
				Floats:   map[string][]float32{"weights": weights, nn.Share: {0.5}},
				Params:   list,
				Build: func(g *nn.Graph, p nntest.Nodes) *nn.Node {
					out := nn.Output{Hidden: p["h"], Projection: p["w"]}
					for i, h := range c.heads {
						h.Name, h.Hidden, h.Projection = fmt.Sprint(i), p[c.names[i][0]], p[c.names[i][1]]
						out.Heads = append(out.Heads, h)
					}
					if c.aux {
						out.Aux = []nn.AuxLoss{{Name: "a", Node: p["a"], Coefficient: 3}, {Name: "b", Node: p["b"], Coefficient: -2}}
					}
					return nn.Loss(g, out).Total
				},
				Reference: func(v nntest.Values) []float64 {
					total := headLoss(v.F["h"], v.F["w"], d, 0, targets, weights, segs)
					for i, h := range c.heads {
						total += float64(h.Weight) * headLoss(v.F[c.names[i][0]], v.F[c.names[i][1]], d, h.Offset, targets, weights, segs)
					}
					if c.aux {
						total += 0.5 * (3*v.F["a"][0] - 2*v.F["b"][0])
					}
					return []float64{total}
				},
			}.Check(t)
		})
	}
}

// More rows than a block of logits, rows of logits that are apart, and a loss that something else is computed from.
func TestLossBlocks(t *testing.T) {
	for _, c := range []struct{ v, d, first, second int }{{5, 3, 400, 200}, {1024, 2, 7, 9}} {
		rows := c.first + c.second
		targets, weights := make([]int32, rows), make([]float32, rows)
		for i := range targets {
			targets[i], weights[i] = int32(i%c.v), float32(i%3)/float32(rows)
		}
		segs := nntest.Segments(c.first, c.second)
		nntest.Case{
			Segments: segs,
			Ints:     map[string][]int32{"targets": targets},
			Floats:   map[string][]float32{"weights": weights},
			Params:   []nntest.Tensor{nntest.Rows("h", c.d), {Name: "w", Shape: []int{c.v, c.d}}},
			Build: func(g *nn.Graph, p nntest.Nodes) *nn.Node {
				l := nn.Loss(g, nn.Output{Hidden: p["h"], Projection: p["w"]}).Total
				return gorgonia.Must(gorgonia.Square(l))
			},
			Reference: func(v nntest.Values) []float64 {
				l := headLoss(v.F["h"], v.F["w"], c.d, 0, targets, weights, segs)
				return []float64{l * l}
			},
		}.Check(t)
	}
}

// plan compiles outputs over parameters filled from a seed.
func plan(t *testing.T, g *nn.Graph, outputs ...*nn.Node) *engine.Plan {
	t.Helper()
	var specs []engine.ParamSpec
	for _, p := range g.Params() {
		specs = append(specs, engine.ParamSpec{Name: p.Name, Shape: p.Shape})
	}
	params, err := engine.NewParams(specs)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range g.Params() {
		p.Fill(1, params.Get(p.Name).W)
	}
	pl, err := engine.Compile(g.Expr(), outputs, engine.Options{Params: params, Capacity: g.Rows()})
	if err != nil {
		t.Fatal(err)
	}
	return pl
}

func buffer(t *testing.T, p *engine.Plan, n *nn.Node) engine.Buffer {
	t.Helper()
	b, ok := p.Buffer(n)
	if !ok {
		t.Fatalf("no buffer of %v", n)
	}
	return b
}

func input(t *testing.T, p *engine.Plan, name string) engine.Buffer {
	t.Helper()
	b, ok := p.Input(name)
	if !ok {
		t.Fatalf("no input %q", name)
	}
	return b
}

// Score and Logits agree with Loss and with the definition, the losses of heads to far below float32.
func TestScoreAndLogits(t *testing.T) {
	const v, d, rows, capacity = 11, 4, 300, 301
	g := nn.NewGraph(capacity, nn.Scoring)
	table := g.Param("table", nn.Normal(1), v, d)
	hidden := nn.Embedding(table, g.Tokens())
	out := nn.Output{Hidden: hidden, Projection: g.Param("w", nn.Normal(1), v, d)}
	score, loss, logits := nn.Score(g, out), nn.Loss(g, out), nn.Logits(g, out.Hidden, out.Projection)
	pl := plan(t, g, score.LogProbs, score.Correct, loss.Total, loss.Heads[0], logits)
	tokens, targets, weights := input(t, pl, "tokens").I32, input(t, pl, "targets").I32, input(t, pl, "weights").F32
	for i := range rows {
		tokens[i], targets[i], weights[i] = int32(i*i%v), int32(i%v), float32(i%4)
	}
	r := engine.Run{Rows: rows, Segments: nntest.Segments(rows), Select: []int32{299, 3, 3, 0}}
	if err := pl.Run(&r); err != nil {
		t.Fatal(err)
	}
	tableW, w := widen(buffer(t, pl, table).F32), widen(buffer(t, pl, out.Projection).F32)
	logp, correct := buffer(t, pl, score.LogProbs).F32, buffer(t, pl, score.Correct).I32
	sum := 0.0
	for i := range rows {
		want, first := logProb(tableW[int(tokens[i])*d:][:d], w, d, int(targets[i]))
		if weights[i] == 0 {
			want, first = 0, false
		}
		if math.Abs(float64(logp[i])-want) > 1e-5*(1+math.Abs(want)) || first != (correct[i] == 1) {
			t.Fatalf("row %d: %g %d, want %g %v", i, logp[i], correct[i], want, first)
		}
		sum -= float64(weights[i]) * float64(logp[i])
	}
	heads := buffer(t, pl, loss.Heads[0]).F32
	if got := float64(heads[0]) + float64(heads[1]); math.Abs(got-sum) > 1e-12*sum {
		t.Errorf("loss %.17g, want %.17g", got, sum)
	}
	for j, row := range r.Select {
		for o := range v {
			want := 0.0
			for i := range d {
				want += tableW[int(tokens[row])*d+i] * w[o*d+i]
			}
			if got := buffer(t, pl, logits).F32[j*v+o]; math.Abs(float64(got)-want) > 1e-5 {
				t.Fatalf("logit %d of row %d: %g, want %g", o, row, got, want)
			}
		}
	}
}

func widen(x []float32) []float64 {
	y := make([]float64, len(x))
	for i, v := range x {
		y[i] = float64(v)
	}
	return y
}

// lossPlan is a training graph of a loss with n extra heads on one projection.
func lossPlan(t *testing.T, rows, d, v, heads int) *engine.Plan {
	t.Helper()
	g := nn.NewGraph(rows, nn.Training)
	out := nn.Output{Hidden: g.Input("h", d), Projection: g.Param("w", nn.Normal(0.1), v, d)}
	for i := range heads {
		out.Heads = append(out.Heads, nn.Head{Offset: i + 1, Hidden: g.Input(fmt.Sprint("h", i), d), Projection: out.Projection, Weight: 1})
	}
	loss := nn.Loss(g, out).Total
	grads, err := gorgonia.Grad(loss, out.Hidden, out.Projection)
	if err != nil {
		t.Fatal(err)
	}
	return plan(t, g, append(grads, loss)...)
}

// Rows of weight 0 cost nothing: the operations are those of the other rows alone.
func TestLossCountsWeightedRows(t *testing.T) {
	const rows, d, v = 40, 8, 16
	pl := lossPlan(t, rows, d, v, 0)
	weights := input(t, pl, "weights").F32
	for _, n := range []int{0, 1, 17, rows} {
		clear(weights)
		for i := range n {
			weights[rows-1-i] = 1
		}
		r := engine.Run{Rows: rows, Segments: nntest.Segments(rows)}
		if err := pl.Run(&r); err != nil {
			t.Fatal(err)
		}
		if want := nn.LossFLOPs(n, d, v) + nn.LossBackwardFLOPs(n, d, v); r.FLOPs != want {
			t.Errorf("%d rows of %d: %g operations, want %g", n, rows, r.FLOPs, want)
		}
	}
}

// Logits exist for one block of rows of one head at a time: more rows and more heads add gradients of hidden states, never
// logits.
func TestLossMemory(t *testing.T) {
	const d, v = 8, 50000
	base := lossPlan(t, 256, d, v, 0).ArenaBytes()
	for _, c := range []struct{ rows, heads int }{{256, 1}, {256, 4}, {4096, 0}, {4096, 4}} {
		grown := lossPlan(t, c.rows, d, v, c.heads).ArenaBytes() - base
		hidden := int64(4 * c.rows * d * (1 + c.heads))
		if grown > hidden+1024 {
			t.Errorf("%d rows, %d heads: %d bytes more, want at most the %d of the gradients of hidden states", c.rows, c.heads, grown, hidden)
		}
	}
	if logits := int64(4 * 256 * v); base > logits {
		t.Errorf("the arena has %d bytes, more than the logits of all rows would take (%d)", base, logits)
	}
}

// The scalar of the auxiliary losses exists only where there are some.
func TestShareInput(t *testing.T) {
	for _, aux := range []bool{false, true} {
		g := nn.NewGraph(2, nn.Scoring)
		out := nn.Output{Hidden: g.Input("h", 3), Projection: g.Param("w", nn.Constant(0), 4, 3)}
		if aux {
			out.Aux = []nn.AuxLoss{{Name: "a", Node: g.Param("a", nn.Constant(2)), Coefficient: 3}}
		}
		pl := plan(t, g, nn.Loss(g, out).Total)
		if _, ok := pl.Input(nn.Share); ok != aux {
			t.Errorf("auxiliary losses %v: input %q %v", aux, nn.Share, ok)
		}
	}
}
