package data

import (
	"fmt"
	"math"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/archlab/archlab/core/data/internal/rng"
	"github.com/archlab/archlab/core/family"
)

// mixtureOf makes a mixture of streams of so many windows of 4 tokens each; source i holds tokens 10*i to 10*i+9 alone.
func mixtureOf(t testing.TB, seed uint64, windows []int, shares []Share) *Mixture {
	t.Helper()
	var streams []TrainText
	for i, n := range windows {
		r := rng.New(uint64(i))
		ids := make([]int32, 4*(n+1))
		for j := range ids {
			ids[j] = int32(10*i + r.Intn(10))
		}
		s, err := NewStream(Bytes{}, ids)
		if err != nil {
			t.Fatal(err)
		}
		streams = append(streams, s)
		if shares[i].Name == "" {
			shares[i].Name = fmt.Sprint(i)
		}
	}
	m, err := NewMixture(streams, shares, BatchConfig{B: 2, T: 4, Seed: seed})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func TestMixtureIsAPureFunctionOfSeedAndStep(t *testing.T) {
	make := func(seed uint64) *Mixture {
		return mixtureOf(t, seed, []int{50, 20, 90}, []Share{{Weight: 5}, {Weight: 2, Epochs: 3}, {Weight: 3, Epochs: 2.5}})
	}
	a, b := make(3), make(3)
	get := func(m *Mixture, step int) family.Batch {
		x, err := m.Batch(step)
		if err != nil {
			t.Fatal(err)
		}
		return x
	}
	var forward []family.Batch
	for step := range 300 {
		forward = append(forward, get(a, step))
	}
	for step := 299; step >= 0; step-- {
		if !reflect.DeepEqual(get(b, step), forward[step]) {
			t.Fatalf("step %d differs when asked for in another order", step)
		}
	}
	if reflect.DeepEqual(get(make(4), 0), forward[0]) && reflect.DeepEqual(get(make(4), 1), forward[1]) {
		t.Error("another seed gives the same batches")
	}
	for step, x := range forward { // a row is of one source
		for row := range 2 {
			tokens := x.Tokens[4*row : 4*row+4]
			if slices.Max(tokens)/10 != slices.Min(tokens)/10 {
				t.Fatalf("step %d row %d mixes sources: %v", step, row, tokens)
			}
		}
	}
}

func TestMixtureKeepsItsWeights(t *testing.T) {
	shares := []Share{{Weight: 0.7}, {Weight: 0.2}, {Weight: 0.0999}, {Weight: 0.0001}}
	m := mixtureOf(t, 1, []int{50, 20, 90, 10}, shares)
	if m.Sequences() != 0 {
		t.Error("a mixture without limits ends")
	}
	for _, n := range []uint64{mixtureBlock, 5 * mixtureBlock} {
		for i, p := range m.Parts(n) {
			got := float64(p.Sequences) / float64(n)
			if off := math.Abs(got - shares[i].Weight); off > float64(len(shares))/mixtureBlock {
				t.Errorf("source %d has %.5f of %d sequences, want %v", i, got, n, shares[i].Weight)
			}
		}
	}
	// Within a block the sources are spread: any 200 sequences are near the weights.
	for from := uint64(0); from < 3*mixtureBlock; from += 200 {
		first := 0
		for s := from; s < from+200; s++ {
			if i, _, _ := m.at(s); i == 0 {
				first++
			}
		}
		if first < 132 || first > 148 { // 140, within the discrepancy of a few powers of two
			t.Errorf("%d of the 200 sequences from %d are of the first source", first, from)
		}
	}
}

// Every source gives its own sequences in order, each once, never more than its limit, until all are exhausted; Parts counts the same.
func TestMixtureVisitsEverySequenceOnce(t *testing.T) {
	for name, tt := range map[string]struct {
		windows []int
		shares  []Share
		ends    uint64
	}{
		"limits":       {[]int{50, 20, 900}, []Share{{Weight: 5, Epochs: 2}, {Weight: 1, Epochs: 1}, {Weight: 1, Epochs: 30}}, 100 + 20 + 27000},
		"fractions":    {[]int{10, 10}, []Share{{Weight: 1, Epochs: 0.5}, {Weight: 1, Epochs: 1.25}}, 5 + 12},
		"one":          {[]int{10}, []Share{{Weight: 1, Epochs: 1}}, 10},
		"a block":      {[]int{4096, 4096}, []Share{{Weight: 1, Epochs: 1}, {Weight: 1, Epochs: 1}}, 8192},
		"no end":       {[]int{10, 300}, []Share{{Weight: 1, Epochs: 4}, {Weight: 1}}, 0},
		"tiny weights": {[]int{7, 5000}, []Share{{Weight: 1e-9, Epochs: 1}, {Weight: 1, Epochs: 2}}, 7 + 10000},
	} {
		t.Run(name, func(t *testing.T) {
			m := mixtureOf(t, 9, tt.windows, tt.shares)
			if m.Sequences() != tt.ends {
				t.Fatalf("ends after %d sequences, want %d", m.Sequences(), tt.ends)
			}
			all := tt.ends
			if all == 0 {
				all = 3 * mixtureBlock
			}
			given := make([]uint64, len(tt.windows))
			for s := range all {
				i, own, ok := m.at(s)
				if !ok || own != given[i] {
					t.Fatalf("sequence %d is %d of source %d (ok %v), which gave %d before", s, own, i, ok, given[i])
				}
				given[i]++
				if s%1009 == 0 || s == all-1 {
					for i, p := range m.Parts(s + 1) {
						if p.Sequences != given[i] {
							t.Fatalf("Parts counts %d of source %d after %d sequences, it gave %d", p.Sequences, i, s+1, given[i])
						}
					}
				}
			}
			for i, n := range given {
				if limit := tt.shares[i].Epochs * float64(tt.windows[i]); tt.shares[i].Epochs > 0 && n != uint64(limit) {
					t.Errorf("source %d gave %d sequences, its limit is %v", i, n, limit)
				}
			}
			if tt.ends > 0 {
				if _, _, ok := m.at(all); ok {
					t.Error("there is a sequence beyond the end")
				}
				_, err := m.Batch(int(all))
				checkError(t, err, ErrTooShort, "its sources are exhausted")
			}
		})
	}
}

// A source's rows are those of a Batcher of its own, so that all windows come once before one comes again.
func TestMixtureSourcesAreAsIfAlone(t *testing.T) {
	shares := []Share{{Weight: 1}, {Weight: 1}}
	m := mixtureOf(t, 2, []int{100, 100}, shares)
	alone := make([]*Batcher, len(shares))
	windows := make([]map[int]bool, len(shares))
	for i := range shares {
		alone[i] = batcher(t, m.batchers[i].text, BatchConfig{B: 1, T: 4, Seed: rng.Hash(2, uint64(i))})
		windows[i] = map[int]bool{}
	}
	given := make([]int, len(shares))
	for step := range mixtureBlock { // of 2 rows: two blocks
		x, err := m.Batch(step)
		if err != nil {
			t.Fatal(err)
		}
		for row := range 2 {
			tokens := x.Tokens[4*row : 4*row+4]
			i := int(tokens[0] / 10)
			if want := batch(t, alone[i], given[i]).Tokens; !slices.Equal(tokens, want) {
				t.Fatalf("step %d row %d: source %d gives %v, alone %v", step, row, i, tokens, want)
			}
			if s, own, _ := m.at(uint64(2*step + row)); given[i] < 100 {
				windows[s][m.batchers[s].at(own, m.batchers[s].text.Len())] = true
			}
			given[i]++
		}
	}
	for i, w := range windows {
		if len(w) != 100 {
			t.Errorf("the first 100 sequences of source %d hold %d distinct windows", i, len(w))
		}
	}
}

func TestMixtureOfOneSourceIsItsBatcher(t *testing.T) {
	s := counting(t, 3000)
	cfg := BatchConfig{B: 4, T: 16, Mode: Documents, Seed: 3}
	for _, epochs := range []float64{0, 40} {
		m, err := NewMixture([]TrainText{s}, []Share{{Name: "a", Weight: 0.3, Epochs: epochs}}, cfg)
		if err != nil {
			t.Fatal(err)
		}
		alone := batcher(t, s, cfg)
		for step := range 40 * alone.Windows() / 4 { // beyond the first block
			got, err := m.Batch(step)
			if err != nil || !reflect.DeepEqual(got, batch(t, alone, step)) {
				t.Fatalf("epochs %v: step %d differs from that of the source's Batcher (%v)", epochs, step, err)
			}
		}
	}
}

// Readers in different blocks do not disturb each other.
func TestMixtureIsSafeForConcurrentUse(t *testing.T) {
	m := mixtureOf(t, 6, []int{70, 30}, []Share{{Weight: 2}, {Weight: 1}})
	type place struct {
		source int
		own    uint64
	}
	want := make([]place, 4*mixtureBlock)
	for s := range want {
		want[s].source, want[s].own, _ = m.at(uint64(s))
	}
	var all sync.WaitGroup
	for reader := range 4 {
		all.Go(func() {
			for k := range len(want) / 16 {
				s := (16*k + reader*mixtureBlock) % len(want)
				if i, own, _ := m.at(uint64(s)); want[s] != (place{i, own}) {
					t.Errorf("sequence %d is %d of source %d, want %+v", s, own, i, want[s])
					return
				}
			}
		})
	}
	all.Wait()
}

func TestMixtureErrors(t *testing.T) {
	s := counting(t, 100)
	for name, tt := range map[string]struct {
		shares []Share
		says   string
	}{
		"none":    {nil, "want as many of each"},
		"weight":  {[]Share{{Name: "a", Weight: 0}}, "got 0 for a"},
		"epochs":  {[]Share{{Name: "a", Weight: 1, Epochs: -1}}, "got -1 for a"},
		"too few": {[]Share{{Name: "a", Weight: 1, Epochs: 0.001}}, "less than one window"},
	} {
		_, err := NewMixture([]TrainText{s}, tt.shares, BatchConfig{B: 1, T: 8})
		if err == nil || !strings.Contains(err.Error(), tt.says) {
			t.Errorf("%s: got %v", name, err)
		}
	}
	_, err := NewMixture([]TrainText{s}, []Share{{Name: "a", Weight: 1}}, BatchConfig{B: 1, T: 80})
	checkError(t, err, ErrTooShort, "train split of a: 100 tokens are too few")
}

func TestTemperatureWeights(t *testing.T) {
	sizes := []int64{1000, 10}
	for tau, want := range map[float64]float64{1: 100, 2: 10, 1e12: 1} {
		w := TemperatureWeights(sizes, tau)
		if got := w[0] / w[1]; math.Abs(got-want) > 1e-6*want {
			t.Errorf("τ=%v: ratio %v, want %v", tau, got, want)
		}
	}
}
