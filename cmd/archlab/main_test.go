package main

import (
	"math"
	"os"
	"path/filepath"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/archlab/archlab/core/record"
	"github.com/archlab/archlab/core/train/traintest"
)

// TestMain makes this binary archlab itself with one family more, so that the host's re-execution of the running binary
// serves it in a real plugin process.
func TestMain(m *testing.M) {
	builtins["bigram"] = traintest.Bigram
	testscript.Main(m, map[string]func(){"archlab": func() { os.Exit(execute(os.Args[1:])) }})
}

func TestScripts(t *testing.T) {
	configs, err := filepath.Abs("../../configs")
	if err != nil {
		t.Fatal(err)
	}
	testscript.Run(t, testscript.Params{Dir: "testdata/script", Setup: func(e *testscript.Env) error {
		e.Setenv("ARCHLAB_CACHE_DIR", filepath.Join(e.WorkDir, "cache"))
		e.Setenv("CONFIGS", configs)
		return nil
	}, Cmds: map[string]func(ts *testscript.TestScript, neg bool, args []string){"accounts": accounts}})
}

// accounts holds the seconds of every run below a directory to their sums: training, evaluation and preparation lie within
// the total, and what plugins, wire, harness and checkpoints took makes up the training.
func accounts(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: accounts DIR")
	}
	dirs, err := record.Find(ts.MkAbs(args[0]))
	ts.Check(err)
	if len(dirs) == 0 {
		ts.Fatalf("no runs below %s", args[0])
	}
	for _, dir := range dirs {
		r, err := record.Open(dir)
		ts.Check(err)
		s := r.Manifest.Seconds
		for _, m := range r.Manifest.Models {
			for _, seed := range r.Manifest.Seeds {
				x, ok, err := r.Result(m.Name, seed)
				ts.Check(err)
				p := x.Phases
				if steps := p.Forward + p.Backward + p.Update; ok && !m.Control && x.Status == "finished" && (steps <= 0 || steps > x.PluginSeconds*1.000001) {
					ts.Fatalf("%s: %s spent %.6f s in forward, backward and update, %.6f in its plugin", dir, m.Name, steps, x.PluginSeconds)
				}
			}
		}
		if s.Train <= 0 || s.Total < s.Prepare+s.Train+s.Eval {
			ts.Fatalf("%s: total %.3f, prepare %.3f + train %.3f + eval %.3f", dir, s.Total, s.Prepare, s.Train, s.Eval)
		}
		if sum := s.Plugin + s.RPC + s.Harness + s.Checkpoint; math.Abs(sum-s.Train) > 1e-6 {
			ts.Fatalf("%s: train %.6f, its parts %.6f", dir, s.Train, sum)
		}
	}
}
