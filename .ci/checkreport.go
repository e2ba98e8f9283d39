// Command checkreport opens the quickstart's report below a directory of runs, as a reader of figures, of its other forms and
// as a browser, and fails when something that a report must show is missing.
//
//	go run ./.ci RUNS
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"

	"github.com/archlab/archlab/core/report"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: go run ./.ci RUNS (the directory that archlab run --out wrote to)")
		os.Exit(2)
	}
	if err := check(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, "checkreport:", err)
		os.Exit(1)
	}
}

func check(runs string) error {
	found, err := filepath.Glob(filepath.Join(runs, "*", "*", "report.json"))
	if err != nil || len(found) != 1 {
		return fmt.Errorf("%d reports below %s, want 1 (%v)", len(found), runs, err)
	}
	data, err := os.ReadFile(found[0])
	if err != nil {
		return err
	}
	var rep report.Report
	if err := json.Unmarshal(data, &rep); err != nil {
		return err
	}
	families, controls := map[string]bool{}, 0
	for _, r := range rep.Rows {
		if r.Control {
			controls++
			continue
		}
		families[r.Family] = true
		if len(r.Failures) > 0 || r.Seeds != len(rep.Runs[0].Seeds) {
			return fmt.Errorf("%s: %d seeds finished, failures %+v", r.Name, r.Seeds, r.Failures)
		}
		if r.BPB.Mean == nil || *r.BPB.Mean <= 0 || *r.BPB.Mean >= 8 {
			return fmt.Errorf("%s: bits per byte %v, want a value in (0,8)", r.Name, r.BPB.Mean)
		}
		if len(r.Curves) == 0 || len(r.Curves[0].Validation) < 2 {
			return fmt.Errorf("%s: no learning curve", r.Name)
		}
		v := r.Curves[0].Validation
		if v[len(v)-1].Loss >= v[0].Loss {
			return fmt.Errorf("%s: validation loss went from %v to %v", r.Name, v[0].Loss, v[len(v)-1].Loss)
		}
		if len(r.Decode) == 0 || len(r.Positions) == 0 || r.PeakRSS.Mean == nil || r.Speed.Mean == nil {
			return fmt.Errorf("%s: decoding, positions, memory or speed is missing", r.Name)
		}
		for _, d := range r.Decode {
			if int64(d.StateBytes) != d.CardStateBytes {
				return fmt.Errorf("%s: state at %d tokens measured as %v bytes, card says %d", r.Name, d.T, d.StateBytes, d.CardStateBytes)
			}
		}
	}
	if len(families) != 4 || controls != 1 {
		return fmt.Errorf("%d families and %d controls, want 4 and 1", len(families), controls)
	}
	if n := len(rep.Comparisons); n == 0 || len(rep.Comparisons[0].Pairs) != 10 {
		return fmt.Errorf("%d comparisons, want all 10 pairs of five models", n)
	}
	if rep.Runs[0].Overhead == nil {
		return fmt.Errorf("the share of RPC and harness is missing")
	}
	fmt.Printf("figures: %d families, %d pairs, RPC and harness %.2f %% of the training loops\n", len(families), len(rep.Comparisons[0].Pairs), 100**rep.Runs[0].Overhead)
	dir := filepath.Dir(found[0])
	if err := agree(dir, &rep); err != nil {
		return err
	}
	return browse(filepath.Join(dir, "report.html"))
}
