package record

import (
	"errors"
	"path/filepath"
	"strings"
	"testing"
)

func TestCheckpointsByStepAndByValidation(t *testing.T) {
	r := &Reader{Dir: t.TempDir()}
	dir := ModelDir(r.Dir, "m", 1)
	if _, err := r.BestStep("m", 1); !errors.Is(err, ErrNoCheckpoint) || !strings.Contains(err.Error(), "no step at all") {
		t.Errorf("without any: got %v", err)
	}
	for _, step := range []int{5, 10, 15} {
		if err := WriteCheckpoint(dir, State{Step: step}, save("w", "o")); err != nil {
			t.Fatal(err)
		}
	}
	if c, err := r.CheckpointAt("m", 1, 10); err != nil || c.State.Step != 10 {
		t.Errorf("step 10: got %+v, %v", c, err)
	}
	if _, err := r.CheckpointAt("m", 1, 11); !errors.Is(err, ErrNoCheckpoint) || err.Error() != "no checkpoint of step 11; there are those of steps 5, 10, 15" {
		t.Errorf("step 11: got %v", err)
	}
	// The best validation of all was at a step without a checkpoint, the best training loss is no validation.
	l, err := OpenLog(filepath.Join(dir, "metrics.jsonl"), -1)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if err := l.Append(Metric{Kind: "train", Step: 15, Loss: 0.1}); err != nil {
		t.Fatal(err)
	}
	if _, err := r.BestStep("m", 1); !errors.Is(err, ErrNoCheckpoint) || !strings.Contains(err.Error(), "steps 5, 10, 15") {
		t.Errorf("without a validation: got %v", err)
	}
	for _, m := range []Metric{{Step: 5, Loss: 2}, {Step: 8, Loss: 1}, {Step: 10, Loss: 1.5}, {Step: 15, Loss: 1.5}} {
		m.Kind = "validation"
		if err := l.Append(m); err != nil {
			t.Fatal(err)
		}
	}
	if step, err := r.BestStep("m", 1); err != nil || step != 10 {
		t.Errorf("best: got step %d, %v", step, err)
	}
}
