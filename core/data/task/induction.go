package task

import (
	"github.com/archlab/archlab/core/data"
	"github.com/archlab/archlab/core/data/internal/rng"
)

// induction is the induction-heads task (Gu & Dao 2023, "Mamba", sections 3.1 and E.2; after Olsson et al. 2022): a special token appears once
// at a random place and again at the end, where the model must answer the token that followed it.
//
//	a c S b d a ... c S    answer: b
//
// The special token S is V-1 and counts in the vocabulary; the others are uniform in [0,V-1). Only the last position is scored. The
// published setting trains on T = 256 with 16 ids and tests up to T = 2^20; other lengths are other configs.
type induction struct{ cfg Config }

func newInduction(cfg Config) (*induction, error) {
	switch {
	case cfg.Vocab < 3:
		return nil, configError("vocab", "got %d, want at least 3: the special token and two to tell apart", cfg.Vocab)
	case cfg.Length < 3:
		return nil, configError("length", "got %d, want at least 3", cfg.Length)
	}
	return &induction{cfg}, nil
}

func (t *induction) Length() int { return t.cfg.Length }

func (t *induction) Info() Info {
	c := t.cfg
	return Info{
		Name:          "induction",
		Source:        "Gu & Dao 2023, Mamba: Linear-Time Sequence Modeling with Selective State Spaces (arXiv:2312.00752), induction heads",
		Vocab:         c.Vocab,
		Chance:        1 / float64(c.Vocab-1),
		ContextChance: 1 / float64(c.Vocab-1),
		Parameters:    c.inductionParameters(),
		Published:     Preset("induction", "published").inductionParameters(), // fresh examples every step
	}
}

func (c Config) inductionParameters() map[string]float64 {
	return map[string]float64{"vocab": float64(c.Vocab), "length": float64(c.Length)}
}

func (t *induction) Example(split data.Split, seed uint64, index int) Example {
	e := newExample(t.cfg.Length)
	draw(split, seed, index, 0, func(r *rng.Source) uint64 { return t.generate(&e, r) })
	return e
}

func (t *induction) problem(r *rng.Source) uint64 {
	e := newExample(t.cfg.Length)
	return t.generate(&e, r)
}

func (t *induction) generate(e *Example, r *rng.Source) uint64 {
	T, special := t.cfg.Length, int32(t.cfg.Vocab-1)
	for i := range e.Tokens {
		e.Tokens[i] = int32(r.Intn(t.cfg.Vocab - 1))
	}
	at := r.Intn(T - 2)
	e.Tokens[at], e.Tokens[T-1] = special, special
	e.score(T-1, e.Tokens[at+1])
	return hashTokens(e.Tokens)
}
