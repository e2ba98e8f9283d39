package tokenizer

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// smallBPE learns nothing: it makes up merges of the alphabet "abc " and of what they make, which is harder than text.
func smallBPE(t *testing.T, rng *rand.Rand, merges int, cfg BPEConfig) *BPE {
	t.Helper()
	cfg.Vocab = map[string]int32{}
	var tokens []string
	add := func(s string) {
		if _, ok := cfg.Vocab[s]; !ok {
			cfg.Vocab[s] = int32(len(cfg.Vocab))
			tokens = append(tokens, s)
		}
	}
	for _, r := range visibleRunes {
		add(string(r))
	}
	letters := []string{"a", "b", "c", string(visibleRunes[' '])}
	for range merges {
		m := [2]string{letters[rng.IntN(len(letters))], letters[rng.IntN(len(letters))]}
		if len(m[0])+len(m[1]) > 12 {
			continue
		}
		add(m[0] + m[1])
		letters = append(letters, m[0]+m[1])
		cfg.Merges = append(cfg.Merges, m)
	}
	b, err := NewBPE(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// naive merges by the definition: of all places the one whose pair has the lowest rank, leftmost first.
func naive(b *BPE, word string) []int32 {
	var ids []int32
	for _, r := range word {
		ids = append(ids, b.cfg.Vocab[string(r)])
	}
	rank := map[[2]int32]int{}
	for i, m := range b.cfg.Merges {
		rank[[2]int32{b.cfg.Vocab[m[0]], b.cfg.Vocab[m[1]]}] = i
	}
	for {
		best, at := -1, 0
		for i := 0; i+1 < len(ids); i++ {
			if r, ok := rank[[2]int32{ids[i], ids[i+1]}]; ok && (best < 0 || r < best) {
				best, at = r, i
			}
		}
		if best < 0 {
			return ids
		}
		m := b.cfg.Merges[best]
		ids[at] = b.cfg.Vocab[m[0]+m[1]]
		ids = slices.Delete(ids, at+1, at+2)
	}
}

// TestMerges: short words, long words, the cache and raw bytes give what the definition does.
func TestMerges(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	for round := range 60 {
		b := smallBPE(t, rng, 5+rng.IntN(60), BPEConfig{})
		raw, ok := b.raw()
		if !ok {
			t.Fatal("no raw form")
		}
		one := func(text []byte) int { return len(text) }
		for range 60 {
			n := 1 + rng.IntN(20)
			if round%4 == 0 {
				n = 1 + rng.IntN(3*shortWord)
			}
			word := make([]byte, n)
			for i := range word {
				word[i] = "aabbcc "[rng.IntN(7)]
			}
			letters := visible(word)
			want := naive(b, letters)
			for range 2 { // the second time from the cache
				if got := pieceIDs(b.Append(nil, []byte(letters))); !slices.Equal(got, want) {
					t.Fatalf("%q: got %d, want %d", word, got, want)
				}
				pieces := raw.Append(nil, word)
				if got := pieceIDs(pieces); !slices.Equal(got, want) {
					t.Fatalf("%q over bytes: got %d, want %d", word, got, want)
				}
				if end := pieces[len(pieces)-1].End; int(end) != len(word) {
					t.Fatalf("%q ends at %d", word, end)
				}
				if got := raw.appendText([]int32{7}, word, one); !slices.Equal(got[1:], want) {
					t.Fatalf("%q as text: got %d, want %d", word, got, want)
				}
			}
		}
	}
}

func pieceIDs(pieces []Piece) []int32 {
	var ids []int32
	for _, p := range pieces {
		ids = append(ids, p.ID)
	}
	return ids
}

// TestLongWordsAreQuick would take hours if merging were quadratic.
func TestLongWordsAreQuick(t *testing.T) {
	b := smallBPE(t, rand.New(rand.NewPCG(2, 2)), 40, BPEConfig{})
	raw, _ := b.raw()
	word := []byte(strings.Repeat("abcab  c", 1<<17))
	if got := raw.Append(nil, word); int(got[len(got)-1].End) != len(word) {
		t.Fatal("bytes are missing")
	}
}

func TestCharactersWithoutToken(t *testing.T) {
	vocab := map[string]int32{"<unk>": 0, "a": 1, "b": 2, "ab": 3, "漢": 4, "<0xC3>": 5, "<0xA9>": 6, "<0xFF>": 7}
	merges := [][2]string{{"a", "b"}}
	for _, test := range []struct {
		name string
		cfg  BPEConfig
		word string
		want string
	}{
		{"dropped", BPEConfig{}, "xabxx漢", "[{3 2} {4 5}]"},
		{"unk", BPEConfig{Unk: "<unk>"}, "xabyz漢", "[{0 1} {3 3} {0 4} {0 5} {4 8}]"},
		{"fused", BPEConfig{Unk: "<unk>", FuseUnk: true}, "xabyz漢xx", "[{0 1} {3 3} {0 5} {4 8} {0 10}]"},
		{"bytes", BPEConfig{Unk: "<unk>", ByteFallback: true}, "aébñ\xff", "[{1 1} {5 2} {6 3} {2 4} {7 5} {0 7}]"},
		{"bytes first", BPEConfig{Unk: "<unk>", ByteFallback: true}, "ñé", "[{5 1} {6 2} {0 4}]"},
	} {
		t.Run(test.name, func(t *testing.T) {
			test.cfg.Vocab, test.cfg.Merges = vocab, merges
			b, err := NewBPE(test.cfg)
			if err != nil {
				t.Fatal(err)
			}
			if got := fmt.Sprint(b.Append(nil, []byte(test.word))); got != test.want {
				t.Errorf("got %s, want %s", got, test.want)
			}
		})
	}
}

func TestPrefixAndSuffix(t *testing.T) {
	vocab := map[string]int32{"a": 0, "##b": 1, "##c</w>": 2, "ab": 3, "abc</w>": 4, "##b</w>": 5, "a</w>": 6}
	b, err := NewBPE(BPEConfig{Vocab: vocab, Merges: [][2]string{{"a", "##b"}, {"ab", "##c</w>"}}, Prefix: "##", Suffix: "</w>"})
	if err != nil {
		t.Fatal(err)
	}
	for word, want := range map[string]string{"abc": "[{4 3}]", "ab": "[{0 1} {5 2}]", "a": "[{6 1}]"} {
		if got := fmt.Sprint(b.Append(nil, []byte(word))); got != want {
			t.Errorf("%s: got %s, want %s", word, got, want)
		}
	}
	if _, ok := b.raw(); ok {
		t.Error("a model with prefixes has a form over raw bytes")
	}
}

func TestIgnoreMerges(t *testing.T) {
	vocab := map[string]int32{"a": 0, "b": 1, "c": 2, "abc": 3, "bc": 4}
	b, err := NewBPE(BPEConfig{Vocab: vocab, IgnoreMerges: true, Merges: [][2]string{{"b", "c"}}})
	if err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprint(b.Append(nil, []byte("abc"))); got != "[{3 3}]" {
		t.Error(got)
	}
	if got := fmt.Sprint(b.Append(nil, []byte("abca"))); got != "[{0 1} {4 3} {0 4}]" {
		t.Error(got)
	}
}

func TestDropout(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 5))
	never := smallBPE(t, rng, 40, BPEConfig{})
	if got := never.AppendDropout(nil, []byte("abcabc"), 1, rng); len(got) != 6 {
		t.Errorf("with dropout 1 something merged: %v", got)
	}
	b, err := NewBPE(BPEConfig{Vocab: map[string]int32{"a": 0, "b": 1, "ab": 2}, Merges: [][2]string{{"a", "b"}}})
	if err != nil {
		t.Fatal(err)
	}
	merges := 0
	for range 10000 {
		merges += 2 - len(b.AppendDropout(nil, []byte("ab"), 0.25, rng))
	}
	if merges < 7300 || merges > 7700 { // five standard deviations of a binomial around 7500
		t.Errorf("%d of 10000 merged, want about 7500", merges)
	}
	if got := b.Append(nil, []byte("ab")); len(got) != 1 {
		t.Error("Append drops merges")
	}
}

func TestBadBPE(t *testing.T) {
	for name, cfg := range map[string]BPEConfig{
		"merge of nothing": {Vocab: map[string]int32{"a": 0}, Merges: [][2]string{{"a", "b"}}},
		"result missing":   {Vocab: map[string]int32{"a": 0, "b": 1}, Merges: [][2]string{{"a", "b"}}},
		"short second":     {Vocab: map[string]int32{"a": 0, "b": 1}, Merges: [][2]string{{"a", "b"}}, Prefix: "##"},
		"negative id":      {Vocab: map[string]int32{"a": -1}},
		"giant id":         {Vocab: map[string]int32{"a": 1 << 30}},
		"dropout":          {Dropout: 1.5},
	} {
		if _, err := NewBPE(cfg); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}
