package control

import (
	"fmt"
	"math"
	"reflect"
	"slices"
	"sync"
	"testing"

	"github.com/archlab/archlab/core/data"
	"github.com/archlab/archlab/core/data/internal/rng"
	"github.com/archlab/archlab/core/family"
)

// reference is modified Kneser-Ney from its definitions, with a map for everything.
type reference struct {
	order, vocab int
	count        map[string]int // n-gram -> count
}

func key(ids []int32) string { return fmt.Sprint(ids) }

func newReference(b family.Batch, order, vocab int) *reference {
	r := &reference{order, vocab, map[string]int{}}
	left := map[string]map[int32]bool{}
	start := 0
	for i, token := range b.Targets {
		if i%b.T == 0 || slices.Contains(b.Starts, int32(i)) {
			start = i
		}
		if b.Weights[i] == 0 {
			continue
		}
		gram := append(slices.Clone(b.Tokens[max(start, i-order+2):i+1]), token)
		r.count[key(gram)]++ // the longest: as often as it occurs
		for n := 1; n < len(gram); n++ {
			k := key(gram[n:])
			if left[k] == nil {
				left[k] = map[int32]bool{}
			}
			left[k][gram[n-1]] = true
		}
	}
	for k, before := range left {
		r.count[k] += len(before)
	}
	return r
}

func (r *reference) discount(n int) (d [4]float64) {
	var counts [5]float64
	for k, c := range r.count {
		if c < 5 && length(k) == n {
			counts[c]++
		}
	}
	y := counts[1] / (counts[1] + 2*counts[2])
	for c := 1; c <= 3; c++ {
		d[c] = 0.5
		if counts[1] > 0 && counts[2] > 0 && counts[c] > 0 {
			d[c] = min(max(float64(c)-float64(c+1)*y*counts[c+1]/counts[c], 0.05), float64(c))
		}
	}
	return d
}

func length(k string) int {
	n := 1
	for _, c := range k {
		if c == ' ' {
			n++
		}
	}
	return n
}

func (r *reference) prob(history []int32, token int32) float64 {
	if len(history) >= r.order {
		history = history[len(history)-r.order+1:]
	}
	lower := 1 / float64(r.vocab)
	if len(history) > 0 {
		lower = r.prob(history[1:], token)
	}
	total, mass := 0.0, 0.0
	d := r.discount(len(history) + 1)
	for w := range int32(r.vocab) {
		c := r.count[key(append(slices.Clone(history), w))]
		total += float64(c)
		mass += d[min(c, 3)]
	}
	if total == 0 {
		return lower
	}
	c := r.count[key(append(slices.Clone(history), token))]
	return (float64(c) - d[min(c, 3)] + mass*lower) / total
}

// text is random tokens with repeats: half of them copy an earlier place.
func text(r *rng.Source, n, vocab int) []int32 {
	ids := make([]int32, n)
	for i := range ids {
		ids[i] = int32(r.Intn(vocab))
		if i > 8 && r.Intn(3) > 0 {
			ids[i] = ids[i-4-r.Intn(3)]
		}
	}
	return ids
}

// rows cuts text into rows of T tokens whose targets are the next tokens; with documents, every EOD opens one. What is left over is not used.
func rows(ids []int32, T int, documents bool, eod int32) family.Batch {
	b := family.Batch{T: T}
	for at := 0; at+T < len(ids); at += T {
		b.B++
		for i := at; i < at+T; i++ {
			if documents && i > at && ids[i] == eod {
				b.Starts = append(b.Starts, int32(i))
			}
			b.Tokens, b.Targets, b.Weights = append(b.Tokens, ids[i]), append(b.Targets, ids[i+1]), append(b.Weights, 1)
		}
	}
	return b
}

// train counts text as one row.
func train(t testing.TB, cfg NGramConfig, ids []int32) *NGram {
	t.Helper()
	if len(ids) < 2 {
		return trainOn(t, cfg)
	}
	return trainOn(t, cfg, rows(ids, len(ids)-1, false, 0))
}

func trainOn(t testing.TB, cfg NGramConfig, batches ...family.Batch) *NGram {
	t.Helper()
	tr, err := NewNGramTrainer(cfg)
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range batches {
		if err := tr.AddBatch(b); err != nil {
			t.Fatal(err)
		}
	}
	return tr.Finish()
}

func (m *NGram) walk(ids []int32) *history {
	h := &history{}
	h.reset()
	for _, id := range ids {
		m.advance(h, id)
	}
	return h
}

func TestAgainstTheDefinition(t *testing.T) {
	const vocab, eod = 6, 2
	for order := 1; order <= 5; order++ {
		for name, batch := range map[string]func(r *rng.Source) family.Batch{
			"one row":   func(r *rng.Source) family.Batch { return rows(text(r, 250, vocab), 249, false, eod) },
			"rows":      func(r *rng.Source) family.Batch { return rows(text(r, 250, vocab), 16, false, eod) },
			"documents": func(r *rng.Source) family.Batch { return rows(text(r, 250, vocab), 60, true, eod) },
			"a task": func(r *rng.Source) family.Batch { // some targets, and not the next tokens
				b := rows(text(r, 400, vocab), 50, true, eod)
				for i := range b.Targets {
					b.Targets[i] = (b.Targets[i] + b.Tokens[i]) % vocab
					b.Weights[i] = float32(r.Intn(3)) / 2
				}
				return b
			},
		} {
			t.Run(fmt.Sprintf("order %d, %s", order, name), func(t *testing.T) {
				r := rng.New(uint64(order))
				b := batch(r)
				m := trainOn(t, NGramConfig{Order: order, Vocab: vocab}, b)
				ref := newReference(b, order, vocab)
				for range 12 {
					history := text(r, r.Intn(7), vocab)
					for w := range int32(vocab) {
						got, want := m.prob(m.walk(history), w), ref.prob(history, w)
						// Both sum a handful of numbers below one in float64, in another order.
						if math.Abs(got-want) > 1e-12 {
							t.Errorf("p(%d|%v) = %v, want %v", w, history, got, want)
						}
					}
				}
			})
		}
	}
}

func TestProbabilitiesSumToOne(t *testing.T) {
	for _, tt := range []struct {
		name   string
		cfg    NGramConfig
		tokens int
	}{
		{"untrained", NGramConfig{Order: 3, Vocab: 10}, 0},
		{"one target", NGramConfig{Order: 3, Vocab: 10}, 2},
		{"order 1", NGramConfig{Order: 1, Vocab: 40}, 5000},
		{"order 5", NGramConfig{Order: 5, Vocab: 40}, 20000},
		{"order 8", NGramConfig{Order: 8, Vocab: 40}, 20000},
		{"out of memory", NGramConfig{Order: 5, Vocab: 40, MaxMemory: 100_000}, 50000},
		{"one id", NGramConfig{Order: 3, Vocab: 1}, 100},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := rng.New(4)
			m := train(t, tt.cfg, text(r, tt.tokens, tt.cfg.Vocab))
			if m.Tokens() != int64(max(0, tt.tokens-1)) || m.Full() != (tt.cfg.MaxMemory != 0) {
				t.Errorf("%d tokens, full %v", m.Tokens(), m.Full())
			}
			for range 200 {
				h := m.walk(text(r, r.Intn(12), tt.cfg.Vocab))
				sum := 0.0
				for w := range int32(tt.cfg.Vocab) {
					p := m.prob(h, w)
					if !(p > 0) || p > 1 {
						t.Fatalf("p(%d) = %v", w, p)
					}
					sum += p
				}
				// Rounding of at most 40 terms.
				if math.Abs(sum-1) > 1e-12 {
					t.Fatalf("sum %v", sum)
				}
			}
		})
	}
}

func TestArgmaxAgainstAllTokens(t *testing.T) {
	for _, memory := range []int64{0, 100_000} {
		for order := 1; order <= 5; order++ {
			r := rng.New(uint64(order), 77)
			m := train(t, NGramConfig{Order: order, Vocab: 30, MaxMemory: memory}, text(r, 30000, 30))
			for range 300 {
				h := m.walk(text(r, r.Intn(8), 30))
				best, top := int32(0), 0.0
				for w := range int32(30) {
					if p := m.prob(h, w); p > top {
						best, top = w, p
					}
				}
				for range 2 { // computed, then remembered
					if got := m.argmax(h); got != best {
						t.Fatalf("order %d: got %d with %v, want %d with %v", order, got, m.prob(h, got), best, top)
					}
				}
			}
		}
	}
}

// bits is the mean of -log2 p over the targets of batches cut from ids.
func bits(t testing.TB, c Control, b family.Batch) float64 {
	t.Helper()
	r, err := c.Score(b)
	if err != nil {
		t.Fatal(err)
	}
	sum, n := 0.0, 0
	for i, w := range b.Weights {
		if w != 0 {
			sum -= float64(r.LogProbs[i]) / math.Ln2
			n++
		}
	}
	return sum / float64(n)
}

func stream(t testing.TB, ids []int32) *data.Stream {
	t.Helper()
	s, err := data.NewStream(data.Bytes{}, ids)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestScoreFollowsRowsAndStarts(t *testing.T) {
	const eod = 256
	ids := text(rng.New(6), 3000, 12)
	for i := range ids {
		if i%37 == 0 {
			ids[i] = eod
		}
	}
	for _, mode := range data.Modes {
		t.Run(string(mode), func(t *testing.T) {
			m := trainOn(t, NGramConfig{Order: 4, Vocab: eod + 1}, rows(ids, 100, mode == data.Documents, eod))
			set, err := data.NewEvalSet(stream(t, ids[:500]), data.EvalConfig{B: 3, T: 50, Mode: mode})
			if err != nil {
				t.Fatal(err)
			}
			for i := range set.Len() {
				b, err := set.Batch(i)
				if err != nil {
					t.Fatal(err)
				}
				got, err := m.Score(b.Batch)
				if err != nil {
					t.Fatal(err)
				}
				from := 0
				for j := range b.Tokens {
					if j%b.T == 0 || slices.Contains(b.Starts, int32(j)) {
						from = j
					}
					if b.Weights[j] == 0 {
						if got.LogProbs[j] != 0 || got.Correct[j] {
							t.Errorf("padding has a score")
						}
						continue
					}
					h := m.walk(b.Tokens[from : j+1])
					if want := float32(math.Log(m.prob(h, b.Targets[j]))); got.LogProbs[j] != want {
						t.Fatalf("position %d: %v, want %v", j, got.LogProbs[j], want)
					}
					if want := m.argmax(h) == b.Targets[j]; got.Correct[j] != want {
						t.Fatalf("position %d: correct %v", j, got.Correct[j])
					}
				}
			}
		})
	}
}

func TestReachesTheEntropyOfItsSource(t *testing.T) {
	// Each token is a fixed function of the two before it, except that one in five is uniform over the 12 ids.
	const vocab, noise = 12, 0.2
	r := rng.New(12)
	ids := []int32{0, 0}
	for len(ids) < 60000 {
		next := int32(rng.Hash(uint64(ids[len(ids)-1]), uint64(ids[len(ids)-2])) % vocab)
		if r.Float64() < noise {
			next = int32(r.Intn(vocab))
		}
		ids = append(ids, next)
	}
	likely, unlikely := 1-noise+noise/vocab, noise/vocab
	entropy := -likely*math.Log2(likely) - (vocab-1)*unlikely*math.Log2(unlikely)
	set, err := data.NewEvalSet(stream(t, ids[50000:]), data.EvalConfig{B: 1, T: 9999})
	if err != nil {
		t.Fatal(err)
	}
	b, err := set.Batch(0)
	if err != nil {
		t.Fatal(err)
	}
	last := math.Log2(257)
	for order := 1; order <= 3; order++ {
		m := train(t, NGramConfig{Order: order, Vocab: 257}, ids[:50000])
		got := bits(t, m, b.Batch)
		if got > last-0.1 {
			t.Errorf("order %d: %.3f bits a token, a lower order has %.3f", order, got, last)
		}
		last = got
	}
	// 10000 targets: the standard error of the mean of -log2 p is about 0.02 bits; 50000 tokens leave the 144 histories little to learn.
	if math.Abs(last-entropy) > 0.08 {
		t.Errorf("order 3: %.3f bits a token, the source has %.3f", last, entropy)
	}
}

func TestNGramIsDeterministicAndConcurrent(t *testing.T) {
	ids := text(rng.New(5), 20000, 200)
	a, c := train(t, NGramConfig{Vocab: 257}, ids), train(t, NGramConfig{Vocab: 257}, ids)
	set, err := data.NewEvalSet(stream(t, ids[:2000]), data.EvalConfig{B: 4, T: 128})
	if err != nil {
		t.Fatal(err)
	}
	b, err := set.Batch(0)
	if err != nil {
		t.Fatal(err)
	}
	want, err := a.Score(b.Batch)
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for range 6 {
		wg.Go(func() {
			if got, err := c.Score(b.Batch); err != nil || !reflect.DeepEqual(got, want) {
				t.Errorf("another score: %v", err)
			}
		})
	}
	wg.Wait()
}
