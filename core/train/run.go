package train

import (
	"context"
	"errors"
	"fmt"
	"math"
	"path/filepath"
	"sync"
	"time"

	"github.com/archlab/archlab/core/record"
)

// Options is what all jobs of a run share.
type Options struct {
	Recipe   Recipe
	Data     Data
	Evaluate Evaluate // may be nil
	Sink     Sink     // may be nil
	// Identity names what weights belong to: the tokenizer's fingerprint, the vocabulary ... A checkpoint of another
	// identity is refused.
	Identity map[string]string
	// PeakFLOPs is the machine's measured FP32 peak, for Result.Utilisation; 0 leaves it out.
	PeakFLOPs float64
	// Resume goes on from what the run directory holds. Without it the jobs' directories must be new.
	Resume bool
	// Now is the wall clock; nil means time.Now. It stamps events and is never used to measure.
	Now func() time.Time
}

// Outcome is what a run came to.
type Outcome struct {
	Results []record.Result
	Seconds record.RunSeconds // of the jobs, over all their sessions; Total and Prepare are the caller's
	Stopped bool              // the context ended first; unfinished jobs have a checkpoint to resume from
}

// Run takes the jobs one after the other. It answers an error only for what ends the whole run: records that cannot be
// written or data that cannot be read. What ends one job is in its Result. A cancelled context stops cleanly: the job at
// work takes a checkpoint, and Outcome.Stopped is set.
func Run(ctx context.Context, run *record.Run, jobs []Job, opts Options) (Outcome, error) {
	if opts.Now == nil {
		opts.Now = time.Now
	}
	out := Outcome{}
	em := &emitter{sink: opts.Sink, now: opts.Now, run: run}
	names := make([]JobName, len(jobs))
	for i, j := range jobs {
		names[i] = j.name()
	}
	em.emit(Event{Kind: RunBegin, Jobs: names})
	for _, j := range jobs {
		if ctx.Err() != nil {
			out.Stopped = true
			break
		}
		res, evalSeconds, err := runJob(ctx, run, j, opts, em)
		out.Seconds.Eval += evalSeconds
		if err != nil {
			em.emit(Event{Kind: End, Model: j.Model, Seed: j.Seed, Trial: j.Trial, Status: "stopped", Message: err.Error()})
			return out, fmt.Errorf("%s: %w", j.name(), err)
		}
		out.Results = append(out.Results, res)
		out.Seconds.Plugin += res.PluginSeconds
		out.Seconds.RPC += res.RPCSeconds
		out.Seconds.Harness += res.HarnessSeconds
		out.Seconds.Checkpoint += res.CheckpointSeconds
		out.Seconds.Train += res.PluginSeconds + res.RPCSeconds + res.HarnessSeconds + res.CheckpointSeconds
		if res.Status == "stopped" {
			out.Stopped = true
			break
		}
	}
	em.emit(Event{Kind: RunEnd})
	return out, em.err
}

func (j Job) name() JobName { return JobName{j.Model, j.Seed, j.Trial} }

// runJob takes one job from wherever it stands to its end.
func runJob(ctx context.Context, run *record.Run, j Job, opts Options, em *emitter) (res record.Result, evalSeconds float64, err error) {
	run = run.Trial(j.Trial)
	dir, err := run.MakeModelDir(j.Model, j.Seed)
	if err != nil {
		return res, 0, err
	}
	if opts.Resume {
		old, ok, err := (&record.Reader{Dir: run.Dir}).Result(j.Model, j.Seed)
		if err != nil {
			return res, 0, err
		}
		if ok && (old.Status == "finished" || old.Status == "failed" && Final(old.Failure)) {
			em.emit(Event{Kind: Begin, Model: j.Model, Seed: j.Seed, Trial: j.Trial, Step: old.Steps, Done: 1})
			em.emit(Event{Kind: End, Model: j.Model, Seed: j.Seed, Trial: j.Trial, Status: old.Status, Done: 1, Step: old.Steps, Tokens: old.Tokens, Loss: lossOf(old), Message: reason(old.Failure)})
			return old, 0, nil
		}
	}
	t := &trainer{job: j, opts: opts, em: em, dir: dir}
	runErr := t.train(ctx)
	t.closeLogs()
	res = t.result()
	var fatal recordError
	switch {
	case errors.As(runErr, &fatal):
		t.closeSession()
		return res, 0, runErr
	case runErr != nil && ctx.Err() != nil:
		res.Status = "stopped"
	case runErr != nil:
		res.Status, res.Failure = "failed", failureOf(runErr, t.state.Step, t.session)
	case opts.Evaluate != nil:
		begin := time.Now()
		err := opts.Evaluate(ctx, t.trained(&res))
		evalSeconds = time.Since(begin).Seconds()
		if err != nil && ctx.Err() != nil {
			res.Status = "stopped"
		} else if err != nil {
			res.Status, res.Failure = "failed", failureOf(fmt.Errorf("evaluate: %w", err), t.state.Step, t.session)
		}
	}
	if t.session != nil && t.session.PeakRSS != nil {
		res.PeakRSS = max(res.PeakRSS, t.session.PeakRSS())
	}
	t.closeSession()
	if err := run.WriteResult(res); err != nil {
		return res, 0, err
	}
	end := Event{Kind: End, Model: j.Model, Seed: j.Seed, Trial: j.Trial, Status: res.Status, Step: res.Steps, Tokens: res.Tokens, Loss: lossOf(res), Seconds: res.Seconds, Done: t.done()}
	end.Message = reason(res.Failure)
	em.emit(end)
	return res, evalSeconds, nil
}

// reason writes a failure as its kind and what happened; "" for none.
func reason(f *record.Failure) string {
	if f == nil {
		return ""
	}
	return f.Kind + ": " + f.Message
}

// lossOf answers the loss to show for a result: of validation if there is one.
func lossOf(r record.Result) float64 {
	if r.Validation != nil {
		return r.Validation.Loss
	}
	return 0
}

// emitter stamps events, tells the sink and keeps the milestones in events.jsonl. Progress of an evaluation may come
// from any goroutine.
type emitter struct {
	mu   sync.Mutex
	sink Sink
	now  func() time.Time
	run  *record.Run
	err  error // the first that events.jsonl gave
}

func (em *emitter) emit(e Event) {
	em.mu.Lock()
	defer em.mu.Unlock()
	e.Time = em.now().UTC()
	for _, p := range []*float64{&e.Loss, &e.BPB, &e.Score, &e.Speed, &e.Left, &e.FLOPs, &e.Done} {
		if math.IsNaN(*p) || math.IsInf(*p, 0) {
			*p = 0 // JSON has no such numbers; Skip events say what happened
		}
	}
	if e.Kind != Step && e.Kind != Evaluating {
		if err := em.run.Event(e); err != nil && em.err == nil {
			em.err = err
		}
	}
	if em.sink != nil {
		em.sink.Event(e)
	}
}

// metricsPath and scalarsPath name the two curves of a job.
func metricsPath(dir string) string { return filepath.Join(dir, "metrics.jsonl") }
func scalarsPath(dir string) string { return filepath.Join(dir, "events.out.tfevents.archlab") }
