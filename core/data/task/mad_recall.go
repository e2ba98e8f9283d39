package task

import (
	"github.com/archlab/archlab/core/data/internal/rng"
)

// madAccuracy is how the publication's accuracy differs from this project's in all of its tasks.
const madAccuracy = "accuracy is over answers; the publication averages over the tokens that can be answers"

const madSource = "Poli et al. 2024, Mechanistic Design and Scaling of Hybrid Architectures (arXiv:2403.17844), MAD: "

// recallKind is MAD's in-context recall, with several queries a sequence:
//
//	k1 v1 k2 v2 k1 v1 k3 v3 ...    asked: the value of each key that has been there before
//
// Keys are uniform in the lower half of the vocabulary; a key's value is uniform in the upper half when the key first comes and the same
// ever after. The last key is one of those before it. Answers are written after their keys. The published generator trains on every next
// token and tests the answers alone: all_tokens.
var recallKind = Kind{
	Name: "in_context_recall", Suite: "mad", Summary: "MAD's in-context recall: repeat the value that a key came with before",
	Source: madSource + "in-context recall", Unpublished: madAccuracy, Examples: 12_800,
	Params: []Param{
		{Key: "vocab", Doc: "token ids: half keys, half values", Min: 4, Max: 1e6, Size: true, Paper: 16, CPU: 16},
		{Key: "length", Doc: "tokens a sequence, with the last answer", Min: 6, Max: 1 << 20, Size: true, Paper: 128, CPU: 64},
		allTokens,
	},
	Scale: "length", PaperScale: []int{128, 256, 512, 1024},
	open: func(v Values) (*design, error) { return openRecall(v, v.int("vocab"), 0, 0) },
}

// noisyRecallKind is MAD's noisy in-context recall: between the pairs stand pairs of tokens from a vocabulary of noise, the ids above the
// others. Each pair but one is noise with the given chance.
var noisyRecallKind = Kind{
	Name: "noisy_recall", Suite: "mad", Summary: "MAD's noisy in-context recall: recall among pairs of noise",
	Source: madSource + "noisy in-context recall", Unpublished: madAccuracy, Examples: 12_800,
	Params: []Param{
		{Key: "vocab", Doc: "token ids: keys, values and noise", Min: 6, Max: 1e6, Size: true, Paper: 32, CPU: 24},
		{Key: "noise_vocab", Doc: "token ids of noise, out of vocab", Min: 1, Max: 1e6, Size: true, Paper: 16, CPU: 8},
		{Key: "noise", Doc: "chance that a pair is noise", Min: 0, Max: 0.99, Real: true, Size: true, Paper: 0.2, CPU: 0.2},
		{Key: "length", Doc: "tokens a sequence, with the last answer", Min: 6, Max: 1 << 20, Size: true, Paper: 128, CPU: 64},
		allTokens,
	},
	Scale: "length", PaperScale: []int{128, 256, 512, 1024},
	open: func(v Values) (*design, error) {
		plain := v.int("vocab") - v.int("noise_vocab")
		if plain < 4 {
			return nil, configError("noise_vocab", "got %d of vocab %d, want at least 4 left for keys and values", v.int("noise_vocab"), v.int("vocab"))
		}
		return openRecall(v, plain, v.int("noise_vocab"), v["noise"])
	},
}

var allTokens = Param{Key: "all_tokens", Doc: "train on every next token rather than on answers alone; tests count answers", Switch: true, Paper: 1}

// openRecall is the design of both: keys and values of the plain ids, noise of the ids above.
func openRecall(v Values, plain, noiseVocab int, noise float64) (*design, error) {
	length := v.int("length")
	if length%2 != 0 {
		return nil, configError("length", "got %d, want an even number", length)
	}
	keys, pairs := plain/2, length/2
	return &design{
		length: length - 1, vocab: plain + noiseVocab, answers: between(keys, plain), dense: v["all_tokens"] != 0,
		draw: func(e *Example, r *rng.Source) uint64 {
			value := make([]int32, keys) // 0: not yet there, since 0 is a key
			var seen []int32
			real := r.Intn(pairs - 1) // at least one pair is no noise
			for i := range pairs - 1 {
				if i != real && noise > 0 && r.Float64() < noise {
					e.Tokens[2*i], e.Tokens[2*i+1] = int32(plain+r.Intn(noiseVocab)), int32(plain+r.Intn(noiseVocab))
					continue
				}
				k := int32(r.Intn(keys))
				e.Tokens[2*i] = k
				if value[k] == 0 {
					value[k] = int32(keys + r.Intn(plain-keys))
					seen = append(seen, k)
				} else {
					e.score(2*i, value[k])
				}
				e.Tokens[2*i+1] = value[k]
			}
			k := seen[r.Intn(len(seen))]
			e.Tokens[length-2] = k
			e.score(length-2, value[k])
			return hashTokens(e.Tokens)
		},
	}, nil
}
