package control

import (
	"context"
	"errors"
	"math"
	"testing"

	"github.com/archlab/archlab/core/data"
	"github.com/archlab/archlab/core/data/internal/rng"
	"github.com/archlab/archlab/core/family"
)

func TestMemoryIsBounded(t *testing.T) {
	ids := text(rng.New(1), 200_000, 1000)
	free := train(t, NGramConfig{Order: 5, Vocab: 1000}, ids)
	const limit = 4 << 20
	bound := train(t, NGramConfig{Order: 5, Vocab: 1000, MaxMemory: limit}, ids)
	if free.Full() || free.memory() < 2*limit {
		t.Fatalf("the test needs more text: %d bytes", free.memory())
	}
	if !bound.Full() || bound.memory() > limit {
		t.Errorf("full %v, %d bytes", bound.Full(), bound.memory())
	}
	if bound.NGrams() >= free.NGrams() {
		t.Errorf("%d n-grams of %d", bound.NGrams(), free.NGrams())
	}
}

func TestAddInParts(t *testing.T) {
	ids := text(rng.New(2), 5000, 30)
	whole := train(t, NGramConfig{Order: 4, Vocab: 30}, ids)
	parts, err := NewNGramTrainer(NGramConfig{Order: 4, Vocab: 30})
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(ids); i += 100 {
		parts.Add(ids[i : i+100])
	}
	apart, err := NewNGramTrainer(NGramConfig{Order: 4, Vocab: 30})
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(ids); i += 100 {
		apart.Break()
		apart.Add(ids[i : i+100])
	}
	a, b, c := whole, parts.Finish(), apart.Finish()
	differs := false
	for i := range 40 {
		h := ids[i*50 : i*50+5]
		for w := range int32(30) {
			if a.prob(a.walk(h), w) != b.prob(b.walk(h), w) {
				t.Fatal("adding in parts changes the model")
			}
			differs = differs || a.prob(a.walk(h), w) != c.prob(c.walk(h), w)
		}
	}
	if !differs {
		t.Error("breaks change nothing")
	}
}

func TestNGramErrors(t *testing.T) {
	for _, cfg := range []NGramConfig{{Order: -1, Vocab: 5}, {Order: 9, Vocab: 5}, {Order: 3}, {Order: 3, Vocab: 5, MaxMemory: -1}} {
		if _, err := NewNGramTrainer(cfg); !errors.Is(err, data.ErrConfig) {
			t.Errorf("%+v: %v", cfg, err)
		}
	}
	tr, err := NewNGramTrainer(NGramConfig{Vocab: 5})
	if err != nil {
		t.Fatal(err)
	}
	for _, id := range []int32{-1, 5} {
		if err := tr.Add([]int32{id}); !errors.Is(err, data.ErrFormat) {
			t.Errorf("token %d: %v", id, err)
		}
	}
	m := tr.Finish()
	if _, err := m.Score(family.Batch{B: 1, T: 1, Tokens: []int32{5}, Targets: []int32{0}, Weights: []float32{1}}); family.CodeOf(err) != family.InvalidArgument {
		t.Errorf("a token outside the vocabulary: %v", err)
	}
	canceled, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := TrainNGram(canceled, stream(t, []int32{1, 2, 3}), NGramConfig{}); !errors.Is(err, context.Canceled) {
		t.Errorf("canceled: %v", err)
	}
}

func TestAddBatchCountsWhatAddDoes(t *testing.T) {
	// Where targets are the next tokens, a batch of rows is the same as rows of text with breaks between them.
	const vocab, eod = 20, 3
	ids := text(rng.New(21), 4000, vocab)
	byBatch, err := NewNGramTrainer(NGramConfig{Order: 4, Vocab: vocab})
	if err != nil {
		t.Fatal(err)
	}
	byRow, err := NewNGramTrainer(NGramConfig{Order: 4, Vocab: vocab, Documents: true, EOD: eod})
	if err != nil {
		t.Fatal(err)
	}
	const T = 40
	for at := 0; at+2*T+1 <= len(ids); at += 2 * T {
		b := family.Batch{B: 2, T: T}
		for row := range 2 {
			lo := at + row*T
			b.Tokens = append(b.Tokens, ids[lo:lo+T]...)
			b.Targets = append(b.Targets, ids[lo+1:lo+T+1]...)
			for i := range T {
				b.Weights = append(b.Weights, 1)
				if i > 0 && ids[lo+i] == eod {
					b.Starts = append(b.Starts, int32(row*T+i))
				}
			}
			byRow.Break()
			byRow.advance(ids[lo]) // the first token of a row is nobody's target
			if err := byRow.Add(ids[lo+1 : lo+T+1]); err != nil {
				t.Fatal(err)
			}
		}
		if err := byBatch.AddBatch(b); err != nil {
			t.Fatal(err)
		}
	}
	a, b := byBatch.Finish(), byRow.Finish()
	if a.Tokens() != b.Tokens() || a.NGrams() != b.NGrams() {
		t.Errorf("%d tokens, %d n-grams; want %d, %d", a.Tokens(), a.NGrams(), b.Tokens(), b.NGrams())
	}
	for i := range 50 {
		h := ids[i*60 : i*60+i%6]
		for w := range int32(vocab) {
			if got, want := a.prob(a.walk(h), w), b.prob(b.walk(h), w); got != want {
				t.Fatalf("p(%d|%v) = %v, want %v", w, h, got, want)
			}
		}
	}
}

func TestAddBatchLearnsTargetsThatAreNotNextTokens(t *testing.T) {
	// After token x the target is 9-x, whatever comes next in the row.
	r := rng.New(3)
	b := family.Batch{B: 1, T: 2000}
	for i := range b.T {
		x := int32(r.Intn(10))
		b.Tokens, b.Targets, b.Weights = append(b.Tokens, x), append(b.Targets, 9-x), append(b.Weights, float32(i%2))
	}
	tr, err := NewNGramTrainer(NGramConfig{Order: 3, Vocab: 10})
	if err != nil {
		t.Fatal(err)
	}
	if err := tr.AddBatch(b); err != nil {
		t.Fatal(err)
	}
	m := tr.Finish()
	if m.Tokens() != 1000 {
		t.Errorf("counted %d targets", m.Tokens())
	}
	got, err := m.Score(b)
	if err != nil {
		t.Fatal(err)
	}
	for i, w := range b.Weights {
		if w != 0 && !got.Correct[i] {
			t.Fatalf("position %d: p(target) = %v", i, math.Exp(float64(got.LogProbs[i])))
		}
	}
	for x := range int32(10) {
		sum := 0.0
		for w := range int32(10) {
			sum += m.prob(m.walk([]int32{x, 9 - x, x}), w)
		}
		if math.Abs(sum-1) > 1e-12 {
			t.Errorf("sum %v", sum)
		}
	}
	bad := b
	bad.Tokens = bad.Tokens[1:]
	if err := tr.AddBatch(bad); family.CodeOf(err) != family.InvalidArgument {
		t.Errorf("a batch of another shape: %v", err)
	}
}

func BenchmarkTrain(b *testing.B) {
	ids := text(rng.New(1), 1<<18, 2000)
	b.ReportAllocs()
	for b.Loop() {
		tr, err := NewNGramTrainer(NGramConfig{Order: 5, Vocab: 2000})
		if err != nil {
			b.Fatal(err)
		}
		if err := tr.Add(ids); err != nil {
			b.Fatal(err)
		}
		tr.Finish()
	}
	b.ReportMetric(float64(len(ids))*float64(b.N)/b.Elapsed().Seconds(), "tokens/s")
}
