package report

import "fmt"

// recomputed says of each model that computed activations again what that saved and what it cost.
func recomputed(rep *Report) []string {
	var notes []string
	for _, r := range rep.Rows {
		x := r.Recomputation
		if x == nil || x.KeptArenaBytes <= 0 || x.PassSeconds <= 0 || x.PassFLOPs <= x.FLOPs {
			continue
		}
		notes = append(notes, fmt.Sprintf("%s computed the inside of its blocks again in the backward pass: a training step's activations and gradients took %s instead of %s (%s), for %s of its time and %.2fx the operations",
			r.Name, size(float64(x.ArenaBytes)), size(float64(x.KeptArenaBytes)), percent(float64(x.ArenaBytes)/float64(x.KeptArenaBytes)), percent(x.Seconds/x.PassSeconds), x.PassFLOPs/(x.PassFLOPs-x.FLOPs)))
	}
	return notes
}
