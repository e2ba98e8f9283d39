package task

import (
	"github.com/archlab/archlab/core/data/internal/rng"
)

// madCopyKind is MAD's selective copying:
//
//	a _ _ b _ c | C | _ _ _    answers at the last blanks: a b c
//
// The tokens to copy are uniform in [0,V-2), the blank is V-2 and the copy token V-1. Each blank goes before a token to copy that is
// drawn uniformly, so that none comes between the last one and the copy token.
var madCopyKind = Kind{
	Name: "mad_selective_copy", Suite: "mad", Summary: "MAD's selective copying: repeat in order the tokens that stood among blanks",
	Source: madSource + "selective copying", Unpublished: madAccuracy, Examples: 12_800,
	Params: []Param{
		{Key: "vocab", Doc: "token ids, with blank and copy token", Min: 4, Max: 1e6, Size: true, Paper: 16, CPU: 16},
		{Key: "length", Doc: "tokens a sequence", Min: 4, Max: 1 << 20, Size: true, Paper: 256, CPU: 64},
		{Key: "memorize", Doc: "tokens to copy", Min: 1, Max: 1e6, Size: true, Paper: 16, CPU: 8},
	},
	Scale: "length", PaperScale: []int{256, 512, 1024},
	open: func(v Values) (*design, error) {
		V, T, n := v.int("vocab"), v.int("length"), v.int("memorize")
		if T <= 2*n+1 {
			return nil, configError("memorize", "got %d, want less than half of length %d", n, T)
		}
		blank, mark := int32(V-2), int32(V-1)
		return &design{
			length: T, vocab: V, answers: between(0, V-2), contextChance: 1/float64(n) + (1-1/float64(n))/float64(V-2),
			draw: func(e *Example, r *rng.Source) uint64 {
				before := make([]int, n) // blanks before each token
				for range T - 2*n - 1 {
					before[r.Intn(n)]++
				}
				at := 0
				for i := range n {
					for range before[i] {
						e.Tokens[at] = blank
						at++
					}
					e.Tokens[at] = int32(r.Intn(V - 2))
					e.score(T-n+i, e.Tokens[at])
					e.Tokens[T-n+i] = blank
					at++
				}
				e.Tokens[at] = mark
				return hashTokens(e.Tokens)
			},
		}, nil
	},
}

// compressionKind asks for what MAD's compression asks for: all tokens of a random sequence, after a compression token that ends it.
//
//	a b c ... | C | C C C ...    answers from the first C: a b c ...
//
// The tokens are uniform in [0,V-1), the compression token is V-1. The published model is an autoencoder: an MLP decodes the last hidden
// vector, which alone has to hold the sequence. A language model has no such neck, and may look back: the numbers of both are no
// numbers of one task.
var compressionKind = Kind{
	Name: "compression", Suite: "mad", Summary: "MAD's compression as a language model can be asked: give back a random sequence after its end",
	Source:      madSource + "compression",
	Unpublished: "the publication decodes by an MLP from one hidden vector; here answers are asked of the language model itself at compression tokens after the sequence; " + madAccuracy,
	Examples:    12_800,
	Params: []Param{
		{Key: "vocab", Doc: "token ids, with the compression token", Min: 3, Max: 1e6, Size: true, Paper: 16, CPU: 16},
		{Key: "length", Doc: "tokens a sequence, with its compression token", Min: 3, Max: 1 << 19, Size: true, Paper: 32, CPU: 16},
	},
	Scale: "length", PaperScale: []int{32, 64, 128, 256},
	open: func(v Values) (*design, error) {
		V, n := v.int("vocab"), v.int("length")-1
		return &design{
			length: 2 * n, vocab: V, answers: between(0, V-1),
			draw: func(e *Example, r *rng.Source) uint64 {
				for i := range n {
					e.Tokens[i], e.Tokens[n+i] = int32(r.Intn(V-1)), int32(V-1)
					e.score(n+i, e.Tokens[i])
				}
				return hashTokens(e.Tokens)
			},
		}, nil
	},
}

// memorizationKind is MAD's memorization: facts that no sequence tells, the same in training and test.
//
//	k1 I k2 I k3 I ...    answer at each I: the value of the key before it
//
// The insert token I is V-1; of the ids below it the lower half are keys and the upper half values. The map from keys to values is one random
// pairing for ever: it depends on the vocabulary alone.
var memorizationKind = Kind{
	Name: "memorization", Suite: "mad", Summary: "MAD's memorization: give the value of a key by a map that only training tells",
	Source: madSource + "memorization", Unpublished: madAccuracy, Examples: 256,
	Params: []Param{
		{Key: "vocab", Doc: "token ids: keys, values and the insert token", Min: 7, Max: 1e6, Size: true, Paper: 256, CPU: 64},
		{Key: "length", Doc: "tokens a sequence: a key and an insert token each", Min: 4, Max: 1 << 20, Size: true, Paper: 32, CPU: 32},
	},
	open: func(v Values) (*design, error) {
		V, T := v.int("vocab"), v.int("length")
		if T%2 != 0 {
			return nil, configError("length", "got %d, want an even number", T)
		}
		keys := (V - 1) / 2
		value := make([]int, keys)
		rng.New(12345, uint64(V)).Choose(value, V-1-keys)
		return &design{
			length: T, vocab: V, answers: between(keys, V-1),
			draw: func(e *Example, r *rng.Source) uint64 {
				for i := 0; i < T; i += 2 {
					k := r.Intn(keys)
					e.Tokens[i], e.Tokens[i+1] = int32(k), int32(V-1)
					e.score(i+1, int32(keys+value[k]))
				}
				return hashTokens(e.Tokens)
			},
		}, nil
	},
}
