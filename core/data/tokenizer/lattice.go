package tokenizer

import (
	"cmp"
	"math"
	"math/rand/v2"
	"slices"
)

// Segmentation is one way to cut a word.
type Segmentation struct {
	Pieces []Piece
	Score  float64 // the logarithm of its probability: the sum of its pieces' scores
}

// arc is a piece at its place in a word.
type arc struct {
	from, to int
	id       int32
	score    float64
}

// arcs lists all pieces that occur in a word, by where they begin, the short ones first; unknown characters are arcs of the
// unknown piece. Every cut of the word that the model allows is a path of arcs from 0 to the word's end.
func (u *Unigram) arcs(word []byte) []arc {
	var out []arc
	for at := 0; at < len(word); {
		size := charLen(word[at:])
		known := false
		unit := uint32(trieRoot)
		for end := at; end < len(word); {
			next, ok := u.trie.step(unit, word[end])
			if !ok {
				break
			}
			unit = next
			end++
			if id, ok := u.trie.value(unit); ok {
				out = append(out, arc{at, end, id, u.scores[id]})
				known = known || end-at == size
			}
		}
		if !known {
			out = append(out, arc{at, at + size, u.unk.id, u.unkScore})
		}
		at += size
	}
	return out
}

// tokens turns a path of arcs into tokens.
func (u *Unigram) tokens(dst []Piece, word []byte, path []arc) []Piece {
	out := emitter{unknowns: &u.unk, dst: dst, word: word, run: -1}
	for _, a := range path {
		out.piece(a.from, a.to, a.id)
	}
	out.flush(len(word))
	return out.dst
}

// Sample appends a cut of a word drawn with probability proportional to its own to the power of alpha: subword regularisation (Kudo
// 2018, eq. 5 with all segmentations). At alpha 0 all cuts are equally likely; at large alpha it is what Append gives. Cuts are drawn
// exactly: sums of all paths forward, then a walk backward.
func (u *Unigram) Sample(dst []Piece, word []byte, alpha float64, rng *rand.Rand) []Piece {
	if len(word) == 0 {
		return dst
	}
	arcs := u.arcs(word)
	into := make([][]int32, len(word)+1) // by end: the arcs
	total := make([]float64, len(word)+1)
	for i := range total[1:] {
		total[i+1] = math.Inf(-1)
	}
	for i, a := range arcs { // arcs are sorted by where they begin, so total[a.from] is complete
		total[a.to] = logAdd(total[a.to], total[a.from]+alpha*a.score)
		into[a.to] = append(into[a.to], int32(i))
	}
	var path []arc
	for at := len(word); at > 0; {
		chosen := arcs[into[at][len(into[at])-1]]
		left := rng.Float64()
		for _, i := range into[at] {
			a := arcs[i]
			if left -= math.Exp(total[a.from] + alpha*a.score - total[at]); left < 0 {
				chosen = a
				break
			}
		}
		path = append(path, chosen)
		at = chosen.from
	}
	slices.Reverse(path)
	return u.tokens(dst, word, path)
}

// logAdd is log(exp(a) + exp(b)).
func logAdd(a, b float64) float64 {
	if a < b {
		a, b = b, a
	}
	if math.IsInf(b, -1) {
		return a
	}
	return a + math.Log1p(math.Exp(b-a))
}

// NBest lists the n most probable cuts of a word, best first; fewer where there are fewer. Cuts whose tokens are the same, because
// unknown characters are joined, count each.
func (u *Unigram) NBest(word []byte, n int) []Segmentation {
	if n < 1 {
		return nil
	}
	// The k-th best way to a place goes over the k-th best way, at worst, to the place before: dynamic programming over the
	// n best of each place is exact.
	type way struct {
		score float64
		arc   int32
		rank  int32 // among the ways to the arc's beginning
	}
	ways := make([][]way, len(word)+1)
	ways[0] = []way{{0, -1, 0}}
	arcs := u.arcs(word)
	settled := 0
	settle := func(upTo int) {
		for ; settled <= upTo; settled++ {
			w := ways[settled]
			slices.SortStableFunc(w, func(a, b way) int { return cmp.Compare(b.score, a.score) })
			ways[settled] = w[:min(n, len(w))]
		}
	}
	for i, a := range arcs {
		settle(a.from)
		for rank, w := range ways[a.from] {
			ways[a.to] = append(ways[a.to], way{w.score + a.score, int32(i), int32(rank)})
		}
	}
	settle(len(word))
	var out []Segmentation
	for _, w := range ways[len(word)] {
		var path []arc
		for at := w; at.arc >= 0; at = ways[arcs[at.arc].from][at.rank] {
			path = append(path, arcs[at.arc])
		}
		slices.Reverse(path)
		out = append(out, Segmentation{Pieces: u.tokens(nil, word, path), Score: w.score})
	}
	return out
}

// SampleBest appends one of the n most probable cuts of a word, drawn with probability proportional to its own to the power of alpha
// (Kudo 2018, eq. 5).
func (u *Unigram) SampleBest(dst []Piece, word []byte, n int, alpha float64, rng *rand.Rand) []Piece {
	return drawOne(dst, u.NBest(word, n), alpha, rng)
}

// drawOne appends one of several cuts of a word, the best of which is first.
func drawOne(dst []Piece, best []Segmentation, alpha float64, rng *rand.Rand) []Piece {
	if len(best) == 0 {
		return dst
	}
	total := 0.0
	for _, s := range best {
		total += math.Exp(alpha * (s.Score - best[0].Score))
	}
	left := rng.Float64() * total
	for _, s := range best {
		if left -= math.Exp(alpha * (s.Score - best[0].Score)); left < 0 {
			return append(dst, s.Pieces...)
		}
	}
	return append(dst, best[0].Pieces...)
}
