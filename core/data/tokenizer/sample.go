package tokenizer

import "math/rand/v2"

// Sampling is how Unigram models cut words at random: subword regularisation (Kudo 2018), which shows a model in training many ways to
// write the same text.
type Sampling struct {
	Alpha float64 // a cut is drawn with probability proportional to its own to this power: 0: all alike; large: the best one
	Best  int     // among the so many best cuts of a word; 0: among all
}

// sampler is a model that can cut words at random.
type sampler interface {
	Sample(dst []Piece, word []byte, alpha float64, rng *rand.Rand) []Piece
	SampleBest(dst []Piece, word []byte, n int, alpha float64, rng *rand.Rand) []Piece
}

// AppendSample is AppendIDs with words cut at random. It wants a Unigram model, of tokenizer.json or SentencePiece; the text of a
// SentencePiece model is one word. What comes out decodes to what AppendIDs gives decodes to.
func (t *Tokenizer) AppendSample(dst []int32, input []byte, how Sampling, rng *rand.Rand) ([]int32, error) {
	model, ok := t.model.(sampler)
	if !ok {
		return dst, errorf(ErrUnsupported, "model", "sampling wants a Unigram model")
	}
	if !(how.Alpha >= 0) || how.Best < 0 {
		return dst, errorf(ErrConfig, "sampling", "alpha %g among the best %d, want 0 or more of both", how.Alpha, how.Best)
	}
	s := t.pool.Get().(*scratch)
	defer t.pool.Put(s)
	t.prepare(s, input, t.tracked)
	for _, x := range s.words.list {
		if x.token >= 0 {
			dst = append(dst, x.token)
			continue
		}
		word := s.words.b[x.from:x.to]
		if how.Best > 0 {
			s.pieces = model.SampleBest(s.pieces[:0], word, how.Best, how.Alpha, rng)
		} else {
			s.pieces = model.Sample(s.pieces[:0], word, how.Alpha, rng)
		}
		for _, p := range s.pieces {
			dst = append(dst, p.ID)
		}
	}
	return dst, nil
}
