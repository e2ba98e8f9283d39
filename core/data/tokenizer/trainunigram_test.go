package tokenizer

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"runtime"
	"slices"
	"strings"
	"testing"
)

// someWords are the words of this package's own source, each with the space before it.
func someWords(t testing.TB) []wordCount {
	t.Helper()
	var words []wordCount
	counts := map[string]int64{}
	for _, name := range []string{"lattice.go", "unigram.go", "trie.go", "spbpe.go", "unigram_test.go"} {
		raw, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, w := range strings.Fields(string(raw)) {
			counts[" "+w]++
		}
	}
	for w, n := range counts {
		words = append(words, wordCount{w, n})
	}
	return words
}

func TestTrainingDependsOnTheWordsAlone(t *testing.T) {
	words := someWords(t)
	train := func(procs int) []ScoredPiece {
		defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(procs))
		rand.New(rand.NewPCG(uint64(procs), 0)).Shuffle(len(words), func(i, j int) { words[i], words[j] = words[j], words[i] })
		pieces, err := trainPieces(context.Background(), words, unigramTraining{size: 400})
		if err != nil {
			t.Fatal(err)
		}
		return pieces
	}
	one, three := train(1), train(3)
	if len(one) != 400 || !slices.Equal(one, three) {
		t.Errorf("%d pieces with one thread, %d with three, or they differ", len(one), len(three))
	}
}

func TestTrainedPieces(t *testing.T) {
	words := append(someWords(t), wordCount{" Ж日", 1}, wordCount{"a\xffb\uFFFD", 2})
	for _, c := range []struct {
		name  string
		cfg   unigramTraining
		has   string
		lacks string
	}{
		{"all characters", unigramTraining{size: 300}, "Ж日\uFFFDa(", ""},
		{"the frequent characters", unigramTraining{size: 300, coverage: 0.99}, "a(", "Ж日\uFFFD"},
		{"required characters", unigramTraining{size: 300, coverage: 0.99, required: "Ж§"}, "Ж§a", "日"},
	} {
		t.Run(c.name, func(t *testing.T) {
			pieces, err := trainPieces(context.Background(), words, c.cfg)
			if err != nil {
				t.Fatal(err)
			}
			in := map[string]bool{}
			mass := 0.0
			for i, p := range pieces {
				in[p.Piece] = true
				mass += math.Exp(p.Score)
				if i > 0 && p.Score > pieces[i-1].Score {
					t.Errorf("%q is out of order", p.Piece)
				}
			}
			if len(in) != c.cfg.size || mass > 1 || mass < 0.9 {
				t.Errorf("%d pieces of mass %g", len(in), mass)
			}
			for _, r := range c.has {
				if !in[string(r)] {
					t.Errorf("%q is no piece", r)
				}
			}
			for p := range in {
				if strings.ContainsAny(p, c.lacks) && c.lacks != "" {
					t.Errorf("piece %q", p)
				}
			}
		})
	}
	if _, err := trainPieces(context.Background(), words, unigramTraining{size: 10}); err == nil {
		t.Error("10 pieces for more characters: no error")
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := trainPieces(ctx, words, unigramTraining{size: 300}); err != context.Canceled {
		t.Errorf("cancelled: %v", err)
	}
}

// TestExpectationCountsAllCuts compares the expectation step with the sum over all cuts, one by one, in both of its forms.
func TestExpectationCountsAllCuts(t *testing.T) {
	rng := rand.New(rand.NewPCG(13, 14))
	for round := range 100 {
		u := randomUnigram(t, rng)
		tr := &unigramTrainer{scale: 1}
		for piece := range u.ids {
			if piece != "<unk>" {
				tr.pieces = append(tr.pieces, piece)
			}
		}
		slices.Sort(tr.pieces)
		for _, r := range "abcéd" {
			if i, ok := slices.BinarySearch(tr.pieces, string(r)); !ok {
				tr.pieces = slices.Insert(tr.pieces, i, string(r))
			}
		}
		var scored []ScoredPiece
		for _, p := range tr.pieces {
			tr.scores = append(tr.scores, -5*rng.Float64())
			scored = append(scored, ScoredPiece{p, tr.scores[len(tr.scores)-1]})
		}
		tr.build()
		full, err := NewUnigram(UnigramConfig{Pieces: scored, UnkID: -1})
		if err != nil {
			t.Fatal(err)
		}
		word := strings.ReplaceAll(randomWord(rng, 8), "ü", "a")
		want := make([]float64, len(tr.pieces))
		total := 0.0
		for _, c := range allCuts(full, word) {
			total += math.Exp(c.score)
		}
		for _, c := range allCuts(full, word) {
			for _, p := range c.pieces {
				want[full.ids[p]] += 3 * math.Exp(c.score) / total
			}
		}
		probs := make([]float64, len(tr.pieces))
		for i, s := range tr.scores {
			probs[i] = math.Exp(s + tr.scale*float64(len(tr.pieces[i])))
		}
		for _, form := range []string{"scaled", "logarithms"} {
			got := make([]float64, len(tr.pieces))
			l := trainLattice{t: tr, probs: probs}
			score := l.expect(word, 3, got)
			if form == "logarithms" {
				got = make([]float64, len(tr.pieces))
				score = l.expectLogs(word, 3, got)
			}
			if math.Abs(score-math.Log(total)) > 1e-9 {
				t.Fatalf("round %d, %s: %q scores %g, want %g", round, form, word, score, math.Log(total))
			}
			for i := range got {
				if math.Abs(got[i]-want[i]) > 1e-9 {
					t.Fatalf("round %d, %s: %q in %q is expected %g times, want %g", round, form, tr.pieces[i], word, got[i], want[i])
				}
			}
		}
	}
}

func TestExpectationOfALongWord(t *testing.T) {
	long := strings.Repeat("ab", 2000)
	tr := &unigramTrainer{pieces: []string{"a", "ab", "b"}, scores: []float64{-1, -2, -3}, scale: -9} // the scale is far off
	tr.build()
	probs := make([]float64, 3)
	for i, s := range tr.scores {
		probs[i] = math.Exp(s + tr.scale*float64(len(tr.pieces[i])))
	}
	got := make([]float64, 3)
	l := trainLattice{t: tr, probs: probs}
	score := l.expect(long, 1, got)
	one := math.Log(math.Exp(-2) + math.Exp(-4)) // each "ab" is independent of the others
	if math.Abs(score/(2000*one)-1) > 1e-9 {
		t.Errorf("score %g, want %g", score, 2000*one)
	}
	if want := 2000 * math.Exp(-2-one); math.Abs(got[1]/want-1) > 1e-6 {
		t.Errorf("ab is expected %g times, want %g", got[1], want)
	}
}

func TestDigamma(t *testing.T) {
	// Values from Abramowitz and Stegun, table 6.1, and identities: psi(1) = -gamma, psi(1/2) = -gamma - 2 log 2.
	const gamma = 0.57721566490153286
	for _, c := range []struct{ x, want float64 }{
		{1, -gamma}, {0.5, -gamma - 2*math.Ln2}, {2, 1 - gamma}, {10, 2.25175258906672}, {1e6, math.Log(1e6) - 0.5e-6 - 1e-12/12},
	} {
		t.Run(fmt.Sprint(c.x), func(t *testing.T) {
			if got := digamma(c.x); math.Abs(got-c.want) > 1e-12 {
				t.Errorf("digamma(%g) = %.15g, want %.15g", c.x, got, c.want)
			}
		})
	}
}
