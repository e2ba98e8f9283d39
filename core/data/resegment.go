package data

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"

	"github.com/archlab/archlab/core/data/internal/rng"
	"github.com/archlab/archlab/core/data/tokenizer"
)

// TrainText is what a Batcher cuts into windows: the tokens of a train split in each epoch. A *Stream has the same ones in all of them, a
// *Resegmented others in each.
type TrainText interface {
	// Len is the number of tokens in the first epoch.
	Len() int
	Tokenizer() Tokenizer
	// during calls fn with the tokens of an epoch, counted from 0; they are valid until fn returns.
	during(epoch uint64, fn func(*Stream) error) error
}

func (s *Stream) during(_ uint64, fn func(*Stream) error) error { return fn(s) }

// Segmenter encodes documents with words cut at random, for training alone.
type Segmenter struct {
	tok     *Subword
	sampler *tokenizer.Sampler
	lossy   bool
	how     tokenizer.Sampling
}

// NewSegmenter answers ErrConfig where a tokenizer can't be sampled in that way.
func NewSegmenter(tok Tokenizer, how tokenizer.Sampling) (*Segmenter, error) {
	g := &Segmenter{how: how}
	switch tok := tok.(type) {
	case *Subword:
		g.tok = tok
	case spanned:
		g.tok, g.lossy = tok.Subword, true
	default:
		return nil, errorf(ErrConfig, tok.Name(), "has one way to cut a text: sampling wants Unigram or BPE")
	}
	var err error
	if g.sampler, err = g.tok.t.Sampler(how); err != nil {
		return nil, errorf(ErrConfig, tok.Name(), "can't be sampled like that").cause(err)
	}
	return g, nil
}

// encode is Tokenizer.Encode with cuts drawn from a seed. Where the text spells the end of document, it is cut in the middle of that.
func (g *Segmenter) encode(dst []int32, text []byte, seed uint64) ([]int32, error) {
	from := len(dst)
	dst = g.sampler.AppendIDs(dst, text, rand.New(rng.New(seed)))
	if !g.tok.own && slices.Contains(dst[from:], g.tok.eod) {
		dst = dst[:from]
		draw := rand.New(rng.New(seed))
		for _, t := range g.tok.tokens(nil, text, 0, func(part []byte) *tokenizer.Encoding { return g.sampler.Tokens(part, draw) }) {
			dst = append(dst, t.id)
		}
	}
	if g.lossy {
		return dst, nil
	}
	return dst, account(g.tok, dst[from:], text)
}

// Resegmented is a train split whose text is cut anew in each epoch. The cuts of a document are a pure function of the seed, the epoch and
// the document's number in the split, so they are the same for every model, number of threads and resumed run.
//
// Each epoch is encoded when it is first asked for and is a file of the cache like any other stream, found again by what trains on the same data.
// Two epochs are open at a time: a step may lie on the border of both. It is safe for concurrent use.
type Resegmented struct {
	ctx    context.Context // ends encoding that a batch began
	corpus *Corpus
	seg    *Segmenter
	tok    Tokenizer
	seed   uint64
	cache  Cache
	tokens int // of the first epoch

	mu     sync.Mutex // held while a stream is read, so that none is closed under a reader
	open   [2]openEpoch
	closed bool
}

// openEpoch is an epoch's stream, or none.
type openEpoch struct {
	epoch  uint64
	stream *Stream
}

// segmentation tells the seeds of cuts from others that are derived from a data seed.
const segmentation = 0x736567

// OpenResegmented encodes the first epoch. The context ends the encoding of later ones too.
func OpenResegmented(ctx context.Context, corpus *Corpus, tok Tokenizer, seg *Segmenter, seed uint64, cache Cache) (*Resegmented, error) {
	r := &Resegmented{ctx: ctx, corpus: corpus, seg: seg, tok: tok, seed: seed, cache: cache}
	err := r.during(0, func(s *Stream) error { r.tokens = s.Len(); return nil })
	if err != nil {
		return nil, err
	}
	return r, nil
}

// Len is the number of tokens in the first epoch; others differ a little.
func (r *Resegmented) Len() int { return r.tokens }

// Tokenizer is what decodes the tokens.
func (r *Resegmented) Tokenizer() Tokenizer { return r.tok }

func (r *Resegmented) during(epoch uint64, fn func(*Stream) error) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return errors.New("read of training text that has been closed")
	}
	for _, o := range r.open {
		if o.stream != nil && o.epoch == epoch {
			return fn(o.stream)
		}
	}
	s, err := openEncoded(r.ctx, r.corpus, Train, encoding{tok: r.tok, seg: r.seg, seed: rng.Hash(segmentation, r.seed, epoch)}, r.cache)
	if err != nil {
		return fmt.Errorf("cut the text anew for epoch %d: %w", epoch+1, err)
	}
	old := &r.open[0]
	if old.stream != nil && (r.open[1].stream == nil || r.open[1].epoch < old.epoch) {
		old = &r.open[1]
	}
	if old.stream != nil {
		if err := old.stream.Close(); err != nil {
			return errors.Join(fmt.Errorf("close epoch %d: %w", old.epoch+1, err), s.Close())
		}
	}
	*old = openEpoch{epoch, s}
	return fn(s)
}

// Close releases the files; nothing may read afterwards.
func (r *Resegmented) Close() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.closed = true
	var err error
	for i := range r.open {
		if s := r.open[i].stream; s != nil {
			err = errors.Join(err, s.Close())
			r.open[i].stream = nil
		}
	}
	return err
}
