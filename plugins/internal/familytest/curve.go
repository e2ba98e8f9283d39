package familytest

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"math"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/archlab/archlab/core/family"
)

var update = flag.Bool("update", false, "write golden files anew")

// Curve trains a small model for a few steps on sequences with a rule in them and compares the losses with a golden file, one
// number a line; -update writes it. The loss must fall, whatever the file says.
func Curve(t *testing.T, fam family.Family, config, path string) {
	t.Helper()
	const vocab, steps = 17, 24
	ctx := context.Background()
	m, _, err := fam.Build(ctx, family.BuildRequest{Config: json.RawMessage(config), Vocab: vocab, Context: 24, Seed: 5, Threads: 2})
	if err != nil {
		t.Fatal(err)
	}
	defer m.Release(ctx)
	var got []float64
	for step := range steps {
		res, err := m.Train(ctx, family.TrainRequest{
			MicroBatches: []family.Batch{sequences(step, 4, 24, vocab)},
			Optimizer:    family.OptimizerStep{LearningRate: 0.01, Beta1: 0.9, Beta2: 0.95, Epsilon: 1e-8, WeightDecay: 0.1, Clip: 1},
		})
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, res.Loss)
	}
	if first, last := got[0], got[steps-1]; !(last < 0.9*first) {
		t.Errorf("the loss went from %.4f to %.4f in %d steps", first, last, steps)
	}
	if *update {
		var s strings.Builder
		for _, x := range got {
			fmt.Fprintf(&s, "%.7g\n", x)
		}
		if err := os.WriteFile(path, []byte(s.String()), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Fields(string(raw))
	if len(lines) != steps {
		t.Fatalf("%s has %d losses, want %d", path, len(lines), steps)
	}
	for i, line := range lines {
		want, err := strconv.ParseFloat(line, 64)
		if err != nil {
			t.Fatal(err)
		}
		// Instruction sets round differently, and training carries the difference on.
		if !(math.Abs(got[i]-want) <= 2e-3*want) {
			t.Fatalf("step %d: loss %.7g, want %.7g", i, got[i], want)
		}
	}
}

// sequences interleave two counters modulo the vocabulary: each token is one more than the one before the last.
func sequences(seed, b, t, vocab int) family.Batch {
	out := family.Batch{B: b, T: t}
	for row := range b {
		x, y := (3*seed+row)%vocab, (5*seed+2*row+1)%vocab
		for range t {
			out.Tokens = append(out.Tokens, int32(x))
			out.Targets = append(out.Targets, int32(y))
			out.Weights = append(out.Weights, 1/float32(b*t))
			x, y = y, (x+1)%vocab
		}
	}
	return out
}
