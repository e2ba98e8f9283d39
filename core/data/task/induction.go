package task

import "github.com/archlab/archlab/core/data/internal/rng"

// inductionKind is the induction-heads task (Gu & Dao 2023, "Mamba", sections 3.1 and E.2; after Olsson et al. 2022): a special token appears
// once at a random place and again at the end, where the model must answer the token that followed it.
//
//	a c S b d a ... c S    answer: b
//
// The special token S is V-1 and counts in the vocabulary; the others are uniform in [0,V-1). Only the last position is scored. The
// published setting trains on T = 256 with 16 ids and tests T = 2^6, 2^7 ... 2^20.
var inductionKind = Kind{
	Name: "induction", Suite: "mamba", Summary: "induction heads: answer the token that followed a special token before",
	Source: "Gu & Dao 2023, Mamba: Linear-Time Sequence Modeling with Selective State Spaces (arXiv:2312.00752), induction heads",
	Params: []Param{
		{Key: "vocab", Doc: "token ids, with the special one", Min: 3, Max: 1e6, Size: true, Paper: 16, CPU: 16},
		{Key: "length", Doc: "tokens a sequence", Min: 3, Max: 1 << 20, Size: true, Paper: 256, CPU: 64},
	},
	Scale: "length", PaperScale: powersOfTwo(6, 20),
	open: func(v Values) (*design, error) {
		V, T := v.int("vocab"), v.int("length")
		special := int32(V - 1)
		return &design{
			length: T, vocab: V, answers: between(0, V-1),
			draw: func(e *Example, r *rng.Source) uint64 {
				for i := range e.Tokens {
					e.Tokens[i] = int32(r.Intn(V - 1))
				}
				at := r.Intn(T - 2)
				e.Tokens[at], e.Tokens[T-1] = special, special
				e.score(T-1, e.Tokens[at+1])
				return hashTokens(e.Tokens)
			},
		}, nil
	},
}

// powersOfTwo lists 2^from ... 2^to.
func powersOfTwo(from, to int) (out []int) {
	for i := from; i <= to; i++ {
		out = append(out, 1<<i)
	}
	return out
}
