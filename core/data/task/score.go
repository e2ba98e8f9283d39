package task

import (
	"fmt"

	"github.com/archlab/archlab/core/family"
)

// Score counts right answers over positions whose weight is not 0. The zero value is ready to use.
type Score struct {
	Tokens           int `json:"tokens"`
	CorrectTokens    int `json:"correct_tokens"`
	Sequences        int `json:"sequences"` // rows with at least one scored position
	CorrectSequences int `json:"correct_sequences"`
}

// Add counts a batch; correct [B,T] is what Model.Score or a control answered for it.
func (s *Score) Add(b family.Batch, correct []bool) error {
	if len(correct) != b.B*b.T || len(b.Weights) != b.B*b.T {
		return fmt.Errorf("score: got %d answers and %d weights for a batch of B*T=%d", len(correct), len(b.Weights), b.B*b.T)
	}
	for row := range b.B {
		scored, right := 0, 0
		for i := row * b.T; i < (row+1)*b.T; i++ {
			if b.Weights[i] == 0 {
				continue
			}
			scored++
			if correct[i] {
				right++
			}
		}
		s.Tokens += scored
		s.CorrectTokens += right
		if scored > 0 {
			s.Sequences++
			if right == scored {
				s.CorrectSequences++
			}
		}
	}
	return nil
}

// TokenAccuracy is the share of scored positions that were right, 0 if there were none.
func (s Score) TokenAccuracy() float64 { return share(s.CorrectTokens, s.Tokens) }

// SequenceAccuracy is the share of sequences with every scored position right, 0 if there were none.
func (s Score) SequenceAccuracy() float64 { return share(s.CorrectSequences, s.Sequences) }

func share(part, whole int) float64 {
	if whole == 0 {
		return 0
	}
	return float64(part) / float64(whole)
}
