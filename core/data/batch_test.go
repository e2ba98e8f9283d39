package data

import (
	"reflect"
	"slices"
	"testing"

	"github.com/archlab/archlab/core/data/internal/rng"
	"github.com/archlab/archlab/core/family"
)

// counting is a stream of n tokens: documents of random lengths, whose tokens tell their position modulo 251.
func counting(t testing.TB, n int) *Stream {
	t.Helper()
	ids, r := make([]int32, n), rng.New(8)
	for i := range ids {
		ids[i] = int32(i % 251)
		if i == 0 || i == n-1 || r.Intn(9) == 0 {
			ids[i] = eodID
		}
	}
	s, err := NewStream(Bytes{}, ids)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func batcher(t testing.TB, s TrainText, cfg BatchConfig) *Batcher {
	t.Helper()
	b, err := NewBatcher(s, cfg)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func batch(t testing.TB, b *Batcher, step int) family.Batch {
	t.Helper()
	x, err := b.Batch(step)
	if err != nil {
		t.Fatal(err)
	}
	return x
}

func TestBatchIsAPureFunctionOfSeedAndStep(t *testing.T) {
	s := counting(t, 3000)
	cfg := BatchConfig{B: 4, T: 16, Mode: Documents, Seed: 3}
	a, b := batcher(t, s, cfg), batcher(t, s, cfg)
	var forward []family.Batch
	for step := range 150 {
		forward = append(forward, batch(t, a, step))
	}
	for step := 149; step >= 0; step-- {
		if !reflect.DeepEqual(batch(t, b, step), forward[step]) {
			t.Fatalf("step %d differs when asked for in another order", step)
		}
	}
	cfg.Seed = 4
	if reflect.DeepEqual(batch(t, batcher(t, s, cfg), 0), forward[0]) {
		t.Error("another seed gives the same batch")
	}
}

func TestBatchSizeDoesNotChangeTheSequences(t *testing.T) {
	s := counting(t, 3000)
	one, four := batcher(t, s, BatchConfig{B: 1, T: 16, Seed: 3}), batcher(t, s, BatchConfig{B: 4, T: 16, Seed: 3})
	for step := range 120 {
		x := batch(t, four, step)
		for row := range 4 {
			y := batch(t, one, step*4+row)
			if !slices.Equal(x.Tokens[row*16:(row+1)*16], y.Tokens) || !slices.Equal(x.Targets[row*16:(row+1)*16], y.Targets) {
				t.Fatalf("step %d row %d", step, row)
			}
		}
	}
}

func TestEpochVisitsEveryWindowOnce(t *testing.T) {
	for _, n := range []int{32, 33, 47, 48, 49, 1000} {
		s := counting(t, n)
		b := batcher(t, s, BatchConfig{B: 1, T: 16, Seed: 9})
		offsets := map[int]bool{}
		for epoch := range 6 {
			var at []int
			for i := range b.Windows() {
				at = append(at, b.at(uint64(epoch*b.Windows()+i), n))
			}
			slices.Sort(at)
			offsets[at[0]] = true
			if at[0] < 0 || at[0] >= 16 {
				t.Errorf("n=%d epoch %d starts at %d", n, epoch, at[0])
			}
			for i := range at {
				if at[i] != at[0]+16*i {
					t.Fatalf("n=%d epoch %d: windows at %v", n, epoch, at)
				}
			}
			// The last window needs one more token for its last target; less than two windows are left out.
			if end := at[len(at)-1] + 17; end > n || n-end >= 2*16 {
				t.Errorf("n=%d epoch %d: windows end at %d", n, epoch, end)
			}
		}
		if len(offsets) < 3 {
			t.Errorf("n=%d: offsets %v hardly change", n, offsets)
		}
	}
}

func TestBatchContents(t *testing.T) {
	s := counting(t, 2000)
	all := tokens(t, s)
	for _, mode := range Modes {
		t.Run(string(mode), func(t *testing.T) {
			b := batcher(t, s, BatchConfig{B: 3, T: 20, Mode: mode, Seed: 1})
			starts := 0
			for step := range 60 {
				x := batch(t, b, step)
				if err := x.Check(bytesVocab); err != nil {
					t.Fatal(err)
				}
				starts += len(x.Starts)
				for row := range 3 {
					at := b.at(uint64(step*3+row), s.Len())
					for i := range 20 {
						j := row*20 + i
						if x.Tokens[j] != all[at+i] || x.Targets[j] != all[at+i+1] || x.Weights[j] != 1 {
							t.Fatalf("step %d row %d position %d", step, row, i)
						}
						// A document starts at its EOD, except that a row's start is implicit.
						want := mode == Documents && i > 0 && all[at+i] == eodID
						if slices.Contains(x.Starts, int32(j)) != want {
							t.Fatalf("step %d row %d position %d: start %v", step, row, i, !want)
						}
					}
				}
			}
			if (starts > 0) != (mode == Documents) {
				t.Errorf("%d starts", starts)
			}
		})
	}
}

func TestBatchErrors(t *testing.T) {
	s := counting(t, 100)
	for _, tt := range []struct {
		cfg  BatchConfig
		kind error
		says string
	}{
		{BatchConfig{B: 0, T: 8}, ErrConfig, "batch: got 0"},
		{BatchConfig{B: 1, T: 0}, ErrConfig, "context: got 0"},
		{BatchConfig{B: 1, T: 8, Mode: "mixed"}, ErrConfig, `unknown mode "mixed", want one of ["packed" "documents"]`},
		{BatchConfig{B: 1, T: 51}, ErrTooShort, "100 tokens are too few for windows of 51, want at least 102"},
	} {
		checkError(t, second(NewBatcher(s, tt.cfg)), tt.kind, tt.says)
	}
	checkError(t, second(batcher(t, s, BatchConfig{B: 1, T: 50}).Batch(-1)), ErrConfig, "step: got -1")
}
