package task

import (
	"sort"

	"github.com/archlab/archlab/core/data"
	"github.com/archlab/archlab/core/data/internal/rng"
)

// selectiveCopy is selective copying (Gu & Dao 2023, "Mamba", sections 3.1 and E.1): tokens at random places in a long run of noise have to
// be repeated in order.
//
//	0 0 5 0 9 0 0 3 0 ... | M M M    answers: 5 9 3
//
// Noise is 0, the marker M is V-1, the tokens to copy are uniform in [1,V-1) at distinct uniform places. The answers are not fed back. The
// published setting has 16 tokens in length 4096 and a vocabulary of 16 with the noise; whether the markers count among the 16 and the
// 4096 is not said: here they count among the 16 ids and come after the 4096 positions.
type selectiveCopy struct{ cfg Config }

func newSelectiveCopy(cfg Config) (*selectiveCopy, error) {
	switch {
	case cfg.Vocab < 4:
		return nil, configError("vocab", "got %d, want at least 4: noise, marker and two tokens to tell apart", cfg.Vocab)
	case cfg.Memorize > cfg.Length:
		return nil, configError("memorize", "got %d, want at most length %d", cfg.Memorize, cfg.Length)
	}
	return &selectiveCopy{cfg}, nil
}

func (s *selectiveCopy) Length() int { return s.cfg.Length + s.cfg.Memorize }

func (s *selectiveCopy) Info() Info {
	c := s.cfg
	return Info{
		Name:   "selective_copy",
		Source: "Gu & Dao 2023, Mamba: Linear-Time Sequence Modeling with Selective State Spaces (arXiv:2312.00752), selective copying",
		Vocab:  c.Vocab,
		Chance: 1 / float64(c.Vocab-2),
		// One of the tokens that were seen, whichever: the right one, or another one that happens to be equal.
		ContextChance: 1/float64(c.Memorize) + (1-1/float64(c.Memorize))/float64(c.Vocab-2),
		Parameters:    c.copyParameters(),
		Published:     Preset("selective_copy", "published").copyParameters(), PublishedExamples: unsaid,
	}
}

func (c Config) copyParameters() map[string]float64 {
	return map[string]float64{"vocab": float64(c.Vocab), "length": float64(c.Length), "memorize": float64(c.Memorize)}
}

func (s *selectiveCopy) Example(split data.Split, seed uint64, index int) Example {
	e := newExample(s.Length())
	draw(split, seed, index, 0, func(r *rng.Source) uint64 { return s.generate(&e, r) })
	return e
}

func (s *selectiveCopy) problem(r *rng.Source) uint64 {
	e := newExample(s.Length())
	return s.generate(&e, r)
}

func (s *selectiveCopy) generate(e *Example, r *rng.Source) uint64 {
	clear(e.Tokens)
	places := make([]int, s.cfg.Memorize)
	r.Choose(places, s.cfg.Length)
	sort.Ints(places)
	for i, at := range places {
		token := int32(1 + r.Intn(s.cfg.Vocab-2))
		e.Tokens[at] = token
		e.Tokens[s.cfg.Length+i] = int32(s.cfg.Vocab - 1)
		e.score(s.cfg.Length+i, token)
	}
	return hashTokens(e.Tokens)
}
