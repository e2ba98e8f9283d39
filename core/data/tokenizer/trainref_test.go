//go:build reference

package tokenizer

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

// runNode runs one of the generators; NODE_PATH names the folder with the npm packages.
func runNode(t *testing.T, args ...string) []byte {
	t.Helper()
	if os.Getenv("NODE_PATH") == "" {
		t.Skip("NODE_PATH does not say where the npm packages are")
	}
	cmd := exec.Command("node", args...)
	cmd.Dir = filepath.Join("internal", "reference")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("node %s: %v\n%s", strings.Join(args, " "), err, stderr.Bytes())
	}
	return out
}

// goroot is where Go's own source is.
func goroot(t *testing.T) string {
	t.Helper()
	out, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(out))
}

// naturalText gathers text that every machine with Go has, and text of many languages where it is there.
func naturalText(t *testing.T, limit int) []byte {
	t.Helper()
	var text []byte
	for _, root := range []string{filepath.Join(goroot(t), "doc"), filepath.Join(goroot(t), "src", "net"), "/usr/share/i18n/locales", "/usr/share/perl"} {
		_ = filepath.WalkDir(root, func(path string, d os.DirEntry, err error) error {
			if err == nil && d.Type().IsRegular() && len(text) < limit {
				raw, _ := os.ReadFile(path)
				text = append(text, strings.ToValidUTF8(string(raw[:min(len(raw), 200000)]), "?")...)
			}
			return nil
		})
	}
	return text[:min(len(text), limit)]
}

// TestMergesAreTheReferences: the Rust trainer, on the same lines, learns the same merges in the same order.
func TestMergesAreTheReferences(t *testing.T) {
	t.Parallel()
	text := []byte(strings.ToValidUTF8(string(naturalText(t, 2<<20)), "?"))
	file := filepath.Join(t.TempDir(), "text")
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
	lines := func(fn func([]byte) error) error {
		for line := range bytes.Lines(text) {
			if err := fn(line); err != nil {
				return err
			}
		}
		return nil
	}
	for _, test := range []struct{ kind, pattern string }{{"bpe", "gpt2"}, {"bpe", "cl100k"}, {"bpe", "o200k"}, {"char-bpe", "gpt2"}} {
		t.Run(test.kind+" "+test.pattern, func(t *testing.T) {
			out := filepath.Join(t.TempDir(), "tokenizer.json")
			runNode(t, "train.js", test.kind, patterns[test.pattern], file, out)
			raw, err := os.ReadFile(out)
			if err != nil {
				t.Fatal(err)
			}
			var want struct{ Model struct{ Merges [][2]string } }
			if err := json.Unmarshal(raw, &want); err != nil {
				t.Fatal(err)
			}
			cfg := TrainConfig{Kind: test.kind, Pattern: test.pattern, Vocab: 1, MinFrequency: 1, Coverage: 1}
			if err := cfg.check(); err != nil {
				t.Fatal(err)
			}
			cfg.Vocab = 256 + 4000 + len(want.Model.Merges) // more than there are; what both have is compared
			learn := learnBytes
			if test.kind == "char-bpe" {
				learn = learnCharacters
			}
			l, err := learn(context.Background(), cfg, lines)
			if err != nil {
				t.Fatal(err)
			}
			got := l.config().Merges
			n := len(want.Model.Merges)
			if n < 15000 || len(got) < n {
				t.Fatalf("%d merges, the reference has %d", len(got), n)
			}
			for i := range n {
				if got[i] != want.Model.Merges[i] {
					t.Fatalf("merge %d of %d: got %q, want %q", i, n, got[i], want.Model.Merges[i])
				}
			}
			t.Logf("%d merges are the same", n)
		})
	}
}

// TestWordPieceIsTheReferences: given the numbers that the reference's hash map gave to the characters inside of words, the merges are the
// same, so that the vocabularies are.
func TestWordPieceIsTheReferences(t *testing.T) {
	t.Parallel()
	text := []byte(strings.ToValidUTF8(string(naturalText(t, 1<<20)), "?"))
	file, out := filepath.Join(t.TempDir(), "text"), filepath.Join(t.TempDir(), "tokenizer.json")
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
	runNode(t, "train.js", "wordpiece", "", file, out)
	raw, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	var reference struct {
		Model struct{ Vocab map[string]int32 }
	}
	if err := json.Unmarshal(raw, &reference); err != nil {
		t.Fatal(err)
	}
	want := make([]string, len(reference.Model.Vocab))
	for s, id := range reference.Model.Vocab {
		want[id] = s
	}
	// The alphabet ends where the first token of two characters comes.
	alphabet := 0
	for utf8.RuneCountInString(strings.TrimPrefix(want[alphabet], "##")) == 1 || want[alphabet] == "##" {
		alphabet++
	}
	words, err := countWords(context.Background(), func(fn func([]byte) error) error { return fn(text) }, cutWith(nil, preBert{}))
	if err != nil {
		t.Fatal(err)
	}
	l := newLearner(slices.Clone(want[:alphabet]), "##", 0)
	for i, w := range words.words {
		var symbols []int32
		for at, r := range string(words.word(i)) {
			s := string(r)
			if at > 0 {
				s = "##" + s
			}
			symbols = append(symbols, reference.Model.Vocab[s])
		}
		l.add(symbols, w.count)
	}
	if err := l.learn(context.Background(), len(want), 1); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(l.tokens, want) {
		i := 0
		for i < min(len(want), len(l.tokens)) && l.tokens[i] == want[i] {
			i++
		}
		t.Fatalf("token %d of %d: got %q, want %q", i, len(want), l.tokens[i:min(len(l.tokens), i+3)], want[i:min(len(want), i+3)])
	}
	t.Logf("%d tokens are the same, %d of them learned", len(want), len(want)-alphabet)
}

// TestBPEIsTheReferences: models of random merges with all settings cut random words as the reference does.
func TestBPEIsTheReferences(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(21, 22))
	var texts []string
	for range 400 {
		var b strings.Builder
		for range 1 + rng.IntN(25) {
			b.WriteString([]string{"a", "a", "b", "b", "c", "漢", "é", "x", "ñ", "😀", "<", "0x41>"}[rng.IntN(12)])
		}
		texts = append(texts, b.String())
	}
	texts = append(texts, strings.Repeat("abcab", 200), strings.Repeat("a", 333))
	file := filepath.Join(t.TempDir(), "texts.json")
	raw, err := json.Marshal(texts)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, raw, 0o600); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	var toks []*Tokenizer
	args := []string{"ids.js", file}
	for round := range 24 {
		cfg := BPEConfig{Vocab: map[string]int32{}, FuseUnk: round%2 == 0, ByteFallback: round%3 == 0, IgnoreMerges: round%5 == 0}
		add := func(s string) {
			if _, ok := cfg.Vocab[s]; !ok {
				cfg.Vocab[s] = int32(len(cfg.Vocab))
			}
		}
		if round%4 < 2 {
			cfg.Unk = "<unk>"
			add(cfg.Unk)
		}
		if round%6 == 1 {
			cfg.Prefix = "##"
		}
		if round%6 == 2 || round%6 == 1 && round > 12 {
			cfg.Suffix = "</w>"
		}
		if cfg.ByteFallback {
			for b := range 256 {
				if round%2 == 0 || b != 0xA9 && b != 0xF0 { // some without all of them
					add(fmt.Sprintf("<0x%02X>", b))
				}
			}
		}
		var tokens []string
		for _, c := range []string{"a", "b", "c", "漢", "<", "0"} {
			for _, s := range []string{c, cfg.Prefix + c, cfg.Prefix + c + cfg.Suffix, c + cfg.Suffix} {
				add(s)
				tokens = append(tokens, s)
			}
		}
		for range 60 {
			x, y := tokens[rng.IntN(len(tokens))], tokens[rng.IntN(len(tokens))]
			if cfg.Suffix != "" && strings.HasSuffix(x, cfg.Suffix) || !strings.HasPrefix(y, cfg.Prefix) || len(x)+len(y) > 30 {
				continue
			}
			made := x + strings.TrimPrefix(y, cfg.Prefix)
			add(made)
			tokens = append(tokens, made)
			cfg.Merges = append(cfg.Merges, [2]string{x, y})
		}
		model, err := NewBPE(cfg)
		if err != nil {
			t.Fatal(err)
		}
		tok, err := assemble(parts{model: model})
		if err != nil {
			t.Fatal(err)
		}
		written := filepath.Join(dir, fmt.Sprint(round))
		if err := os.WriteFile(written, []byte(written1(t, tok)), 0o600); err != nil {
			t.Fatal(err)
		}
		toks, args = append(toks, tok), append(args, written)
	}
	var want [][][]int32
	if err := json.Unmarshal(runNode(t, args...), &want); err != nil {
		t.Fatal(err)
	}
	for round, tok := range toks {
		for i, text := range texts {
			if got := tok.AppendIDs(nil, []byte(text)); !slices.Equal(got, want[round][i]) {
				t.Fatalf("round %d: %q: got %d, want %d", round, text, got, want[round][i])
			}
		}
	}
}
