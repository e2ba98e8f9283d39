package train

import (
	"context"
	"math"
	"testing"
	"testing/synctest"
	"time"

	"github.com/archlab/archlab/core/family"
	"github.com/archlab/archlab/core/record"
)

// A budget of seconds is spent by training steps alone, also over several sessions, and the schedule follows the clock.
func TestSecondsBudget(t *testing.T) {
	r := recipe(1)
	r.Budget = Budget{Seconds: 0.3}
	r.Schedule = Schedule{Kind: "linear", Warmup: 0.2}
	jobs := []Job{job("a", 1, `{"sleep_ms": 5}`)}
	run := lock(t, t.TempDir())
	ctx, cancel := context.WithCancel(context.Background())
	stopAt := 0
	sink := SinkFunc(func(e Event) {
		if e.Kind == Step && e.Done > 0.4 && stopAt == 0 {
			stopAt = e.Step
			cancel()
		}
	})
	out, err := Run(ctx, run, jobs, Options{Recipe: r, Data: chain{1}, Sink: sink})
	cancel()
	if err != nil || !out.Stopped {
		t.Fatalf("got %+v, %v", out, err)
	}
	if out, err = Run(context.Background(), run, jobs, Options{Recipe: r, Data: chain{1}, Resume: true}); err != nil {
		t.Fatal(err)
	}
	res := out.Results[0]
	if res.Status != "finished" || res.Seconds < 0.3 || res.Steps <= stopAt {
		t.Errorf("stopped at step %d, then %+v", stopAt, res)
	}
	var last record.Metric
	peak := 0.0
	for _, m := range mustMetrics(t, run.Dir) {
		if m.Kind != "train" {
			continue
		}
		if m.Seconds <= last.Seconds || m.Step != last.Step+1 {
			t.Errorf("step %d at %v s follows step %d at %v s", m.Step, m.Seconds, last.Step, last.Seconds)
		}
		peak, last = max(peak, m.LR), m
	}
	// The one step that crosses the end of the budget begins before it, so the rate has not reached zero.
	if last.LR >= peak || last.LR < 0 || peak > r.Optimizer.LearningRate {
		t.Errorf("the rate rose to %v and ended at %v, the recipe's is %v", peak, last.LR, r.Optimizer.LearningRate)
	}
	if res.Seconds-last.Seconds != 0 {
		t.Errorf("the result counts %v s, the curve %v s", res.Seconds, last.Seconds)
	}
}

// slow is data whose every tenth batch takes a minute, as one does that begins an epoch with a text cut anew.
type slow struct{ chain }

func (s slow) Batch(step int) (family.Batch, error) {
	if step%10 == 0 {
		time.Sleep(time.Minute)
	}
	return s.chain.Batch(step)
}

// Waiting for a batch is no part of a model's budget, speed or curve; a counter of its own has it. The clock is a false one.
func TestWaitingForBatchesIsNoTraining(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := recipe(1)
		r.Budget, r.CallLimit = Budget{Seconds: 1}, 0
		run := lock(t, t.TempDir())
		out, err := Run(t.Context(), run, []Job{job("a", 1, `{"sleep_ms": 50}`)}, Options{Recipe: r, Data: slow{chain{1}}})
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Hour) // the batch ahead ends
		// Steps of 50 ms, of which 20 or, by rounding, 21 fill the second; the batches of steps 0 and 10 are waited for, the latter while a step runs.
		res := out.Results[0]
		if res.Status != "finished" || res.Steps < 20 || res.Steps > 21 || math.Abs(res.Seconds-0.05*float64(res.Steps)) > 1e-6 {
			t.Errorf("%d steps took %v s: %+v", res.Steps, res.Seconds, res.Failure)
		}
		if want := 20 * float64(rows*length); math.Abs(res.TokensPerSecond-want) > 1e-3 {
			t.Errorf("%v tokens a second, want %v", res.TokensPerSecond, want)
		}
		if res.DataSeconds < 119 || res.DataSeconds > 180 || res.HarnessSeconds < res.DataSeconds-1e-6 {
			t.Errorf("waited %v s for batches, of %v s in the harness", res.DataSeconds, res.HarnessSeconds)
		}
	})
}

func mustMetrics(t *testing.T, dir string) []record.Metric {
	t.Helper()
	ms, err := (&record.Reader{Dir: dir}).Metrics("a", 1)
	if err != nil {
		t.Fatal(err)
	}
	return ms
}
