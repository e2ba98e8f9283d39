package tokenizer

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"sync"
)

// rankedBPE is the model of a rank file. Special tokens are in its vocabulary, so that tokenizer.json keeps their ids.
func rankedBPE(list []ranked, special map[string]int32) (*BPE, error) {
	ids := make(map[string]int32, len(list))
	spelled := make([]string, len(list)) // in visible letters
	cfg := BPEConfig{Vocab: make(map[string]int32, len(list)+len(special)), IgnoreMerges: true}
	for i, r := range list {
		if other, ok := ids[r.token]; ok {
			return nil, errorf(ErrFormat, "", "the token %q has the ranks %d and %d", r.token, other, r.rank)
		}
		ids[r.token] = r.rank
		spelled[i] = visible([]byte(r.token))
		cfg.Vocab[spelled[i]] = r.rank
	}
	for b := range 256 {
		if _, ok := ids[string([]byte{byte(b)})]; !ok {
			return nil, errorf(ErrFormat, "", "the byte 0x%02x has no rank: texts that have it could not be encoded", b)
		}
	}
	taken := make(map[int32]string, len(special))
	for _, name := range slices.Sorted(maps.Keys(special)) {
		id := special[name]
		if _, ok := cfg.Vocab[name]; ok || name == "" {
			return nil, errorf(ErrConfig, "special", "%q is empty or in the vocabulary", name)
		}
		if other, ok := taken[id]; ok {
			return nil, errorf(ErrConfig, "special", "%q and %q both have the id %d", other, name, id)
		}
		if _, ok := slices.BinarySearchFunc(list, id, func(r ranked, id int32) int { return cmp.Compare(r.rank, id) }); ok {
			return nil, errorf(ErrConfig, "special", "the id %d of %q is that of a token", id, name)
		}
		taken[id] = name
		cfg.Vocab[name] = id
	}
	splits := splitsOf(list)
	for _, x := range splits {
		cfg.Merges = append(cfg.Merges, [2]string{spelled[x.left], spelled[x.right]})
	}
	b, err := newBPE(cfg)
	if err != nil {
		return nil, err
	}
	b.pairs = newPairTable(len(splits))
	for _, s := range splits {
		made := list[s.made].rank
		b.pairs.set(pair(list[s.left].rank, list[s.right].rank), merged{made, made})
	}
	return b, nil
}

// split is a token that two others make; all three are places in a list by rank.
type split struct{ left, right, made int32 }

// splitsOf answers all splits of tokens in two tokens, by the rank of the token, then of its left part, then of its right part.
func splitsOf(list []ranked) []split {
	var prefixes, suffixes []int32
	var wg sync.WaitGroup
	wg.Go(func() { prefixes = longest(list, false) })
	wg.Go(func() { suffixes = longest(list, true) })
	wg.Wait()
	var ends [maxRankedToken + 3]int32 // by length: the token that ends the one at hand, or -1
	for i := range ends {
		ends[i] = -1
	}
	var splits []split
	for i, r := range list {
		from := len(splits)
		for s := suffixes[i]; s >= 0; s = suffixes[s] {
			ends[len(list[s].token)] = s
		}
		for p := prefixes[i]; p >= 0; p = prefixes[p] {
			if right := ends[len(r.token)-len(list[p].token)]; right >= 0 {
				splits = append(splits, split{p, right, int32(i)})
			}
		}
		for s := suffixes[i]; s >= 0; s = suffixes[s] {
			ends[len(list[s].token)] = -1
		}
		slices.SortFunc(splits[from:], func(a, b split) int { return cmp.Or(cmp.Compare(a.left, b.left), cmp.Compare(a.right, b.right)) })
	}
	return splits
}

// longest answers, for each token, the longest other token that it begins (or ends) with, or -1: in an order where tokens follow
// directly on those that they begin with, it is one of the last ones.
func longest(list []ranked, backward bool) []int32 {
	begins, order := strings.HasPrefix, strings.Compare
	if backward {
		begins, order = strings.HasSuffix, compareBackward
	}
	type place struct {
		head uint64 // the first bytes in the order of comparison: few comparisons see more
		i    int32
	}
	places := make([]place, len(list))
	for i, r := range list {
		places[i].i = int32(i)
		for k := range min(8, len(r.token)) {
			c := r.token[k]
			if backward {
				c = r.token[len(r.token)-1-k]
			}
			places[i].head |= uint64(c) << (56 - 8*k)
		}
	}
	slices.SortFunc(places, func(a, b place) int {
		if a.head != b.head {
			return cmp.Compare(a.head, b.head)
		}
		return order(list[a.i].token, list[b.i].token)
	})
	out := make([]int32, len(list))
	var open []int32
	for _, p := range places {
		for len(open) > 0 && !begins(list[p.i].token, list[open[len(open)-1]].token) {
			open = open[:len(open)-1]
		}
		out[p.i] = -1
		if len(open) > 0 {
			out[p.i] = open[len(open)-1]
		}
		open = append(open, p.i)
	}
	return out
}

// compareBackward compares from the last byte to the first.
func compareBackward(a, b string) int {
	for i := 1; i <= min(len(a), len(b)); i++ {
		if x, y := a[len(a)-i], b[len(b)-i]; x != y {
			return cmp.Compare(x, y)
		}
	}
	return cmp.Compare(len(a), len(b))
}
