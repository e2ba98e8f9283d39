package conformance

import (
	"bytes"
	"context"
	"slices"
	"sync"

	"github.com/archlab/archlab/core/family"
)

var lifecycleChecks = []Check{
	{Name: "capabilities", Meaning: "calls that are not announced answer unimplemented; announced ones work", Tolerance: exact("counts violations"), run: checkCapabilities},
	{Name: "isolation", Meaning: "two models of one family share nothing", Tolerance: exact("counts differences; bitwise"), run: checkIsolation},
	{Name: "concurrent", Meaning: "calls on one model at the same time answer as one after the other", Tolerance: exact("counts differences; bitwise"), run: checkConcurrent},
	{Name: "release", Meaning: "a released model answers not_found to every call", Tolerance: exact("counts violations"), run: checkRelease},
}

func checkCapabilities(ctx context.Context, p *probe) error {
	m, err := p.warmModel(ctx)
	if err != nil {
		return err
	}
	p.ok()
	c := p.desc.Capabilities
	b := p.batch(p.rng("capabilities"), rows, length)
	_, card, err := p.build(ctx)
	if err != nil {
		return err
	}
	if c.Trace {
		var want []string
		if len(card.Sites) > 0 {
			want = card.Sites[:1]
		}
		r, err := m.Trace(ctx, family.TraceRequest{Batch: b, Capture: want})
		if err != nil || len(r.Captured) != len(want) {
			p.violation("trace is announced: want %d captured sites, got %d and %v", len(want), len(r.Captured), err)
		}
		_, err = m.Trace(ctx, family.TraceRequest{Batch: b, Capture: []string{"no.such.site"}})
		p.refused("Trace of an unknown site", err, "", family.NotFound)
	} else {
		_, err := m.Trace(ctx, family.TraceRequest{Batch: b})
		p.refused("Trace, which is not announced", err, "", family.Unimplemented)
	}
	if !c.Decode {
		_, err := m.Open(ctx, 1)
		p.refused("Open, since decode is not announced", err, "", family.Unimplemented)
	} else if _, err := m.Open(ctx, 1); err != nil {
		p.violation("decode is announced, Open answers %v", err)
	}
	for _, precision := range []family.Precision{family.FP32, family.BF16, family.FP16} {
		req := p.request()
		req.Precision, req.CardOnly = precision, true
		_, card, err := p.fam.Build(ctx, req)
		if !slices.Contains(c.Precisions, precision) {
			p.refused(sprintf("precision %s, which is not announced", precision), err, "precision", family.InvalidConfig, family.InvalidArgument)
		} else if err != nil || card.Precision != precision {
			p.violation("precision %s is announced: got a card of %q and %v", precision, card.Precision, err)
		}
	}
	for _, recompute := range []string{family.RecomputeBlock, "everything"} {
		req := p.request()
		req.Recompute, req.CardOnly = recompute, true
		_, _, err := p.fam.Build(ctx, req)
		if !slices.Contains(c.Recompute, recompute) {
			p.refused(sprintf("recompute %s, which is not announced", recompute), err, "recompute", family.InvalidConfig, family.InvalidArgument)
		} else if err != nil {
			p.violation("recompute %s is announced: %v", recompute, err)
		}
	}
	for _, scheme := range []string{"int8", "int4"} { // last: it may leave the model changed
		_, err := m.Quantize(ctx, scheme)
		if !slices.Contains(c.Quantize, scheme) {
			p.refused(sprintf("Quantize to %s, which is not announced", scheme), err, "", family.Unimplemented)
		} else if err != nil {
			p.violation("Quantize to %s is announced: %v", scheme, err)
		}
	}
	return nil
}

func checkIsolation(ctx context.Context, p *probe) error {
	quiet, err := p.warmModel(ctx)
	if err != nil {
		return err
	}
	busy, err := p.warmModel(ctx)
	if err != nil {
		return err
	}
	rng := p.rng("isolation")
	b := p.batch(rng, rows, length)
	before, err := score(ctx, quiet, b)
	if err != nil {
		return err
	}
	return p.unchanged(ctx, quiet, "after another model's training", func() error {
		for range 2 {
			if _, err := train(ctx, busy, adam(1e-2), p.batch(rng, rows, length)); err != nil {
				return err
			}
		}
		after, err := score(ctx, quiet, b)
		if err != nil {
			return err
		}
		p.sameBits("after another model's training, the log-probability", before, after)
		return nil
	})
}

func checkConcurrent(ctx context.Context, p *probe) error {
	m, err := p.warmed(ctx)
	if err != nil {
		return err
	}
	rng := p.rng("concurrent")
	const calls = 4
	var batches [calls]family.Batch
	var want, got [calls][]float32
	var errs [calls]error
	for i := range batches {
		batches[i] = p.batch(rng, rows, length)
		if want[i], err = score(ctx, m, batches[i]); err != nil {
			return err
		}
	}
	var all sync.WaitGroup
	for i := range batches {
		all.Go(func() { got[i], errs[i] = score(ctx, m, batches[i]) })
	}
	all.Wait()
	for i := range batches {
		if errs[i] != nil {
			return errs[i]
		}
		p.sameBits(sprintf("call %d of %d at once, log-probability", i+1, calls), want[i], got[i])
	}
	return nil
}

func checkRelease(ctx context.Context, p *probe) error {
	// Not by p.build, which would release it a second time.
	m, _, err := p.fam.Build(ctx, p.request())
	if err != nil {
		return err
	}
	file, err := save(ctx, m, family.Weights)
	if err != nil {
		return err
	}
	b := p.batch(p.rng("release"), rows, length)
	if err := m.Release(ctx); err != nil {
		return err
	}
	_, err = m.Train(ctx, family.TrainRequest{MicroBatches: []family.Batch{b}, Optimizer: adam(1e-3)})
	p.refused("Train after Release", err, "", family.NotFound)
	_, err = m.Score(ctx, b)
	p.refused("Score after Release", err, "", family.NotFound)
	p.refused("Save after Release", m.Save(ctx, family.Weights, &bytes.Buffer{}), "", family.NotFound)
	p.refused("Load after Release", m.Load(ctx, family.Weights, bytes.NewReader(file)), "", family.NotFound)
	_, err = m.Profile(ctx, false)
	p.refused("Profile after Release", err, "", family.NotFound)
	if p.desc.Capabilities.Decode {
		_, err = m.Open(ctx, 1)
		p.refused("Open after Release", err, "", family.NotFound)
	}
	p.refused("a second Release", m.Release(ctx), "", family.NotFound)
	return nil
}
