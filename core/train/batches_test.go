package train

import (
	"context"
	"errors"
	"math"
	"reflect"
	"strings"
	"testing"

	"github.com/archlab/archlab/core/family"
)

type fixed struct {
	b   family.Batch
	err error
}

func (f fixed) Batch(int) (family.Batch, error)            { return f.b, f.err }
func (f fixed) Validation() ([]family.Batch, int64, error) { return nil, 0, nil }

func TestPrepare(t *testing.T) {
	weights := []float32{1, 0, 2, 1, 0, 0, 3, 1}
	b := family.Batch{B: 4, T: 2, Tokens: []int32{0, 1, 2, 3, 4, 5, 6, 7}, Targets: []int32{1, 2, 3, 4, 5, 6, 7, 8}, Weights: weights, Starts: []int32{1, 4, 5, 7}}
	p := prepare(fixed{b: b}, 3, 2)
	if p.err != nil || p.step != 3 || p.tokens != 8 || len(p.micro) != 2 {
		t.Fatalf("got %+v", p)
	}
	var sum float64
	for _, m := range p.micro {
		if err := m.Check(9); err != nil {
			t.Error(err)
		}
		for _, w := range m.Weights {
			sum += float64(w)
		}
	}
	// Eight float32 roundings of numbers below 1.
	if math.Abs(sum-1) > 8*6e-8 {
		t.Errorf("the weights of a step sum to %v, want 1", sum)
	}
	if got, want := p.micro[1].Tokens, []int32{4, 5, 6, 7}; !reflect.DeepEqual(got, want) {
		t.Errorf("tokens of the second part: got %v, want %v", got, want)
	}
	if got, want := [][]int32{p.micro[0].Starts, p.micro[1].Starts}, [][]int32{{1}, {0, 1, 3}}; !reflect.DeepEqual(got, want) {
		t.Errorf("starts: got %v, want %v", got, want)
	}
	if weights[2] != 2 {
		t.Error("the data's own weights were changed")
	}
	zero := b
	zero.Weights = make([]float32, 8)
	if p := prepare(fixed{b: zero}, 0, 1); p.err == nil || !strings.Contains(p.err.Error(), "nothing to predict") {
		t.Errorf("a batch without weight: got %v", p.err)
	}
	if p := prepare(fixed{b: b}, 0, 3); p.err == nil {
		t.Error("4 sequences were cut into 3 parts")
	}
}

// Micro-batches change nothing but memory: the same weights follow, up to the order of summation, and data errors end
// the run rather than the model.
func TestMicroBatches(t *testing.T) {
	losses := func(micro int) []float64 {
		r := recipe(12)
		r.MicroBatches = micro
		run := lock(t, t.TempDir())
		if _, err := Run(context.Background(), run, []Job{job("a", 1, `{}`)}, Options{Recipe: r, Data: chain{1}}); err != nil {
			t.Fatal(err)
		}
		var out []float64
		for _, m := range course(t, run.Dir, "a", 1) {
			out = append(out, m.Loss)
		}
		return out
	}
	one, four := losses(1), losses(4)
	for i := range one {
		// float64 sums in another order, fed back through 12 float32 updates.
		if math.Abs(one[i]-four[i]) > 1e-5 {
			t.Errorf("line %d: loss %v with one micro-batch, %v with four", i, one[i], four[i])
		}
	}
	broken := errors.New("corpus went away")
	_, err := Run(context.Background(), lock(t, t.TempDir()), []Job{job("a", 1, `{}`)}, Options{Recipe: recipe(3), Data: fixed{err: broken}})
	if !errors.Is(err, broken) {
		t.Errorf("got %v, want the data's error", err)
	}
}
