package data

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"

	"github.com/archlab/archlab/core/data/tokenizer"
)

// TokenizerConfig names a tokenizer.
type TokenizerConfig struct {
	Kind       string // one of TokenizerKinds
	Vocab      int    // of learned ones: wanted number of ids; default 2048. A tiny corpus may give fewer
	Pattern    string // of learned ones but wordpiece: how text is split into words, one of tokenizer.Patterns, default gpt2; file: of a tiktoken rank file
	Path       string // file: a tokenizer.json, a tiktoken rank file or a SentencePiece model
	TrainBytes int64  // of learned ones: learn from about this many bytes of the train split, chosen by hash; default 10 MB
}

// TokenizerKinds lists the kinds in the order of the documentation: bytes, those that are learned from the corpus, and file.
var TokenizerKinds = slices.Concat([]string{"bytes"}, tokenizer.Kinds, []string{"file"})

// LeastVocab is the smallest vocabulary of a learned kind: bytes, where it has them, and the end of a document; where words are made of the
// text's letters, these come on top.
func LeastVocab(kind string) int {
	if kind == "wordpiece" {
		return 2
	}
	return bytesVocab
}

const (
	defaultVocab      = 2048
	defaultTrainBytes = 10 << 20
	// Longer words (runs of spaces, base64) are not learned from: they are rare, and each merge rewrites the words it is in.
	maxTrainWord = 256
)

// OpenTokenizer answers the tokenizer of a config. A vocabulary is learned from the corpus's train split, or taken from the cache where the
// same one was learned before; that of a file needs no corpus.
func OpenTokenizer(ctx context.Context, cfg TokenizerConfig, corpus *Corpus, cache Cache) (Tokenizer, error) {
	switch {
	case cfg.Kind == "bytes":
		if cfg.Vocab != 0 && cfg.Vocab != bytesVocab {
			return nil, errorf(ErrConfig, "vocab", "got %d, the bytes tokenizer always has %d", cfg.Vocab, bytesVocab)
		}
		return Bytes{}, nil
	case cfg.Kind == "file":
		return openFile(cfg)
	case slices.Contains(tokenizer.Kinds, cfg.Kind):
		t, err := learn(ctx, cfg, corpus, cache)
		if err != nil {
			return nil, err
		}
		return NewTokenizer(t)
	}
	return nil, errorf(ErrConfig, "kind", "unknown tokenizer %q, want one of %q", cfg.Kind, TokenizerKinds)
}

// openFile reads a tokenizer's file and answers what its stored form says: that of a rank file is a tokenizer.json.
func openFile(cfg TokenizerConfig) (Tokenizer, error) {
	t, err := LoadTokenizerFile(cfg.Path, cfg.Pattern)
	if err != nil {
		return nil, err
	}
	var form bytes.Buffer
	if err := t.Write(&form); err != nil {
		return nil, fileError(cfg.Path, err)
	}
	tok, err := ReadTokenizer(form.Bytes())
	if err != nil {
		return nil, fileError(cfg.Path, err)
	}
	return tok, nil
}

// LoadTokenizerFile reads a tokenizer.json, a SentencePiece model or a tiktoken rank file. Pattern is how the tokenizer of a rank file splits
// text; empty for the published ones, which are known by their size, and for the other formats.
func LoadTokenizerFile(path, pattern string) (*tokenizer.Tokenizer, error) {
	if pattern == "" {
		t, err := tokenizer.Load(path)
		if err != nil {
			return nil, fileError(path, err)
		}
		return t, nil
	}
	raw, err := tokenizer.ReadFile(path)
	if err != nil {
		return nil, fileError(path, err)
	}
	t, err := tokenizer.ReadTiktoken(raw, pattern, nil)
	if err != nil {
		return nil, errorf(ErrFormat, path, "cannot be read as a tiktoken rank file").cause(err).hint("a pattern is for tiktoken's files alone; leave it out for others")
	}
	return t, nil
}

// fileError says what is wrong with a tokenizer's file.
func fileError(path string, err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return errorf(ErrNotFound, path, "no such file")
	}
	return errorf(ErrFormat, path, "cannot be read as a tokenizer").cause(err)
}

// learn takes a vocabulary from the cache, or learns it.
func learn(ctx context.Context, cfg TokenizerConfig, corpus *Corpus, cache Cache) (*tokenizer.Tokenizer, error) {
	if cfg.Vocab == 0 {
		cfg.Vocab = defaultVocab
	}
	if cfg.TrainBytes == 0 {
		cfg.TrainBytes = defaultTrainBytes
	}
	if cfg.TrainBytes < 0 {
		return nil, errorf(ErrConfig, "train_bytes", "got %d, want 0 (the default) or more", cfg.TrainBytes)
	}
	key := fmt.Sprintf("vocabulary 2\n%s\n%d\n%s\n%d\n%s", cfg.Kind, cfg.Vocab, cfg.Pattern, cfg.TrainBytes, corpus.Checksum)
	path := cache.path("tokenizers", ".tok", key)
	if cache.Dir != "" {
		t, err := readLearned(path, key)
		if err == nil {
			cache.used(path)
			return t, nil
		}
		if !isNotExist(err) {
			cache.log("a cached vocabulary is learned again", err)
		}
	}
	how := tokenizer.TrainConfig{Kind: cfg.Kind, Vocab: cfg.Vocab, Pattern: cfg.Pattern, Special: []string{EndToken}, ByteOrder: true, MaxWord: maxTrainWord}
	if cfg.Kind == "wordpiece" {
		how.Special = []string{"[UNK]", EndToken}
	}
	t, err := tokenizer.Train(ctx, how, func(fn func([]byte) error) error {
		return corpus.EachSample(ctx, Train, cfg.TrainBytes, func(d Document) error { return fn(d.Text) })
	})
	if err != nil {
		return nil, fmt.Errorf("learn a vocabulary of %d from %s: %w", cfg.Vocab, corpus.Name, err)
	}
	if cache.Dir != "" {
		if err := cache.write(path, func(f *os.File) error { return writeLearned(f, key, t) }); err != nil {
			cache.log("the vocabulary is not cached", err)
		}
	}
	return t, nil
}

// A cached vocabulary is a line with the SHA-256, in hex, of its key and of all that follows, and a tokenizer.json.
func learnedSum(key string, file []byte) string {
	h := sha256.New()
	fmt.Fprintf(h, "%d:%s", len(key), key)
	h.Write(file)
	return hex.EncodeToString(h.Sum(nil))
}

func writeLearned(f *os.File, key string, t *tokenizer.Tokenizer) error {
	var buf bytes.Buffer
	if err := t.Write(&buf); err != nil {
		return err
	}
	if _, err := fmt.Fprintf(f, "%s\n%s", learnedSum(key, buf.Bytes()), buf.Bytes()); err != nil {
		return cacheError{err}
	}
	return nil
}

func readLearned(path, key string) (*tokenizer.Tokenizer, error) {
	raw, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	sum, file, _ := bytes.Cut(raw, []byte("\n"))
	if string(sum) != learnedSum(key, file) {
		return nil, errorf(ErrCorrupt, path, "the checksum differs")
	}
	t, err := tokenizer.Read(file)
	if err != nil {
		return nil, errorf(ErrCorrupt, path, "not a tokenizer.json").cause(err)
	}
	return t, nil
}
