package task

import (
	"sort"

	"github.com/archlab/archlab/core/data/internal/rng"
)

// selectiveCopyKind is selective copying (Gu & Dao 2023, "Mamba", sections 3.1 and E.1): tokens at random places in a long run of noise have
// to be repeated in order.
//
//	0 0 5 0 9 0 0 3 0 ... | M M M    answers: 5 9 3
//
// Noise is 0, the marker M is V-1, the tokens to copy are uniform in [1,V-1) at distinct uniform places. The answers are not fed back. The
// published setting has 16 tokens in length 4096 and a vocabulary of 16 with the noise; whether the markers count among the 16 and the
// 4096 is not said: here they count among the 16 ids and come after the 4096 positions.
var selectiveCopyKind = Kind{
	Name: "selective_copy", Suite: "mamba", Summary: "selective copying: repeat in order the tokens that stood among noise",
	Source:      "Gu & Dao 2023, Mamba: Linear-Time Sequence Modeling with Selective State Spaces (arXiv:2312.00752), selective copying",
	Unpublished: "the markers come after the 4096 positions and count among the 16 ids",
	Examples:    unsaid,
	Params: []Param{
		{Key: "vocab", Doc: "token ids, with noise and marker", Min: 4, Max: 1e6, Size: true, Paper: 16, CPU: 16},
		{Key: "length", Doc: "tokens before the markers", Min: 1, Max: 1 << 20, Size: true, Paper: 4096, CPU: 64},
		{Key: "memorize", Doc: "tokens to copy", Min: 1, Max: 1e6, Size: true, Paper: 16, CPU: 8},
	},
	Scale: "length",
	open: func(v Values) (*design, error) {
		V, T, n := v.int("vocab"), v.int("length"), v.int("memorize")
		if n > T {
			return nil, configError("memorize", "got %d, want at most length %d", n, T)
		}
		return &design{
			length: T + n, vocab: V, answers: between(1, V-1),
			// One of the tokens that were seen, whichever: the right one, or another one that happens to be equal.
			contextChance: 1/float64(n) + (1-1/float64(n))/float64(V-2),
			draw: func(e *Example, r *rng.Source) uint64 {
				places := make([]int, n)
				r.Choose(places, T)
				sort.Ints(places)
				for i, at := range places {
					token := int32(1 + r.Intn(V-2))
					e.Tokens[at] = token
					e.Tokens[T+i] = int32(V - 1)
					e.score(T+i, token)
				}
				return hashTokens(e.Tokens)
			},
		}, nil
	},
}
