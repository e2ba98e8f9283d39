package task

import (
	"math"
	"sort"

	"github.com/archlab/archlab/core/data/internal/rng"
)

// mqarKind is multi-query associative recall (Arora et al. 2023, "Zoology", section 3 and the published generator):
//
//	k1 v1 k2 v2 ... kP vP | fill with each key once more; there the model must answer its value
//
// Keys are distinct in [1,V/2), values distinct in [V/2,V). The second half has (T-2P)/2 slots of two tokens; slot i=1.. is
// chosen with probability proportional to i^(a-1), without replacement, and its first token is the query. The answer is not
// written after the query: what follows is fill. Fill is uniform in [0,V), or 0 with blank.
//
// The published experiment pairs (T, P) as (64, 4), (128, 8), (256, 16) and (512, 64), with V = 8192, a = 0.01, 100000 training and
// 3000 test examples; it seeds both sets apart, where this generator makes them disjoint.
var mqarKind = Kind{
	Name: "mqar", Suite: "zoology", Summary: "multi-query associative recall: key-value pairs, then keys whose values are asked for",
	Source:   "Arora et al. 2023, Zoology: Measuring and Improving Recall in Efficient Language Models (arXiv:2312.04927)",
	Examples: 100_000,
	Params: []Param{
		{Key: "vocab", Doc: "token ids: half keys, half values", Min: 4, Max: 1e6, Size: true, Paper: 8192, CPU: 256},
		{Key: "length", Doc: "tokens a sequence", Min: 4, Max: 1 << 20, Size: true, Paper: 512, CPU: 64},
		{Key: "pairs", Doc: "key-value pairs, each queried once", Min: 1, Max: 1e6, Size: true, Paper: 64, CPU: 8},
		{Key: "power_a", Doc: "exponent of the power law of the gaps between pair and query; 1 is uniform", Min: 1e-6, Max: 1000, Real: true, Paper: 0.01, CPU: 0.01},
		{Key: "blank", Doc: "fill with token 0 rather than random tokens", Switch: true},
	},
	Scale: "length", Grid: []Values{{"length": 64, "pairs": 4}, {"length": 128, "pairs": 8}, {"length": 256, "pairs": 16}, {"length": 512, "pairs": 64}},
	open: openMQAR,
}

func openMQAR(v Values) (*design, error) {
	V, T, P, a := v.int("vocab"), v.int("length"), v.int("pairs"), v["power_a"]
	switch {
	case T%2 != 0:
		return nil, configError("length", "got %d, want an even number", T)
	case P*4 > T:
		return nil, configError("pairs", "got %d, want at most a quarter of length %d", P, T)
	case V <= T:
		return nil, configError("vocab", "got %d, want more than length %d", V, T)
	}
	inverse := make([]float64, (T-2*P)/2) // by slot: 1/p, up to a constant
	for i := range inverse {
		inverse[i] = math.Pow(float64(i+1), 1-a)
	}
	half := V / 2
	return &design{
		length: T, vocab: V, answers: between(half, V), contextChance: 1 / float64(P),
		draw: func(e *Example, r *rng.Source) uint64 {
			keys, values := make([]int, P), make([]int, P)
			r.Choose(keys, half-1)
			r.Choose(values, V-half)
			for i := range e.Tokens {
				if v["blank"] == 0 {
					e.Tokens[i] = int32(r.Intn(V))
				}
			}
			for i, slot := range weighted(r, inverse, P) {
				key, value := int32(1+keys[i]), int32(half+values[i])
				e.Tokens[2*i], e.Tokens[2*i+1] = key, value
				at := 2*P + 2*slot
				e.Tokens[at] = key
				e.score(at, value)
			}
			return hashTokens(e.Tokens)
		},
	}, nil
}

// weighted draws n distinct indices, one after the other in proportion to p, of which inverse holds 1/p: the order of exponential
// clocks of rate p is such a draw (Efraimidis & Spirakis 2006).
func weighted(r *rng.Source, inverse []float64, n int) []int {
	clock := make([]float64, len(inverse))
	order := make([]int, len(clock))
	for i := range clock {
		clock[i] = -math.Log(r.Float64()) * inverse[i]
		order[i] = i
	}
	sort.Slice(order, func(a, b int) bool { return clock[order[a]] < clock[order[b]] })
	return order[:n]
}
