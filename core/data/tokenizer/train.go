package tokenizer

import (
	"context"
	"math"
	"slices"
	"unicode/utf8"
)

// TrainConfig says what to learn. Zero values are the defaults.
type TrainConfig struct {
	// Kind is "bpe" (byte-level), "char-bpe" (characters, with byte fallback), "wordpiece" or "unigram".
	Kind string
	// Vocab is the wanted number of ids, with special tokens and the alphabet. Small texts give fewer.
	Vocab int
	// Pattern cuts text in words, for all but wordpiece: "gpt2" (the default), "cl100k", "o200k", "llama3" or "qwen2".
	Pattern string
	// Special tokens are found in text as they are, and are never learned. The default of wordpiece is BERT's: [PAD], [UNK], [CLS], [SEP],
	// [MASK]; it must have [UNK].
	Special []string
	// MinFrequency is how often a pair must occur to be merged, or a piece of unigram to be tried; default 2.
	MinFrequency int
	// LimitAlphabet bounds the characters of char-bpe, wordpiece and unigram: the most frequent stay; of equally frequent ones the lower. 0: no bound.
	LimitAlphabet int
	// Coverage is the part of a text's characters that the alphabet of char-bpe and unigram covers; what is rarer is written in bytes. Default 0.9995.
	Coverage float64
	// MaxTokenLength bounds learned tokens of more than two symbols: they stay shorter than so many bytes (bpe) or characters. 0: no bound; for unigram 17.
	MaxTokenLength int
	// MaxWord leaves words of more bytes out of learning: base64 and the like. 0: no bound.
	MaxWord int
	// ByteOrder gives bpe's bytes the ids 0 to 255 by value, and then ids to special tokens. Otherwise special tokens come first and bytes in
	// the order of the letters they are written in, as the Rust reference has it. Since ties go to lower ids, merges can differ.
	ByteOrder bool
	// Lowercase folds case and strips accents before wordpiece sees text.
	Lowercase bool
}

// Kinds lists what Train learns.
var Kinds = []string{"bpe", "char-bpe", "wordpiece", "unigram"}

const (
	defaultMinFrequency = 2
	defaultCoverage     = 0.9995
	maxTrainVocab       = 1 << 20
)

// check fills in defaults.
func (c *TrainConfig) check() error {
	if !slices.Contains(Kinds, c.Kind) {
		return errorf(ErrConfig, "kind", "unknown tokenizer %q, want one of %q", c.Kind, Kinds)
	}
	if c.Vocab < 1 || c.Vocab > maxTrainVocab {
		return errorf(ErrConfig, "vocab", "got %d, want 1 to %d", c.Vocab, maxTrainVocab)
	}
	if c.Pattern == "" {
		c.Pattern = "gpt2"
	}
	if _, err := patternNamed(c.Pattern); err != nil {
		return err
	}
	for _, v := range []struct {
		name  string
		value int
	}{{"min_frequency", c.MinFrequency}, {"limit_alphabet", c.LimitAlphabet}, {"max_token_length", c.MaxTokenLength}, {"max_word", c.MaxWord}} {
		if v.value < 0 || v.value > math.MaxInt32 {
			return errorf(ErrConfig, v.name, "got %d, want 0 (the default) or more", v.value)
		}
	}
	if c.MinFrequency == 0 {
		c.MinFrequency = defaultMinFrequency
	}
	if c.Coverage == 0 {
		c.Coverage = defaultCoverage
	}
	if !(c.Coverage > 0 && c.Coverage <= 1) {
		return errorf(ErrConfig, "coverage", "got %g, want above 0 to 1", c.Coverage)
	}
	if c.Kind == "wordpiece" && c.Special == nil {
		c.Special = []string{"[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"}
	}
	seen := map[string]bool{}
	for _, s := range c.Special {
		if s == "" || seen[s] {
			return errorf(ErrConfig, "special", "%q is empty or there twice", s)
		}
		if r, n := utf8.DecodeRuneInString(s); c.Kind == "bpe" && n == len(s) && r < rune(len(visibleBytes)) && visibleBytes[r] > 0 {
			return errorf(ErrConfig, "special", "%q is how a vocabulary writes one of the bytes", s)
		}
		if _, ok := byteOf(s); ok && c.Kind != "wordpiece" {
			return errorf(ErrConfig, "special", "%q is the name of a byte", s)
		}
		seen[s] = true
	}
	if c.Kind == "wordpiece" && !seen["[UNK]"] {
		return errorf(ErrConfig, "special", "wordpiece needs [UNK], got %q", c.Special)
	}
	return nil
}

// Patterns lists the names of split patterns.
var Patterns = patternNames()

// patternNamed answers the regex of a pattern's name.
func patternNamed(name string) (string, error) {
	if p, ok := patterns[name]; ok {
		return p, nil
	}
	return "", errorf(ErrConfig, "pattern", "unknown pattern %q, want one of %q", name, patternNames())
}

func patternNames() []string {
	var names []string
	for name := range patterns {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// Train learns a tokenizer from the texts that each yields. The result does not depend on the order of the texts or the number of threads.
//
// Pairs are merged as the Rust reference merges them: the most frequent first, of equally frequent ones the pair of lower ids, with counts
// that include overlaps ("aaa" holds the pair "aa" twice). wordpiece is learned as Hugging Face's WordPiece trainer does it, which is BPE over
// characters with "##" inside of words, not Google's search for the greatest likelihood. Two things differ. The reference numbers "##x"
// in the order of a hash map, so that its ties fall another way every time; here they are in the order of characters. And a pair that
// would spell a special token or a byte's name is passed over, not merged into that token.
func Train(ctx context.Context, cfg TrainConfig, each func(fn func(text []byte) error) error) (*Tokenizer, error) {
	if err := cfg.check(); err != nil {
		return nil, err
	}
	switch cfg.Kind {
	case "bpe":
		return trainBytes(ctx, cfg, each)
	case "char-bpe":
		return trainCharacters(ctx, cfg, each)
	case "wordpiece":
		return trainWordPiece(ctx, cfg, each)
	}
	return trainUnigram(ctx, cfg, each)
}
