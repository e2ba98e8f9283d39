package model

import (
	"bytes"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/archlab/archlab/core/family"
	"github.com/archlab/archlab/core/nn"
)

var adamW = family.OptimizerStep{LearningRate: 1e-2, Beta1: 0.9, Beta2: 0.95, Epsilon: 1e-8, WeightDecay: 0.1, Clip: 1}

func batch(r *rand.Rand, b, t int) family.Batch {
	x := family.Batch{B: b, T: t, Tokens: tokens(r, b*t), Targets: tokens(r, b*t), Weights: make([]float32, b*t)}
	for i := range x.Weights {
		x.Weights[i] = 1 / float32(b*t)
	}
	return x
}

func train(t testing.TB, m *lm, batches ...family.Batch) family.TrainResult {
	t.Helper()
	res, err := m.Train(background, family.TrainRequest{MicroBatches: batches, Optimizer: adamW})
	if err != nil {
		t.Fatal(err)
	}
	return res
}

// saved is everything that training changes.
func saved(t testing.TB, m *lm) []byte {
	t.Helper()
	var b bytes.Buffer
	for _, part := range []family.Part{family.Weights, family.Optimizer} {
		if err := m.Save(background, part, &b); err != nil {
			t.Fatal(err)
		}
	}
	return b.Bytes()
}

// A training call that is cancelled in any of its runs, or refused, changes nothing.
func TestCancelledTrainingChangesNothing(t *testing.T) {
	tripped = func() {}
	m := build(t, `{"trip":true,"buffer":true}`, 1)
	r := rand.New(rand.NewPCG(1, 1))
	train(t, m, batch(r, 2, 8))
	before := saved(t, m)
	req := family.TrainRequest{MicroBatches: []family.Batch{batch(r, 2, 8), batch(r, 1, 5), batch(r, 3, 3)}, Optimizer: adamW}
	for n := range 4 {
		if _, err := m.Train(cancelling(n), req); family.CodeOf(err) != family.Canceled {
			t.Fatalf("cancelled in run %d: got %v, want code canceled", n, err)
		}
		if !bytes.Equal(saved(t, m), before) {
			t.Fatalf("cancelled in run %d: something changed", n)
		}
	}
	bad := req
	bad.MicroBatches = append([]family.Batch{}, req.MicroBatches...)
	bad.MicroBatches[2].Tokens = []int32{1}
	if _, err := m.Train(background, bad); err == nil || err.(*family.Error).Field != "micro_batches[2].batch.tokens" {
		t.Errorf("got %v, want an error at micro_batches[2].batch.tokens", err)
	}
	for name, o := range map[string]family.OptimizerStep{
		"adamw_rate": {Name: family.Muon, LearningRate: 1e-3}, "learning_rate": {LearningRate: math.NaN()}, "beta1": {Beta1: 1}, "beta2": {Beta2: -1},
		"epsilon": {Epsilon: math.Inf(1)}, "weight_decay": {WeightDecay: -1}, "clip": {Clip: -1},
	} {
		_, err := m.Train(background, family.TrainRequest{MicroBatches: req.MicroBatches, Optimizer: o})
		if err == nil || err.(*family.Error).Field != "optimizer."+name {
			t.Errorf("got %v, want an error at optimizer.%s", err, name)
		}
	}
	if !bytes.Equal(saved(t, m), before) {
		t.Error("refused calls changed something")
	}
	if _, err := m.Train(cancelling(4), req); err != nil {
		t.Errorf("got %v, want no error", err)
	}
	if bytes.Equal(saved(t, m), before) {
		t.Error("a step changed nothing")
	}
}

// Packing leaves out what nothing can see, and keeps the rest in order.
func TestPack(t *testing.T) {
	b := family.Batch{B: 3, T: 4, Weights: []float32{1, 0, 1, 0, 0, 0, 0, 0, 0, 1, 1, 1}, Starts: []int32{1, 4, 6, 10}}
	p, err := pack(b, 0, 3, 0)
	if err != nil {
		t.Fatal(err)
	}
	wantRows := []int32{0, 1, 2, 8, 9, 10, 11}
	wantSegs := [][2]int{{0, 1}, {1, 2}, {3, 2}, {5, 2}}
	if len(p.rows) != len(wantRows) || len(p.segs) != len(wantSegs) {
		t.Fatalf("got rows %v and segments %v", p.rows, p.segs)
	}
	for i, x := range wantRows {
		if p.rows[i] != x {
			t.Errorf("row %d: got %d, want %d", i, p.rows[i], x)
		}
	}
	for i, x := range wantSegs {
		if p.segs[i].Start != x[0] || p.segs[i].Len != x[1] || p.segs[i].Pos != 0 {
			t.Errorf("segment %d: got %+v, want %v", i, p.segs[i], x)
		}
	}
	if _, err := pack(b, 2, 3, 1); err == nil || err.(*family.Error).Field != "batch.tokens[9]" {
		t.Errorf("a document longer than the limit: got %v", err)
	}
	if p, _ := pack(b, 1, 2, 0); len(p.rows) != 0 {
		t.Errorf("a row without weights: got rows %v", p.rows)
	}
}

// A micro-batch that predicts nothing teaches nothing, beside others or alone.
func TestEmptyMicroBatches(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	full, empty := batch(r, 2, 6), batch(r, 1, 4)
	clear(empty.Weights)
	a, b := build(t, `{"stock":true,"aux":0.1}`, 1), build(t, `{"stock":true,"aux":0.1}`, 1)
	ra, rb := train(t, a, full), train(t, b, empty, full)
	if ra.Loss != rb.Loss || ra.GradNorm != rb.GradNorm || !bytes.Equal(saved(t, a), saved(t, b)) {
		t.Errorf("an empty micro-batch changed the step: %+v and %+v", ra, rb)
	}
	if res := train(t, a, empty); res.Loss != 0 || res.GradNorm != 0 || res.Skipped {
		t.Errorf("nothing to predict: got %+v", res)
	}
}

// Padding at the end of rows changes no bit, also where ops of Gorgonia's own would read what earlier steps left in the
// rows that are not in use.
func TestPaddingIsNotThere(t *testing.T) {
	for _, config := range []string{`{}`, `{"stock":true,"aux":0.1}`, `{"extra":2,"replay":true}`} {
		r := rand.New(rand.NewPCG(1, 1))
		warm, short := batch(r, 3, 9), batch(r, 3, 5)
		long := family.Batch{B: 3, T: 9, Tokens: tokens(r, 27), Targets: tokens(r, 27), Weights: make([]float32, 27)}
		for i := range short.Tokens {
			j := i/5*9 + i%5
			long.Tokens[j], long.Targets[j], long.Weights[j] = short.Tokens[i], short.Targets[i], short.Weights[i]
		}
		a, b := build(t, config, 1), build(t, config, 1)
		train(t, a, warm)
		train(t, b, warm)
		ra, rb := train(t, a, short), train(t, b, long)
		if ra.Loss != rb.Loss || ra.GradNorm != rb.GradNorm || !bytes.Equal(saved(t, a), saved(t, b)) {
			t.Errorf("%s: loss %v and gradient %v, with padding %v and %v", config, ra.Loss, ra.GradNorm, rb.Loss, rb.GradNorm)
		}
	}
}

// The auxiliary loss, the metrics and the total of a step do not depend on how it is cut into micro-batches.
func TestAuxiliaryLossesUnderAccumulation(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	x, y := batch(r, 2, 6), batch(r, 1, 6)
	both := family.Batch{B: 3, T: 6, Tokens: append(append([]int32{}, x.Tokens...), y.Tokens...), Targets: append(append([]int32{}, x.Targets...), y.Targets...), Weights: append(append([]float32{}, x.Weights...), y.Weights...)}
	a, b := build(t, `{"stock":true,"aux":10}`, 1), build(t, `{"stock":true,"aux":10}`, 1)
	ra, rb := train(t, a, x, y), train(t, b, both)
	for _, v := range [][2]float64{{ra.Loss, rb.Loss}, {ra.Total, rb.Total}, {ra.GradNorm, rb.GradNorm}, {ra.Metrics["size"], rb.Metrics["size"]}, {ra.Metrics["square"], rb.Metrics["square"]}} {
		if math.Abs(v[0]-v[1]) > 1e-5*math.Abs(v[1]) { // float32 sums in another order
			t.Errorf("got %v in two micro-batches, %v in one", v[0], v[1])
		}
	}
	if got := rb.Total - rb.Loss; math.Abs(got-10*rb.Metrics["size"]) > 1e-9 || !(got > 0) {
		t.Errorf("total is %v above the loss, want 10 times the auxiliary loss %v", got, rb.Metrics["size"])
	}
}

// A rule-based update is applied once a step with the sum over micro-batches, and not when the step is skipped.
func TestUpdatesOfBuffers(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	m := build(t, `{"buffer":true}`, 1)
	before := m.params.Get("norm.gain").W[0] // the signal
	train(t, m, batch(r, 1, 4), batch(r, 1, 4), batch(r, 1, 4))
	if got, want := m.params.Get("usage").W[0], 1e-3*(3*before); got != want {
		t.Errorf("buffer is %v, want %v", got, want)
	}
	bad := batch(r, 1, 4)
	bad.Weights[0] = math.MaxFloat32
	m.params.Get("embed").W[0] = float32(math.Inf(1))
	at := m.params.Get("usage").W[0]
	steps := m.params.Steps
	if res := train(t, m, bad); !res.Skipped {
		t.Fatalf("got %+v, want it skipped", res)
	}
	if m.params.Get("usage").W[0] != at || m.params.Steps != steps {
		t.Error("a skipped step changed the buffer or the number of steps")
	}
}

// Few plans are kept, and none is compiled twice while it is in use.
func TestPlansAreCached(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	m := build(t, `{}`, 1)
	compiled := func() int64 { return m.usage.ops["compile"].Calls }
	for range 3 {
		train(t, m, batch(r, 2, 8), batch(r, 1, 8))
	}
	if got := compiled(); got != 2 {
		t.Errorf("%d plans compiled for two shapes", got)
	}
	for n := 1; n < 12; n++ {
		train(t, m, batch(r, 1, n))
		if _, err := m.Score(background, batch(r, 1, n)); err != nil {
			t.Fatal(err)
		}
	}
	kept := map[nn.Mode]int{}
	for k := range m.plans.plans {
		kept[k.mode]++
	}
	if kept[nn.Training] != keep || kept[nn.Scoring] != keep {
		t.Errorf("kept %v plans, want %d each", kept, keep)
	}
	// Training had let go of 8 rows when they came again; scoring rounds up to 1, 2, 4, 8 and 16.
	if got := compiled(); got != 2+11+5 {
		t.Errorf("%d plans compiled, want 18", got)
	}
}

// The second and later steps of one shape allocate only what their answer needs, whatever the model's size.
func TestTrainAllocatesLittle(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	b := batch(r, 4, 64)
	count := func(config string) float64 {
		m := build(t, config, 1)
		train(t, m, b)
		return testing.AllocsPerRun(5, func() { train(t, m, b) })
	}
	small, large := count(`{"width":8}`), count(`{"width":64}`)
	if small != large || small > 40 {
		t.Errorf("a step makes %v allocations at width 8 and %v at width 64, want as many and at most 40", small, large)
	}
}

func BenchmarkDecodeStep(b *testing.B) {
	m := build(b, `{"width":64}`, 1)
	id := open(b, m)
	b.ReportAllocs()
	n := 0
	for b.Loop() {
		if n++; n == 500 {
			b.StopTimer()
			rewindAll(b, m, id, n-1)
			n = 1
			b.StartTimer()
		}
		extend(b, m, id, []int32{1})
	}
}

func rewindAll(b *testing.B, m *lm, id family.StateID, n int) {
	if err := m.Rewind(background, id, n); err != nil {
		b.Fatal(err)
	}
}
