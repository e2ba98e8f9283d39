package tokenizer

import (
	"cmp"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// cut is a segmentation found by trying all of them.
type cut struct {
	pieces []string
	score  float64
}

// allCuts tries every way to cut a word into pieces and unknown characters: what Unigram does, by its definition.
func allCuts(u *Unigram, word string) []cut {
	if word == "" {
		return []cut{{}}
	}
	least := math.Inf(1)
	for _, p := range u.pieces {
		least = min(least, p.Score)
	}
	var out []cut
	grow := func(piece string, score float64) {
		for _, rest := range allCuts(u, word[len(piece):]) {
			out = append(out, cut{append([]string{piece}, rest.pieces...), score + rest.score})
		}
	}
	first := word[:len(string([]rune(word)[0]))]
	for end := 1; end <= len(word); end++ {
		if id, ok := u.ids[word[:end]]; ok {
			grow(word[:end], u.pieces[id].Score)
		}
	}
	if _, ok := u.ids[first]; !ok {
		grow(first, least-unkPenalty)
	}
	return out
}

// spelled is a segmentation's pieces; unknown characters one by one.
func spelled(u *Unigram, word string, pieces []Piece) string {
	var out []string
	from := int32(0)
	for _, p := range pieces {
		part := word[from:p.End]
		if p.ID == u.unk.id {
			out = append(out, strings.Split(part, "")...)
		} else {
			out = append(out, part)
		}
		from = p.End
	}
	return strings.Join(out, "|")
}

// scoreOf is the score of a segmentation as spelled writes it.
func scoreOf(u *Unigram, spelled string) float64 {
	score := 0.0
	for _, piece := range strings.Split(spelled, "|") {
		if id, ok := u.ids[piece]; ok {
			score += u.pieces[id].Score
		} else {
			score += u.unkScore
		}
	}
	return score
}

// randomUnigram has pieces over a, b, c and é; d and ü are unknown.
func randomUnigram(t testing.TB, rng *rand.Rand) *Unigram {
	t.Helper()
	pieces := []ScoredPiece{{"<unk>", 0}}
	seen := map[string]bool{}
	for range 14 {
		var b strings.Builder
		for range 1 + rng.IntN(3) {
			b.WriteRune([]rune("abcé")[rng.IntN(4)])
		}
		if p := b.String(); !seen[p] {
			seen[p] = true
			pieces = append(pieces, ScoredPiece{p, -5 * rng.Float64()})
		}
	}
	u, err := NewUnigram(UnigramConfig{Pieces: pieces})
	if err != nil {
		t.Fatal(err)
	}
	u.unk.whole = nil // would give a run of unknown characters that is a piece the piece's name
	return u
}

func randomWord(rng *rand.Rand, most int) string {
	var b strings.Builder
	for range 1 + rng.IntN(most) {
		b.WriteRune([]rune("aaabbbccéédü")[rng.IntN(12)])
	}
	return b.String()
}

func TestUnigramFindsTheBestOfAllCuts(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	for range 300 {
		u := randomUnigram(t, rng)
		word := randomWord(rng, 9)
		all := allCuts(u, word)
		slices.SortStableFunc(all, func(a, b cut) int { return cmp.Compare(b.score, a.score) })
		if got := spelled(u, word, u.Append(nil, []byte(word))); math.Abs(scoreOf(u, got)-all[0].score) > 1e-9 {
			t.Fatalf("%q: %s, the best cut is %s", word, got, strings.Join(all[0].pieces, "|"))
		}
		best := u.NBest([]byte(word), 5)
		if len(best) != min(5, len(all)) {
			t.Fatalf("%q: %d of the 5 best of %d cuts", word, len(best), len(all))
		}
		seen := map[string]bool{}
		for i, s := range best {
			if math.Abs(s.Score-all[i].score) > 1e-9 {
				t.Fatalf("%q: cut %d scores %g, want %g", word, i, s.Score, all[i].score)
			}
			got := spelled(u, word, s.Pieces)
			if seen[got] || math.Abs(scoreOf(u, got)-s.Score) > 1e-9 { // of equally good cuts any may come first
				t.Fatalf("%q: cut %d is %s of score %g, not %g, or it came before", word, i, got, scoreOf(u, got), s.Score)
			}
			seen[got] = true
		}
	}
}

// TestUnigramSamplesEachCutAsOftenAsItShould compares frequencies with probabilities by a chi-squared statistic; with the fixed source
// it is one number for ever, and a wrong exponent or a missing path puts it far out.
func TestUnigramSamplesEachCutAsOftenAsItShould(t *testing.T) {
	const draws = 1500
	rng := rand.New(rand.NewPCG(7, 8))
	for _, alpha := range []float64{0, 0.3, 1, 2} {
		t.Run(fmt.Sprint("alpha ", alpha), func(t *testing.T) {
			u, err := NewUnigram(UnigramConfig{Pieces: []ScoredPiece{
				{"<unk>", -5}, {"a", -1}, {"b", -1.5}, {"c", -2}, {"é", -2}, {"ab", -2.2}, {"cé", -3.5}, {"bcé", -5}, {"abc", -4},
			}})
			if err != nil {
				t.Fatal(err)
			}
			word := "abcéabdab"
			all := allCuts(u, word)
			total := 0.0
			for _, c := range all {
				total += math.Exp(alpha * c.score)
			}
			for name, draw := range map[string]func() []Piece{
				"all":  func() []Piece { return u.Sample(nil, []byte(word), alpha, rng) },
				"best": func() []Piece { return u.SampleBest(nil, []byte(word), len(all)+1, alpha, rng) },
			} {
				seen := map[string]int{}
				for range draws {
					seen[spelled(u, word, draw())]++
				}
				chi, cells := 0.0, 0
				for _, c := range all {
					key := strings.Join(c.pieces, "|")
					want := draws * math.Exp(alpha*c.score) / total
					got := float64(seen[key])
					delete(seen, key)
					if want >= 5 {
						chi += (got - want) * (got - want) / want
						cells++
					}
				}
				if len(seen) > 0 {
					t.Errorf("%s: cuts that the model does not allow: %v", name, seen)
				}
				// Mean cells-1, deviation sqrt(2(cells-1)): five deviations.
				if free := float64(cells - 1); cells < 2 || chi > free+5*math.Sqrt(2*free) {
					t.Errorf("%s: chi squared %.1f over %d cuts", name, chi, cells)
				}
			}
		})
	}
}

func TestUnigramSamplesTheSameFromTheSameSource(t *testing.T) {
	u := randomUnigram(t, rand.New(rand.NewPCG(1, 1)))
	draw := func() (out []string) {
		rng := rand.New(rand.NewPCG(9, 9))
		for range 20 {
			out = append(out, spelled(u, "abcabcab", u.Sample(nil, []byte("abcabcab"), 0.5, rng)))
		}
		return out
	}
	if a, b := draw(), draw(); !slices.Equal(a, b) {
		t.Errorf("%v\n%v", a, b)
	}
}

func TestUnigramUnknownCharacters(t *testing.T) {
	base := []ScoredPiece{{"<unk>", 0}, {"a", -1}, {"bb", -2}, {"ab", -3}}
	var withBytes []ScoredPiece
	withBytes = append(withBytes, base...)
	for b := range 256 {
		withBytes = append(withBytes, ScoredPiece{bytePiece(byte(b)), -50})
	}
	for _, c := range []struct {
		name string
		cfg  UnigramConfig
		word string
		want string
	}{
		{"a run is one token", UnigramConfig{Pieces: base}, "axyz", "a <unk>"},
		{"runs apart are two", UnigramConfig{Pieces: base}, "xay", "<unk> a <unk>"},
		{"bytes", UnigramConfig{Pieces: withBytes, ByteFallback: true}, "aéa", "a <0xC3> <0xA9> a"},
		{"bytes that are not UTF-8", UnigramConfig{Pieces: withBytes, ByteFallback: true}, "a\xff\xe4\xb8a", "a <0xFF> <0xE4> <0xB8> a"},
		{"fallback without all bytes", UnigramConfig{Pieces: withBytes[:100], ByteFallback: true}, "aéa", "a <unk> a"},
		{"no unknown piece", UnigramConfig{Pieces: base[1:], UnkID: -1}, "axa", "a a"},
		{"the unknown piece in the text", UnigramConfig{Pieces: base}, "<unk>", "<unk>"},
		{"the last of equal pieces counts", UnigramConfig{Pieces: append(slices.Clone(base), ScoredPiece{"a", -9})}, "a", "a"},
		{"a run that is a piece", UnigramConfig{Pieces: []ScoredPiece{{"<unk>", 40}, {"xy", 30}}}, "xy", "xy"},
		{"nothing", UnigramConfig{Pieces: base}, "", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			u, err := NewUnigram(c.cfg)
			if err != nil {
				t.Fatal(err)
			}
			var ids []int32
			end := int32(0)
			for _, p := range u.Append(nil, []byte(c.word)) {
				ids = append(ids, p.ID)
				if p.End <= end {
					t.Errorf("a piece ends at %d, the one before at %d", p.End, end)
				}
				end = p.End
			}
			if got := strings.Join(names(u, ids), " "); got != c.want {
				t.Errorf("%q is %q, want %q", c.word, got, c.want)
			}
		})
	}
}

// TestUnigramSettlesStretches checks that cutting a long text where no piece reaches across changes nothing.
func TestUnigramSettlesStretches(t *testing.T) {
	rng := rand.New(rand.NewPCG(11, 12))
	for range 20 {
		u := randomUnigram(t, rng)
		var words []string
		for range 200 {
			words = append(words, randomWord(rng, 6))
		}
		text := strings.Join(words, "d") // d is in no piece
		want := u.unkScore * float64(strings.Count(text, "d"))
		for _, w := range strings.FieldsFunc(text, func(r rune) bool { return r == 'd' }) {
			want += u.NBest([]byte(w), 1)[0].Score
		}
		got := spelled(u, text, u.Append(nil, []byte(text)))
		if strings.ReplaceAll(got, "|", "") != text {
			t.Fatalf("%q is not what was cut: %q", got, text)
		}
		if score := scoreOf(u, got); math.Abs(score-want) > 1e-6 {
			t.Fatalf("the whole scores %g, its parts %g", score, want)
		}
	}
}

func TestNewUnigramRefuses(t *testing.T) {
	for name, cfg := range map[string]UnigramConfig{
		"unknown piece out of range": {Pieces: []ScoredPiece{{"a", 0}}, UnkID: 1},
		"a score that is no number":  {Pieces: []ScoredPiece{{"a", math.NaN()}}, UnkID: -1},
		"an infinite score":          {Pieces: []ScoredPiece{{"a", math.Inf(-1)}}, UnkID: -1},
	} {
		if _, err := NewUnigram(cfg); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func BenchmarkUnigram(b *testing.B) {
	g := readSPGolden(b, "testdata/sentencepiece/unigram.json")
	tok, err := ReadSentencePiece(g.Model)
	if err != nil {
		b.Fatal(err)
	}
	text := []byte(normalized(tok.normalizer, strings.Repeat("The small boat went out on the quiet water. ", 1000)))
	var pieces []Piece
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		pieces = tok.model.Append(pieces[:0], text)
	}
}
