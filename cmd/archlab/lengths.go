package main

import (
	"context"
	"fmt"

	"github.com/archlab/archlab/core/data"
	"github.com/archlab/archlab/core/data/task"
	"github.com/archlab/archlab/core/eval"
	"github.com/archlab/archlab/core/experiment"
	"github.com/archlab/archlab/core/family"
	"github.com/archlab/archlab/core/record"
)

// testTokens bounds the tokens of one batch of test sequences longer than those of training.
const testTokens = 8192

// taskSplit is the first examples of a task's test split in batches of at most testTokens tokens.
func taskSplit(t task.Task, seed uint64, examples int) (eval.Split, error) {
	rows := min(examples, max(1, testTokens/t.Length()))
	set, err := task.NewSet(t, data.Test, seed, rows, examples)
	if err != nil {
		return eval.Split{}, err
	}
	return eval.Split{Name: "test", Batches: set.Len(), Batch: func(i int) (family.Batch, []int32, error) {
		b, err := set.Batch(i)
		return b, nil, err
	}}, nil
}

// testTask scores a model on a task's test split. training is the setting of its training; parameter and length say what an extrapolation
// grew, "" and 0 where nothing.
func testTask(ctx context.Context, m eval.Scorer, t task.Task, training string, seed uint64, examples int, parameter string, length int) (record.TaskScore, error) {
	split, err := taskSplit(t, seed, examples)
	if err != nil {
		return record.TaskScore{}, err
	}
	score, err := eval.Score(ctx, m, split)
	if err != nil {
		return record.TaskScore{}, err
	}
	info := t.Info()
	return eval.Grade(score, eval.TaskSetting{Task: info.Name, Parameter: parameter, Length: length, T: t.Length(), Setting: info.TestSetting(training),
		Whole: info.Whole, Chance: info.Chance}), nil
}

// testLengths scores a model at the lengths of eval.lengths that it can hold.
func testLengths(ctx context.Context, m eval.Scorer, file *experiment.File, lengths []int, progress func(done float64)) ([]record.TaskScore, error) {
	var out []record.TaskScore
	if len(lengths) == 0 {
		return nil, nil
	}
	kind, _ := task.Find(file.Data.Task.Name)
	trained, err := task.Open(file.Data.Task.Config())
	if err != nil {
		return nil, err
	}
	training := trained.Info().Setting(file.Data.Task.Examples)
	for i, n := range lengths {
		progress(float64(i) / float64(len(lengths)))
		t, err := file.Data.Task.At(n)
		if err != nil {
			return nil, err
		}
		score, err := testTask(ctx, m, t, training, file.Data.Seed, file.Eval.Examples, kind.Scale, n)
		if err != nil {
			return nil, fmt.Errorf("%s %d: %w", kind.Scale, n, err)
		}
		out = append(out, score)
	}
	return out, nil
}
