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
	var out []TaskScore
	var by [][]float64
	for _, r := range results {
		for i, x := range r.Lengths {
			if i == len(out) {
				out = append(out, TaskScore{TaskScore: x})
				out[i].Loss, out[i].Low, out[i].High = 0, 0, 0
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

// lengthHead is what a table of task scores by length says of each.
var lengthHead = []string{"task", "length", "tokens", "accuracy", "95 % interval", "chance", "counted", "seeds", "setting"}

func (x TaskScore) cells() []string {
	return []string{x.Task, fmt.Sprintf("%s %d", x.Parameter, x.Length), fmt.Sprint(x.T), percent(x.Accuracy), percent(x.Low) + " to " + percent(x.High),
		percent(x.Chance), fmt.Sprintf("%d %ss", x.Items, x.Unit), fmt.Sprint(x.Seeds), x.Setting}
}
