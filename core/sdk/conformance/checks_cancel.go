package conformance

import (
	"bytes"
	"context"
	"errors"
	"math"
	"time"

	"github.com/archlab/archlab/core/family"
)

var cancelChecks = []Check{
	{Name: "canceled-before", Meaning: "a call whose context has ended is not begun: it answers that, and changes nothing", Tolerance: exact("counts violations"), run: checkCanceledBefore},
	{
		Name:    "canceled-during",
		Meaning: "a training step returns soon after its context is cancelled, leaves the weights alone and the model usable",
		Tolerance: Tolerance{0.7, "of the step's work done although cancelled after about a tenth; counted in FLOPs, not by the clock, " +
			"so that a busy machine delays but does not fail it"},
		run: checkCanceledDuring,
	},
}

// hang is when a call counts as never returning. It is no measure of speed.
const hang = 60 * time.Second

// ended demands an error that says that the context ended.
func (p *probe) ended(what string, err error) {
	switch {
	case err == nil:
		p.violation("%s: want an error that says so, got an answer", what)
	case !errors.Is(err, context.Canceled) && family.CodeOf(err) != family.Canceled:
		p.violation("%s: want code %s or context.Canceled, got %q: %v", what, family.Canceled, family.CodeOf(err), err)
	default:
		p.ok()
	}
}

func checkCanceledBefore(ctx context.Context, p *probe) error {
	m, err := p.warmModel(ctx)
	if err != nil {
		return err
	}
	b := p.batch(p.rng("canceled-before"), rows, length)
	over, cancel := context.WithCancel(ctx)
	cancel()
	file, err := save(ctx, m, family.Weights)
	if err != nil {
		return err
	}
	return p.unchanged(ctx, m, "after cancelled calls", func() error {
		_, err := m.Train(over, family.TrainRequest{MicroBatches: []family.Batch{b}, Optimizer: adam(1e-2)})
		p.ended("Train with an ended context", err)
		_, err = m.Score(over, b)
		p.ended("Score with an ended context", err)
		p.ended("Save with an ended context", m.Save(over, family.Weights, &bytes.Buffer{}))
		p.ended("Load with an ended context", m.Load(over, family.Weights, bytes.NewReader(file)))
		if !p.desc.Capabilities.Decode {
			return nil
		}
		d := decoder{m, p.opts.Vocab}
		id, err := d.fresh(ctx, b.Tokens[:3]...)
		if err != nil {
			return err
		}
		_, err = m.Extend(over, family.ExtendRequest{Items: []family.ExtendItem{{State: id, Tokens: b.Tokens[3:5]}}})
		p.ended("Extend with an ended context", err)
		// The state still holds three tokens.
		want, err := d.whole(ctx, b.Tokens[:4])
		if err != nil {
			return err
		}
		got, err := d.feed(ctx, id, b.Tokens[3:4])
		if err != nil {
			return err
		}
		for i, x := range want[3*d.vocab:] {
			if !(math.Abs(float64(x-got[i])) <= otherOrder.Value) {
				p.violation("Extend with an ended context moved its state: logit %d of the next token is %v, want %v", i, got[i], x)
				break
			}
		}
		return nil
	})
}

func checkCanceledDuring(ctx context.Context, p *probe) error {
	m, err := p.warmModel(ctx)
	if err != nil {
		return err
	}
	rng := p.rng("canceled-during")
	b := p.batch(rng, 8, 32)
	// How much work and time one micro-batch takes, after a first one that may compile.
	if _, err := train(ctx, m, adam(1e-3), b); err != nil {
		return err
	}
	start := time.Now()
	one, err := counted(ctx, m, func() error { _, err := train(ctx, m, adam(1e-3), b); return err })
	if err != nil {
		return err
	}
	took := time.Since(start)
	n := min(max(int(1500*time.Millisecond/max(took, time.Microsecond)), 20), 3000)
	many := make([]family.Batch, n)
	for i := range many {
		many[i] = b
	}
	before, err := trained(ctx, m, adam(0))
	if err != nil {
		return err
	}
	if _, err := m.Profile(ctx, true); err != nil {
		return err
	}
	during, cancel := context.WithCancel(ctx)
	defer cancel()
	answer := make(chan error, 1)
	go func() {
		_, err := m.Train(during, family.TrainRequest{MicroBatches: many, Optimizer: adam(1e-2)})
		answer <- err
	}()
	time.Sleep(max(took*time.Duration(n)/10, 5*time.Millisecond))
	cancel()
	select {
	case err = <-answer:
		p.ended(sprintf("Train of %d micro-batches, cancelled after about a tenth", n), err)
	case <-time.After(hang):
		p.violation("Train did not return within %v of its cancellation", hang)
		return nil
	}
	r, err := m.Profile(ctx, true)
	if err != nil {
		return err
	}
	p.within(r.FLOPs/(one*float64(n)), "want little work after the cancellation, %.0f %% of the step's was done", 100*r.FLOPs/(one*float64(n)))
	after, err := trained(ctx, m, adam(0))
	if err != nil {
		return err
	}
	if where, ok := sameWeights(before.weights, after.weights); !ok {
		p.failf("the cancelled step changed the weights: %s", where)
	}
	if !bytes.Equal(before.optimizer, after.optimizer) {
		p.failf("the cancelled step changed the optimizer")
	}
	// Gradients that the cancelled step had summed up must not leak into the next one.
	twin, err := p.warmModel(ctx)
	if err != nil {
		return err
	}
	want, err := trained(ctx, twin, adam(1e-3), b, b, b)
	if err != nil {
		return err
	}
	got, err := trained(ctx, m, adam(1e-3), b)
	if err != nil {
		return err
	}
	if where, ok := sameWeights(want.weights, got.weights); !ok {
		p.failf("the step after a cancelled one differs from one without it: %s", where)
	} else if !bytes.Equal(want.optimizer, got.optimizer) {
		p.failf("the step after a cancelled one leaves another optimizer than one without it")
	}
	return nil
}
