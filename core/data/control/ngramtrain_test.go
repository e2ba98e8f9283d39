package control

import (
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
	kept := func(m *NGram) (n int) {
		for k := range m.levels {
			n += m.levels[k].used
		}
		return n
	}
	if kept(bound) >= kept(free) {
		t.Errorf("%d n-grams of %d", kept(bound), kept(free))
	}
}

func TestRowsAreTextsOfTheirOwn(t *testing.T) {
	ids := text(rng.New(2), 5001, 30)
	cfg := NGramConfig{Order: 4, Vocab: 30}
	whole, batch := train(t, cfg, ids), rows(ids, 100, false, 0)
	var parts []family.Batch
	for i := range batch.B {
		parts = append(parts, rows(ids[i*100:i*100+101], 100, false, 0))
	}
	a, b, c := trainOn(t, cfg, batch), trainOn(t, cfg, parts...), whole
	differs := false
	for i := range 40 {
		h := ids[i*50 : i*50+5]
		for w := range int32(30) {
			if a.prob(a.walk(h), w) != b.prob(b.walk(h), w) {
				t.Fatal("counting rows one by one changes the model")
			}
			differs = differs || a.prob(a.walk(h), w) != c.prob(c.walk(h), w)
		}
	}
	if !differs {
		t.Error("where rows end changes nothing")
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
		for _, b := range []family.Batch{
			{B: 1, T: 1, Tokens: []int32{id}, Targets: []int32{0}, Weights: []float32{1}},
			{B: 1, T: 1, Tokens: []int32{0}, Targets: []int32{id}, Weights: []float32{1}},
		} {
			if err := tr.AddBatch(b); family.CodeOf(err) != family.InvalidArgument {
				t.Errorf("%+v: %v", b, err)
			}
		}
	}
	m := tr.Finish()
	if _, err := m.Score(family.Batch{B: 1, T: 1, Tokens: []int32{5}, Targets: []int32{0}, Weights: []float32{1}}); family.CodeOf(err) != family.InvalidArgument {
		t.Errorf("a token outside the vocabulary: %v", err)
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
	batch := rows(text(rng.New(1), 1<<18, 2000), 1<<18-1, false, 0)
	b.ReportAllocs()
	for b.Loop() {
		tr, err := NewNGramTrainer(NGramConfig{Order: 5, Vocab: 2000})
		if err != nil {
			b.Fatal(err)
		}
		if err := tr.AddBatch(batch); err != nil {
			b.Fatal(err)
		}
		tr.Finish()
	}
	b.ReportMetric(float64(batch.T)*float64(b.N)/b.Elapsed().Seconds(), "tokens/s")
}
