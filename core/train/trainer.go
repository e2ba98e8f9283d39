package train

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"time"

	"github.com/archlab/archlab/core/family"
	"github.com/archlab/archlab/core/record"
)

// trainer is one job at work.
type trainer struct {
	job  Job
	opts Options
	em   *emitter
	dir  string

	session *Session
	model   *guard
	log     *record.Log
	scalars *record.Scalars
	state   record.State
	profile family.Profile
	steps   int // of the whole budget; 0 with a budget of seconds

	// Time since the session began, to be added to what the checkpoint brought.
	base     record.State
	busy0    float64 // the plugin's BusySeconds when the session began
	loop     float64 // wall seconds of the loop
	saving   float64 // of them, saving and loading
	lastStep float64 // wall seconds of the last step
	speed    float64 // tokens a second, smoothed
}

// train launches the plugin, restores the newest good checkpoint when resuming, and spends the budget. It answers nil
// when the budget is spent, and otherwise why not; a checkpoint has then been taken if the context ended.
func (t *trainer) train(ctx context.Context) error {
	r := t.opts.Recipe
	steps, err := r.Budget.Steps(r.Batch*r.Context, t.job.TrainFLOPs)
	if err != nil {
		return refusal{err}
	}
	t.steps = steps
	if err := t.open(ctx); err != nil {
		return err
	}
	begin := time.Now()
	if err := t.restore(ctx); err != nil {
		return err
	}
	t.em.emit(t.event(Event{Kind: Begin}))
	err = t.spend(ctx, begin)
	var (
		deadline *DeadlineError
		fatal    recordError
	)
	if !errors.As(err, &deadline) { // what hangs is not asked again
		t.settle(ctx, begin)
	}
	switch {
	case err == nil && t.state.Done: // restored as it is
		return nil
	case err == nil:
		t.state.Done = true
		return t.checkpoint(context.WithoutCancel(ctx))
	case ctx.Err() != nil && !errors.As(err, &deadline):
		// The context is over, the plugin is not: one more call, with a deadline of its own. A plugin that died of the
		// same signal has left the last scheduled checkpoint.
		if e := t.checkpoint(context.WithoutCancel(ctx)); errors.As(e, &fatal) {
			return e
		} else if e != nil {
			t.warn("no checkpoint at the stop: %v", e)
		}
	}
	return err
}

// open launches the plugin and builds the model.
func (t *trainer) open(ctx context.Context) error {
	open, cancel := ctx, context.CancelFunc(func() {})
	if t.opts.Recipe.CallLimit > 0 {
		open, cancel = context.WithTimeout(ctx, t.opts.Recipe.CallLimit)
	}
	defer cancel()
	s, err := t.job.Open(open)
	if err != nil {
		if ctx.Err() == nil && errors.Is(open.Err(), context.DeadlineExceeded) {
			return &DeadlineError{Call: "Build", Limit: t.opts.Recipe.CallLimit}
		}
		return refusal{err}
	}
	t.session = s
	t.model = &guard{m: s.Model, limit: t.opts.Recipe.CallLimit}
	return nil
}

// restore opens the job's curves, after loading the newest good checkpoint when resuming.
func (t *trainer) restore(ctx context.Context) error {
	if t.opts.Resume {
		c, skipped, err := record.NewestCheckpoint(t.dir)
		for _, e := range skipped {
			t.warn("%v; going back to an earlier one", e)
		}
		switch {
		case err == nil:
			if err := t.load(ctx, c); err != nil {
				return err
			}
		case !errors.Is(err, record.ErrNoCheckpoint):
			return recordError{err}
		case len(skipped) > 0:
			t.warn("no checkpoint is left: starting again at step 0")
		}
	}
	t.base = t.state
	var err error
	if t.log, err = record.OpenLog(metricsPath(t.dir), t.state.MetricsBytes); err != nil {
		return recordError{err}
	}
	if t.scalars, err = record.OpenScalars(scalarsPath(t.dir), t.state.EventsBytes); err != nil {
		return recordError{err}
	}
	if p, err := t.model.Profile(ctx, false); err == nil {
		t.busy0 = p.BusySeconds
	} else if family.CodeOf(err) != family.Unimplemented {
		return err
	}
	return nil
}

// load restores weights, optimizer and position from a checkpoint.
func (t *trainer) load(ctx context.Context, c *record.Checkpoint) error {
	begin := time.Now()
	if err := SameIdentity(c.State.Identity, t.identity()); err != nil {
		return refusal{fmt.Errorf("checkpoint %s: %w", c.Dir, err)}
	}
	for _, part := range []family.Part{family.Weights, family.Optimizer} {
		if err := LoadPart(ctx, t.model, c, part); err != nil {
			return err
		}
	}
	t.state = c.State
	t.saving += time.Since(begin).Seconds()
	return nil
}

// LoadPart reads one part of a checkpoint into a model.
func LoadPart(ctx context.Context, m family.Model, c *record.Checkpoint, part family.Part) error {
	f, err := c.Part(part)
	if err != nil {
		return recordError{err}
	}
	defer f.Close()
	if err := m.Load(ctx, part, f); err != nil {
		return fmt.Errorf("load %s of %s: %w", part, c.Dir, err)
	}
	return nil
}

// SameIdentity says which of the names that a checkpoint's weights belong to differ from what is wanted.
func SameIdentity(got, want map[string]string) error {
	for _, k := range sortedKeys(want) {
		if g, ok := got[k]; ok && g != want[k] {
			return fmt.Errorf("its %s is %s, the experiment's is %s", k, g, want[k])
		}
	}
	return nil
}

// identity is what this job's weights belong to.
func (t *trainer) identity() map[string]string {
	id := map[string]string{
		"family":    t.session.Card.Family,
		"config":    string(t.session.Card.Config),
		"vocab":     fmt.Sprint(t.session.Card.Vocab),
		"precision": string(t.session.Card.Precision),
	}
	for k, v := range t.opts.Identity {
		id[k] = v
	}
	return id
}

// spend takes steps until the budget is spent.
func (t *trainer) spend(ctx context.Context, begin time.Time) error {
	r := t.opts.Recipe
	if t.state.Done {
		return nil
	}
	fetch, cancel := context.WithCancel(ctx)
	defer cancel()
	batches := prefetch(fetch, t.opts.Data, t.state.Step, r.MicroBatches)
	for {
		// First what belongs to the steps already done: a checkpoint may have been taken between a step and its validation.
		over := t.done() >= 1
		due := over || r.ValidateEvery > 0 && t.state.Step%r.ValidateEvery == 0
		if due && t.state.Step > 0 && t.state.Validated != t.state.Step {
			if err := t.validate(ctx); err != nil {
				return err
			}
		}
		if over {
			return nil
		}
		if r.CheckpointEvery > 0 && t.state.Step%r.CheckpointEvery == 0 && t.state.Step > t.base.Step {
			t.settle(ctx, begin)
			if err := t.checkpoint(ctx); err != nil {
				return err
			}
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		p, err := t.next(ctx, batches)
		if err != nil {
			return err
		}
		if err := t.step(ctx, p); err != nil {
			return err
		}
	}
}

// next waits for a step's batches. The wait is none of the model's training time: where a text is cut anew in each epoch, the first model alone
// waits for what all of them learn from.
func (t *trainer) next(ctx context.Context, batches <-chan prepared) (p prepared, err error) {
	begin := time.Now()
	defer func() { t.state.DataSeconds += time.Since(begin).Seconds() }()
	select {
	case p = <-batches:
	case <-ctx.Done():
		return p, ctx.Err()
	}
	if p.err != nil {
		return p, recordError{p.err}
	}
	return p, nil
}

// step takes one optimizer step on p and writes its metric.
func (t *trainer) step(ctx context.Context, p prepared) error {
	start := time.Now()
	r := t.opts.Recipe
	opt := r.Optimizer
	if t.job.Rate > 0 {
		opt.LearningRate = t.job.Rate
	}
	opt.LearningRate *= r.Schedule.Factor(t.done(), t.doneAfter(p.tokens))
	// A step that has begun is waited for: cancelled between its update and its answer, it would leave weights that are
	// one step ahead of the record, and a resume would not be exact.
	res, err := t.model.Train(context.WithoutCancel(ctx), family.TrainRequest{MicroBatches: p.micro, Optimizer: opt})
	if err != nil {
		return fmt.Errorf("step %d: %w", t.state.Step+1, err)
	}
	t.lastStep = time.Since(start).Seconds()
	t.state.Step++
	t.state.Tokens += int64(p.tokens)
	t.state.FLOPs += float64(p.tokens) * t.job.TrainFLOPs
	t.state.Seconds += t.lastStep
	m := record.Metric{Kind: "train", Step: t.state.Step, Tokens: t.state.Tokens, FLOPs: t.state.FLOPs, Seconds: t.state.Seconds,
		Loss: res.Loss, LR: opt.LearningRate, GradNorm: res.GradNorm, Aux: finiteOnly(res.Metrics)}
	if res.Skipped || !finite(res.Loss) || !finite(res.GradNorm) {
		m.Kind, m.Loss, m.GradNorm = "skip", 0, 0
		t.state.Skipped++
	} else {
		t.state.LastLoss = res.Loss
	}
	if now := float64(p.tokens) / t.lastStep; t.speed == 0 {
		t.speed = now
	} else {
		t.speed += 0.1 * (now - t.speed)
	}
	if err := t.write(m); err != nil {
		return err
	}
	if m.Kind == "skip" {
		t.em.emit(t.event(Event{Kind: Skip, Message: "loss or gradient was not finite: the step was left out"}))
		if t.state.Skipped > r.SkipLimit {
			return &NotFiniteError{Step: t.state.Step, Skipped: t.state.Skipped, Limit: r.SkipLimit}
		}
		return nil
	}
	t.em.emit(t.event(Event{Kind: Step, Loss: m.Loss, LR: m.LR}))
	return nil
}

// validate scores the validation batches.
func (t *trainer) validate(ctx context.Context) error {
	batches, bytes, err := t.opts.Data.Validation()
	if err != nil {
		return recordError{fmt.Errorf("validation batches: %w", err)}
	}
	if len(batches) == 0 {
		return nil
	}
	var nats, weight, correct float64
	for i, b := range batches {
		res, err := t.model.Score(ctx, b)
		if err != nil {
			return fmt.Errorf("validate after step %d: %w", t.state.Step, err)
		}
		if len(res.LogProbs) != len(b.Weights) || len(res.Correct) != len(b.Weights) {
			return fmt.Errorf("validate after step %d: batch %d has %d positions, the plugin scored %d", t.state.Step, i, len(b.Weights), len(res.LogProbs))
		}
		for k, w := range b.Weights {
			if w == 0 {
				continue
			}
			nats -= float64(w) * float64(res.LogProbs[k])
			weight += float64(w)
			if res.Correct[k] {
				correct += float64(w)
			}
		}
	}
	if !finite(nats) || weight == 0 {
		// A model that cannot score text has failed, whatever its training loss says.
		return &NotFiniteError{Step: t.state.Step, Validation: true}
	}
	m := record.Metric{Kind: "validation", Step: t.state.Step, Tokens: t.state.Tokens, FLOPs: t.state.FLOPs, Seconds: t.state.Seconds,
		Loss: nats / weight, Accuracy: correct / weight}
	if bytes > 0 {
		m.BPB = nats / math.Ln2 / float64(bytes)
	}
	if err := t.write(m); err != nil {
		return err
	}
	t.state.Validated = t.state.Step
	t.em.emit(t.event(Event{Kind: Validation, Loss: m.Loss, BPB: m.BPB, Score: m.Accuracy}))
	return nil
}

// write appends a metric to both curves.
func (t *trainer) write(m record.Metric) error {
	if err := t.log.Append(m); err != nil {
		return recordError{err}
	}
	var values map[string]float64
	switch m.Kind {
	case "train":
		values = map[string]float64{"train/loss": m.Loss, "train/learning_rate": m.LR, "train/grad_norm": m.GradNorm}
		for k, v := range m.Aux {
			values["train/"+k] = v
		}
	case "validation":
		values = map[string]float64{"validation/loss": m.Loss, "validation/accuracy": m.Accuracy}
		if m.BPB > 0 {
			values["validation/bits_per_byte"] = m.BPB
		}
	default:
		return nil
	}
	if err := t.scalars.Add(m.Step, t.opts.Now(), values); err != nil {
		return recordError{err}
	}
	return nil
}

// checkpoint writes one and removes what the policy no longer keeps.
func (t *trainer) checkpoint(ctx context.Context) error {
	from := time.Now()
	defer func() { t.saving += time.Since(from).Seconds() }()
	var err error
	if t.state.MetricsBytes, err = t.log.Sync(); err != nil {
		return recordError{err}
	}
	if t.state.EventsBytes, err = t.scalars.Sync(); err != nil {
		return recordError{err}
	}
	t.state.Identity = t.identity()
	var model error
	err = record.WriteCheckpoint(t.dir, t.state, func(part family.Part, w io.Writer) error {
		dest := &writeErr{w: w}
		err := t.model.Save(ctx, part, dest)
		if dest.err != nil { // the disk's fault, not the plugin's
			return dest.err
		}
		model = err
		return err
	})
	if model != nil {
		return fmt.Errorf("save: %w", model)
	}
	if err != nil {
		return recordError{err}
	}
	if err := record.Prune(t.dir, max(1, t.opts.Recipe.Keep)); err != nil {
		return recordError{err}
	}
	t.em.emit(t.event(Event{Kind: Saved}))
	return nil
}

// writeErr remembers an error of the writer below, which a plugin's call may report in other words.
type writeErr struct {
	w   io.Writer
	err error
}

func (w *writeErr) Write(p []byte) (int, error) {
	n, err := w.w.Write(p)
	if err != nil && w.err == nil {
		w.err = err
	}
	return n, err
}
