package train

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"testing"
	"time"

	"github.com/archlab/archlab/core/family"
	"github.com/archlab/archlab/core/record"
	"github.com/archlab/archlab/core/train/traintest"
)

const (
	vocab  = 11
	length = 6
	rows   = 4
)

// chain is data of a fixed random walk: the next token follows from the current one with probability 0.7.
type chain struct{ seed uint64 }

func (c chain) Batch(step int) (family.Batch, error) {
	rng := rand.New(rand.NewPCG(c.seed, uint64(step)))
	b := family.Batch{B: rows, T: length}
	for range rows {
		x := rng.Int32N(vocab)
		for range length {
			y := (3*x + 1) % vocab
			if rng.Float64() > 0.7 {
				y = rng.Int32N(vocab)
			}
			b.Tokens, b.Targets, b.Weights = append(b.Tokens, x), append(b.Targets, y), append(b.Weights, 1)
			x = y
		}
	}
	return b, nil
}

func (c chain) Validation() ([]family.Batch, int64, error) {
	b, err := chain{c.seed + 1000}.Batch(0)
	return []family.Batch{b}, 2 * rows * length, err
}

// recipe is a short training of n steps.
func recipe(n int) Recipe {
	return Recipe{
		Budget: Budget{Tokens: int64(n * rows * length)}, Context: length, Batch: rows, MicroBatches: 2,
		Optimizer:     family.OptimizerStep{LearningRate: 0.05, Beta1: 0.9, Beta2: 0.95, Epsilon: 1e-8, WeightDecay: 0.1, Clip: 1},
		Schedule:      Schedule{Kind: "cosine", Warmup: 0.1, Final: 0.1},
		SkipLimit:     2,
		ValidateEvery: 5, CheckpointEvery: 7, Keep: 2, CallLimit: 10 * time.Second,
	}
}

// job trains a bigram of the given config in this process.
func job(name string, seed uint64, config string) Job {
	return Job{Model: name, Seed: seed, TrainFLOPs: 100, Open: func(ctx context.Context) (*Session, error) {
		fam := traintest.Bigram()
		d, err := fam.Describe(ctx)
		if err != nil {
			return nil, err
		}
		m, card, err := fam.Build(ctx, family.BuildRequest{Config: []byte(config), Vocab: vocab, Context: length, Seed: seed, Lengths: []int{length}})
		if err != nil {
			return nil, err
		}
		return &Session{Description: d, Card: card, Model: m}, nil
	}}
}

// lock makes a run in dir, or takes the one that is there.
func lock(t testing.TB, dir string) *record.Run {
	t.Helper()
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	r, err := record.Lock(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = r.Close() })
	return r
}

// same fails the test unless two runs of a model left the same course and the same bits.
func same(t *testing.T, want, got, model string, seed uint64) {
	t.Helper()
	a, b := course(t, want, model, seed), course(t, got, model, seed)
	if !reflect.DeepEqual(a, b) {
		for i := range max(len(a), len(b)) {
			if i >= len(a) || i >= len(b) || !reflect.DeepEqual(a[i], b[i]) {
				t.Fatalf("metrics differ at line %d of %d and %d:\n%v\n%v", i+1, len(a), len(b), at(a, i), at(b, i))
			}
		}
	}
	ca, _, err := record.NewestCheckpoint(record.ModelDir(want, model, seed))
	if err != nil {
		t.Fatal(err)
	}
	cb, _, err := record.NewestCheckpoint(record.ModelDir(got, model, seed))
	if err != nil {
		t.Fatal(err)
	}
	if ca.State.Step != cb.State.Step || ca.State.Tokens != cb.State.Tokens || ca.State.FLOPs != cb.State.FLOPs || !ca.State.Done || !cb.State.Done {
		t.Errorf("states differ: %+v and %+v", ca.State, cb.State)
	}
	for _, f := range []string{"weights.safetensors", "optimizer.safetensors"} {
		x, err := os.ReadFile(filepath.Join(ca.Dir, f))
		if err != nil {
			t.Fatal(err)
		}
		y, err := os.ReadFile(filepath.Join(cb.Dir, f))
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(x, y) {
			t.Errorf("%s differs", f)
		}
	}
}

// course is the metrics of a model without what a clock measured.
func course(t *testing.T, dir, model string, seed uint64) []record.Metric {
	t.Helper()
	ms, err := (&record.Reader{Dir: dir}).Metrics(model, seed)
	if err != nil {
		t.Fatal(err)
	}
	for i := range ms {
		ms[i].Seconds = 0
	}
	return ms
}

func at(ms []record.Metric, i int) string {
	if i < len(ms) {
		return fmt.Sprintf("%+v", ms[i])
	}
	return "nothing"
}
