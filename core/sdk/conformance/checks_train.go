package conformance

import (
	"bytes"
	"context"
	"math"

	"github.com/archlab/archlab/core/family"
)

var trainChecks = []Check{
	{
		Name:      "adamw",
		Meaning:   "steps are AdamW's: bias-corrected moments, decoupled decay on matrices and never on vectors",
		Tolerance: Tolerance{0.01, "of the learning rate, the largest move of one weight; the gradient is known to 1e-6 and weights are rounded to float32"},
		run:       checkAdamW,
	},
	{Name: "zero-weights", Meaning: "positions of weight 0 teach nothing: neither their targets nor padding at the end of a row move a weight", Tolerance: exact("counts differences; bitwise"), run: checkZeroWeights},
	{Name: "overfit", Meaning: "one batch can be learned by heart", Tolerance: Tolerance{0.25, "of the uniform loss ln V; a model that sees its context and follows its gradient gets there"}, run: checkOverfit},
	{Name: "skipped", Meaning: "a step whose loss is not finite is reported as skipped and leaves weights and optimizer untouched", Tolerance: exact("counts differences; bitwise"), run: checkSkipped},
}

func checkAdamW(ctx context.Context, p *probe) error {
	b := p.batch(p.rng("adamw"), rows, length)
	m, err := p.plainModel(ctx)
	if err != nil {
		return err
	}
	g, err := recoverGradient(ctx, m, linearStep(), b)
	if err != nil {
		return err
	}
	if m, err = p.plainModel(ctx); err != nil {
		return err
	}
	// Epsilon of a visible size makes the step a smooth function of the gradient. The second step has no gradient, so that all
	// it does is known in advance: decay, and the moments of the first.
	step := family.OptimizerStep{LearningRate: 1e-2, Beta1: 0.8, Beta2: 0.9, Epsilon: 0.01 * g.largest(), WeightDecay: 0.5}
	empty := clone(b)
	clear(empty.Weights)
	before := g.before
	for n, batch := range []family.Batch{b, empty} {
		if _, err := train(ctx, m, step, batch); err != nil {
			return err
		}
		after, err := savedWeights(ctx, m)
		if err != nil {
			return err
		}
		for k, t := range before.tensors {
			want := make([]float64, t.n)
			for i, x := range g.g[k] {
				want[i] = adamMove(n+1, step, x)
			}
			p.moved(sprintf("step %d", n+1), step.LearningRate, step.WeightDecay, before, after, k, want)
		}
		before = after
	}
	return nil
}

// adamMove is what step n moves a weight by without decay, in learning rates, by Loshchilov & Hutter 2019, algorithm 2, with
// a gradient of x at the first step and none later.
func adamMove(n int, step family.OptimizerStep, x float64) float64 {
	b1, b2 := step.Beta1, step.Beta2
	m := (1 - b1) / (1 - math.Pow(b1, float64(n))) * math.Pow(b1, float64(n-1))
	v := (1 - b2) / (1 - math.Pow(b2, float64(n))) * math.Pow(b2, float64(n-1))
	return -m * x / (math.Sqrt(v)*math.Abs(x) + step.Epsilon)
}

// moved holds the moves of tensor k against what they must be without decay, in learning rates; NaN is not known. A matrix
// decays as a whole or is exempt as a whole; a vector never decays.
func (p *probe) moved(what string, rate, decay float64, before, after *weights, k int, want []float64) {
	t := before.tensors[k]
	if after.tensors[k].n != t.n {
		return
	}
	var off [2]float64
	var at [2]int
	most := 1.0
	for i, move := range want {
		if math.IsNaN(move) {
			continue
		}
		most = max(most, math.Abs(move))
		w := float64(before.at(t, i))
		got := (float64(after.at(t, i)) - w) / rate
		for d := range off {
			if e := math.Abs(got - (move - float64(d)*decay*w)); !(e <= off[d]) {
				off[d], at[d] = e, i
			}
		}
	}
	kind, best := "vector (which never decays)", 0
	if len(t.shape) >= 2 {
		kind = "matrix (with or without decay)"
		if off[1] < off[0] {
			best = 1
		}
	}
	p.within(off[best]/most, "%s: %s, a %s: element %d is off by %.3g learning rates", what, t.name, kind, at[best], off[best])
}

// outcome is what one training leaves: bits to compare.
type outcome struct {
	results            []family.TrainResult
	weights, optimizer []byte
}

// trained trains a model on the given batches, one a step, and saves both parts.
func trained(ctx context.Context, m family.Model, step family.OptimizerStep, batches ...family.Batch) (outcome, error) {
	var o outcome
	var err error
	for _, b := range batches {
		r, err := train(ctx, m, step, b)
		if err != nil {
			return o, err
		}
		o.results = append(o.results, r)
	}
	if o.weights, err = save(ctx, m, family.Weights); err != nil {
		return o, err
	}
	o.optimizer, err = save(ctx, m, family.Optimizer)
	return o, err
}

// same holds two trainings against each other bit by bit.
func (p *probe) same(what string, want, got outcome) {
	p.ok()
	for i := range want.results {
		w, g := want.results[i], got.results[i]
		for _, x := range []struct {
			name      string
			want, got float64
		}{{"Loss", w.Loss, g.Loss}, {"Total", w.Total, g.Total}, {"GradNorm", w.GradNorm, g.GradNorm}} {
			if math.Float64bits(x.want) != math.Float64bits(x.got) {
				p.violation("%s: %s of step %d: %v against %v", what, x.name, i+1, x.want, x.got)
			}
		}
	}
	if where, ok := sameWeights(want.weights, got.weights); !ok {
		p.violation("%s: weights: %s", what, where)
	}
	if !bytes.Equal(want.optimizer, got.optimizer) {
		p.violation("%s: the optimizer's files differ", what)
	}
}

func checkZeroWeights(ctx context.Context, p *probe) error {
	rng := p.rng("zero-weights")
	b := p.batch(rng, rows, length)
	for i := range b.Weights {
		if i%b.T >= b.T-3 || i%5 == 2 {
			b.Weights[i] = 0
		}
	}
	targets, padding := clone(b), clone(b)
	for i, w := range b.Weights {
		if w == 0 {
			targets.Targets[i] = p.other(b.Targets[i])
		}
		if i%b.T >= b.T-3 {
			padding.Tokens[i] = p.other(b.Tokens[i])
		}
	}
	var want outcome
	for i, c := range []struct {
		name  string
		batch family.Batch
	}{{"", b}, {"other targets where weights are 0", targets}, {"other padding", padding}} {
		m, err := p.plainModel(ctx)
		if err != nil {
			return err
		}
		got, err := trained(ctx, m, linearStep(), c.batch)
		if err != nil {
			return err
		}
		if i == 0 {
			want = got
		} else {
			p.same(c.name, want, got)
		}
	}
	// Without any weight there is nothing to learn.
	m, err := p.plainModel(ctx)
	if err != nil {
		return err
	}
	nothing := clone(b)
	clear(nothing.Weights)
	before, err := save(ctx, m, family.Weights)
	if err != nil {
		return err
	}
	r, err := train(ctx, m, linearStep(), nothing)
	if err != nil {
		return err
	}
	after, err := save(ctx, m, family.Weights)
	if err != nil {
		return err
	}
	if r.Loss != 0 || r.GradNorm != 0 || r.Skipped {
		p.violation("all weights 0: want loss 0, gradient norm 0, not skipped; got %v, %v, %v", r.Loss, r.GradNorm, r.Skipped)
	}
	if where, ok := sameWeights(before, after); !ok {
		p.violation("all weights 0: want the same weights, got %s", where)
	}
	return nil
}

func checkOverfit(ctx context.Context, p *probe) error {
	m, _, err := p.build(ctx)
	if err != nil {
		return err
	}
	o := p.config.Overfit
	if o.Steps == 0 {
		o.Steps = 150
	}
	if o.LearningRate == 0 {
		o.LearningRate = 1e-2
	}
	b := p.batch(p.rng("overfit"), 2, length)
	bound := p.tol * math.Log(float64(p.opts.Vocab))
	step := adam(o.LearningRate)
	step.Clip = 1
	last := math.Inf(1)
	for range o.Steps {
		r, err := train(ctx, m, step, b)
		if err != nil {
			return err
		}
		if last = r.Loss; last < bound {
			break
		}
	}
	p.within(last/math.Log(float64(p.opts.Vocab)), "want a loss below %.3f after %d steps at learning rate %g, got %.3f", bound, o.Steps, o.LearningRate, last)
	return nil
}

func checkSkipped(ctx context.Context, p *probe) error {
	m, err := p.warmModel(ctx)
	if err != nil {
		return err
	}
	rng := p.rng("skipped")
	batches := []family.Batch{p.batch(rng, rows, length), p.batch(rng, rows, length)}
	good, err := trained(ctx, m, adam(1e-3), batches[0])
	if err != nil {
		return err
	}
	w, err := parseWeights(good.weights)
	if err != nil {
		return err
	}
	for _, poison := range []float64{math.NaN(), math.Inf(1)} {
		bad := w.edited(func(t, i int, old float32) float32 { return float32(poison) })
		if err := load(ctx, m, family.Weights, bad); err != nil {
			return err
		}
		bad, err = save(ctx, m, family.Weights) // as the family keeps it
		if err != nil {
			return err
		}
		got, err := trained(ctx, m, adam(1e-3), batches[1])
		if err != nil {
			return err
		}
		if !got.results[0].Skipped {
			p.violation("weights of %v, loss %v: want the step reported as skipped", poison, got.results[0].Loss)
		}
		if where, ok := sameWeights(bad, got.weights); !ok {
			p.violation("weights of %v: the skipped step changed %s", poison, where)
		}
		if !bytes.Equal(good.optimizer, got.optimizer) {
			p.violation("weights of %v: the skipped step changed the optimizer", poison)
		}
	}
	// A step can also blow up by itself. Whatever comes out, a number that is not finite and Skipped go together.
	wild, err := p.warmModel(ctx)
	if err != nil {
		return err
	}
	if _, err := train(ctx, wild, adam(1e30), batches[0]); err != nil {
		return err
	}
	r, err := train(ctx, wild, adam(1e-3), batches[1])
	if err != nil {
		return err
	}
	if finite := r.Loss-r.Loss == 0 && r.GradNorm-r.GradNorm == 0; finite == r.Skipped {
		p.violation("after a step at learning rate 1e30: loss %v, gradient norm %v, skipped %v", r.Loss, r.GradNorm, r.Skipped)
	}
	// Healed, the model goes on as if nothing had happened.
	if err := load(ctx, m, family.Weights, good.weights); err != nil {
		return err
	}
	got, err := trained(ctx, m, adam(1e-3), batches[1])
	if err != nil {
		return err
	}
	twin, err := p.warmModel(ctx)
	if err != nil {
		return err
	}
	want, err := trained(ctx, twin, adam(1e-3), batches...)
	if err != nil {
		return err
	}
	want.results = want.results[1:]
	p.same("one step after two skipped ones, against a training without them", want, got)
	return nil
}
