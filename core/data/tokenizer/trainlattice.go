package tokenizer

import (
	"math"
	"slices"
	"unicode/utf8"
)

// trainLattice walks over all cuts of a word with the pieces of a trainer. Each thread has its own.
type trainLattice struct {
	t       *unigramTrainer
	probs   []float64 // by piece: scaled
	arcs    []trainArc
	forward []float64 // by place in the word: the sum over all ways to it
	back    []float64 // and from it to the end
	nodes   []pathNode
	path    []int32
}

type trainArc struct{ from, to, id int32 }

// find lists the pieces in a word, by where they begin.
func (l *trainLattice) find(word string) {
	l.arcs = l.arcs[:0]
	for at := 0; at < len(word); {
		unit := uint32(trieRoot)
		for end := at; end < len(word); {
			next, ok := l.t.trie.step(unit, word[end])
			if !ok {
				break
			}
			unit = next
			end++
			if id, ok := l.t.trie.value(unit); ok && !math.IsInf(l.t.scores[id], -1) {
				l.arcs = append(l.arcs, trainArc{int32(at), int32(end), id})
			}
		}
		_, n := utf8.DecodeRuneInString(word[at:])
		at += n
	}
}

// expect adds weight times the expected uses of each piece in a word and answers the logarithm of the word's probability.
func (l *trainLattice) expect(word string, weight float64, into []float64) float64 {
	l.find(word)
	n := len(word)
	l.forward = append(l.forward[:0], make([]float64, n+1)...)
	l.back = append(l.back[:0], make([]float64, n+1)...)
	forward, back := l.forward, l.back
	forward[0], back[n] = 1, 1
	for _, a := range l.arcs {
		forward[a.to] += forward[a.from] * l.probs[a.id]
	}
	total := forward[n]
	if !(total > 1e-250 && total < 1e250) {
		return l.expectLogs(word, weight, into)
	}
	weight /= total
	for _, a := range slices.Backward(l.arcs) {
		rest := l.probs[a.id] * back[a.to]
		back[a.from] += rest
		into[a.id] += weight * forward[a.from] * rest
	}
	return math.Log(total) - l.t.scale*float64(n)
}

// expectLogs is expect with logarithms throughout: for words whose probability is out of a float64's range.
func (l *trainLattice) expectLogs(word string, weight float64, into []float64) float64 {
	n := len(word)
	forward, back := l.forward, l.back
	for i := range forward {
		forward[i], back[i] = math.Inf(-1), math.Inf(-1)
	}
	forward[0], back[n] = 0, 0
	for _, a := range l.arcs {
		forward[a.to] = logAdd(forward[a.to], forward[a.from]+l.t.scores[a.id])
	}
	for _, a := range slices.Backward(l.arcs) {
		rest := l.t.scores[a.id] + back[a.to]
		back[a.from] = logAdd(back[a.from], rest)
		into[a.id] += weight * math.Exp(forward[a.from]+rest-forward[n])
	}
	return forward[n]
}

// best is the best cut of a word; with split set, the best one of two pieces and more.
func (l *trainLattice) best(word string, split bool) []int32 {
	l.find(word)
	n := int32(len(word))
	l.nodes = l.nodes[:0]
	for range n + 1 {
		l.nodes = append(l.nodes, pathNode{start: -1})
	}
	for _, a := range l.arcs {
		if split && a.from == 0 && a.to == n {
			continue
		}
		score := l.nodes[a.from].score + l.t.scores[a.id]
		if node := &l.nodes[a.to]; node.start < 0 || score > node.score {
			*node = pathNode{score, a.from, a.id}
		}
	}
	l.path = l.path[:0]
	for at := n; at > 0; at = l.nodes[at].start {
		l.path = append(l.path, l.nodes[at].id)
	}
	return l.path
}
