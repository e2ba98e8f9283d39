package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/archlab/archlab/core/data/control"
	"github.com/archlab/archlab/core/eval"
	"github.com/archlab/archlab/core/experiment"
	"github.com/archlab/archlab/core/family"
	"github.com/archlab/archlab/core/record"
)

// controlModel is the manifest's entry for a control.
func controlModel(name string) record.Model {
	d := family.Description{Name: name, Version: version()}
	switch name {
	case "ngram":
		d.Summary = "Interpolated 5-gram model with modified Kneser-Ney smoothing, counted over the batches that the models were trained on."
		d.Papers = []family.Paper{{Title: "An Empirical Study of Smoothing Techniques for Language Modeling (Chen and Goodman, 1998)", URL: "https://dash.harvard.edu/handle/1/25104739"}}
	case "table":
		d.Summary = "Exact look-up: predicts the token that followed the current one earlier in the same document."
	}
	return record.Model{Name: name, Family: name, Description: d, Plugin: record.Plugin{Builtin: true}, Control: true}
}

// runControls scores the experiment's controls on the splits that the models were scored on, and records each once a
// model seed: a control has no seed of its own. What a reader must know of a control goes to the notes of ds.info.
func runControls(ctx context.Context, run *record.Run, file *experiment.File, ds *dataset, steps int) error {
	for _, name := range file.Controls {
		begin := time.Now()
		c, tokens, err := makeControl(ctx, name, ds, steps)
		if errors.Is(err, errNoSteps) {
			if err := leaveOut(run, name, file.Seeds.Model, err); err != nil {
				return err
			}
			continue
		}
		if err != nil {
			return fmt.Errorf("control %s: %w", name, err)
		}
		ds.info.Notes = append(ds.info.Notes, controlNotes(name, c)...)
		res := record.Result{Model: name, Status: "finished", Tokens: tokens, Seconds: time.Since(begin).Seconds()}
		for _, s := range ds.splits {
			score, err := eval.Score(ctx, scorer{c}, s)
			if err != nil {
				return fmt.Errorf("control %s: %s: %w", name, s.Name, err)
			}
			if !file.Eval.Positions {
				score.ByPosition = nil
			}
			if s.Name == "test" {
				res.Test = score
			} else {
				res.Validation = score
			}
		}
		if res.Lengths, err = testLengths(ctx, scorer{c}, file, file.Eval.Lengths, func(float64) {}); err != nil {
			return fmt.Errorf("control %s: %w", name, err)
		}
		for _, seed := range file.Seeds.Model {
			res.Seed = seed
			if err := run.WriteResult(res); err != nil {
				return err
			}
		}
	}
	return nil
}

// makeControl answers a control that has seen the same data as the models, and the number of tokens it learned from.
func makeControl(ctx context.Context, name string, ds *dataset, steps int) (control.Control, int64, error) {
	if name == "table" {
		which := control.Last
		if ds.info.Task == "mqar" {
			which = control.First // random fill may repeat a key after its pair
		}
		return control.Table{Vocab: ds.info.Vocab, Which: which}, 0, nil
	}
	// Each window once: counts of a second epoch would be no new text.
	if steps == 0 {
		return nil, 0, errNoSteps
	}
	if ds.steps > 0 {
		steps = min(steps, ds.steps)
	}
	m, tokens, err := countNGrams(ctx, control.NGramConfig{Vocab: ds.info.Vocab}, ds.batch, steps)
	if err != nil {
		return nil, 0, err
	}
	return m, tokens, nil
}

// errNoSteps says why a control that learns has nothing to learn from.
var errNoSteps = errors.New("left out: with a budget of seconds a control learns from the steps of the longest training, and no training took any")

// leaveOut records why a control has no score.
func leaveOut(run *record.Run, name string, seeds []uint64, why error) error {
	for _, seed := range seeds {
		if err := run.WriteResult(record.Result{Model: name, Seed: seed, Status: "failed", Failure: &record.Failure{Kind: "refused", Message: why.Error()}}); err != nil {
			return err
		}
	}
	return nil
}

// controlSteps is how many steps' batches a control learns from: those that the budget pays the longest training for. Only
// a budget of seconds has to be looked up in what was trained.
func controlSteps(plan *experiment.Plan, trained []record.Result) int {
	steps := 0
	for _, m := range plan.Models {
		steps = max(steps, m.Steps)
	}
	if steps > 0 {
		return steps
	}
	for _, r := range trained {
		steps = max(steps, r.Steps)
	}
	return steps
}

// countNGrams shows an n-gram model what the models saw in so many steps: every target with a weight, after the tokens that
// they saw before it.
func countNGrams(ctx context.Context, cfg control.NGramConfig, batch func(step int) (family.Batch, error), steps int) (*control.NGram, int64, error) {
	t, err := control.NewNGramTrainer(cfg)
	if err != nil {
		return nil, 0, err
	}
	var tokens int64
	for step := range steps {
		if err := ctx.Err(); err != nil {
			return nil, 0, err
		}
		b, err := batch(step)
		if err != nil {
			return nil, 0, err
		}
		if err := t.AddBatch(b); err != nil {
			return nil, 0, err
		}
		tokens += int64(b.B * b.T)
	}
	return t.Finish(), tokens, nil
}

// controlNotes says what makes a control weaker than its name promises.
func controlNotes(name string, c control.Control) []string {
	if m, ok := c.(*control.NGram); ok && m.Full() {
		return []string{"control " + name + ": its tables were full before the training data ended, so that later n-grams are missing from it"}
	}
	return nil
}

// scorer lets a control be scored as a model is.
type scorer struct{ control.Control }

// Score implements eval.Scorer.
func (s scorer) Score(ctx context.Context, b family.Batch) (family.ScoreResult, error) {
	if err := ctx.Err(); err != nil {
		return family.ScoreResult{}, err
	}
	return s.Control.Score(b)
}
