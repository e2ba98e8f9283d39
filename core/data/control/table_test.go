package control

import (
	"math"
	"slices"
	"testing"

	"github.com/archlab/archlab/core/data"
	"github.com/archlab/archlab/core/data/task"
	"github.com/archlab/archlab/core/family"
)

func TestTable(t *testing.T) {
	// Two rows of six; a document starts inside the first.
	b := family.Batch{B: 2, T: 6,
		Tokens:  []int32{1, 2, 1, 1, 3, 1, 5, 6, 5, 7, 5, 5},
		Targets: []int32{2, 1, 2, 3, 1, 3, 6, 5, 6, 5, 7, 5},
		Weights: []float32{1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1},
		Starts:  []int32{3},
	}
	known := map[Occurrence][]bool{
		//       1      2      1     |1      3      1    |5      6      5     7      5     5
		Last:  {false, false, true, false, false, true, false, false, true, false, true, true},
		First: {false, false, true, false, false, true, false, false, true, false, false, false},
	}
	// At the last position the latest pair is (5,5), the first one (5,6); before it (5,7) and (5,6).
	for which, want := range known {
		got, err := Table{Vocab: 8, Which: which}.Score(b)
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(got.Correct, want) {
			t.Errorf("%s: got %v, want %v", which, got.Correct, want)
		}
	}
	if _, err := (Table{Vocab: 8, Which: "some"}).Score(b); err == nil {
		t.Error("an unknown occurrence is accepted")
	}
	if _, err := (Table{Vocab: 7}).Score(b); family.CodeOf(err) != family.InvalidArgument {
		t.Errorf("a token outside the vocabulary: %v", err)
	}
}

func TestTableProbabilitiesSumToOne(t *testing.T) {
	for _, tokens := range [][]int32{{1, 2, 3}, {1, 2, 1}} { // nothing known; 2 predicted
		sum := 0.0
		for target := range int32(5) {
			got, err := Table{Vocab: 5}.Score(family.Batch{B: 1, T: 3, Tokens: tokens, Targets: []int32{0, 0, target}, Weights: []float32{0, 0, 1}})
			if err != nil {
				t.Fatal(err)
			}
			sum += math.Exp(float64(got.LogProbs[2]))
			if got.LogProbs[0] != 0 || got.Correct[0] {
				t.Error("an unscored position has a score")
			}
		}
		// Log-probabilities are float32.
		if math.Abs(sum-1) > 1e-6 {
			t.Errorf("%v: sum %v", tokens, sum)
		}
	}
}

func TestTableOnTasks(t *testing.T) {
	for _, tt := range []struct {
		cfg      task.Config
		which    Occurrence
		low, top float64
	}{
		{task.Config{Kind: "mqar", Preset: "cpu"}, First, 1, 1},
		{task.Config{Kind: "mqar", Set: task.Values{"blank": 1}}, Last, 1, 1},
		{task.Config{Kind: "mqar", Preset: "cpu"}, Last, 0.7, 0.99}, // random fill repeats some keys
		{task.Config{Kind: "induction", Preset: "cpu"}, Last, 1, 1},
		{task.Config{Kind: "selective_copy", Preset: "cpu"}, Last, 0, 0.4}, // a marker is followed by a marker
	} {
		tk, err := task.Open(tt.cfg)
		if err != nil {
			t.Fatal(err)
		}
		set, err := task.NewSet(tk, data.Test, 1, 32, 200)
		if err != nil {
			t.Fatal(err)
		}
		scored, right := 0, 0
		for i := range set.Len() {
			b, err := set.Batch(i)
			if err != nil {
				t.Fatal(err)
			}
			got, err := Table{Vocab: tk.Info().Vocab, Which: tt.which}.Score(b)
			if err != nil {
				t.Fatal(err)
			}
			for j, w := range b.Weights {
				if w != 0 {
					scored++
				}
				if w != 0 && got.Correct[j] {
					right++
				}
			}
		}
		if a := float64(right) / float64(scored); a < tt.low || a > tt.top {
			t.Errorf("%s, %s: accuracy %.3f, want %.2f to %.2f", tk.Info().Name, tt.which, a, tt.low, tt.top)
		}
	}
}
