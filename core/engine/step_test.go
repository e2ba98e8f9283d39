package engine_test

import (
	"fmt"
	"math"
	"testing"

	"github.com/archlab/archlab/core/engine"
	"github.com/archlab/archlab/core/kernel"
	"github.com/archlab/archlab/core/nn"
	"gorgonia.org/gorgonia"
)

// trainer is a small transformer with its training plan: what core/model does, bare.
type trainer struct {
	params *engine.Params
	plan   *engine.Plan
	pool   *kernel.Pool
	run    engine.Run
	loss   []float32
	kept   int64 // the arena's bytes if the plan kept all activations
}

type size struct{ layers, width, heads, vocab, rows, seq int }

var small = size{layers: 2, width: 32, heads: 4, vocab: 61, rows: 96, seq: 24}

// newTrainer compiles it. Options.Recompute, if it is not nil, becomes the model's blocks.
func newTrainer(t testing.TB, s size, threads int, opts engine.Options) *trainer {
	t.Helper()
	g := nn.NewGraph(s.rows, nn.Training)
	table := g.Param("embed", nn.Normal(0.1).Lookup(), s.vocab, s.width)
	x := nn.Embedding(table, g.Tokens())
	norm := nn.Norm{Kind: "rmsnorm"}
	a := nn.SelfAttention{
		AttentionConfig: nn.AttentionConfig{Heads: s.heads, KVHeads: s.heads / 2, Width: s.width / s.heads},
		Theta:           1e4, QKNorm: true, Init: nn.Normal(0.1), Out: nn.Normal(0.1),
	}
	mlp := nn.MLP{Kind: "swiglu", Hidden: 2 * s.width, Init: nn.Normal(0.1), Out: nn.Normal(0.1)}
	for i := range s.layers {
		name := fmt.Sprintf("layer%d.", i)
		x = nn.Residual(g, name+"norm1", norm, x, func(x *nn.Node) *nn.Node { return a.Forward(g, name+"attention", x) })
		x = nn.Residual(g, name+"norm2", norm, x, func(x *nn.Node) *nn.Node { return mlp.Forward(g, name+"mlp", x) })
	}
	loss := nn.Loss(g, nn.Output{Hidden: norm.Forward(g, "norm", x), Projection: table})
	var specs []engine.ParamSpec
	var names []string
	var wrt gorgonia.Nodes
	for _, p := range g.Params() {
		specs = append(specs, engine.ParamSpec{Name: p.Name, Shape: p.Shape, Decay: p.Decay})
		names, wrt = append(names, p.Name), append(wrt, p.Node)
	}
	params, err := engine.NewParams(specs)
	if err != nil {
		t.Fatal(err)
	}
	params.Train()
	opts.Grads, opts.Backward, err = engine.Differentiate(loss.Total, names, wrt)
	if err != nil {
		t.Fatal(err)
	}
	for i, p := range params.All() {
		g.Params()[i].Fill(1, p.W)
	}
	if opts.Recompute != nil {
		opts.Recompute = g.Blocks()
	}
	pool := kernel.NewPool(threads)
	t.Cleanup(pool.Close)
	opts.Params, opts.Pool, opts.Capacity = params, pool, s.rows
	plan, err := engine.Compile(g.Expr(), gorgonia.Nodes{loss.Total}, opts)
	if err != nil {
		t.Fatal(err)
	}
	opts.Recompute = nil
	kept, err := engine.ArenaBytes(g.Expr(), gorgonia.Nodes{loss.Total}, opts)
	if err != nil {
		t.Fatal(err)
	}
	x1, _ := plan.Input("tokens")
	x2, _ := plan.Input("targets")
	x3, _ := plan.Input("weights")
	for i := range s.rows {
		x1.I32[i], x2.I32[i], x3.F32[i] = int32(i*i*7%s.vocab), int32((i+1)*(i+1)*7%s.vocab), 1/float32(s.rows)
	}
	tr := &trainer{params: params, plan: plan, pool: pool, run: engine.Run{Rows: s.rows}, kept: kept}
	for at := 0; at < s.rows; at += s.seq {
		tr.run.Segments = append(tr.run.Segments, kernel.Segment{Start: at, Len: min(s.seq, s.rows-at)})
	}
	b, _ := plan.Buffer(loss.Total)
	tr.loss = b.F32
	return tr
}

func (tr *trainer) step(t testing.TB) float32 {
	if err := tr.plan.Run(&tr.run); err != nil {
		t.Fatal(err)
	}
	loss := tr.loss[0]
	tr.params.Sum(nil, 0, 1)
	tr.params.Update(tr.pool, engine.Step{LearningRate: 1e-2, Beta1: 0.9, Beta2: 0.95, Epsilon: 1e-8, WeightDecay: 0.1, Clip: 1}, tr.params.GradNorm(tr.pool))
	return loss
}

// After the first, a training step allocates nothing: forward, backward, norm and update.
func TestTrainingStepAllocatesNothing(t *testing.T) {
	for _, precision := range engine.Precisions {
		for _, threads := range []int{1, 2} {
			tr := newTrainer(t, small, threads, engine.Options{Precision: precision, Sequence: small.seq})
			tr.step(t)
			if n := testing.AllocsPerRun(20, func() { tr.step(t) }); n != 0 {
				t.Errorf("%s, %d threads: a step makes %v allocations, want none", precision, threads, n)
			}
		}
	}
}

// Threads, shared memory and poison change no bit of a few steps; and the loss falls, so that there are bits to change.
func TestTrainingIsTheSameHoweverItRuns(t *testing.T) {
	for _, p := range engine.Precisions {
		t.Run(string(p), func(t *testing.T) { sameHoweverItRuns(t, p) })
	}
}

func sameHoweverItRuns(t *testing.T, precision engine.Precision) {
	const steps = 5
	run := func(threads int, o engine.Options) (bits []uint32) {
		o.Precision = precision
		tr := newTrainer(t, small, threads, o)
		for range steps {
			bits = append(bits, math.Float32bits(tr.step(t)))
		}
		for _, p := range tr.params.All() {
			for _, w := range p.W {
				bits = append(bits, math.Float32bits(w))
			}
		}
		return bits
	}
	want := run(1, engine.Options{})
	if first, last := math.Float32frombits(want[0]), math.Float32frombits(want[steps-1]); !(last < first) {
		t.Errorf("loss went from %v to %v, want it to fall", first, last)
	}
	for _, c := range []struct {
		name    string
		threads int
		o       engine.Options
	}{
		{"2 threads", 2, engine.Options{}},
		{"3 threads", 3, engine.Options{}},
		{"no sharing", 1, engine.Options{NoSharing: true}},
		{"poison", 2, engine.Options{Poison: true}},
		{"computed again", 2, engine.Options{Recompute: []engine.Block{}}},
		{"computed again, poison", 1, engine.Options{Recompute: []engine.Block{}, Poison: true}},
	} {
		if got := run(c.threads, c.o); fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("%s: results differ", c.name)
		}
	}
}

// The arena of a training step is well below the sum of its values, and every step of the plan is in the profile.
func TestTrainingArena(t *testing.T) {
	tr := newTrainer(t, small, 1, engine.Options{})
	tr.step(t)
	if got, all := tr.plan.ArenaBytes(), tr.plan.ValueBytes(); got*3 > all*2 {
		t.Errorf("arena of %d bytes for values of %d, want at most two thirds", got, all)
	}
	s := engine.Stats{}
	tr.plan.Profile(s, false)
	sum := 0.0
	for _, o := range s.List() {
		sum += o.FLOPs
	}
	if math.Abs(sum-tr.run.FLOPs) > 1e-9*sum || s["attention.backward"].Calls != int64(small.layers) {
		t.Errorf("profile sums to %v FLOPs of %v, with %d attention.backward", sum, tr.run.FLOPs, s["attention.backward"].Calls)
	}
}

// Computing blocks again keeps two rows of the width a layer, and counts what it computes.
func TestRecomputationSavesMemory(t *testing.T) {
	deep := size{layers: 12, width: 32, heads: 4, vocab: 61, rows: 96, seq: 24}
	var bytes [2]int64
	var flops [2]float64
	var calls [2]engine.Stats
	var again [2]engine.Again
	for i, o := range []engine.Options{{}, {Recompute: []engine.Block{}}} {
		tr := newTrainer(t, deep, 1, o)
		tr.step(t)
		bytes[i], flops[i], calls[i] = tr.plan.ArenaBytes(), tr.run.FLOPs, engine.Stats{}
		tr.plan.Profile(calls[i], false)
		if again[i] = tr.plan.Again(); tr.kept != bytes[0] {
			t.Errorf("keeping all takes %d bytes, foretold were %d", bytes[0], tr.kept)
		}
	}
	if again[0] != (engine.Again{}) || again[1].Seconds <= 0 || math.Abs(again[1].FLOPs-(flops[1]-flops[0])) > 1e-9*flops[1] {
		t.Errorf("computed again: %+v and %+v, want nothing and %v FLOPs", again[0], again[1], flops[1]-flops[0])
	}
	if bytes[1]*3 > bytes[0] {
		t.Errorf("an arena of %d bytes instead of %d, want at most a third", bytes[1], bytes[0])
	}
	if !(flops[1] > 1.15*flops[0] && flops[1] < 4./3*flops[0]) {
		t.Errorf("%v FLOPs instead of %v, want a part of a third more: the forward pass of the blocks", flops[1], flops[0])
	}
	if a, b := calls[0]["attention"].Calls, calls[1]["attention"].Calls; a != int64(deep.layers) || b != 2*a {
		t.Errorf("attention ran %d and %d times, want %d and twice that", a, b, deep.layers)
	}
	if a, b := calls[0]["attention.backward"].Calls, calls[1]["attention.backward"].Calls; a != b {
		t.Errorf("attention.backward ran %d and %d times", a, b)
	}
}

// BenchmarkTrainingStep is one step of a model of the quickstart's size; allocs/op must read 0.
func BenchmarkTrainingStep(b *testing.B) {
	tr := newTrainer(b, size{layers: 4, width: 128, heads: 4, vocab: 512, rows: 1024, seq: 128}, 2, engine.Options{})
	tr.step(b)
	tr.run.FLOPs = 0
	b.ReportAllocs()
	for b.Loop() {
		tr.step(b)
	}
	b.ReportMetric(tr.run.FLOPs/b.Elapsed().Seconds()/1e9, "GFLOP/s")
	b.ReportMetric(float64(tr.plan.ArenaBytes())/1e6, "arena-MB")
	b.ReportMetric(float64(tr.plan.ValueBytes())/1e6, "values-MB")
}

// BenchmarkCompile is the time from nothing to a training plan.
func BenchmarkCompile(b *testing.B) {
	for b.Loop() {
		tr := newTrainer(b, size{layers: 4, width: 16, heads: 4, vocab: 32, rows: 64, seq: 16}, 1, engine.Options{})
		b.ReportMetric(float64(tr.plan.CompileTime().Microseconds()), "compile-us")
	}
}

// In 16 bits the arena of a training step is half of what it is in float32, but for what stays float32: statistics, the loss, and the
// rows at hand.
func TestHalfTheArena(t *testing.T) {
	s := size{layers: 4, width: 64, heads: 4, vocab: 61, rows: 2048, seq: 64}
	arena := func(p engine.Precision) float64 {
		return float64(newTrainer(t, s, 1, engine.Options{Precision: p, Sequence: s.seq}).plan.ArenaBytes())
	}
	full := arena(engine.FP32)
	for _, p := range []engine.Precision{engine.BF16, engine.FP16} {
		if ratio := arena(p) / full; ratio > 0.53 {
			t.Errorf("%s: the arena is %.2f of that of fp32, want at most 0.53", p, ratio)
		} else {
			t.Logf("%s: %.3f of %.1f MB", p, ratio, full/1e6)
		}
	}
}
