package report

import (
	"fmt"

	"github.com/archlab/archlab/core/record"
	"github.com/archlab/archlab/core/stats"
)

// TaskScore is a task's test split at one setting, averaged over seeds. Low and High span the seeds' own 95 % intervals over the test
// sequences, averaged, and that by Student's t over the seeds, within [0,1].
type TaskScore struct {
	record.TaskScore
	Seeds int `json:"seeds"`
}

// lengths averages each length over seeds.
func lengths(results []record.Result) []TaskScore {
	var seeds [][]record.TaskScore
	for _, r := range results {
		seeds = append(seeds, r.Lengths)
	}
	return OverSeeds(seeds)
}

// OverSeeds averages the scores of several seeds, which are of the same settings in the same order.
func OverSeeds(seeds [][]record.TaskScore) []TaskScore {
	var out []TaskScore
	var by [][]float64
	for _, scores := range seeds {
		for i, x := range scores {
			if i == len(out) {
				out = append(out, TaskScore{TaskScore: x})
				out[i].Loss, out[i].Low, out[i].High, out[i].Right, out[i].Of = 0, 0, 0, nil, nil
				by = append(by, nil)
			}
			out[i].Loss, out[i].Low, out[i].High = out[i].Loss+x.Loss, out[i].Low+x.Low, out[i].High+x.High
			by[i] = append(by[i], x.Accuracy)
		}
	}
	for i, accuracy := range by {
		x := &out[i]
		x.Seeds = len(accuracy)
		n := float64(x.Seeds)
		x.Loss, x.Low, x.High = x.Loss/n, x.Low/n, x.High/n
		mean, half := stats.TInterval(accuracy, alpha)
		x.Accuracy = mean
		if half > 0 { // not a number of one seed, and of seeds that agree
			x.Low, x.High = max(0, min(x.Low, mean-half)), min(1, max(x.High, mean+half))
		}
	}
	return out
}

// TaskHead is what a table of task scores says of each.
var TaskHead = []string{"task", "length", "tokens", "accuracy", "95 % interval", "chance", "counted", "seeds", "setting"}

// Cells is a line of such a table.
func (x TaskScore) Cells() []string {
	length := "as trained"
	if x.Parameter != "" {
		length = fmt.Sprintf("%s %d", x.Parameter, x.Length)
	}
	chance := dash
	if x.Chance > 0 {
		chance = percent(x.Chance)
	}
	return []string{x.Task, length, fmt.Sprint(x.T), percent(x.Accuracy), percent(x.Low) + " to " + percent(x.High),
		chance, fmt.Sprintf("%d %ss", x.Items, x.Unit), fmt.Sprint(x.Seeds), x.Setting}
}

// lengthItems are the sequences of a result's test at a length.
func lengthItems(r record.Result, length int) *stats.SeedScores {
	for _, x := range r.Lengths {
		if x.Length != length || len(x.Right) == 0 {
			continue
		}
		var s stats.SeedScores
		for i, right := range x.Right {
			s.Num, s.Den = append(s.Num, float64(right)), append(s.Den, float64(x.Of[i]))
		}
		return &s
	}
	return nil
}

// longest is the longest length at which any model was tested; nil where none was.
func longest(g []entry) *TaskScore {
	var out *TaskScore
	for _, e := range g {
		for i, x := range e.row.Lengths {
			if out == nil || x.Length > out.Length {
				out = &e.row.Lengths[i]
			}
		}
	}
	return out
}
