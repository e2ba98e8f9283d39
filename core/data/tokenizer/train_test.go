package tokenizer

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// corpusOf is texts to learn from, of words that are frequent and some that are not.
func corpusOf(rng *rand.Rand, texts int) [][]byte {
	words := strings.Fields("the cat sat on a mat and then the dog ate it all was well in the end of days größe naïve 東京 токен ok ok's 12 345 x!= <0x41> <0xab>")
	var out [][]byte
	for range texts {
		var b bytes.Buffer
		for range 40 {
			b.WriteString(words[int(rng.ExpFloat64()*8)%len(words)])
			b.WriteString([]string{" ", " ", "\n", "  "}[rng.IntN(4)])
		}
		out = append(out, b.Bytes())
	}
	return out
}

func eachOf(texts [][]byte) func(func([]byte) error) error {
	return func(fn func([]byte) error) error {
		for _, t := range texts {
			if err := fn(t); err != nil {
				return err
			}
		}
		return nil
	}
}

func written1(t *testing.T, tok *Tokenizer) string {
	t.Helper()
	var b bytes.Buffer
	if err := tok.Write(&b); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

var trainings = []TrainConfig{
	{Kind: "bpe", Vocab: 400, Special: []string{"<|endoftext|>"}},
	{Kind: "bpe", Vocab: 400, Pattern: "cl100k", ByteOrder: true, Special: []string{"<|endoftext|>"}},
	{Kind: "bpe", Vocab: 350, Pattern: "o200k", MaxTokenLength: 4},
	{Kind: "char-bpe", Vocab: 420, Special: []string{"<s>"}},
	{Kind: "char-bpe", Vocab: 420, LimitAlphabet: 20},
	{Kind: "unigram", Vocab: 420, Special: []string{"<s>"}},
	{Kind: "unigram", Vocab: 400, Pattern: "cl100k", LimitAlphabet: 20, MaxTokenLength: 5},
	{Kind: "wordpiece", Vocab: 200},
	{Kind: "wordpiece", Vocab: 200, Lowercase: true, LimitAlphabet: 30},
}

// TestTrainingIsDeterministic: neither the order of texts nor threads nor hash maps have a say, and what is written reads to the same.
func TestTrainingIsDeterministic(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	texts := corpusOf(rng, 200)
	for _, cfg := range trainings {
		t.Run(fmt.Sprintf("%s %s", cfg.Kind, cfg.Pattern), func(t *testing.T) {
			first, err := Train(context.Background(), cfg, eachOf(texts))
			if err != nil {
				t.Fatal(err)
			}
			want := written1(t, first)
			shuffled := slices.Clone(texts)
			rng.Shuffle(len(shuffled), func(i, j int) { shuffled[i], shuffled[j] = shuffled[j], shuffled[i] })
			again, err := Train(context.Background(), cfg, eachOf(shuffled))
			if err != nil {
				t.Fatal(err)
			}
			if written1(t, again) != want {
				t.Fatal("another order of texts gives another tokenizer")
			}
			read, err := Read([]byte(want))
			if err != nil {
				t.Fatal(err)
			}
			if written1(t, read) != want {
				t.Fatal("what was written reads to something else")
			}
			text := bytes.Join(texts, nil)
			if !slices.Equal(read.AppendIDs(nil, text), first.AppendIDs(nil, text)) {
				t.Fatal("what was read encodes otherwise")
			}
			if size := first.Size(); size > cfg.Vocab || size < cfg.Vocab-100 {
				t.Errorf("%d ids, want up to %d", size, cfg.Vocab)
			}
		})
	}
}

// TestLearnedTokenizersLoseNothing: byte-level models and those with byte fallback give every byte string back.
func TestLearnedTokenizersLoseNothing(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	texts := corpusOf(rng, 100)
	for _, cfg := range trainings {
		tok, err := Train(context.Background(), cfg, eachOf(texts))
		if err != nil {
			t.Fatal(err)
		}
		if lossless := cfg.Kind != "wordpiece"; tok.Lossless() != lossless {
			t.Errorf("%s: lossless %v, want %v", cfg.Kind, tok.Lossless(), lossless)
			continue
		} else if !lossless {
			continue
		}
		for range 500 {
			text := []byte(hardText(rng, 1+rng.IntN(10)))
			for range rng.IntN(4) {
				text = append(text, byte(rng.IntN(256)))
			}
			text = append(text, "<0x41> <0xab> the cat <s>"[:rng.IntN(25)]...)
			ids := tok.AppendIDs(nil, text)
			if got := tok.Decode(nil, ids, false); !bytes.Equal(got, text) {
				t.Fatalf("%s %s: %q came back as %q from %d", cfg.Kind, cfg.Pattern, text, got, ids)
			}
			if e := tok.Encode(text, false); !slices.Equal(e.IDs, ids) && len(text) > 0 {
				t.Fatalf("%s %s: %q: Encode has %d, AppendIDs %d", cfg.Kind, cfg.Pattern, text, e.IDs, ids)
			}
		}
	}
}

// slowMerges learns by counting all pairs anew for every merge.
func slowMerges(words map[string]int, tokens []string, merges, minimum int) [][2]string {
	ids := map[string]int{}
	for i, t := range tokens {
		ids[t] = i
	}
	split := map[string][]int{}
	for w := range words {
		for _, r := range w {
			split[w] = append(split[w], ids[string(r)])
		}
	}
	var out [][2]string
	for len(out) < merges {
		counts := map[[2]int]int{}
		for w, n := range words {
			for i := 0; i+1 < len(split[w]); i++ {
				counts[[2]int{split[w][i], split[w][i+1]}] += n
			}
		}
		best, most := [2]int{}, 0
		for p, n := range counts {
			if n > most || n == most && slices.Compare(p[:], best[:]) < 0 {
				best, most = p, n
			}
		}
		if most < minimum {
			break
		}
		id := len(tokens)
		out = append(out, [2]string{tokens[best[0]], tokens[best[1]]})
		tokens = append(tokens, tokens[best[0]]+tokens[best[1]])
		for w, s := range split {
			var next []int
			for i := 0; i < len(s); i++ {
				if i+1 < len(s) && s[i] == best[0] && s[i+1] == best[1] {
					next = append(next, id)
					i++
				} else {
					next = append(next, s[i])
				}
			}
			split[w] = next
		}
	}
	return out
}

// TestIncrementalCounts: counts that are changed give the merges that counts taken anew do, overlaps and ties included.
func TestIncrementalCounts(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	for range 200 {
		words := map[string]int{}
		for range 1 + rng.IntN(30) {
			w := make([]byte, 1+rng.IntN(10))
			for i := range w {
				w[i] = "aaabbcd"[rng.IntN(7)]
			}
			words[string(w)] = 1 + rng.IntN(5)
		}
		tokens := []string{"a", "b", "c", "d"}
		want := slowMerges(words, slices.Clone(tokens), 30, 2)
		l := newLearner(slices.Clone(tokens), "", 0)
		for w, n := range words {
			var symbols []int32
			for _, c := range w {
				symbols = append(symbols, c-'a')
			}
			l.add(symbols, int64(n))
		}
		if err := l.learn(context.Background(), len(tokens)+30, 2); err != nil {
			t.Fatal(err)
		}
		if got := l.config().Merges; fmt.Sprint(got) != fmt.Sprint(want) {
			t.Fatalf("%v:\n got %q\nwant %q", words, got, want)
		}
	}
}

func TestByteOrder(t *testing.T) {
	tok, err := Train(context.Background(), TrainConfig{Kind: "bpe", Vocab: 258, Special: []string{"<eod>"}, ByteOrder: true}, eachOf([][]byte{[]byte("aa aa aa")}))
	if err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprint(tok.AppendIDs(nil, []byte("a\x00\xff<eod>aa"))); got != "[97 0 255 256 257]" {
		t.Error(got)
	}
}

// TestSpecialTokensAreNotLearned: text that spells a special token, or a byte's, does not become one.
func TestSpecialTokensAreNotLearned(t *testing.T) {
	text := []byte(strings.Repeat("endoftext <0x41> ", 100))
	tok, err := Train(context.Background(), TrainConfig{Kind: "char-bpe", Vocab: 400, Special: []string{"endoftext"}, Coverage: 1}, eachOf([][]byte{text}))
	if err != nil {
		t.Fatal(err)
	}
	model := tok.Model().(*BPE)
	for _, m := range model.Config().Merges {
		if made := m[0] + m[1]; made == "endoftext" || made == "<0x41>" {
			t.Errorf("%q is learned", m)
		}
	}
}

func TestBadTraining(t *testing.T) {
	none := eachOf(nil)
	for name, cfg := range map[string]TrainConfig{
		"kind": {Kind: "x", Vocab: 300}, "pattern": {Kind: "bpe", Vocab: 300, Pattern: "x"}, "vocab": {Kind: "bpe", Vocab: 100},
		"no vocab": {Kind: "bpe"}, "coverage": {Kind: "char-bpe", Vocab: 300, Coverage: 2}, "special": {Kind: "bpe", Vocab: 300, Special: []string{"a", "a"}},
		"min": {Kind: "bpe", Vocab: 300, MinFrequency: -1}, "unk": {Kind: "wordpiece", Vocab: 300, Special: []string{"[PAD]"}},
		"a byte's letter": {Kind: "bpe", Vocab: 300, Special: []string{"a"}}, "a byte's other letter": {Kind: "bpe", Vocab: 300, Special: []string{"Ġ"}},
		"a byte's name": {Kind: "char-bpe", Vocab: 300, Special: []string{"<0x4a>"}}, "unigram's": {Kind: "unigram", Vocab: 300, Special: []string{"<0x41>"}},
	} {
		if _, err := Train(context.Background(), cfg, none); !errors.Is(err, ErrConfig) {
			t.Errorf("%s: got %v, want ErrConfig", name, err)
		}
	}
	boom := errors.New("boom")
	if _, err := Train(context.Background(), TrainConfig{Kind: "bpe", Vocab: 300}, func(func([]byte) error) error { return boom }); !errors.Is(err, boom) {
		t.Errorf("got %v", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := Train(ctx, TrainConfig{Kind: "bpe", Vocab: 300}, eachOf([][]byte{[]byte("aa aa aa")})); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

// TestSafeCut: a text cut where safeCut says has the same words.
func TestSafeCut(t *testing.T) {
	rng := rand.New(rand.NewPCG(7, 8))
	cuts := 0
	for range 2000 {
		text := []byte(hardText(rng, 20) + "ab cd" + hardText(rng, 20))
		n := safeCut(text, rng.IntN(len(text)/2)+1)
		if n == len(text) {
			continue
		}
		cuts++
		for _, s := range scanned {
			scan, _ := scanner(s.pattern)
			parts := append(scanWords(t, scan, text[:n]), scanWords(t, scan, text[n:])...)
			if whole := scanWords(t, scan, text); !slices.Equal(parts, whole) {
				t.Fatalf("%s: cut %q at %d: %q, want %q", s.name, text, n, parts, whole)
			}
		}
	}
	if cuts < 500 {
		t.Errorf("only %d cuts", cuts)
	}
}
