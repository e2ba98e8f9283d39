package main

import (
	"encoding/json"
	"math"
	"math/rand/v2"
	"os"
	"time"

	"github.com/archlab/archlab/core/record"
	"github.com/archlab/archlab/core/report"
	"github.com/archlab/archlab/core/stats/statstest"
)

// reported are experiments in which nothing is to be found, as runs leave them and reports judge them: models of one family under several
// names, each seed's weights drawn anew.
var reported = []struct {
	name string
	world
	problems int // of test-time compute, with two strategies; 0: none
}{
	{"one family under two names, 2 seeds", world{"", statstest.World{Scores: []float64{1, 1}, Seeds: 2, Items: 60, SeedSD: 0.02, ItemSD: 0.05}}, 0},
	{"one family under two names, 3 seeds", world{"", statstest.World{Scores: []float64{1, 1}, Seeds: 3, Items: 60, SeedSD: 0.02, ItemSD: 0.05}}, 0},
	{"one family under two names, 5 seeds", world{"", statstest.World{Scores: []float64{1, 1}, Seeds: 5, Items: 60, SeedSD: 0.02, ItemSD: 0.05}}, 0},
	{"one family under four names, 3 seeds, 3 metrics", world{"", statstest.World{Scores: []float64{1, 1, 1, 1}, Seeds: 3, Items: 60, SeedSD: 0.02, ItemSD: 0.05}}, 64},
}

// reports judges whole reports, of a quarter of the trials: each is a run directory that is written, read and judged.
func reports(trials int) ([]row, error) {
	root, err := scratch()
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(root)
	r := rand.New(rand.NewPCG(7, 8))
	var out []row
	for _, w := range reported {
		errs := row{rule: "a report's verdicts, all of them (Holm)", world: w.name, event: "errs", promised: 0.05, careful: true}
		for range max(1, trials/4) {
			dir, err := writeRun(root, w.World, w.problems, r)
			if err != nil {
				return nil, err
			}
			rep, err := report.Build(dir)
			if err != nil {
				return nil, err
			}
			any := false
			for _, c := range rep.Comparisons {
				for _, p := range c.Pairs {
					any = any || p.Decided
				}
			}
			errs.count(any)
			if err := os.RemoveAll(dir); err != nil {
				return nil, err
			}
		}
		out = append(out, errs)
	}
	return out, nil
}

// scratch makes a directory in memory where there is one: records are synced to disk one by one.
func scratch() (string, error) {
	if dir, err := os.MkdirTemp("/dev/shm", "archlab-statistics-"); err == nil {
		return dir, nil
	}
	return os.MkdirTemp("", "archlab-statistics-")
}

// writeRun leaves the records of a run in a world.
func writeRun(root string, w statstest.World, problems int, r *rand.Rand) (string, error) {
	run, err := record.Create(root, "drawn", time.Unix(0, 0))
	if err != nil {
		return "", err
	}
	defer run.Close()
	m := record.Manifest{Name: "drawn", State: "finished", Config: json.RawMessage("{}"), Data: record.Data{Corpus: "drawn"}}
	for seed := range w.Seeds {
		m.Seeds = append(m.Seeds, uint64(seed))
	}
	hard := make([]float64, problems)
	for i := range hard {
		hard[i] = r.Float64()
	}
	for _, s := range w.Draw(r) {
		m.Models = append(m.Models, record.Model{Name: s.Name, Family: "drawn"})
		for _, x := range s.Seeds {
			res := record.Result{Model: s.Name, Seed: x.Seed, Status: "finished", Test: &record.Score{Split: "test"}}
			for i := range x.Num {
				bytes := int64(math.Round(100 * x.Den[i]))
				res.Test.Sequences = append(res.Test.Sequences, record.SequenceLoss{Loss: x.Num[i] / x.Den[i] * float64(bytes) * math.Ln2, Weight: 1, Bytes: bytes})
				res.Test.Bytes += bytes
			}
			if problems > 0 {
				res.TTC = answers(hard, r)
			}
			if err := run.WriteResult(res); err != nil {
				return "", err
			}
		}
	}
	if err := run.WriteConfig([]byte("name: drawn\n")); err != nil {
		return "", err
	}
	return run.Dir, run.WriteManifest(m)
}

// answers draws what a model with a seed solves: greedily, with the skill of its seed.
func answers(hard []float64, r *rand.Rand) []record.TTCPoint {
	var out []record.TTCPoint
	skill := 0.1 * r.NormFloat64()
	for _, strategy := range []string{"greedy", "majority"} {
		p := record.TTCPoint{Task: "drawn", Strategy: strategy, Samples: 1, Problems: len(hard)}
		for _, h := range hard {
			p.Solved = append(p.Solved, r.Float64() < math.Min(1, math.Max(0, 1-h+skill)))
		}
		out = append(out, p)
	}
	return out
}
