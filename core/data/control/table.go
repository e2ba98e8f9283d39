package control

import (
	"fmt"
	"math"

	"github.com/archlab/archlab/core/family"
)

// Occurrence chooses which earlier occurrence of a token a Table follows.
type Occurrence string

const (
	Last  Occurrence = "last"
	First Occurrence = "first" // exact on mqar, where random fill may repeat a key after its pair
)

// Table is exact key-value recall: it predicts the token that followed an earlier occurrence of the current token in the same
// document. It has nothing to learn.
type Table struct {
	Vocab int
	Which Occurrence // default Last
}

// confidence is the probability given to the predicted token, above its share of the uniform rest. Any fixed value below 1 keeps
// log-probabilities finite; accuracy does not depend on it.
const confidence = 0.9

// Name says which occurrence is followed.
func (t Table) Name() string {
	if t.Which == First {
		return "table-first"
	}
	return "table"
}

// Score predicts uniformly where the token is new; the argmax is then the lowest id, as for a model with equal logits.
func (t Table) Score(b family.Batch) (family.ScoreResult, error) {
	if t.Which != "" && t.Which != Last && t.Which != First {
		return family.ScoreResult{}, fmt.Errorf("table: unknown occurrence %q, want %q or %q", t.Which, Last, First)
	}
	if err := b.Check(t.Vocab); err != nil {
		return family.ScoreResult{}, err
	}
	out := newResult(b)
	uniform := 1 / float64(t.Vocab)
	hit, miss, blank := math.Log(confidence+(1-confidence)*uniform), math.Log((1-confidence)*uniform), math.Log(uniform)
	follows := map[int32]int32{}
	previous := int32(-1)
	eachSegment(b, func() {
		clear(follows)
		previous = -1
	}, func(i int) {
		token := b.Tokens[i]
		if _, seen := follows[previous]; previous >= 0 && (!seen || t.Which != First) {
			follows[previous] = token
		}
		previous = token
		if b.Weights[i] == 0 {
			return
		}
		guess, known := follows[token]
		out.Correct[i] = guess == b.Targets[i] // guess is 0 when unknown
		switch {
		case !known:
			out.LogProbs[i] = float32(blank)
		case out.Correct[i]:
			out.LogProbs[i] = float32(hit)
		default:
			out.LogProbs[i] = float32(miss)
		}
	})
	return out, nil
}
