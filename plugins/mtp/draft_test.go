package mtp

import (
	"context"
	"encoding/json"
	"slices"
	"testing"

	"github.com/archlab/archlab/core/family"
)

var forms = []string{"independent", "sequential"}

func build(t *testing.T, config string, vocab int) family.Model {
	t.Helper()
	m, _, err := Family().Build(context.Background(), family.BuildRequest{
		Config: json.RawMessage(config), Vocab: vocab, Context: 64, Seed: 2, Threads: 2,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { m.Release(context.Background()) })
	return m
}

// counting is sequences that count up by one from different starts, modulo the vocabulary.
func counting(step, b, n, vocab int) family.Batch {
	out := family.Batch{B: b, T: n}
	for row := range b {
		for i := range n {
			out.Tokens = append(out.Tokens, int32((step*5+row*3+i)%vocab))
			out.Targets = append(out.Targets, int32((step*5+row*3+i+1)%vocab))
			out.Weights = append(out.Weights, 1/float32(b*n))
		}
	}
	return out
}

var adam = family.OptimizerStep{LearningRate: 0.01, Beta1: 0.9, Beta2: 0.95, Epsilon: 1e-8, Clip: 1}

// TestDraftsContinue: a model that has learned to count drafts the numbers after the next, head by head, wherever the
// sequence stands and however it was fed.
func TestDraftsContinue(t *testing.T) {
	const vocab, extra = 11, 3
	ctx := context.Background()
	for _, form := range forms {
		t.Run(form, func(t *testing.T) {
			m := build(t, `{"form":"`+form+`","extra":3,"width":16,"layers":1,"init_std":0.1}`, vocab)
			for step := range 120 {
				if _, err := m.Train(ctx, family.TrainRequest{MicroBatches: []family.Batch{counting(step, 4, 12, vocab)}, Optimizer: adam}); err != nil {
					t.Fatal(err)
				}
			}
			states, err := m.Open(ctx, 2)
			if err != nil {
				t.Fatal(err)
			}
			// The first feeding asks for no drafts, so that the heads have missed its tokens.
			extend := func(draft int, items ...family.ExtendItem) family.ExtendResult {
				res, err := m.Extend(ctx, family.ExtendRequest{Items: items, Draft: draft})
				if err != nil {
					t.Fatal(err)
				}
				return res
			}
			extend(0, family.ExtendItem{State: states[0], Tokens: []int32{3, 4, 5}})
			res := extend(extra, family.ExtendItem{State: states[0], Tokens: []int32{6, 7}}, family.ExtendItem{State: states[1], Tokens: []int32{9}})
			if len(res.Draft) != 2*extra*vocab {
				t.Fatalf("%d draft logits, want %d", len(res.Draft), 2*extra*vocab)
			}
			for i, last := range []int{7, 9} {
				if got, want := argmax(res.Logits[i*vocab:][:vocab]), (last+1)%vocab; got != want {
					t.Errorf("after %d comes %d, want %d", last, got, want)
				}
				for k := range extra {
					if got, want := argmax(res.Draft[(i*extra+k)*vocab:][:vocab]), (last+2+k)%vocab; got != want {
						t.Errorf("after %d head %d drafts %d, want %d", last, k+1, got, want)
					}
				}
			}
		})
	}
}

func argmax(x []float32) int {
	best := 0
	for i, v := range x {
		if v > x[best] {
			best = i
		}
	}
	return best
}

// TestMainLossAlone: TrainResult.Loss is the main head's, equal to what Score says, and each head's loss is a metric.
func TestMainLossAlone(t *testing.T) {
	ctx := context.Background()
	for _, form := range forms {
		m := build(t, `{"form":"`+form+`","extra":2,"head_loss":0.5,"width":16,"layers":2}`, 11)
		b := counting(0, 2, 12, 11)
		s, err := m.Score(ctx, b)
		if err != nil {
			t.Fatal(err)
		}
		want := 0.0
		for i, p := range s.LogProbs {
			want -= float64(b.Weights[i]) * float64(p)
		}
		res, err := m.Train(ctx, family.TrainRequest{MicroBatches: []family.Batch{b}, Optimizer: adam})
		if err != nil {
			t.Fatal(err)
		}
		if d := res.Loss - want; d > 1e-6*want || d < -1e-6*want {
			t.Errorf("%s: loss %g, want Score's %g", form, res.Loss, want)
		}
		each := 0.5
		if form == "sequential" {
			each = 0.25
		}
		total := res.Loss + each*(res.Metrics["loss_token_2"]+res.Metrics["loss_token_3"])
		if d := res.Total - total; d > 1e-6*total || d < -1e-6*total || res.Metrics["loss_token_3"] == 0 {
			t.Errorf("%s: total %g, want %g of the losses %v", form, res.Total, total, res.Metrics)
		}
	}
}

// TestLogitsMemory: what one more head takes is a small part of its logits.
func TestLogitsMemory(t *testing.T) {
	const vocab, b, n = 4000, 8, 64
	ctx := context.Background()
	for _, form := range forms {
		arena := func(extra string) int64 {
			m := build(t, `{"form":"`+form+`","extra":`+extra+`,"width":8,"layers":1}`, vocab)
			if _, err := m.Train(ctx, family.TrainRequest{MicroBatches: []family.Batch{counting(0, b, n, vocab)}, Optimizer: adam}); err != nil {
				t.Fatal(err)
			}
			p, err := m.Profile(ctx, false)
			if err != nil {
				t.Fatal(err)
			}
			return p.ArenaBytes
		}
		one, four := arena("1"), arena("4")
		if head, logits := (four-one)/3, int64(b*n*vocab*4); head > logits/8 {
			t.Errorf("%s: a head takes %d bytes, its logits would take %d", form, head, logits)
		}
	}
}

// TestDraftFillsTheContext: drafting with the last token that fits answers as any other draft does, and the state can be used
// afterwards: windows have passed its beginning, and the drafted tokens have no position any more.
func TestDraftFillsTheContext(t *testing.T) {
	const vocab, length = 11, 600
	ctx := context.Background()
	m, _, err := Family().Build(ctx, family.BuildRequest{
		Config: json.RawMessage(`{"width":16,"layers":2,"window":4,"positions":"learned"}`), Vocab: vocab, Context: length, Seed: 2, Threads: 2,
	})
	if err != nil {
		t.Fatal(err)
	}
	defer m.Release(ctx)
	states, err := m.Open(ctx, 2)
	if err != nil {
		t.Fatal(err)
	}
	tokens := counting(0, 1, length, vocab).Tokens
	extend := func(state family.StateID, tokens []int32, draft int) family.ExtendResult {
		t.Helper()
		res, err := m.Extend(ctx, family.ExtendRequest{Items: []family.ExtendItem{{State: state, Tokens: tokens}}, Draft: draft})
		if err != nil {
			t.Fatal(err)
		}
		return res
	}
	whole := extend(states[0], tokens, 1)
	// The same, the last token by itself.
	if err := m.Rewind(ctx, states[0], 1); err != nil {
		t.Fatal(err)
	}
	again := extend(states[0], tokens[length-1:], 1)
	extend(states[1], tokens[:length-300], 0)
	parts := extend(states[1], tokens[length-300:], 1)
	for name, res := range map[string]family.ExtendResult{"rewound": again, "in parts": parts} {
		if !slices.Equal(res.Logits, whole.Logits) || !slices.Equal(res.Draft, whole.Draft) {
			t.Errorf("%s: logits and drafts differ from those of feeding all at once", name)
		}
	}
}

// TestIndependentDraftsShareARun: independent heads read no drafts, so that many are answered with the work of one.
func TestIndependentDraftsShareARun(t *testing.T) {
	ctx := context.Background()
	flops := func(form string, draft int) float64 {
		m := build(t, `{"form":"`+form+`","extra":3,"width":16,"layers":2}`, 11)
		states, err := m.Open(ctx, 1)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := m.Extend(ctx, family.ExtendRequest{Items: []family.ExtendItem{{State: states[0], Tokens: []int32{1, 2, 3, 4}}}, Draft: draft}); err != nil {
			t.Fatal(err)
		}
		p, err := m.Profile(ctx, false)
		if err != nil {
			t.Fatal(err)
		}
		return p.FLOPs
	}
	if one, three := flops("independent", 1), flops("independent", 3); three != one {
		t.Errorf("three drafts of independent heads take %g operations, one takes %g", three, one)
	}
	if one, three := flops("sequential", 1), flops("sequential", 3); three <= one {
		t.Errorf("three drafts of sequential modules take %g operations, one takes %g", three, one)
	}
}
