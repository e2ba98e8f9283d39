package eval

import (
	"math"

	"github.com/archlab/archlab/core/record"
	"github.com/archlab/archlab/core/stats"
)

// TaskSetting is what a score says of the task that was scored.
type TaskSetting struct {
	Task      string
	Parameter string // that length extrapolation grows, with its value
	Length    int
	T         int
	Setting   string
	Whole     bool    // a sequence is right where all of its answers are; otherwise answers are counted one by one
	Chance    float64 // of guessing one answer
}

// Grade counts right answers in the score of a task's split. The interval is Wilson's at 95 % over the sequences. Answers counted one by
// one are no independent draws where they stand in one sequence: then n is the number of independent draws that would have the clustered standard
// error (the effective sample size of Korn & Graubard 1998), or the number of sequences where that error is 0.
//
// Chance is that of guessing each answer by itself; of whole sequences, its power by the number of answers.
func Grade(s *record.Score, x TaskSetting) record.TaskScore {
	out := record.TaskScore{Task: x.Task, Parameter: x.Parameter, Length: x.Length, T: x.T, Setting: x.Setting,
		Sequences: len(s.Sequences), Loss: s.Loss, Unit: "answer", Chance: x.Chance}
	if x.Whole {
		right := make([]bool, len(s.Sequences))
		x.Chance = 0
		for i, q := range s.Sequences {
			right[i] = q.Correct == int(q.Weight)
			x.Chance += math.Pow(out.Chance, q.Weight) / float64(len(right))
		}
		out = GradeWhole(right, x)
		out.Loss = s.Loss
		return out
	}
	var hits []float64
	var sequence []int64
	for i, q := range s.Sequences {
		out.Right, out.Of = append(out.Right, q.Correct), append(out.Of, int(q.Weight))
		for k := range int(q.Weight) {
			hit := 0.0
			if k < q.Correct {
				hit = 1
			}
			hits, sequence = append(hits, hit), append(sequence, int64(i))
		}
	}
	mean, stdErr := stats.Clustered(hits, sequence)
	draws := float64(len(s.Sequences))
	if stdErr > 0 {
		draws = mean * (1 - mean) / (stdErr * stdErr)
	}
	n := max(1, int(math.Round(min(draws, float64(len(hits))))))
	out.Items, out.Accuracy = len(hits), mean
	out.Low, out.High = stats.Wilson(mean*float64(n), n, alpha)
	return out
}

// GradeWhole is Grade for sequences that are known to be right or not, without a loss; x.Chance is that of a whole one.
func GradeWhole(right []bool, x TaskSetting) record.TaskScore {
	out := record.TaskScore{Task: x.Task, Parameter: x.Parameter, Length: x.Length, T: x.T, Setting: x.Setting,
		Unit: "sequence", Items: len(right), Sequences: len(right), Chance: x.Chance}
	hits := 0
	for _, ok := range right {
		hit := 0
		if ok {
			hit = 1
		}
		hits += hit
		out.Right, out.Of = append(out.Right, hit), append(out.Of, 1)
	}
	out.Accuracy = float64(hits) / float64(len(right))
	out.Low, out.High = stats.Wilson(float64(hits), len(right), alpha)
	return out
}

// alpha is the level of the intervals.
const alpha = 0.05
