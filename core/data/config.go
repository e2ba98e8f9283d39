package data

import (
	"context"
	"math"

	"github.com/archlab/archlab/core/spell"
)

// CorpusConfig names a corpus. The zero value of every field but Kind is a usable default.
type CorpusConfig struct {
	Kind          string   // one of CorpusKinds, or the name of a known corpus
	Path          string   // text: a file, a directory or a pattern as of filepath.Glob; code: a directory; gosrc: GOROOT/src of another toolchain; a known corpus: its file
	Field         string   // text: the field of a JSONL object, or column of a Parquet file, that holds the text; default "text"
	ID            string   // text: the field or column that names documents; default: file and line or row
	Extensions    []string // code: what is read, such as .py; default: common languages
	MaxBytes      int64    // keep at most this many bytes of text, chosen by content hash; 0 keeps all
	DocumentBytes int      // text: longer plain files become several documents of at most this size; 0: at most 8192, less where there is little text; negative: never
	Shares        Shares   // default 90, 5, 5
	Contiguous    bool     // text: divide by place, the first Shares[Train] for training, instead of by content; files stay whole
}

// Kinds of corpora, in the order of the documentation.
var CorpusKinds = []string{"gosrc", "text", "code"}

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

// Open reads a corpus once, to hash, cut and divide its documents.
func Open(ctx context.Context, cfg CorpusConfig) (*Corpus, error) {
	return OpenAll(ctx, []CorpusConfig{cfg}, Filters{}, 0)
}

// OpenAll makes one corpus of several sources, filters them together, and divides them by the shares of the first. Of equal documents in
// several sources the first is kept. For each reason to leave documents out it remembers so many examples.
func OpenAll(ctx context.Context, cfgs []CorpusConfig, filters Filters, examples int) (*Corpus, error) {
	if len(cfgs) == 0 || len(cfgs) > maxSources {
		return nil, errorf(ErrConfig, "sources", "got %d, want 1 to %d", len(cfgs), maxSources)
	}
	if err := filters.Check(); err != nil {
		return nil, err
	}
	shares := cfgs[0].Shares
	if shares == (Shares{}) {
		shares = DefaultShares
	}
	if err := shares.check(); err != nil {
		return nil, err
	}
	s := survey{corpus: &Corpus{}, filters: filters, examples: examples}
	for _, cfg := range cfgs {
		p, err := openPart(ctx, cfg)
		if err != nil {
			return nil, err
		}
		s.parts = append(s.parts, p)
	}
	return s.open(ctx, shares)
}

// maxSources is what a byte in the index can tell apart.
const maxSources = 256

func openPart(ctx context.Context, cfg CorpusConfig) (p part, err error) {
	if cfg.MaxBytes < 0 {
		return p, errorf(ErrConfig, "max_bytes", "got %d, want 0 (all) or more", cfg.MaxBytes)
	}
	k, known := FindKnown(cfg.Kind)
	if cfg.Contiguous && cfg.Kind != "text" && !known {
		return p, errorf(ErrConfig, "split", "the corpus %s is divided by content alone: its files have no order that means anything", cfg.Kind)
	}
	p = part{name: cfg.describe(), maxBytes: cfg.MaxBytes}
	if cfg.Contiguous {
		p.name += ", contiguous splits"
		p.source, err = openContiguous(ctx, cfg)
		return p, err
	}
	switch cfg.Kind {
	case "gosrc":
		p.unique = true
		p.source, err = newGoSource(ctx, cfg)
	case "text":
		p.source, err = newTextSource(cfg)
	case "code":
		p.unique = true
		p.source, err = newCodeSource(cfg)
	default:
		if !known {
			err := errorf(ErrConfig, "kind", "unknown corpus %q, want one of %q", cfg.Kind, CorpusNames())
			if near, ok := spell.Nearest(cfg.Kind, CorpusNames()); ok {
				err = err.hint("did you mean %q?", near)
			}
			return p, err
		}
		p.name = k.Name
		p.source, err = newKnownSource(k, cfg)
	}
	return p, err
}

// openContiguous reads files whole, one after the other in the order of their names.
func openContiguous(ctx context.Context, cfg CorpusConfig) (source, error) {
	if cfg.MaxBytes > 0 {
		return nil, errorf(ErrConfig, "max_bytes", "got %d with a contiguous split, want 0: what is kept is chosen by content, which leaves gaps", cfg.MaxBytes)
	}
	if cfg.DocumentBytes == 0 {
		cfg.DocumentBytes = -1
	}
	if cfg.Shares == (Shares{}) {
		cfg.Shares = DefaultShares
	}
	var src *textSource
	var err error
	if k, known := FindKnown(cfg.Kind); known {
		src, err = newKnownSource(k, cfg)
	} else {
		src, err = newTextSource(cfg)
	}
	if err != nil {
		return nil, err
	}
	return newContiguous(ctx, src, cfg.Shares)
}
