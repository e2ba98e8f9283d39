package eval

import (
	"context"
	"errors"
	"math"
	"testing"

	"github.com/archlab/archlab/core/family"
)

// table scores every target by the probability that it is given, and counts the state bytes it would hold.
type table struct {
	family.Model
	p       map[int32]float64
	fed     int
	open    int
	perByte int64
	dead    bool
}

func (m *table) Score(_ context.Context, b family.Batch) (r family.ScoreResult, err error) {
	if m.dead {
		return r, family.Errorf(family.Unavailable, "", "plugin died")
	}
	for i, y := range b.Targets {
		lp, ok := float32(0), false
		if b.Weights[i] != 0 {
			lp, ok = float32(math.Log(m.p[y])), m.p[y] > 0.5
		}
		r.LogProbs, r.Correct = append(r.LogProbs, lp), append(r.Correct, ok)
	}
	return r, nil
}

func (m *table) Open(context.Context, int) ([]family.StateID, error) {
	m.open++
	return []family.StateID{1}, nil
}
func (m *table) Close(context.Context, []family.StateID) error { m.open--; return nil }
func (m *table) Extend(_ context.Context, r family.ExtendRequest) (family.ExtendResult, error) {
	m.fed += len(r.Items[0].Tokens)
	return family.ExtendResult{}, nil
}
func (m *table) Profile(context.Context, bool) (family.Profile, error) {
	return family.Profile{StateBytes: 100 + m.perByte*int64(m.fed)}, nil
}

func TestScoreCountsTextNotTokens(t *testing.T) {
	// Two rows of four; a document starts inside the first row; the last position of the second row is padding.
	b := family.Batch{B: 2, T: 4, Tokens: make([]int32, 8), Targets: []int32{1, 1, 2, 0, 1, 1, 1, 0},
		Weights: []float32{1, 1, 1, 1, 1, 1, 1, 0}, Starts: []int32{2}}
	bytes := []int32{3, 3, 1, 0, 3, 3, 3, 9}
	m := &table{p: map[int32]float64{0: 0.25, 1: 0.75, 2: 0.125}}
	s, err := Score(context.Background(), m, Split{Name: "test", Batches: 1, Text: true,
		Batch: func(int) (family.Batch, []int32, error) { return b, bytes, nil }})
	if err != nil {
		t.Fatal(err)
	}
	nats := 5*-math.Log(0.75) + -math.Log(0.125) + -math.Log(0.25)
	check := func(what string, got, want float64) {
		t.Helper()
		if math.Abs(got-want) > 1e-6 { // float32 log-probabilities
			t.Errorf("%s: got %v, want %v", what, got, want)
		}
	}
	check("tokens", float64(s.Tokens), 7)
	check("bytes", float64(s.Bytes), 16)
	check("loss", s.Loss, nats/7)
	check("perplexity", s.Perplexity, math.Exp(nats/7))
	check("bits per byte", s.BPB, nats/math.Ln2/16)
	check("accuracy", s.Accuracy, 5.0/7)
	if s.SequenceAccuracy != 0 {
		t.Errorf("sequence accuracy of text: got %v, want none", s.SequenceAccuracy)
	}
	check("first sequence", s.Sequences[0].Loss, 2*-math.Log(0.75)-math.Log(0.125)-math.Log(0.25))
	if s.Sequences[1].Bytes != 9 || s.Sequences[1].Correct != 3 || s.Sequences[1].Weight != 3 {
		t.Errorf("second sequence: got %+v", s.Sequences[1])
	}
	// Positions count from the document's start: 0,1,0,1 and 0,1,2.
	want := []struct {
		from, to int
		n        int64
	}{{0, 1, 3}, {1, 2, 3}, {2, 4, 1}}
	if len(s.ByPosition) != len(want) {
		t.Fatalf("positions: got %+v", s.ByPosition)
	}
	for i, w := range want {
		if p := s.ByPosition[i]; p.From != w.from || p.To != w.to || p.Count != w.n {
			t.Errorf("positions %d: got %+v, want %+v", i, p, w)
		}
	}
}

func TestScoreOfATask(t *testing.T) {
	b := family.Batch{B: 2, T: 2, Tokens: make([]int32, 4), Targets: []int32{1, 1, 1, 2}, Weights: []float32{1, 1, 0, 1}}
	m := &table{p: map[int32]float64{1: 0.9, 2: 0.1}}
	s, err := Score(context.Background(), m, Split{Name: "test", Batches: 1,
		Batch: func(int) (family.Batch, []int32, error) { return b, nil, nil }})
	if err != nil {
		t.Fatal(err)
	}
	if s.SequenceAccuracy != 0.5 || math.Abs(s.Accuracy-2.0/3) > 1e-12 || s.BPB != 0 {
		t.Errorf("got sequence accuracy %v, accuracy %v, bits per byte %v; want 0.5, 0.667, 0", s.SequenceAccuracy, s.Accuracy, s.BPB)
	}
}

func TestScoreErrors(t *testing.T) {
	empty := family.Batch{B: 1, T: 1, Tokens: []int32{0}, Targets: []int32{0}, Weights: []float32{0}}
	get := func(int) (family.Batch, []int32, error) { return empty, nil, nil }
	if _, err := Score(context.Background(), &table{}, Split{Name: "test", Batches: 1, Batch: get}); !errors.Is(err, ErrEmpty) {
		t.Errorf("no targets: got %v, want ErrEmpty", err)
	}
	if _, err := Score(context.Background(), &table{dead: true}, Split{Name: "test", Batches: 1, Batch: get}); family.CodeOf(err) != family.Unavailable {
		t.Errorf("dead plugin: got %v", err)
	}
	broken := errors.New("torn file")
	if _, err := Score(context.Background(), &table{}, Split{Name: "test", Batches: 1,
		Batch: func(int) (family.Batch, []int32, error) { return empty, nil, broken }}); !errors.Is(err, broken) {
		t.Errorf("unreadable data: got %v", err)
	}
}

// broken answers what it is told.
type broken struct{ lp float32 }

func (b broken) Score(_ context.Context, x family.Batch) (r family.ScoreResult, err error) {
	r.LogProbs, r.Correct = make([]float32, len(x.Tokens)), make([]bool, len(x.Tokens))
	r.LogProbs[1] = b.lp
	return r, nil
}

func TestScoreRefusesNonsense(t *testing.T) {
	b := family.Batch{B: 1, T: 2, Tokens: []int32{0, 0}, Targets: []int32{1, 1}, Weights: []float32{1, 1}}
	split := Split{Name: "test", Batches: 1, Batch: func(int) (family.Batch, []int32, error) { return b, nil, nil }, Cluster: func(batch, row int) int64 { return 7 }}
	for _, lp := range []float64{math.NaN(), math.Inf(-1), math.Inf(1), 0.5} {
		if _, err := Score(context.Background(), broken{float32(lp)}, split); family.CodeOf(err) != family.Internal {
			t.Errorf("a log-probability of %v: got error %v", lp, err)
		}
	}
	// A finite but absurd loss stays a number that JSON can hold.
	s, err := Score(context.Background(), broken{-1e30}, split)
	if err != nil || math.IsInf(s.Perplexity, 0) {
		t.Fatalf("a huge loss: perplexity %v, error %v", s, err)
	}
	if s.Sequences[0].Cluster != 7 {
		t.Errorf("cluster: got %d, want 7", s.Sequences[0].Cluster)
	}
}

func TestDecodeMeasuresTheStateItself(t *testing.T) {
	m := &table{perByte: 8}
	card := family.Card{Costs: []family.Cost{{T: 4, StateBytes: 32, DecodeFLOPs: 7}}}
	p, err := Decode(context.Background(), m, card, make([]int32, 100), []int{16, 4})
	if err != nil {
		t.Fatal(err)
	}
	if len(p) != 2 || p[0].T != 4 || p[0].StateBytes != 32 || p[0].CardStateBytes != 32 || p[0].CardFLOPs != 7 || p[1].StateBytes != 128 {
		t.Errorf("got %+v", p)
	}
	if p[0].TokensPerSecond <= 0 || m.open != 0 {
		t.Errorf("speed %v, %d states left open", p[0].TokensPerSecond, m.open)
	}
	if _, err := Decode(context.Background(), m, card, make([]int32, 10), []int{8}); err == nil {
		t.Error("too few tokens: want an error")
	}
}
