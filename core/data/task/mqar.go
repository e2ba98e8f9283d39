package task

import (
	"math"
	"sort"

	"github.com/archlab/archlab/core/data"
	"github.com/archlab/archlab/core/data/internal/rng"
)

// mqar is multi-query associative recall (Arora et al. 2023, "Zoology", section 3 and the published generator):
//
//	k1 v1 k2 v2 ... kP vP | fill with each key once more; there the model must answer its value
//
// Keys are distinct in [1,V/2), values distinct in [V/2,V). The second half has (T-2P)/2 slots of two tokens; slot i=1.. is
// chosen with probability proportional to i^(a-1), without replacement, and its first token is the query. The answer is not
// written after the query: what follows is fill. Fill is uniform in [0,V), or 0 with Blank.
//
// The published experiment pairs (T, P) as (64, 4), (128, 8), (256, 16) and (512, 64), with V = 8192, a = 0.01, 100000 training and
// 3000 test examples; it seeds both sets apart, where this generator makes them disjoint.
type mqar struct {
	cfg     Config
	inverse []float64 // by slot: 1/p, up to a constant
}

var mqarSettings = map[int]int{64: 4, 128: 8, 256: 16, 512: 64}

func newMQAR(cfg Config) (*mqar, error) {
	if cfg.PowerA == 0 {
		cfg.PowerA = 0.01
	}
	switch {
	case cfg.Length%2 != 0:
		return nil, configError("length", "got %d, want an even number", cfg.Length)
	case cfg.Pairs*4 > cfg.Length:
		return nil, configError("pairs", "got %d, want at most a quarter of length %d", cfg.Pairs, cfg.Length)
	case cfg.Vocab <= cfg.Length:
		return nil, configError("vocab", "got %d, want more than length %d", cfg.Vocab, cfg.Length)
	case cfg.PowerA < 0 || math.IsNaN(cfg.PowerA) || math.IsInf(cfg.PowerA, 0):
		return nil, configError("power_a", "got %v, want a positive number", cfg.PowerA)
	}
	m := &mqar{cfg: cfg, inverse: make([]float64, (cfg.Length-2*cfg.Pairs)/2)}
	for i := range m.inverse {
		m.inverse[i] = math.Pow(float64(i+1), 1-cfg.PowerA)
	}
	return m, nil
}

func (m *mqar) Length() int { return m.cfg.Length }

func (m *mqar) Info() Info {
	c := m.cfg
	return Info{
		Name:          "mqar",
		Source:        "Arora et al. 2023, Zoology: Measuring and Improving Recall in Efficient Language Models (arXiv:2312.04927)",
		Vocab:         c.Vocab,
		Chance:        1 / float64(c.Vocab-c.Vocab/2),
		ContextChance: 1 / float64(c.Pairs),
		Parameters:    c.mqarParameters(),
		Published:     c.mqarPublished().mqarParameters(), PublishedExamples: 100_000,
	}
}

func (c Config) mqarParameters() map[string]float64 {
	return map[string]float64{"vocab": float64(c.Vocab), "length": float64(c.Length), "pairs": float64(c.Pairs),
		"power_a": c.PowerA, "random_non_queries": map[bool]float64{false: 1}[c.Blank]}
}

// mqarPublished is the published setting to compare with: the one of the same length and pairs, else the hardest.
func (c Config) mqarPublished() Config {
	p := Preset("mqar", "published")
	if mqarSettings[c.Length] == c.Pairs {
		p.Length, p.Pairs = c.Length, c.Pairs
	}
	return p
}

func (m *mqar) Example(split data.Split, seed uint64, index int) Example {
	e := newExample(m.cfg.Length)
	draw(split, seed, index, 0, func(r *rng.Source) uint64 { return m.generate(&e, r) })
	return e
}

func (m *mqar) problem(r *rng.Source) uint64 {
	e := newExample(m.cfg.Length)
	return m.generate(&e, r)
}

func (m *mqar) generate(e *Example, r *rng.Source) uint64 {
	P, half := m.cfg.Pairs, m.cfg.Vocab/2
	clear(e.Targets)
	clear(e.Weights)
	keys, values := make([]int, P), make([]int, P)
	r.Choose(keys, half-1)
	r.Choose(values, m.cfg.Vocab-half)
	for i := range e.Tokens {
		e.Tokens[i] = 0
		if !m.cfg.Blank {
			e.Tokens[i] = int32(r.Intn(m.cfg.Vocab))
		}
	}
	for i, slot := range m.slots(r) {
		key, value := int32(1+keys[i]), int32(half+values[i])
		e.Tokens[2*i], e.Tokens[2*i+1] = key, value
		at := 2*P + 2*slot
		e.Tokens[at] = key
		e.score(at, value)
	}
	return hashTokens(e.Tokens)
}

// slots draws P distinct slots, one after the other in proportion to p: the order of exponential clocks of rate p is such a draw
// (Efraimidis & Spirakis 2006).
func (m *mqar) slots(r *rng.Source) []int {
	clock := make([]float64, len(m.inverse))
	order := make([]int, len(clock))
	for i := range clock {
		clock[i] = -math.Log(r.Float64()) * m.inverse[i]
		order[i] = i
	}
	sort.Slice(order, func(a, b int) bool { return clock[order[a]] < clock[order[b]] })
	return order[:m.cfg.Pairs]
}
