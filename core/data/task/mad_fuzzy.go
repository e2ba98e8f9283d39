package task

import (
	"github.com/archlab/archlab/core/data/internal/rng"
)

// fuzzyRecallKind is MAD's fuzzy in-context recall: keys and values are motifs of one to three adjacent tokens, all different within a
// motif.
//
//	k1 k1' v1 k2 v2 v2' k1 k1' v1 ...    asked: every token of the value of a key that has been there before
//
// Each pair's sizes are uniform; in tests all keys have the largest size. A probe pair is put in at a random place, and its key comes again at the
// end. Sequences are filled up on the left with the highest id. Where two keys of different sizes begin alike the answer is not
// determined by the sequence before: the published task is so, and it bounds what any model can reach in training, less so in tests.
var fuzzyRecallKind = Kind{
	Name: "fuzzy_recall", Suite: "mad", Summary: "MAD's fuzzy in-context recall: keys and values of several tokens",
	Source: madSource + "fuzzy in-context recall", Unpublished: madAccuracy, Examples: 12_800,
	Params: []Param{
		{Key: "vocab", Doc: "token ids: keys, values and one to fill up with", Min: 9, Max: 1e6, Size: true, Paper: 16, CPU: 16},
		{Key: "length", Doc: "tokens a sequence", Min: 16, Max: 1 << 20, Size: true, Paper: 128, CPU: 64},
		{Key: "key_motif", Doc: "most tokens of a key", Min: 1, Max: 4, Size: true, Paper: 3, CPU: 2},
		{Key: "value_motif", Doc: "most tokens of a value", Min: 1, Max: 4, Size: true, Paper: 3, CPU: 2},
		allTokens,
	},
	Scale: "length", PaperScale: []int{128, 256, 512, 1024},
	open: openFuzzy,
}

func openFuzzy(v Values) (*design, error) {
	V, T, mk, mv := v.int("vocab"), v.int("length"), v.int("key_motif"), v.int("value_motif")
	keys := (V - 1) / 2
	if T < 4*(mk+mv) {
		return nil, configError("length", "got %d, want at least %d: four pairs of the largest motifs", T, 4*(mk+mv))
	}
	motif := func(r *rng.Source, size, from, n int) []int32 {
		at := make([]int, size)
		r.Choose(at, n)
		out := make([]int32, size)
		for i, x := range at {
			out[i] = int32(from + x)
		}
		return out
	}
	generate := func(e *Example, r *rng.Source, smallest int) uint64 {
		key := func() []int32 { return motif(r, smallest+r.Intn(mk-smallest+1), 0, keys) }
		value := func() []int32 { return motif(r, 1+r.Intn(mv), keys, V-1-keys) }
		probe, answer := key(), value()
		size := len(probe) + len(answer)
		at := r.Intn(T - size - 2*(mk+mv) + 1) // so that a pair begins at or after it before the last one
		known := map[string][]int32{}
		var tokens []int32
		var asked []bool // by token: it is an answer
		put := func(motif []int32, ask bool) {
			for _, x := range motif {
				tokens, asked = append(tokens, x), append(asked, ask)
			}
		}
		pair := func(k, fresh []int32) {
			name := spell(k)
			old, again := known[name]
			if !again {
				old = fresh
				known[name] = fresh
			}
			put(k, false)
			put(old, again)
		}
		added := false
		for len(tokens) < T-size-(mk+mv) {
			if len(tokens) >= at && !added {
				added = true
				pair(probe, answer)
				continue
			}
			k, fresh := key(), value()
			if spell(k) == spell(probe) {
				added, fresh = true, answer
			}
			pair(k, fresh)
		}
		put(probe, false)
		put(answer, true)
		// The last token is a target alone.
		fill := T + 1 - len(tokens)
		for i := range fill {
			e.Tokens[i] = int32(V - 1)
		}
		for i, x := range tokens {
			if fill+i < T {
				e.Tokens[fill+i] = x
			}
			if asked[i] {
				e.score(fill+i-1, x)
			}
		}
		return hashTokens(e.Tokens)
	}
	return &design{
		length: T, vocab: V, answers: between(keys, V-1), dense: v["all_tokens"] != 0,
		draw: func(e *Example, r *rng.Source) uint64 { return generate(e, r, 1) },
		test: func(e *Example, r *rng.Source) uint64 { return generate(e, r, mk) },
	}, nil
}

// spell names a motif.
func spell(motif []int32) string {
	var out []byte
	for _, x := range motif {
		out = append(out, byte(x), byte(x>>8), byte(x>>16), byte(x>>24))
	}
	return string(out)
}
