package tokenizer

import (
	"fmt"
	"math/rand/v2"
	"sync"
)

// Sampling is how words are cut at random: subword regularisation, which shows a model in training many ways to write the same text.
// Unigram models take Alpha and Best, BPE models take Dropout.
type Sampling struct {
	Alpha   float64 // a cut is drawn with probability proportional to its own to this power (Kudo 2018): 0: all alike; large: the best one
	Best    int     // among the so many best cuts of a word; 0: among all
	Dropout float64 // probability of leaving a merge out (Provilkov et al. 2020); 0: cuts are not drawn by dropout
}

// String says it in words.
func (how Sampling) String() string {
	switch {
	case how.Dropout > 0:
		return fmt.Sprintf("dropout %g", how.Dropout)
	case how.Best > 0:
		return fmt.Sprintf("alpha %g among the best %d", how.Alpha, how.Best)
	}
	return fmt.Sprintf("alpha %g among all", how.Alpha)
}

// maxBest bounds Sampling.Best, which costs memory for every character of a word.
const maxBest = 1024

// Sampler is a tokenizer that cuts words at random. It is safe for concurrent use, the random sources that it is given are not.
type Sampler struct {
	t        *Tokenizer
	how      Sampling
	lattice  *Unigram // or
	dropping dropper
	pool     sync.Pool // of *draw
}

// dropper is a model that can leave out merges.
type dropper interface {
	AppendDropout(dst []Piece, word []byte, dropout float64, rng *rand.Rand) []Piece
}

// Sampler answers the tokenizer with words cut at random. What comes out decodes to what AppendIDs gives decodes to. It wants a
// Unigram model for Alpha and Best, and a BPE model for Dropout, of tokenizer.json or SentencePiece. The text of a SentencePiece model is
// one word.
func (t *Tokenizer) Sampler(how Sampling) (*Sampler, error) {
	s := &Sampler{t: t, how: how}
	s.pool.New = func() any { return &draw{Sampler: s} }
	if !(how.Alpha >= 0) || how.Best < 0 || how.Best > maxBest || !(how.Dropout >= 0 && how.Dropout <= 1) {
		return nil, errorf(ErrConfig, "sampling", "alpha %g among the best %d, dropout %g; want 0 or more, 0 to %d, and 0 to 1", how.Alpha, how.Best, how.Dropout, maxBest)
	}
	switch m := t.cut.(type) {
	case *Unigram:
		s.lattice = m
	case *spUnigram:
		s.lattice = m.Unigram
	case dropper:
		s.dropping = m
	default:
		return nil, errorf(ErrUnsupported, "model", "a %s model has one way to cut a word: sampling wants Unigram or BPE", t.Kind())
	}
	switch {
	case s.lattice != nil && how.Dropout != 0:
		return nil, errorf(ErrUnsupported, "model", "dropout wants a BPE model, this one is Unigram, which takes alpha")
	case s.dropping != nil && (how.Alpha != 0 || how.Best != 0):
		return nil, errorf(ErrUnsupported, "model", "alpha wants a Unigram model, this one is BPE, which takes dropout")
	}
	return s, nil
}

// Dropout is the probability of leaving a merge out that the tokenizer's file asks for, 0 for none. Sampler applies it where told to;
// Encode, Tokens and AppendIDs never do.
func (t *Tokenizer) Dropout() float64 {
	if bpe, ok := t.model.(*BPE); ok {
		return bpe.cfg.Dropout
	}
	return 0
}

// AppendIDs is Tokenizer.AppendIDs.
func (s *Sampler) AppendIDs(dst []int32, input []byte, rng *rand.Rand) []int32 {
	x := s.t.pool.Get().(*scratch)
	defer s.t.pool.Put(x)
	d := s.draw(rng)
	defer s.pool.Put(d)
	s.t.prepare(x, s.t.wellForm(input).text, s.t.tracked)
	for _, w := range x.words.list {
		if w.token >= 0 {
			dst = append(dst, w.token)
			continue
		}
		x.pieces = d.Append(x.pieces[:0], x.words.b[w.from:w.to])
		for _, p := range x.pieces {
			dst = append(dst, p.ID)
		}
	}
	return dst
}

// Tokens is Tokenizer.Tokens.
func (s *Sampler) Tokens(input []byte, rng *rand.Rand) *Encoding {
	d := s.draw(rng)
	defer s.pool.Put(d)
	return s.t.encode(input, 0, nil, d)
}

// EncodeForm is Tokenizer.EncodeForm.
func (s *Sampler) EncodeForm(input []byte, form Form, rng *rand.Rand) *Encoding {
	d := s.draw(rng)
	defer s.pool.Put(d)
	return s.t.finish([]*Encoding{s.t.encode(input, 0, nil, d)}, [][]byte{input}, form)
}

func (s *Sampler) draw(rng *rand.Rand) *draw {
	d := s.pool.Get().(*draw)
	d.rng = rng
	return d
}

// draw cuts words with one random source.
type draw struct {
	*Sampler
	rng  *rand.Rand
	best map[string][]Segmentation // of words seen before, since listing costs far more than drawing
}

const rememberedBest = 1 << 12 // words

// Append appends the pieces of a word: others every time.
func (d *draw) Append(dst []Piece, word []byte) []Piece {
	switch {
	case d.dropping != nil:
		return d.dropping.AppendDropout(dst, word, d.how.Dropout, d.rng)
	case d.how.Best == 0:
		return d.lattice.Sample(dst, word, d.how.Alpha, d.rng)
	case len(word) > cachedBytes:
		return d.lattice.SampleBest(dst, word, d.how.Best, d.how.Alpha, d.rng)
	}
	best, ok := d.best[string(word)]
	if !ok {
		if d.best == nil || len(d.best) >= rememberedBest {
			d.best = map[string][]Segmentation{}
		}
		best = d.lattice.NBest(word, d.how.Best)
		d.best[string(word)] = best
	}
	return drawOne(dst, best, d.how.Alpha, d.rng)
}
