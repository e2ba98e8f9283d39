// Package control holds the non-neural baselines that every comparison needs: if a count of n-grams or a table look-up does as
// well as the models, the task does not test learning.
//
// They are controls, not competitors: no tuning, no training loop, and they answer Score for the same batches, with the same
// meaning, as family.Model does.
//
//	t, err := control.NewNGramTrainer(control.NGramConfig{Vocab: vocab})
//	err = t.AddBatch(batch) // each batch that the models were trained on
//	result, err := t.Finish().Score(batch)
package control

import "github.com/archlab/archlab/core/family"

// Control scores batches like a model.
type Control interface {
	Name() string
	Score(b family.Batch) (family.ScoreResult, error)
}

func newResult(b family.Batch) family.ScoreResult {
	return family.ScoreResult{LogProbs: make([]float32, b.B*b.T), Correct: make([]bool, b.B*b.T)}
}

// eachSegment calls reset at the start of every row and document and visit at every position, in order.
func eachSegment(b family.Batch, reset func(), visit func(i int)) {
	next := 0
	for i := range b.B * b.T {
		start := i%b.T == 0
		if next < len(b.Starts) && int(b.Starts[next]) == i {
			start = true
			next++
		}
		if start {
			reset()
		}
		visit(i)
	}
}
