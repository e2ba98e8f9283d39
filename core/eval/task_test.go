package eval

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/archlab/archlab/core/record"
	"github.com/archlab/archlab/core/stats"
)

func sequences(correct ...int) *record.Score {
	s := &record.Score{Loss: 0.25}
	for _, c := range correct {
		s.Sequences = append(s.Sequences, record.SequenceLoss{Weight: 4, Correct: c})
	}
	return s
}

func TestGradeByAnswer(t *testing.T) {
	got := Grade(sequences(4, 0, 4, 0), TaskSetting{Task: "mqar", T: 64, Chance: 0.125})
	if got.Unit != "answer" || got.Items != 16 || got.Sequences != 4 || got.Accuracy != 0.5 || got.Chance != 0.125 || got.Loss != 0.25 || !slices.Equal(got.Right, []int{4, 0, 4, 0}) || !slices.Equal(got.Of, []int{4, 4, 4, 4}) {
		t.Errorf("got %+v", got)
	}
	// Answers of a sequence are all right or all wrong: they are 4 draws rather than 16, times (C-1)/C for the estimated variance.
	low, high := stats.Wilson(1.5, 3, 0.05)
	if math.Abs(got.Low-low) > 1e-9 || math.Abs(got.High-high) > 1e-9 {
		t.Errorf("interval [%v,%v], want [%v,%v]", got.Low, got.High, low, high)
	}
	// Nothing wrong tells nothing of how answers hang together: as many draws as sequences.
	if got, want := Grade(sequences(4, 4, 4), TaskSetting{Chance: 0.125}), first(stats.Wilson(3, 3, 0.05)); got.Low != want || got.High != 1 {
		t.Errorf("all right: [%v,%v], want [%v,1]", got.Low, got.High, want)
	}
}

func first(low, _ float64) float64 { return low }

func TestGradeByWholeSequence(t *testing.T) {
	got := Grade(sequences(4, 3, 4, 0), TaskSetting{Whole: true, Chance: 0.5})
	low, high := stats.Wilson(2, 4, 0.05)
	if got.Unit != "sequence" || got.Items != 4 || got.Accuracy != 0.5 || got.Chance != 1.0/16 || !slices.Equal(got.Right, []int{1, 0, 1, 0}) || !slices.Equal(got.Of, []int{1, 1, 1, 1}) || got.Low != low || got.High != high {
		t.Errorf("got %+v", got)
	}
}

// Of independent answers the interval is that of as many draws, to the noise of the estimated design effect.
func TestGradeOfIndependentAnswers(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	s := &record.Score{}
	for range 4000 {
		q := record.SequenceLoss{Weight: 5}
		for range 5 {
			if r.Float64() < 0.3 {
				q.Correct++
			}
		}
		s.Sequences = append(s.Sequences, q)
	}
	got := Grade(s, TaskSetting{Chance: 0.1})
	low, high := stats.Wilson(got.Accuracy*20000, 20000, 0.05)
	if ratio := (got.High - got.Low) / (high - low); ratio < 0.95 || ratio > 1.05 {
		t.Errorf("the interval is %.3f times that of 20000 draws", ratio)
	}
}

func TestGradeWhole(t *testing.T) {
	got := GradeWhole([]bool{true, false, false, true}, TaskSetting{Task: "needle", Chance: 1e-3})
	if got.Accuracy != 0.5 || got.Items != 4 || got.Unit != "sequence" || got.Chance != 1e-3 || !slices.Equal(got.Right, []int{1, 0, 0, 1}) || !slices.Equal(got.Of, []int{1, 1, 1, 1}) {
		t.Errorf("got %+v", got)
	}
	if low, high := stats.Wilson(2, 4, 0.05); got.Low != low || got.High != high {
		t.Errorf("interval: got %v to %v, want Wilson's %v to %v", got.Low, got.High, low, high)
	}
}
