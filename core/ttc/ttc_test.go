package ttc

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/archlab/archlab/core/family"
)

// oracle is a model whose next-token distribution depends on the fed tokens by a rule, with honest state accounting.
type oracle struct {
	family.Model
	rule   func(history []int32) []float32
	states map[family.StateID][]int32
	next   family.StateID
	fed    int
	batch  int // largest number of items in one Extend
	fail   bool
}

func newOracle(rule func([]int32) []float32) *oracle {
	return &oracle{rule: rule, states: map[family.StateID][]int32{}}
}

func (o *oracle) Open(_ context.Context, n int) (ids []family.StateID, err error) {
	for range n {
		o.next++
		o.states[o.next] = nil
		ids = append(ids, o.next)
	}
	return ids, nil
}

func (o *oracle) Fork(ctx context.Context, from []family.StateID) (ids []family.StateID, err error) {
	ids, err = o.Open(ctx, len(from))
	for i, id := range ids {
		o.states[id] = append([]int32(nil), o.states[from[i]]...)
	}
	return ids, err
}

func (o *oracle) Rewind(_ context.Context, id family.StateID, n int) error {
	h, ok := o.states[id]
	if !ok || n < 1 || n > len(h) {
		return fmt.Errorf("rewind %d tokens of state %d, which holds %d", n, id, len(h))
	}
	o.states[id] = h[: len(h)-n : len(h)-n]
	return nil
}

func (o *oracle) Close(_ context.Context, ids []family.StateID) error {
	for _, id := range ids {
		if _, ok := o.states[id]; !ok {
			return fmt.Errorf("state %d is not open", id)
		}
		delete(o.states, id)
	}
	return nil
}

func (o *oracle) Extend(_ context.Context, req family.ExtendRequest) (r family.ExtendResult, err error) {
	if o.fail {
		return r, errors.New("plugin died")
	}
	o.batch = max(o.batch, len(req.Items))
	for _, it := range req.Items {
		h, ok := o.states[it.State]
		if !ok {
			return r, fmt.Errorf("state %d is not open", it.State)
		}
		h = append(h, it.Tokens...)
		o.states[it.State] = h
		o.fed += len(it.Tokens)
		l := o.rule(h)
		r.Logits, r.Width = append(r.Logits, l...), len(l)
		r.Rows++
	}
	return r, nil
}

func (o *oracle) Profile(context.Context, bool) (family.Profile, error) {
	return family.Profile{FLOPs: 10 * float64(o.fed)}, nil
}

// counting asks for the prompt's number; right is that token followed by stop.
type counting struct{}

const stop = 9

func (counting) Name() string { return "counting" }
func (counting) Problem(i int) Problem {
	want := int32(i % 3)
	return Problem{Prompt: []int32{5, want}, Check: func(c []int32) (string, bool) {
		return fmt.Sprint(c), len(c) == 1 && c[0] == want
	}}
}

// biased puts probability p on the right token and the rest evenly on the other two, then stops.
func biased(p float64) func([]int32) []float32 {
	return func(h []int32) []float32 {
		l := make([]float32, 10)
		for i := range l {
			l[i] = float32(math.Inf(-1))
		}
		if len(h) > 2 {
			l[stop] = 0
			return l
		}
		for i := range 3 {
			l[i] = float32(math.Log((1 - p) / 2))
		}
		l[h[1]] = float32(math.Log(p))
		return l
	}
}

func TestStrategiesAgainstTheirProbabilities(t *testing.T) {
	const p, n = 0.45, 3000
	o := newOracle(biased(p))
	c := Config{
		Strategies: []Strategy{Greedy, Majority, BestOfN}, Samples: []int{1, 3}, Problems: n,
		Sampling: Sampling{Temperature: 1, MaxTokens: 4, Stop: stop, Seed: 7},
	}
	points, err := Run(context.Background(), o, family.Card{}, counting{}, c)
	if err != nil {
		t.Fatal(err)
	}
	if len(o.states) != 0 {
		t.Errorf("%d states left open", len(o.states))
	}
	if o.batch > 32 {
		t.Errorf("%d sequences at once, want at most 32", o.batch)
	}
	q := (1 - p) / 2
	// Majority of three: two or three right, or all different with the right one first.
	vote := p*p*p + 3*p*p*(1-p) + 6*p*q*q/3
	want := []struct {
		s   Strategy
		n   int
		acc float64
	}{
		{Greedy, 1, 1}, {Majority, 1, p}, {BestOfN, 1, p}, {Majority, 3, vote}, {BestOfN, 3, 1 - math.Pow(1-p, 3)},
	}
	if len(points) != len(want) {
		t.Fatalf("got %d points, want %d", len(points), len(want))
	}
	for i, w := range want {
		got := points[i]
		if got.Strategy != string(w.s) || got.Samples != w.n {
			t.Fatalf("point %d is %s of %d, want %s of %d", i, got.Strategy, got.Samples, w.s, w.n)
		}
		// Four standard errors of a proportion over n problems.
		if tol := 4*math.Sqrt(w.acc*(1-w.acc)/n) + 1e-9; math.Abs(got.Accuracy-w.acc) > tol {
			t.Errorf("%s of %d: accuracy %.4f, want %.4f within %.4f", w.s, w.n, got.Accuracy, w.acc, tol)
		}
		if got.Low > got.Accuracy || got.High < got.Accuracy {
			t.Errorf("%s: interval [%v,%v] misses %v", w.s, got.Low, got.High, got.Accuracy)
		}
		// Two prompt tokens once, then one fed token a sample (stop is drawn, never fed).
		if tokens := 2 + float64(w.n); got.Tokens != tokens || got.FLOPs != 10*tokens {
			t.Errorf("%s of %d: %v tokens and %v FLOPs a problem, want %v and %v", w.s, w.n, got.Tokens, got.FLOPs, tokens, 10*tokens)
		}
	}
}

func TestSamplesDoNotDependOnBatching(t *testing.T) {
	var runs []string
	for _, parallel := range []int{1, 2, 64} {
		c := Config{Strategies: []Strategy{BestOfN}, Samples: []int{5}, Problems: 20, Parallel: parallel,
			Sampling: Sampling{Temperature: 1, MaxTokens: 4, Stop: stop, Seed: 1}}
		o := newOracle(biased(0.1))
		p, err := Run(context.Background(), o, family.Card{}, counting{}, c)
		if err != nil {
			t.Fatal(err)
		}
		if o.batch > parallel || len(o.states) != 0 {
			t.Errorf("parallel %d: %d sequences at once, %d states left open", parallel, o.batch, len(o.states))
		}
		// Two prompt tokens and one fed token a sample, rewound or not.
		if p[0].Tokens != 7 {
			t.Errorf("parallel %d: %v tokens a problem, want 7", parallel, p[0].Tokens)
		}
		runs = append(runs, fmt.Sprint(p[0].Solved))
	}
	if runs[0] != runs[1] || runs[0] != runs[2] {
		t.Errorf("batching changed the samples:\n%s", strings.Join(runs, "\n"))
	}
}

func TestMajorityCountsAnswersOnly(t *testing.T) {
	none, right, wrong := sample{"", false}, sample{"132", true}, sample{"7", false}
	for name, c := range map[string]struct {
		samples []sample
		want    bool
	}{
		"no answer has no vote": {[]sample{none, none, none, right, right}, true},
		"most votes win":        {[]sample{right, wrong, wrong}, false},
		"ties go to the first":  {[]sample{none, right, wrong}, true},
		"no answer at all":      {[]sample{none, none}, false},
	} {
		if got := majority(c.samples); got != c.want {
			t.Errorf("%s: got %v, want %v", name, got, c.want)
		}
	}
}

func TestGenerate(t *testing.T) {
	count := func(h []int32) []float32 { // the next token is the last plus one
		l := make([]float32, 10)
		l[(h[len(h)-1]+1)%10] = 5
		return l
	}
	for name, c := range map[string]struct {
		s    Sampling
		want string
	}{
		"stops before the stop token": {Sampling{MaxTokens: 50, Stop: 7}, "[3 4 5 6]"},
		"stops at the limit":          {Sampling{MaxTokens: 2, Stop: -1}, "[3 4]"},
		"top 1 is greedy":             {Sampling{MaxTokens: 3, Stop: -1, Temperature: 3, TopK: 1}, "[3 4 5]"},
	} {
		t.Run(name, func(t *testing.T) {
			o := newOracle(count)
			var seen []int32
			got, err := Generate(context.Background(), o, []int32{1, 2}, c.s, func(tok int32) error { seen = append(seen, tok); return nil })
			if err != nil || fmt.Sprint(got) != c.want || fmt.Sprint(seen) != c.want {
				t.Errorf("got %v, emitted %v, error %v; want %s", got, seen, err, c.want)
			}
			if len(o.states) != 0 {
				t.Error("the state was left open")
			}
		})
	}
	o := newOracle(count)
	halt := errors.New("halt")
	if _, err := Generate(context.Background(), o, []int32{1}, Sampling{MaxTokens: 5, Stop: -1}, func(int32) error { return halt }); !errors.Is(err, halt) {
		t.Errorf("an error of emit ends the generation: got %v", err)
	}
	o.fail = true
	if _, err := Generate(context.Background(), o, []int32{1}, Sampling{MaxTokens: 5, Stop: -1}, nil); err == nil {
		t.Error("a dead plugin: want an error")
	}
}

func TestPickFollowsTheDistribution(t *testing.T) {
	logits := []float32{0, 1, 2, -1}
	const n = 40000
	for name, c := range map[string]struct {
		s    Sampling
		mask []float64
	}{
		"plain": {Sampling{Temperature: 0.7}, []float64{1, 1, 1, 1}},
		"top 2": {Sampling{Temperature: 0.7, TopK: 2}, []float64{0, 1, 1, 0}},
	} {
		t.Run(name, func(t *testing.T) {
			want, total := make([]float64, 4), 0.0
			for i, l := range logits {
				want[i] = c.mask[i] * math.Exp(float64(l)/0.7)
				total += want[i]
			}
			rng := source(1, 2, 3)
			got := make([]float64, 4)
			for range n {
				got[pick(logits, c.s, rng)]++
			}
			for i := range want {
				p := want[i] / total
				if math.Abs(got[i]/n-p) > 4*math.Sqrt(p*(1-p)/n) {
					t.Errorf("token %d: drawn %.4f, want %.4f", i, got[i]/n, p)
				}
			}
		})
	}
}

func TestFlopsBetweenTheCardsLengths(t *testing.T) {
	card := family.Card{Costs: []family.Cost{{T: 10, DecodeFLOPs: 100}, {T: 20, DecodeFLOPs: 300}}}
	for at, want := range map[int]float64{1: 100, 10: 100, 15: 200, 20: 300, 99: 300} {
		if got := flopsAt(card, at, func(c family.Cost) float64 { return c.DecodeFLOPs }); got != want {
			t.Errorf("at %d: got %v, want %v", at, got, want)
		}
	}
	if got := flopsAt(family.Card{}, 5, func(c family.Cost) float64 { return c.DecodeFLOPs }); got != 0 {
		t.Errorf("a card without costs: got %v", got)
	}
}
