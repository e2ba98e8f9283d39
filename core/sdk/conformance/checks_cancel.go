package conformance

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
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
	b := p.batch(p.rng("canceled-during"), 8, 32)
	// On a busy machine the cancellation may come before the step has begun, or late, and a small model's step may be over by
	// then: tried again with a later cancellation, or with a longer step. A family that ignores the cancellation never gets
	// below the bound.
	times, part := 1, 0.1
	const tries = 3
	for try := 1; ; try++ {
		c, err := p.cancelStep(ctx, b, times, part)
		if err != nil {
			return err
		}
		late := c.share > p.tol || c.finished
		switch {
		case late && try < tries && (try == 1 || c.took < time.Second):
			times *= min(max(int(time.Second/c.took), 2), 8)
			continue
		case c.share < 0.01 && try < tries:
			part = 0.4
			continue
		case c.finished:
			p.within(1, "a step of %d micro-batches ended before it could be cancelled", c.n)
			return nil
		}
		p.ended(sprintf("Train of %d micro-batches, cancelled after about %g of them", c.n, part), c.err)
		p.within(c.share, "want little work after the cancellation, %.0f %% of the step's was done", 100*c.share)
		if len(p.res.Failures) > 0 {
			return nil
		}
		return p.untouched(ctx, c, b)
	}
}

// canceledStep is a step that was cancelled while it ran.
type canceledStep struct {
	m        family.Model
	before   outcome // what was saved before it
	n        int     // its micro-batches
	finished bool    // it ended before it could be cancelled
	err      error   // what it answered
	share    float64 // of its work that was done
	took     time.Duration
}

// cancelStep starts a step that would take a second or more and cancels it after about the given part. The model has stepped twice before.
func (p *probe) cancelStep(ctx context.Context, b family.Batch, times int, part float64) (c canceledStep, err error) {
	each, one, err := p.microBatch(ctx, b)
	if err != nil {
		return c, err
	}
	if c.m, err = p.warmModel(ctx); err != nil {
		return c, err
	}
	if _, err := trained(ctx, c.m, adam(1e-3), b, b); err != nil {
		return c, err
	}
	c.n = times * min(max(int(time.Second/each), 20), 4000)
	many := slices.Repeat([]family.Batch{b}, c.n)
	if c.before, err = trained(ctx, c.m, adam(0)); err != nil {
		return c, err
	}
	if _, err := c.m.Profile(ctx, true); err != nil {
		return c, err
	}
	during, cancel := context.WithCancel(ctx)
	defer cancel()
	answer := make(chan error, 1)
	start := time.Now()
	defer func() { c.took = time.Since(start) }()
	go func() {
		_, err := c.m.Train(during, family.TrainRequest{MicroBatches: many, Optimizer: adam(1e-2)})
		answer <- err
	}()
	select {
	case err := <-answer:
		c.finished, c.share = true, 1
		return c, err
	case <-time.After(max(time.Duration(part*float64(each)*float64(c.n)), 5*time.Millisecond)):
	}
	cancel()
	select {
	case c.err = <-answer:
	case <-time.After(hang):
		return c, fmt.Errorf("train did not return within %v of its cancellation", hang)
	}
	r, err := c.m.Profile(ctx, true) // waits for what still runs: calls on one model are serialised
	c.share = r.FLOPs / (one * float64(c.n))
	return c, err
}

// microBatch answers the time and the work that one more micro-batch takes, without what a call takes anyway.
func (p *probe) microBatch(ctx context.Context, b family.Batch) (each time.Duration, work float64, err error) {
	m, err := p.warmModel(ctx)
	if err != nil {
		return 0, 0, err
	}
	const more = 8
	var took [2]time.Duration
	var done [2]float64
	for i, n := range []int{1, 1 + more} {
		list := slices.Repeat([]family.Batch{b}, n)
		for try := range 2 { // the first one may compile
			start := time.Now()
			if done[i], err = counted(ctx, m, func() error { _, err := train(ctx, m, adam(1e-3), list...); return err }); err != nil {
				return 0, 0, err
			}
			if t := time.Since(start); try == 0 || t < took[i] {
				took[i] = t
			}
		}
	}
	return max((took[1]-took[0])/more, time.Microsecond), (done[1] - done[0]) / more, nil
}

// untouched demands that a cancelled step left no trace.
func (p *probe) untouched(ctx context.Context, c canceledStep, b family.Batch) error {
	after, err := trained(ctx, c.m, adam(0))
	if err != nil {
		return err
	}
	if where, ok := sameWeights(c.before.weights, after.weights); !ok {
		p.failf("the cancelled step changed the weights: %s", where)
	}
	if !bytes.Equal(c.before.optimizer, after.optimizer) {
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
	got, err := trained(ctx, c.m, adam(1e-3), b)
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
