package data

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/archlab/archlab/core/data/tokenizer"
)

func TestOpenLearnsAllKinds(t *testing.T) {
	c := smallCorpus(t)
	cache := Cache{Dir: t.TempDir(), Log: func(what string, err error) { t.Errorf("%s: %v", what, err) }}
	for _, kind := range tokenizer.Kinds {
		t.Run(kind, func(t *testing.T) {
			cfg := TokenizerConfig{Kind: kind, Vocab: 400}
			first, err := OpenTokenizer(ctx, cfg, c, cache)
			if err != nil {
				t.Fatal(err)
			}
			if first.Vocab() > 400 || !strings.HasPrefix(first.Name(), kind) {
				t.Errorf("%s has %d ids", first.Name(), first.Vocab())
			}
			again, err := OpenTokenizer(ctx, cfg, c, cache)
			if err != nil || again.Fingerprint() != first.Fingerprint() {
				t.Errorf("out of the cache comes another one: %v", err)
			}
			stored, err := ReadTokenizer(saved(t, first))
			if err != nil || stored.Fingerprint() != first.Fingerprint() || stored.Name() != first.Name() || stored.EOD() != first.EOD() {
				t.Errorf("out of its stored form comes another one: %v", err)
			}
			path := filepath.Join(t.TempDir(), "t.json")
			write(t, path, saved(t, first))
			file, err := OpenTokenizer(ctx, TokenizerConfig{Kind: "file", Path: path}, nil, Cache{})
			if err != nil || file.Fingerprint() != first.Fingerprint() {
				t.Errorf("out of a file comes another one: %v", err)
			}
		})
	}
}

func TestVocabularyCache(t *testing.T) {
	c := smallCorpus(t)
	var logged []string
	cache := Cache{Dir: t.TempDir(), Log: func(what string, err error) { logged = append(logged, what+": "+err.Error()) }}
	cfg := TokenizerConfig{Kind: "bpe", Vocab: 300}
	open := func() Tokenizer {
		t.Helper()
		tok, err := OpenTokenizer(ctx, cfg, c, cache)
		if err != nil {
			t.Fatal(err)
		}
		return tok
	}
	first := open()
	files, _ := filepath.Glob(filepath.Join(cache.Dir, "tokenizers", "*"))
	if len(files) != 1 || first.Vocab() != 300 {
		t.Fatalf("files %v, %d ids", files, first.Vocab())
	}
	good, err := os.ReadFile(files[0])
	if err != nil {
		t.Fatal(err)
	}
	flipped := bytes.Clone(good)
	flipped[bytes.Index(flipped, []byte("merges"))+20] ^= 1
	_, bare, _ := bytes.Cut(good, []byte("\n"))
	for name, damage := range map[string][]byte{"empty": nil, "cut": good[:len(good)/2], "a letter": flipped, "no sum": bare, "not a tokenizer": []byte("x\n{}")} {
		write(t, files[0], damage)
		logged = nil
		if open().Fingerprint() != first.Fingerprint() {
			t.Errorf("%s: learned another vocabulary", name)
		}
		if len(logged) != 1 || !strings.Contains(logged[0], "learned again") {
			t.Errorf("%s: logged %q", name, logged)
		}
		if now, err := os.ReadFile(files[0]); err != nil || !bytes.Equal(now, good) {
			t.Errorf("%s: the file was not repaired: %v", name, err)
		}
	}
	for name, other := range map[string]TokenizerConfig{"vocab": {Kind: "bpe", Vocab: 290}, "kind": {Kind: "char-bpe", Vocab: 320},
		"pattern": {Kind: "bpe", Vocab: 300, Pattern: "o200k"}, "train_bytes": {Kind: "bpe", Vocab: 300, TrainBytes: 10000}} {
		cfg = other
		if open(); len(must(filepath.Glob(filepath.Join(cache.Dir, "tokenizers", "*")))) < 2 {
			t.Errorf("another %s shares a file", name)
		}
	}
	if n := len(must(filepath.Glob(filepath.Join(cache.Dir, "tokenizers", "*")))); n != 5 {
		t.Errorf("5 vocabularies are in %d files", n)
	}
}

func must(names []string, _ error) []string { return names }

func TestCacheThatCannotBeWritten(t *testing.T) {
	c := smallCorpus(t)
	logs := 0
	blocked := filepath.Join(t.TempDir(), "file")
	write(t, blocked, []byte("in the way of a directory"))
	cache := Cache{Dir: blocked, Log: func(string, error) { logs++ }}
	tok, err := OpenTokenizer(ctx, TokenizerConfig{Kind: "bpe", Vocab: 270}, c, cache)
	if err != nil {
		t.Fatal(err)
	}
	s, err := OpenStream(ctx, c, Train, tok, cache)
	if err != nil || s.Len() == 0 {
		t.Fatalf("%v, %v", s, err)
	}
	if logs < 2 {
		t.Errorf("logged %d times", logs)
	}
}

func TestConcurrentRunsShareACache(t *testing.T) {
	c := smallCorpus(t)
	cache := Cache{Dir: t.TempDir()}
	var wg sync.WaitGroup
	prints := make([]string, 8)
	for i := range prints {
		wg.Go(func() {
			tok, err := OpenTokenizer(ctx, TokenizerConfig{Kind: "bpe", Vocab: 300}, c, cache)
			if err != nil {
				t.Error(err)
				return
			}
			s, err := OpenStream(ctx, c, Train, tok, cache)
			if err != nil {
				t.Error(err)
				return
			}
			ids := make([]int32, s.Len())
			if err := s.Read(ids, 0); err != nil {
				t.Error(err)
			}
			prints[i] = tok.Fingerprint() + fmt.Sprint(ids)
		})
	}
	wg.Wait()
	for _, p := range prints {
		if p != prints[0] {
			t.Error("two runs saw different data")
		}
	}
	left, _ := filepath.Glob(filepath.Join(cache.Dir, "*", ".tmp-*"))
	if len(left) > 0 {
		t.Errorf("left behind %v", left)
	}
}

func TestTokenizerErrors(t *testing.T) {
	c := smallCorpus(t)
	dir := t.TempDir()
	for name, text := range map[string]string{"text.txt": "just text\n", "ranks.tiktoken": "YQ== 0\n", "empty": "", "other.json": `{"a": 1}`} {
		write(t, filepath.Join(dir, name), []byte(text))
	}
	file := func(name, pattern string) TokenizerConfig {
		return TokenizerConfig{Kind: "file", Path: filepath.Join(dir, name), Pattern: pattern}
	}
	for name, tt := range map[string]struct {
		cfg  TokenizerConfig
		kind error
		says string
	}{
		"kind":            {TokenizerConfig{Kind: "words"}, ErrConfig, `unknown tokenizer "words", want one of ["bytes" "bpe" "char-bpe" "wordpiece" "unigram" "file"]`},
		"bytes vocab":     {TokenizerConfig{Kind: "bytes", Vocab: 300}, ErrConfig, "always has 257"},
		"negative mem":    {TokenizerConfig{Kind: "bpe", TrainBytes: -1}, ErrConfig, "train_bytes: got -1"},
		"no file":         {file("none", ""), ErrNotFound, "no such file"},
		"text":            {file("text.txt", ""), ErrFormat, "text.txt"},
		"no pattern":      {file("ranks.tiktoken", ""), ErrFormat, "ranks.tiktoken"},
		"pattern of JSON": {file("other.json", "gpt2"), ErrFormat, "other.json"},
		"other pattern":   {file("ranks.tiktoken", "gpt5"), ErrFormat, "gpt5"},
		"empty":           {file("empty", ""), ErrFormat, "empty"},
		"other JSON":      {file("other.json", ""), ErrFormat, "other.json"},
	} {
		t.Run(name, func(t *testing.T) { checkError(t, second(OpenTokenizer(ctx, tt.cfg, c, Cache{})), tt.kind, tt.says) })
	}
	for name, vocab := range map[string]int{"small": 256, "huge": 1 << 30} {
		if _, err := OpenTokenizer(ctx, TokenizerConfig{Kind: "bpe", Vocab: vocab}, c, Cache{}); !errors.Is(err, tokenizer.ErrConfig) || !strings.Contains(err.Error(), "vocab: got") {
			t.Errorf("%s: %v", name, err)
		}
	}
	canceled, cancel := context.WithCancel(ctx)
	cancel()
	if _, err := OpenTokenizer(canceled, TokenizerConfig{Kind: "bpe"}, c, Cache{}); !errors.Is(err, context.Canceled) {
		t.Errorf("canceled: %v", err)
	}
}
