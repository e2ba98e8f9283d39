package tokenizer

import (
	"encoding/base64"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// rankFile writes the 256 bytes, in another order than their own, and then tokens.
func rankFile(tokens ...string) []byte {
	var b strings.Builder
	rank := 0
	add := func(s string) {
		fmt.Fprintf(&b, "%s %d\n", base64.StdEncoding.EncodeToString([]byte(s)), rank)
		rank++
	}
	for i := range 256 {
		add(string([]byte{byte(i*7 + 3)}))
	}
	for _, s := range tokens {
		add(s)
	}
	return []byte(b.String())
}

// byRank is the definition: join the neighbours whose token has the lowest rank, leftmost first; a word that is a token is that token.
func byRank(ids map[string]int32, word string) []int32 {
	if id, ok := ids[word]; ok {
		return []int32{id}
	}
	var parts []string
	for i := range len(word) {
		parts = append(parts, word[i:i+1])
	}
	for {
		best, at := int32(-1), 0
		for i := 0; i+1 < len(parts); i++ {
			if id, ok := ids[parts[i]+parts[i+1]]; ok && (best < 0 || id < best) {
				best, at = id, i
			}
		}
		if best < 0 {
			break
		}
		parts[at] += parts[at+1]
		parts = slices.Delete(parts, at+1, at+2)
	}
	var out []int32
	for _, p := range parts {
		out = append(out, ids[p])
	}
	return out
}

// TestRanks: tokens that several splits make, and that overlap, are merged by rank and from the left.
func TestRanks(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for range 200 {
		var tokens []string
		for range 1 + rng.IntN(25) {
			w := make([]byte, 2+rng.IntN(5))
			for i := range w {
				w[i] = "aab"[rng.IntN(3)]
			}
			if !slices.Contains(tokens, string(w)) {
				tokens = append(tokens, string(w))
			}
		}
		tok, err := ReadTiktoken(rankFile(tokens...), "gpt2", nil)
		if err != nil {
			t.Fatal(err)
		}
		ids := map[string]int32{}
		for i := range 256 {
			ids[string([]byte{byte(i*7 + 3)})] = int32(i)
		}
		for i, s := range tokens {
			ids[s] = int32(256 + i)
		}
		for range 50 {
			n := 1 + rng.IntN(12)
			if rng.IntN(10) == 0 {
				n = shortWord + rng.IntN(100)
			}
			w := make([]byte, n)
			for i := range w {
				w[i] = "aab"[rng.IntN(3)]
			}
			if got, want := tok.AppendIDs(nil, w), byRank(ids, string(w)); !slices.Equal(got, want) {
				t.Fatalf("%q with %q: got %d, want %d", w, tokens, got, want)
			}
		}
	}
}

func TestTiktokenSpecial(t *testing.T) {
	special := map[string]int32{"<|endoftext|>": 300, "<|b|>": 270}
	tok, err := ReadTiktoken(rankFile("ab", "abc"), "cl100k", special)
	if err != nil {
		t.Fatal(err)
	}
	text := []byte("abc<|endoftext|>ab<|b|>\xff")
	ids := tok.AppendIDs(nil, text)
	if want := []int32{257, 300, 256, 270}; !slices.Equal(ids[:4], want) {
		t.Errorf("got %d, want %d and a byte", ids, want)
	}
	if !tok.Lossless() || string(tok.Decode(nil, ids, false)) != string(text) || string(tok.Decode(nil, ids, true)) != "abcab\xff" {
		t.Errorf("%d does not come back as %q", ids, text)
	}
	if tok.Size() != 301 {
		t.Errorf("size %d", tok.Size())
	}
	read, err := Read([]byte(written1(t, tok)))
	if err != nil {
		t.Fatal(err)
	}
	if got := read.AppendIDs(nil, text); !slices.Equal(got, ids) {
		t.Errorf("written and read: %d, want %d", got, ids)
	}
}

// TestTiktokenPublishedSpecial: a published file has its special tokens also where its pattern is named, and no others.
func TestTiktokenPublishedSpecial(t *testing.T) {
	tokens := make([]string, 50256-256)
	for i := range tokens {
		tokens[i] = fmt.Sprintf("t%05d", i)
	}
	raw := rankFile(tokens...)
	for pattern, want := range map[string]bool{"": true, "r50k": true, "gpt2": true, "cl100k": false} {
		tok, err := ReadTiktoken(raw, pattern, nil)
		if err != nil {
			t.Fatal(err)
		}
		if id, ok := tok.ID("<|endoftext|>"); ok != want || ok && id != 50256 {
			t.Errorf("pattern %q: the end of a text is %d, %v, want %v", pattern, id, ok, want)
		}
	}
}

func TestTiktokenFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.tiktoken")
	if err := os.WriteFile(path, rankFile("ab"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Load(path); !errors.Is(err, ErrConfig) || !strings.Contains(err.Error(), "name a pattern") {
		t.Errorf("got %v, want a word about patterns", err)
	}
}

func TestBadTiktoken(t *testing.T) {
	good := string(rankFile("ab"))
	for name, raw := range map[string]string{
		"empty": "", "no rank": "YWI=\n", "not base64": "!! 3\n", "negative": "YWI= -1\n", "giant rank": "YWI= 99999999999\n",
		"twice": good + "YWI= 300\n", "one rank twice": good + "YWJj 256\n", "byte missing": strings.Join(strings.Split(good, "\n")[1:], "\n"),
		"long": base64.StdEncoding.EncodeToString(make([]byte, 3000)) + " 1\n",
	} {
		if _, err := ReadTiktoken([]byte(raw), "gpt2", nil); !errors.Is(err, ErrFormat) {
			t.Errorf("%s: got %v, want ErrFormat", name, err)
		}
	}
	for name, special := range map[string]map[string]int32{
		"a token's id": {"<x>": 256}, "a token": {"ab": 400}, "one id twice": {"<x>": 400, "<y>": 400}, "negative": {"<x>": -1}, "giant": {"<x>": 1 << 30},
	} {
		if _, err := ReadTiktoken([]byte(good), "gpt2", special); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	if _, err := ReadTiktoken([]byte(good), "nonesuch", nil); !errors.Is(err, ErrConfig) {
		t.Errorf("got %v", err)
	}
}

func FuzzReadTiktoken(f *testing.F) {
	f.Add(rankFile("ab", "abc"), "abcab\xff")
	f.Add([]byte("YWI= 1\n"), "ab")
	f.Add([]byte("\r\n\nAA== 4194303\n"), "")
	f.Fuzz(func(t *testing.T, raw []byte, text string) {
		tok, err := ReadTiktoken(raw, "o200k", map[string]int32{"<|x|>": 1 << 20})
		if err != nil {
			return
		}
		if got := tok.Decode(nil, tok.AppendIDs(nil, []byte(text)), false); string(got) != text {
			t.Fatalf("%q came back as %q", text, got)
		}
	})
}

// FuzzLossless: whatever the bytes, byte-level models and models with byte fallback give them back.
func FuzzLossless(f *testing.F) {
	var toks []*Tokenizer
	texts := corpusOf(rand.New(rand.NewPCG(9, 9)), 50)
	for _, cfg := range trainings {
		if cfg.Kind == "wordpiece" {
			continue
		}
		tok, err := Train(f.Context(), cfg, eachOf(texts))
		if err != nil {
			f.Fatal(err)
		}
		toks = append(toks, tok)
	}
	f.Add([]byte("the cat\xff <0x41>\xe6\x9d <s> 東京\u0301"))
	f.Fuzz(func(t *testing.T, text []byte) {
		for _, tok := range toks {
			if got := tok.Decode(nil, tok.AppendIDs(nil, text), false); string(got) != string(text) {
				t.Fatalf("%q came back as %q", text, got)
			}
		}
	})
}
