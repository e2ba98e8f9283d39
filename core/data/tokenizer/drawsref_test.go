//go:build reference

package tokenizer

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestDrawsAreTheReferences: cuts at random are as frequent as SentencePiece and the Rust library draw them. Of two counts of the same cut the
// squared difference over their sum is, added up over all cuts, distributed as chi-squared (Pearson, for two samples of one size).
func TestDrawsAreTheReferences(t *testing.T) {
	t.Parallel()
	const draws = 4000
	compare := func(t *testing.T, tok *Tokenizer, how Sampling, text string, theirs map[string]int) {
		s, err := tok.Sampler(how)
		if err != nil {
			t.Fatal(err)
		}
		ours, rng := map[string]int{}, rand.New(rand.NewPCG(1, 2))
		for range draws {
			ours[strings.Trim(fmt.Sprint(s.AppendIDs(nil, []byte(text), rng)), "[]")]++
		}
		all := map[string]bool{}
		for cut := range ours {
			all[cut] = true
		}
		for cut := range theirs {
			all[cut] = true
		}
		sum, cuts, rareOurs, rareTheirs := 0.0, 0, 0, 0
		add := func(a, b int) {
			if a+b > 0 {
				sum += float64((a-b)*(a-b)) / float64(a+b)
				cuts++
			}
		}
		for cut := range all {
			if a, b := ours[cut], theirs[cut]; a+b >= 20 {
				add(a, b)
			} else {
				rareOurs, rareTheirs = rareOurs+a, rareTheirs+b
			}
		}
		add(rareOurs, rareTheirs)
		df := float64(cuts - 1)
		limit := df + 4*math.Sqrt(2*df) + 15 // passed once in 300,000 times, or less often
		t.Logf("%v: %d cuts, chi-squared %.1f with %g degrees of freedom", how, len(all), sum, df)
		if sum > limit || cuts < 3 {
			t.Errorf("%v of %q: chi-squared %.1f of %d cuts, want at most %.1f of 3 or more", how, text, sum, cuts, limit)
		}
	}
	const text = "the quiet water"
	dir := t.TempDir()
	t.Run("SentencePiece", func(t *testing.T) {
		interpreter := python(t)
		for name, hows := range map[string][]Sampling{
			"unigram":   {{Alpha: 0.2}, {Alpha: 0.5, Best: 8}, {Alpha: 1}},
			"bpe":       {{Dropout: 0.1}, {Dropout: 0.5}},
			"bpe-bytes": {{Dropout: 0.3}},
		} {
			raw := readSPGolden(t, "testdata/sentencepiece/"+name+".json").Model
			tok, err := ReadSentencePiece(raw)
			if err != nil {
				t.Fatal(err)
			}
			file := filepath.Join(dir, name+".model")
			if err := os.WriteFile(file, raw, 0o600); err != nil {
				t.Fatal(err)
			}
			for _, how := range hows {
				best := -1
				if how.Best > 0 {
					best = how.Best
				}
				out, err := exec.Command(interpreter, "internal/reference/draws.py", file, text, fmt.Sprint(how.Alpha+how.Dropout), fmt.Sprint(best), fmt.Sprint(draws)).Output()
				if err != nil {
					t.Fatal(err)
				}
				var theirs map[string]int
				if err := json.Unmarshal(out, &theirs); err != nil {
					t.Fatal(err)
				}
				compare(t, tok, how, text, theirs)
			}
		}
	})
	t.Run("Rust", func(t *testing.T) {
		for _, kind := range []string{"bpe", "char-bpe"} {
			tok, err := Train(context.Background(), TrainConfig{Kind: kind, Vocab: 420}, eachOf(corpusOf(rand.New(rand.NewPCG(5, 6)), 100)))
			if err != nil {
				t.Fatal(err)
			}
			for _, dropout := range []float64{0.1, 0.5} {
				bpe := tok.model.(*BPE)
				bpe.cfg.Dropout = dropout
				file := filepath.Join(dir, fmt.Sprint(kind, dropout))
				if err := os.WriteFile(file, []byte(written1(t, tok)), 0o600); err != nil {
					t.Fatal(err)
				}
				var theirs map[string]int
				if err := json.Unmarshal(runNode(t, "draws.js", file, text, fmt.Sprint(draws)), &theirs); err != nil {
					t.Fatal(err)
				}
				compare(t, tok, Sampling{Dropout: dropout}, text, theirs)
			}
		}
	})
}
