package train

import (
	"context"
	"math"
	"sort"
	"time"

	"fmt"

	"github.com/archlab/archlab/core/family"
	"github.com/archlab/archlab/core/record"
)

// done is the share of the budget that is spent; 1 or more ends training.
func (t *trainer) done() float64 {
	if t.state.Done {
		return 1
	}
	if t.steps > 0 {
		return float64(t.state.Step) / float64(t.steps)
	}
	if s := t.opts.Recipe.Budget.Seconds; s > 0 {
		return t.state.Seconds / s
	}
	return 0
}

// doneAfter is the share that will be spent after one more step. With a budget of seconds the step is taken to last as
// long as the last one; the very first as a thousandth of the budget.
func (t *trainer) doneAfter(tokens int) float64 {
	if t.steps > 0 {
		return float64(t.state.Step+1) / float64(t.steps)
	}
	s := t.opts.Recipe.Budget.Seconds
	last := t.lastStep
	if last == 0 {
		last = s / 1000
	}
	return (t.state.Seconds + last) / s
}

// left estimates the seconds of training that are still to come.
func (t *trainer) left() float64 {
	if t.steps > 0 {
		if t.speed == 0 {
			return 0
		}
		r := t.opts.Recipe
		return float64(t.steps-t.state.Step) * float64(r.Batch*r.Context) / t.speed
	}
	return math.Max(0, t.opts.Recipe.Budget.Seconds-t.state.Seconds)
}

// settle brings the split of the loop's wall time up to date: begin is when this session's loop began.
func (t *trainer) settle(ctx context.Context, begin time.Time) {
	t.loop = time.Since(begin).Seconds()
	calls := t.model.seconds()
	// What Train and Score took beyond the plugin's own busy time went into the wire. A plugin that cannot tell leaves
	// the whole of it as its own.
	busy := calls
	if p, err := t.model.Profile(context.WithoutCancel(ctx), false); err == nil {
		t.profile = p
		if b := p.BusySeconds - t.busy0; b > 0 && b < calls {
			busy = b
		}
	}
	t.state.PluginSeconds = t.base.PluginSeconds + busy
	t.state.Phases = t.base.Phases.Plus(t.model.steps())
	t.state.RPCSeconds = t.base.RPCSeconds + calls - busy
	t.state.CheckpointSeconds = t.base.CheckpointSeconds + t.saving
	t.state.HarnessSeconds = t.base.HarnessSeconds + math.Max(0, t.loop-calls-t.saving)
}

// result is the job's record so far, as if it ended well.
func (t *trainer) result() record.Result {
	s := t.state
	res := record.Result{
		Model: t.job.Model, Seed: t.job.Seed, Rate: t.job.Rate, Status: "finished",
		Steps: s.Step, Tokens: s.Tokens, FLOPs: s.FLOPs, Seconds: s.Seconds, Skipped: s.Skipped,
		PluginSeconds: s.PluginSeconds, Phases: s.Phases, RPCSeconds: s.RPCSeconds, HarnessSeconds: s.HarnessSeconds, DataSeconds: s.DataSeconds,
		CheckpointSeconds: t.base.CheckpointSeconds + t.saving, // the last checkpoint could not hold its own time
	}
	if s.Seconds > 0 {
		res.TokensPerSecond = float64(s.Tokens) / s.Seconds
		res.FLOPsPerSecond = s.FLOPs / s.Seconds
		if t.opts.PeakFLOPs > 0 {
			res.Utilisation = res.FLOPsPerSecond / t.opts.PeakFLOPs
		}
	}
	if t.profile.BusySeconds > 0 || len(t.profile.Ops) > 0 || t.profile.PeakRSS > 0 {
		p := t.profile
		res.Profile, res.PeakRSS = &p, p.PeakRSS
	}
	return res
}

// trained is the job as Evaluate sees it.
func (t *trainer) trained(res *record.Result) *Trained {
	return &Trained{
		Name: t.job.Model, Seed: t.job.Seed, Description: t.session.Description, Card: t.session.Card,
		Model: t.model, Result: res, Dir: t.dir,
		Progress: func(what string, done float64) {
			t.em.emit(Event{Kind: Evaluating, Model: t.job.Model, Seed: t.job.Seed, Trial: t.job.Trial, Message: what, Done: done})
		},
	}
}

// event fills in where the job stands.
func (t *trainer) event(e Event) Event {
	e.Model, e.Seed, e.Trial = t.job.Model, t.job.Seed, t.job.Trial
	e.Step, e.Steps, e.Done = t.state.Step, t.steps, math.Min(1, t.done())
	e.Tokens, e.FLOPs, e.Seconds = t.state.Tokens, t.state.FLOPs, t.state.Seconds
	e.Speed, e.Left = t.speed, t.left()
	return e
}

func (t *trainer) warn(format string, args ...any) {
	t.em.emit(Event{Kind: Warning, Model: t.job.Model, Seed: t.job.Seed, Trial: t.job.Trial, Message: fmt.Sprintf(format, args...)})
}

func (t *trainer) closeLogs() {
	if t.log != nil {
		_ = t.log.Close()
	}
	if t.scalars != nil {
		_ = t.scalars.Close()
	}
}

// closeSession frees the model and ends its process.
func (t *trainer) closeSession() {
	if t.session == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	_ = t.session.Model.Release(ctx)
	if t.session.Close != nil {
		t.session.Close()
	}
	t.session = nil
}

func finite(x float64) bool { return !math.IsNaN(x) && !math.IsInf(x, 0) }

// finiteOnly drops what JSON cannot hold.
func finiteOnly(m map[string]float64) map[string]float64 {
	if len(m) == 0 {
		return nil
	}
	out := make(map[string]float64, len(m))
	for k, v := range m {
		if finite(v) {
			out[k] = v
		}
	}
	return out
}

func sortedKeys(m map[string]string) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	sort.Strings(keys)
	return keys
}

var _ family.Model = (*guard)(nil)
