package main

import (
	"context"
	"fmt"
	"slices"

	"github.com/archlab/archlab/core/data"
	"github.com/archlab/archlab/core/data/task"
	"github.com/archlab/archlab/core/data/tokenizer"
	"github.com/archlab/archlab/core/eval"
	"github.com/archlab/archlab/core/experiment"
	"github.com/archlab/archlab/core/train"
	"github.com/archlab/archlab/core/ttc"
)

// evaluator judges a trained model as the experiment says, while its plugin is still alive. Decoding is measured after the
// contexts that the plan has found the model to hold.
func evaluator(file *experiment.File, plan *experiment.Plan, ds *dataset) train.Evaluate {
	decode, longer := map[string][]int{}, map[string][]int{}
	for _, m := range plan.Models {
		decode[m.Name], longer[m.Name] = m.Decode, m.Lengths
	}
	return func(ctx context.Context, t *train.Trained) (err error) {
		defer tokenizer.Catch(&err)
		res := t.Result
		for i, s := range ds.splits {
			t.Progress(s.Name, float64(i)/float64(len(ds.splits)))
			score, err := eval.Score(ctx, t.Model, s)
			if err != nil {
				return fmt.Errorf("%s: %w", s.Name, err)
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
		if res.Lengths, err = testLengths(ctx, t.Model, file, longer[t.Name], func(done float64) { t.Progress("lengths", done) }); err != nil {
			return err
		}
		if lengths := decode[t.Name]; len(lengths) > 0 && t.Description.Capabilities.Decode {
			t.Progress("decode", 0)
			tokens, err := ds.tokens(slices.Max(lengths) + eval.DecodeSteps)
			if err != nil {
				return err
			}
			if res.Decode, err = eval.Decode(ctx, t.Model, t.Card, tokens, lengths); err != nil {
				return err
			}
		}
		if file.TTC == nil {
			return nil
		}
		t.Progress("ttc", 0)
		problems, err := newProblems(ds, file)
		if err != nil {
			return err
		}
		x := file.TTC
		c := ttc.Config{Samples: x.Samples, Problems: x.Problems, Sampling: ttc.Sampling{Temperature: x.Temperature, MaxTokens: problems.task.Length(),
			Stop: ds.tok.EOD(), Seed: x.Seed}}
		for _, s := range x.Strategies {
			c.Strategies = append(c.Strategies, ttc.Strategy(s))
		}
		res.TTC, err = ttc.Run(ctx, t.Model, t.Card, problems, c)
		return err
	}
}

// problems shows a verifiable task's test split to core/ttc.
type problems struct {
	task task.Verifiable
	tok  data.Tokenizer
	seed uint64
}

func newProblems(ds *dataset, file *experiment.File) (problems, error) {
	v, ok := ds.task.(task.Verifiable)
	if !ok {
		return problems{}, fmt.Errorf("ttc: the task %s has no verifier", ds.info.Task)
	}
	return problems{task: v, tok: ds.tok, seed: file.Data.Seed}, nil
}

// Name implements ttc.Problems.
func (p problems) Name() string { return p.task.Info().Name }

// Problem implements ttc.Problems.
func (p problems) Problem(index int) ttc.Problem {
	prompt := p.task.Prompt(data.Test, p.seed, index)
	return ttc.Problem{
		Prompt: data.PromptTokens(p.tok, []byte(prompt)),
		Check: func(completion []int32) (string, bool) {
			text := string(p.tok.Decode(nil, completion))
			answer, _ := p.task.Answer(text) // "" where there is none, which does not vote
			return answer, p.task.Verify(prompt, text)
		},
	}
}
