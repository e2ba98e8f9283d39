package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/archlab/archlab/core/bench"
	"github.com/archlab/archlab/core/eval"
	"github.com/archlab/archlab/core/experiment"
	"github.com/archlab/archlab/core/record"
	"github.com/archlab/archlab/core/train"
	"github.com/archlab/archlab/core/tuning"
)

// tuned is what tuning came to: each model's learning rate, and the models that have none.
type tuned struct {
	rates   map[string]float64
	without []record.Result // a failure for every seed of a model of which no rate finished
	stopped bool
}

// tune runs the grid of tune.learning_rate for every model that has no rate yet, chooses, and keeps the ledger. opts are those of the
// trainings; trials see the validation split alone.
func tune(ctx context.Context, run *record.Run, f *fleet, file *experiment.File, plan *experiment.Plan, ds *dataset, opts train.Options, acc *account) (out tuned, err error) {
	defer func() {
		if s, e := tuningSeconds(run, acc.m); err == nil {
			acc.m.Seconds.Tune, err = s, e
		}
	}()
	out = tuned{rates: map[string]float64{}}
	reader := &record.Reader{Dir: run.Dir}
	ledger, err := reader.Tuning()
	if err != nil {
		return out, err
	}
	if ledger == nil {
		ledger = &record.Tuning{Rates: plan.Tuning.Rates, Seeds: plan.Tuning.Seeds, Budget: plan.Tuning.Budget}
		if err := run.WriteTuning(*ledger); err != nil {
			return out, err
		}
	}
	for _, c := range ledger.Choices {
		out.rates[c.Model] = c.Rate
	}
	opts.Recipe, opts.Evaluate = file.TrialRecipe(), acc.evaluate(validationOnly(ds))
	outcome, err := train.Run(ctx, run, trials(f, file, plan, out.rates), opts)
	if err != nil || outcome.Stopped {
		out.stopped = outcome.Stopped
		return out, err
	}
	for _, m := range plan.Models {
		if out.rates[m.Name] > 0 {
			continue
		}
		list, err := tuning.Trials(reader, ledger, m.Name)
		if err != nil {
			return out, err
		}
		choice, ok := tuning.Choose(m.Name, ledger.Rates, list)
		if !ok {
			for _, seed := range plan.Seeds {
				res := record.Result{Model: m.Name, Seed: seed, Status: "failed", Failure: noRate(list)}
				if err := run.WriteResult(res); err != nil {
					return out, err
				}
				out.without = append(out.without, res)
			}
			continue
		}
		out.rates[m.Name] = choice.Rate
		ledger.Choices = append(ledger.Choices, choice)
	}
	if err := run.WriteTuning(*ledger); err != nil {
		return out, err
	}
	return out, dropCheckpoints(run, ledger)
}

// trials lists the grid for the models without a rate, seeds outermost.
func trials(f *fleet, file *experiment.File, plan *experiment.Plan, have map[string]float64) []train.Job {
	var out []train.Job
	for _, seed := range plan.Tuning.Seeds {
		for _, rate := range plan.Tuning.Rates {
			for i, m := range plan.Models {
				if have[m.Name] == 0 {
					j := job(f, file, i, m, seed)
					j.Rate, j.Trial = rate, record.TrialName(rate)
					out = append(out, j)
				}
			}
		}
	}
	return out
}

// validationOnly scores a trial on the validation split. The test split is not touched before a rate is chosen.
func validationOnly(ds *dataset) train.Evaluate {
	return func(ctx context.Context, t *train.Trained) error {
		for _, s := range ds.splits {
			if s.Name != "validation" {
				continue
			}
			t.Progress(s.Name, 0)
			score, err := eval.Score(ctx, t.Model, s)
			if err != nil {
				return fmt.Errorf("%s: %w", s.Name, err)
			}
			score.ByPosition, score.Sequences = nil, nil
			t.Result.Validation = score
		}
		return nil
	}
}

// noRate says why a model has no learning rate. It may be tried again where a trial may.
func noRate(list []tuning.Trial) *record.Failure {
	f := &record.Failure{Kind: "refused", Message: "no learning rate of the grid finished with every tuning seed"}
	for _, t := range list {
		if t.Result.Failure == nil {
			continue
		}
		if mayTryAgain(t.Result) && f.Kind == "refused" {
			f.Kind, f.Log = t.Result.Failure.Kind, t.Result.Failure.Log
		}
		if !strings.Contains(f.Message, ";") {
			f.Message += fmt.Sprintf("; %s seed %d: %s: %s", record.TrialName(t.Rate), t.Seed, t.Result.Failure.Kind, t.Result.Failure.Message)
		}
	}
	return f
}

// dropCheckpoints removes the weights of trials whose model has its rate: nothing goes on from them.
func dropCheckpoints(run *record.Run, t *record.Tuning) error {
	for _, c := range t.Choices {
		for _, rate := range t.Rates {
			for _, seed := range t.Seeds {
				if err := os.RemoveAll(filepath.Join(record.ModelDir(run.Trial(record.TrialName(rate)).Dir, c.Model, seed), "checkpoints")); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// tuningSeconds sums what the trials of all sessions took.
func tuningSeconds(run *record.Run, m *record.Manifest) (float64, error) {
	reader := &record.Reader{Dir: run.Dir, Manifest: *m}
	ledger, err := reader.Tuning()
	if err != nil || ledger == nil {
		return 0, err
	}
	sum := 0.0
	for _, model := range m.Models {
		if model.Control {
			continue
		}
		list, err := tuning.Trials(reader, ledger, model.Name)
		if err != nil {
			return 0, err
		}
		for _, t := range list {
			r := t.Result
			sum += r.PluginSeconds + r.RPCSeconds + r.HarnessSeconds + r.CheckpointSeconds
		}
	}
	return sum, nil
}

// warnEdges says whose rate lies at the edge of the grid.
func warnEdges(w io.Writer, run *record.Run) error {
	ledger, err := (&record.Reader{Dir: run.Dir}).Tuning()
	if err != nil || ledger == nil {
		return err
	}
	for _, c := range ledger.Choices {
		if c.Edge != "" {
			fmt.Fprintf(w, "archlab: warning: %s trains with the %s learning rate of the grid, %v: a better one may lie beyond\n", c.Model, c.Edge, c.Rate)
		}
	}
	return nil
}

// showTuning says how many runs an experiment comes to, and how long they may take.
func showTuning(w io.Writer, file *experiment.File, plan *experiment.Plan) {
	tokens, flops, part := plan.Tokens, plan.FLOPs, ""
	if t := plan.Tuning; t != nil {
		fmt.Fprintf(w, "\n# tuning: %s x %s x %s = %s before the %s that count, each with %.4g %% of the budget, on validation alone\n", plural(len(plan.Models), "model"),
			plural(len(t.Rates), "learning rate"), plural(len(t.Seeds), "seed"), plural(t.Trials, "trial"), plural(plan.Trainings, "training"), 100*t.Budget)
		tokens, flops, part = tokens+t.Tokens, flops+t.FLOPs, "trials and "
	}
	if b := file.Budget(); b.Seconds > 0 {
		seconds := b.Seconds * float64(plan.Trainings)
		if t := plan.Tuning; t != nil {
			seconds += b.Seconds * t.Budget * float64(t.Trials)
		}
		fmt.Fprintf(w, "\n# %strainings take %s by the clock, evaluation not counted\n", part, roughly(seconds))
		return
	}
	if flops > 0 {
		const use = 0.25
		peak := bench.FP32Peak(runtime.GOMAXPROCS(0))
		fmt.Fprintf(w, "\n# %strainings come to %s tokens and %s FLOPs: about %s at a quarter of this machine's FP32 peak (%sFLOP/s), evaluation not counted\n",
			part, short(float64(tokens)), short(flops), roughly(flops/(use*peak)), short(peak))
	}
}

// roughly writes seconds without false precision.
func roughly(seconds float64) string {
	d := time.Duration(seconds * float64(time.Second))
	switch {
	case d < time.Second:
		return "a second"
	case d < 2*time.Minute:
		return d.Round(time.Second).String()
	}
	return strings.TrimSuffix(d.Round(time.Minute).String(), "0s")
}

// apply drops the jobs of models without a rate, and gives the others theirs.
func (t tuned) apply(jobs []train.Job) []train.Job {
	jobs = slices.DeleteFunc(jobs, func(j train.Job) bool { return t.rates[j.Model] == 0 })
	for i := range jobs {
		jobs[i].Rate = t.rates[jobs[i].Model]
	}
	return jobs
}
