package train

import (
	"context"
	"testing"

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

func mustMetrics(t *testing.T, dir string) []record.Metric {
	t.Helper()
	ms, err := (&record.Reader{Dir: dir}).Metrics("a", 1)
	if err != nil {
		t.Fatal(err)
	}
	return ms
}
