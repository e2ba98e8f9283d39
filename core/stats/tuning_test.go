package stats_test

import (
	"math"
	"testing"

	. "github.com/archlab/archlab/core/stats"
)

// Against all subsets.
func TestExpectedBestIsTheMeanOverAllSubsets(t *testing.T) {
	nan := math.NaN()
	for _, scores := range [][]float64{{3, 1, 2, 5, 4}, {2, 2, 2}, {nan, 1, 4, nan, 2, 3}, {nan, nan}, {7}} {
		n := len(scores)
		for k := 1; k <= n; k++ {
			sum, finished, all := 0.0, 0.0, 0.0
			for set := range 1 << n {
				best, size := math.Inf(1), 0
				for i, v := range scores {
					if set>>i&1 == 1 {
						size++
						if v < best {
							best = v
						}
					}
				}
				if size != k {
					continue
				}
				all++
				if !math.IsInf(best, 1) {
					sum += best
					finished++
				}
			}
			best, failed := ExpectedBest(scores, k)
			near(t, "best", best, sum/finished, 1e-12)
			near(t, "failed", failed, 1-finished/all, 1e-12)
		}
	}
	if best, _ := ExpectedBest([]float64{1}, 2); !math.IsNaN(best) {
		t.Errorf("two trials out of one: %v", best)
	}
}
