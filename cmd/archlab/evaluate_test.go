package main

import (
	"errors"
	"testing"

	"github.com/archlab/archlab/core/data/tokenizer"
	"github.com/archlab/archlab/core/eval"
	"github.com/archlab/archlab/core/experiment"
	"github.com/archlab/archlab/core/family"
	"github.com/archlab/archlab/core/record"
	"github.com/archlab/archlab/core/train"
)

// A text that can't be encoded while a model is judged fails that model, not the run.
func TestSlowPatternFailsOneEvaluation(t *testing.T) {
	ds := &dataset{splits: []eval.Split{{Name: "test", Batches: 1, Batch: func(int) (family.Batch, []int32, error) {
		panic(&tokenizer.PatternError{Pattern: "(z+)+y", Text: "zzz", Bytes: 3})
	}}}}
	judge := evaluator(&experiment.File{}, &experiment.Plan{}, ds)
	err := judge(t.Context(), &train.Trained{Name: "one", Result: &record.Result{}, Progress: func(string, float64) {}})
	var slow *tokenizer.PatternError
	if !errors.As(err, &slow) || slow.Pattern != "(z+)+y" {
		t.Errorf("got %v", err)
	}
}
