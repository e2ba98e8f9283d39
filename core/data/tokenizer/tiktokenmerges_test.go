package tokenizer

import (
	"math/rand/v2"
	"slices"
	"testing"
)

// As a list of merges two splits of one token are not equally early, as they are by rank. No word ever has two of them to choose from: see
// ReadTiktoken. Here are all short words, with tokens and ranks at random, whether a vocabulary could have been learned or not.
func TestRanksAsMergesCutAlike(t *testing.T) {
	rng := rand.New(rand.NewPCG(11, 12))
	var words [][]byte
	for n := 1; n <= 9; n++ {
		for bits := range 1 << n {
			word := make([]byte, n)
			for i := range word {
				word[i] = 'a' + byte(bits>>i&1)
			}
			words = append(words, word)
		}
	}
	several := 0 // tokens that have more than one split
	for range 100 {
		tokens := map[string]bool{}
		for b := range 256 {
			tokens[string([]byte{byte(b)})] = true
		}
		for range 4 + rng.IntN(100) {
			w := words[rng.IntN(1<<7)]
			tokens[string(w)] = true
		}
		ranks := rng.Perm(len(tokens))
		var list []ranked
		for b := range tokens {
			list = append(list, ranked{token: b})
		}
		slices.SortFunc(list, func(a, b ranked) int { return slices.Compare([]byte(a.token), []byte(b.token)) })
		for i := range list {
			list[i].rank = int32(ranks[i])
		}
		slices.SortFunc(list, func(a, b ranked) int { return int(a.rank - b.rank) })
		byRank, err := rankedBPE(list, nil)
		if err != nil {
			t.Fatal(err)
		}
		byRank.cfg.IgnoreMerges = false // which would hide what becomes of words that are tokens
		byMerge, err := NewBPE(byRank.cfg)
		if err != nil {
			t.Fatal(err)
		}
		made := map[string]int{}
		for _, m := range byRank.cfg.Merges {
			if made[m[0]+m[1]]++; made[m[0]+m[1]] == 2 {
				several++
			}
		}
		for _, w := range words {
			if a, b := byRank.Append(nil, w), byMerge.Append(nil, w); !slices.Equal(a, b) {
				t.Fatalf("%s with %v: by rank %v, by merges %v", w, list, a, b)
			}
		}
	}
	if several < 500 {
		t.Errorf("only %d tokens have several splits", several)
	}
}
