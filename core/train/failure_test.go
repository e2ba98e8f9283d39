package train

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/archlab/archlab/core/family"
	"github.com/archlab/archlab/core/record"
)

// What one model does wrong is recorded and stops no other.
func TestFailures(t *testing.T) {
	cases := []struct {
		name, config string
		kind, says   string
		step         int
	}{
		{"died", `{"die_at": 8}`, "died", "the plugin's process is gone", 7},
		{"hung", `{"hang_at": 3}`, "deadline", "call Train did not answer within", 2},
		{"diverged", `{"nan_from": 6}`, "not_finite", "in 3 steps up to step 8; at most 2 are skipped", 8},
		{"bad scores", `{"nan_scores": true}`, "not_finite", "validation batches are not finite after step 5", 5},
		{"refused", `{"widht": 4}`, "refused", "widht", 0},
	}
	var jobs []Job
	for _, c := range cases {
		jobs = append(jobs, job(strings.ReplaceAll(c.name, " ", "-"), 1, c.config))
	}
	jobs = append(jobs, job("good", 1, `{"width": 4}`))
	r := recipe(20)
	r.CallLimit = 300 * time.Millisecond
	run := lock(t, filepath.Join(t.TempDir(), "run"))
	out, err := Run(context.Background(), run, jobs, Options{Recipe: r, Data: chain{1}})
	if err != nil {
		t.Fatal(err)
	}
	for i, c := range cases {
		res := out.Results[i]
		if res.Status != "failed" || res.Failure == nil {
			t.Errorf("%s: status %s", c.name, res.Status)
			continue
		}
		if f := res.Failure; f.Kind != c.kind || !strings.Contains(f.Message, c.says) || f.Step != c.step {
			t.Errorf("%s: got %s at step %d: %s; want %s at step %d: %s", c.name, f.Kind, f.Step, f.Message, c.kind, c.step, c.says)
		}
		stored, ok, err := (&record.Reader{Dir: run.Dir}).Result(jobs[i].Model, 1)
		if err != nil || !ok || stored.Failure == nil || stored.Failure.Message != res.Failure.Message {
			t.Errorf("%s: stored result %+v, %v", c.name, stored, err)
		}
	}
	if good := out.Results[len(cases)]; good.Status != "finished" || good.Steps != 20 {
		t.Errorf("the good model came to %+v", good)
	}
}

// Skipped steps up to the limit are recorded and training goes on.
func TestSkips(t *testing.T) {
	run := lock(t, filepath.Join(t.TempDir(), "run"))
	out, err := Run(context.Background(), run, []Job{job("a", 1, `{"nan_once": 4}`)}, Options{Recipe: recipe(10), Data: chain{1}})
	if err != nil {
		t.Fatal(err)
	}
	if r := out.Results[0]; r.Status != "finished" || r.Skipped != 1 || r.Steps != 10 {
		t.Errorf("got %+v", r)
	}
	for _, m := range course(t, run.Dir, "a", 1) {
		if (m.Kind == "skip") != (m.Step == 4 && m.Kind != "validation") {
			t.Errorf("step %d has kind %s", m.Step, m.Kind)
		}
	}
}

// An error of the evaluation fails the job and keeps what training found.
func TestEvaluateFails(t *testing.T) {
	run := lock(t, filepath.Join(t.TempDir(), "run"))
	evaluate := func(ctx context.Context, tr *Trained) error {
		tr.Progress("half", 0.5)
		if tr.Name == "bad" {
			return family.Errorf(family.Unavailable, "", "gone")
		}
		tr.Result.Test = &record.Score{Split: "test", Loss: 1.5}
		return nil
	}
	out, err := Run(context.Background(), run, []Job{job("bad", 1, `{}`), job("good", 1, `{}`)}, Options{Recipe: recipe(5), Data: chain{1}, Evaluate: evaluate})
	if err != nil {
		t.Fatal(err)
	}
	if r := out.Results[0]; r.Status != "failed" || r.Failure.Kind != "died" || r.Steps != 5 {
		t.Errorf("bad came to %+v", r)
	}
	if r := out.Results[1]; r.Status != "finished" || r.Test == nil || r.Test.Loss != 1.5 {
		t.Errorf("good came to %+v", r)
	}
}

// A damaged newest checkpoint is passed over with a warning, and the run still ends with the same bits.
func TestDamagedCheckpoint(t *testing.T) {
	jobs := []Job{job("a", 1, `{"width": 4}`)}
	whole := lock(t, filepath.Join(t.TempDir(), "whole"))
	if _, err := Run(context.Background(), whole, jobs, Options{Recipe: recipe(20), Data: chain{1}}); err != nil {
		t.Fatal(err)
	}
	for _, damage := range []struct {
		file string
		harm func(path string) error
	}{
		{"weights.safetensors", func(p string) error { return os.Truncate(p, 40) }},
		{"optimizer.safetensors", func(p string) error { return flip(p, 200) }},
		{"state.json", func(p string) error { return flip(p, 60) }},
		{"weights.safetensors", os.Remove},
	} {
		run := lock(t, filepath.Join(t.TempDir(), "run"))
		ctx, cancel := context.WithCancel(context.Background())
		stop := SinkFunc(func(e Event) {
			if e.Kind == Saved && e.Step == 14 {
				cancel()
			}
		})
		if _, err := Run(ctx, run, jobs, Options{Recipe: recipe(20), Data: chain{1}, Sink: stop}); err != nil {
			t.Fatal(err)
		}
		cancel()
		dir := record.ModelDir(run.Dir, "a", 1)
		steps, err := record.CheckpointSteps(dir)
		if err != nil || len(steps) != 2 || steps[1] != 14 {
			t.Fatalf("checkpoints %v, %v", steps, err)
		}
		if err := damage.harm(filepath.Join(dir, "checkpoints", "step-00000014", damage.file)); err != nil {
			t.Fatal(err)
		}
		var warnings []string
		from := -1
		watch := SinkFunc(func(e Event) {
			switch e.Kind {
			case Warning:
				warnings = append(warnings, e.Message)
			case Begin:
				from = e.Step
			}
		})
		if _, err := Run(context.Background(), run, jobs, Options{Recipe: recipe(20), Data: chain{1}, Sink: watch, Resume: true}); err != nil {
			t.Fatal(err)
		}
		if from != 7 || len(warnings) != 1 || !strings.Contains(warnings[0], damage.file) {
			t.Errorf("%s: resumed at step %d with warnings %q", damage.file, from, warnings)
		}
		same(t, whole.Dir, run.Dir, "a", 1)
	}
}

// flip changes one bit of a file.
func flip(path string, at int) error {
	data, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	data[min(at, len(data)-1)] ^= 1
	return os.WriteFile(path, data, 0o644)
}

// A checkpoint of another vocabulary is refused, and says so.
func TestIdentityMismatch(t *testing.T) {
	run := lock(t, filepath.Join(t.TempDir(), "run"))
	ctx, cancel := context.WithCancel(context.Background())
	stop := SinkFunc(func(e Event) {
		if e.Kind == Step && e.Step == 3 {
			cancel()
		}
	})
	opts := Options{Recipe: recipe(9), Data: chain{1}, Sink: stop, Identity: map[string]string{"tokenizer": "aaa"}}
	if _, err := Run(ctx, run, []Job{job("a", 1, `{}`)}, opts); err != nil {
		t.Fatal(err)
	}
	cancel()
	opts.Identity, opts.Resume, opts.Sink = map[string]string{"tokenizer": "bbb"}, true, nil
	out, err := Run(context.Background(), run, []Job{job("a", 1, `{}`)}, opts)
	if err != nil {
		t.Fatal(err)
	}
	if f := out.Results[0].Failure; f == nil || f.Kind != "refused" || !strings.Contains(f.Message, "its tokenizer is aaa, the experiment's is bbb") {
		t.Errorf("got %+v", f)
	}
}
