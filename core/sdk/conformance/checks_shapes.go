package conformance

import (
	"context"
	"math"

	"github.com/archlab/archlab/core/family"
)

var shapeChecks = []Check{
	{Name: "shapes", Meaning: "a beginning of any length, down to one token, scores as the same positions of the whole", Tolerance: otherOrder, run: checkShapes},
	{Name: "context", Meaning: "sequences as long as Context are answered, longer ones answered or refused as invalid", Tolerance: exact("counts violations"), run: checkContext},
}

// Lengths around powers of two, where blocks and vectors end, and one token.
var oddLengths = []int{1, 2, 7, 8, 9, 17, 33}

func checkShapes(ctx context.Context, p *probe) error {
	m, err := p.warmed(ctx)
	if err != nil {
		return err
	}
	whole := p.batch(p.rng("shapes"), 1, 41)
	want, err := score(ctx, m, whole)
	if err != nil {
		return err
	}
	for i, n := range oddLengths {
		if p.opts.Quick && i%2 == 1 {
			continue
		}
		part := family.Batch{B: 1, T: n, Tokens: whole.Tokens[:n], Targets: whole.Targets[:n], Weights: whole.Weights[:n]}
		got, err := score(ctx, m, part)
		if err != nil {
			return err
		}
		p.close(sprintf("the first %d tokens of %d", n, whole.T), want[:n], got)
	}
	// One token can also be learned from.
	if m, err = p.warmModel(ctx); err != nil {
		return err
	}
	one := family.Batch{B: 1, T: 1, Tokens: whole.Tokens[:1], Targets: whole.Targets[:1], Weights: []float32{1}}
	r, err := train(ctx, m, adam(1e-3), one)
	if err != nil {
		return err
	}
	p.close("the loss of one token", want[:1], []float32{float32(-r.Loss)})
	if !(r.GradNorm > 0) || r.Skipped {
		p.failf("training on one token: want a gradient, got norm %v, skipped %v", r.GradNorm, r.Skipped)
	}
	return nil
}

func checkContext(ctx context.Context, p *probe) error {
	const limit = 16
	m, _, err := p.build(ctx, func(r *family.BuildRequest) { r.Context = limit })
	if err != nil {
		return err
	}
	rng := p.rng("context")
	logps, err := score(ctx, m, p.batch(rng, 1, limit))
	if err != nil {
		p.violation("a sequence as long as Context %d: %v", limit, err)
	}
	for i, x := range logps {
		if !(x <= 0) || math.IsInf(float64(x), 0) {
			p.violation("a sequence as long as Context %d: log-probability %v at position %d", limit, x, i)
			break
		}
	}
	p.ok()
	answered := func(what string, err error) {
		if err != nil && family.CodeOf(err) != family.InvalidArgument {
			p.violation("%s: want an answer or code %s, got %q: %v", what, family.InvalidArgument, family.CodeOf(err), err)
		}
	}
	_, err = m.Score(ctx, p.batch(rng, 1, limit+1))
	answered("Score beyond Context", err)
	_, err = m.Train(ctx, family.TrainRequest{MicroBatches: []family.Batch{p.batch(rng, 1, limit+1)}, Optimizer: adam(1e-3)})
	answered("Train beyond Context", err)
	if !p.desc.Capabilities.Decode {
		return nil
	}
	d := decoder{m, p.opts.Vocab}
	id, err := d.fresh(ctx, p.tokens(rng, limit-2)...)
	if err != nil {
		return err
	}
	if _, err := d.feed(ctx, id, p.tokens(rng, 2)); err != nil {
		p.violation("the last tokens of Context %d: %v", limit, err)
	}
	_, err = m.Extend(ctx, family.ExtendRequest{Items: []family.ExtendItem{{State: id, Tokens: p.tokens(rng, 1)}}})
	answered("Extend beyond Context", err)
	return d.close(ctx, id)
}
