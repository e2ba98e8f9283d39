package data

import (
	"context"
	"fmt"
	"math"
)

// CorpusConfig names a corpus. The zero value of every field but Kind is a usable default.
type CorpusConfig struct {
	Kind          string // "gosrc" or "text"
	Path          string // text: a file, a directory or a pattern as of filepath.Glob; gosrc: GOROOT/src of another toolchain
	Field         string // text: the field of a JSONL object that holds the text; default "text"
	MaxBytes      int64  // keep at most this many bytes of text, chosen by content hash; 0 keeps all
	DocumentBytes int    // text: longer plain files become several documents of at most this size; 0: at most 8192, less where there is little text; negative: never
	Shares        Shares // default 90, 5, 5
	Contiguous    bool   // text: divide by place, the first Shares[Train] for training, instead of by content; files stay whole
}

// Kinds of corpora, in the order of the documentation.
var CorpusKinds = []string{"gosrc", "text"}

// Shares are the relative sizes of the splits, by Split. They are met in expectation, since each document is assigned by its own
// hash alone.
type Shares [3]float64

// DefaultShares is used for the zero value of Shares.
var DefaultShares = Shares{90, 5, 5}

// of maps a uniform hash to a split.
func (s Shares) of(key uint64) Split {
	u := float64(key>>11) / (1 << 53) * (s[0] + s[1] + s[2])
	switch {
	case u < s[0]:
		return Train
	case u < s[0]+s[1] || s[2] == 0:
		return Validation
	}
	return Test
}

func (s Shares) check() error {
	sum := 0.0
	for i, v := range s {
		if v < 0 || math.IsNaN(v) || math.IsInf(v, 0) {
			return errorf(ErrConfig, "shares", "the %s share is %v, want a number of at least 0", Split(i), v)
		}
		sum += v
	}
	if s[Train] == 0 || math.IsInf(sum, 0) {
		return errorf(ErrConfig, "shares", "got %v, want a positive train share", s)
	}
	return nil
}

// Open reads a corpus once, to hash, filter, cut and divide its documents.
func Open(ctx context.Context, cfg CorpusConfig) (*Corpus, error) {
	if cfg.Shares == (Shares{}) {
		cfg.Shares = DefaultShares
	}
	if err := cfg.Shares.check(); err != nil {
		return nil, err
	}
	if cfg.MaxBytes < 0 {
		return nil, errorf(ErrConfig, "max_bytes", "got %d, want 0 (all) or more", cfg.MaxBytes)
	}
	if cfg.Contiguous && cfg.Kind != "text" {
		return nil, errorf(ErrConfig, "split", "the corpus %s is divided by content alone: its files have no order that means anything", cfg.Kind)
	}
	switch cfg.Kind {
	case "gosrc":
		src, err := newGoSource(ctx, cfg)
		if err != nil {
			return nil, err
		}
		return newCorpus(ctx, "gosrc", src, cfg.MaxBytes, cfg.Shares, true)
	case "text":
		if cfg.Contiguous {
			return openContiguous(ctx, cfg)
		}
		src, err := newTextSource(cfg)
		if err != nil {
			return nil, err
		}
		return newCorpus(ctx, fmt.Sprintf("text %s", cfg.Path), src, cfg.MaxBytes, cfg.Shares, false)
	}
	return nil, errorf(ErrConfig, "kind", "unknown corpus %q, want one of %q", cfg.Kind, CorpusKinds)
}

// openContiguous reads files whole, one after the other in the order of their names.
func openContiguous(ctx context.Context, cfg CorpusConfig) (*Corpus, error) {
	if cfg.MaxBytes > 0 {
		return nil, errorf(ErrConfig, "max_bytes", "got %d with a contiguous split, want 0: what is kept is chosen by content, which leaves gaps", cfg.MaxBytes)
	}
	if cfg.DocumentBytes == 0 {
		cfg.DocumentBytes = -1
	}
	src, err := newTextSource(cfg)
	if err != nil {
		return nil, err
	}
	placed, err := newContiguous(ctx, src, cfg.Shares)
	if err != nil {
		return nil, err
	}
	return newCorpus(ctx, fmt.Sprintf("text %s, contiguous splits", cfg.Path), placed, 0, cfg.Shares, false)
}
