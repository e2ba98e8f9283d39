package task

import (
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/archlab/archlab/core/data"
	"github.com/archlab/archlab/core/family"
)

func sampler(t *testing.T, cfg SamplerConfig) *Sampler {
	t.Helper()
	s, err := NewSampler(open(t, Config{Kind: "induction"}), cfg)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// rows are the tokens of each row of a batch, as strings.
func rows(t *testing.T, b family.Batch, err error) (out []string) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	if err := b.Check(16); err != nil {
		t.Fatal(err)
	}
	for row := range b.B {
		var s strings.Builder
		for _, x := range b.Tokens[row*b.T : (row+1)*b.T] {
			s.WriteByte(byte('a' + x))
		}
		out = append(out, s.String())
	}
	return out
}

func TestSamplerIsAPureFunctionOfTheStep(t *testing.T) {
	for _, examples := range []int{0, 10} {
		a, b := sampler(t, SamplerConfig{B: 3, Seed: 1, Examples: examples}), sampler(t, SamplerConfig{B: 3, Seed: 1, Examples: examples})
		for step := range 20 {
			a.Batch(step)
		}
		x, err := a.Batch(5)
		y, err2 := b.Batch(5)
		if err != nil || err2 != nil || !reflect.DeepEqual(x, y) {
			t.Errorf("examples %d: step 5 depends on what came before", examples)
		}
	}
}

func TestFreshExamplesDoNotRepeat(t *testing.T) {
	s := sampler(t, SamplerConfig{B: 3, Seed: 1})
	var all []string
	for step := range 100 {
		b, err := s.Batch(step)
		all = append(all, rows(t, b, err)...)
	}
	slices.Sort(all)
	if n := len(slices.Compact(all)); n != 300 {
		t.Errorf("%d of 300 sequences differ", n)
	}
}

func TestFixedTrainingSet(t *testing.T) {
	s := sampler(t, SamplerConfig{B: 3, Seed: 1, Examples: 10})
	var all []string
	for step := range 20 {
		b, err := s.Batch(step)
		all = append(all, rows(t, b, err)...)
	}
	var sets [6][]string
	for epoch := range sets {
		order := all[epoch*10 : epoch*10+10]
		sets[epoch] = slices.Sorted(slices.Values(order))
		if epoch > 0 && slices.Equal(order, all[:10]) {
			t.Errorf("epoch %d has the order of epoch 0", epoch)
		}
		if !slices.Equal(sets[epoch], sets[0]) || len(slices.Compact(slices.Clone(sets[epoch]))) != 10 {
			t.Errorf("epoch %d does not visit each example once", epoch)
		}
	}
}

func TestSet(t *testing.T) {
	task := open(t, Config{Kind: "induction"})
	s, err := NewSet(task, data.Validation, 9, 4, 10)
	if err != nil {
		t.Fatal(err)
	}
	if s.Len() != 3 {
		t.Errorf("%d batches", s.Len())
	}
	scored := 0
	for i := range s.Len() {
		b, err := s.Batch(i)
		for row, text := range rows(t, b, err) {
			at := row * b.T
			if i*4+row >= 10 {
				if slices.Contains(b.Weights[at:at+b.T], 1) {
					t.Errorf("padding is scored")
				}
				continue
			}
			scored++
			want := task.Example(data.Validation, 9, i*4+row)
			if !slices.Equal(b.Tokens[at:at+b.T], want.Tokens) || !slices.Equal(b.Targets[at:at+b.T], want.Targets) || !slices.Equal(b.Weights[at:at+b.T], want.Weights) {
				t.Errorf("row %d of batch %d is %s", row, i, text)
			}
		}
	}
	if scored != 10 {
		t.Errorf("%d examples", scored)
	}
}

func TestBatchesErrors(t *testing.T) {
	task := open(t, Config{Kind: "induction"})
	for says, err := range map[string]error{
		"batch: got 0":             second(NewSampler(task, SamplerConfig{})),
		"examples: got -1":         second(NewSampler(task, SamplerConfig{B: 1, Examples: -1})),
		"step: got -1":             second(sampler(t, SamplerConfig{B: 1}).Batch(-1)),
		"got 0 examples":           second(NewSet(task, data.Test, 0, 1, 0)),
		"5 examples in batches of": second(NewSet(task, data.Test, 0, 0, 5)),
	} {
		if err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("got %v, want %q", err, says)
		}
	}
	s, err := NewSet(task, data.Test, 0, 2, 5)
	if err != nil {
		t.Fatal(err)
	}
	for _, i := range []int{-1, 3} {
		if _, err := s.Batch(i); err == nil || !strings.Contains(err.Error(), "want [0,3)") {
			t.Errorf("batch %d: %v", i, err)
		}
	}
}

func second[T any](_ T, err error) error { return err }

func TestSetIdentity(t *testing.T) {
	set := func(cfg Config, split data.Split, seed uint64, b, examples int) string {
		t.Helper()
		s, err := NewSet(open(t, cfg), split, seed, b, examples)
		if err != nil {
			t.Fatal(err)
		}
		return s.Identity()
	}
	cpu := Config{Kind: "mqar", Preset: "cpu"}
	want := set(cpu, data.Test, 1, 4, 10)
	// Records hold identities: another value makes old runs incomparable with new ones. Induction draws no floating-point numbers, so
	// that this one is the same on every machine.
	if got, golden := set(Config{Kind: "induction", Preset: "cpu"}, data.Test, 1, 4, 10), "89ca3ef18fe758e3711d3f924f3cc4cdbfc6c926ed5a0ced4da88135c8873fda"; got != golden {
		t.Errorf("got %s, want %s", got, golden)
	}
	if set(Config{Kind: "mqar"}, data.Test, 1, 3, 10) != want {
		t.Error("the batch size, or spelling out what a preset means, changes what is scored")
	}
	blank := cpu.With("blank", 1)
	for name, got := range map[string]string{
		"task":      set(Config{Kind: "induction", Preset: "cpu"}, data.Test, 1, 4, 10),
		"parameter": set(blank, data.Test, 1, 4, 10),
		"split":     set(cpu, data.Validation, 1, 4, 10),
		"seed":      set(cpu, data.Test, 2, 4, 10),
		"count":     set(cpu, data.Test, 1, 4, 11),
	} {
		if got == want {
			t.Errorf("another %s has the same identity", name)
		}
	}
	one, err := NewSet(altered{open(t, cpu)}, data.Test, 1, 4, 10)
	if err != nil {
		t.Fatal(err)
	}
	if one.Identity() == want {
		t.Error("another generator of the same parameters has the same identity")
	}
}

// altered is a task whose generator draws the targets of example 7 otherwise.
type altered struct{ Task }

func (a altered) Example(split data.Split, seed uint64, index int) Example {
	e := a.Task.Example(split, seed, index)
	if index == 7 {
		slices.Reverse(e.Targets)
	}
	return e
}
