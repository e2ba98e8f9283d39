package control

import (
	"fmt"
	"math"
	"slices"

	"github.com/archlab/archlab/core/family"
)

// NGramConfig shapes an n-gram model.
type NGramConfig struct {
	Order int // longest n-gram, 1 to 8; default 5
	Vocab int
	// MaxMemory bounds the tables, in bytes; default 512 MB. Where a table would have to grow beyond it, n-grams of that order not
	// seen before are left out; single tokens never are. While a table grows, its old form takes half as much again.
	MaxMemory int64
}

// NGram is an interpolated n-gram model with modified Kneser-Ney smoothing (Chen & Goodman 1998, section 3): the longest n-grams are
// counted as they occur, shorter ones by the number of different tokens before them, with three discounts for each order. An n-gram
// at the start of a document has nothing before it and is counted as it occurs. The lowest order is interpolated with the uniform
// distribution. Probabilities over the vocabulary sum to 1 after every history, seen or not.
//
// A trained NGram is safe for concurrent use.
type NGram struct {
	cfg    NGramConfig
	levels []level // levels[k] holds the (k+1)-grams and what follows them
	stats  []stats // stats[0] of the empty history
	tokens int64
	full   bool
}

// Name is "ngram-" and the order.
func (m *NGram) Name() string { return fmt.Sprintf("ngram-%d", m.cfg.Order) }

// Tokens is the number of targets that were counted.
func (m *NGram) Tokens() int64 { return m.tokens }

// Full says that MaxMemory was reached, so that late n-grams are missing.
func (m *NGram) Full() bool { return m.full }

// history is where the tables stand after some tokens: nodes[k] is the node of the last k tokens, for k < len(nodes). nodes[0] is the
// root, 0.
type history struct{ nodes []uint32 }

// missing is the node of a history that never occurred.
const missing = math.MaxUint32

func (h *history) reset() { h.nodes = append(h.nodes[:0], 0) }

// advance appends a token.
func (m *NGram) advance(h *history, token int32) {
	n := min(len(h.nodes), m.cfg.Order-1)
	h.nodes = h.nodes[:n]
	next := uint32(0)
	for k := range n {
		child, _ := m.levels[k].find(h.nodes[k], token)
		h.nodes[k], next = next, child
	}
	h.nodes = append(h.nodes, next)
}

// prob is p(token | history). Lower orders come first: P_k = (max(c-D,0) + (discounted mass) P_{k-1}) / total.
func (m *NGram) prob(h *history, token int32) float64 {
	p := 1 / float64(m.cfg.Vocab)
	for k, node := range h.nodes[:min(len(h.nodes), m.cfg.Order)] {
		_, count := m.levels[k].find(node, token)
		p = m.interpolate(k, node, count, p)
	}
	return p
}

// interpolate adds one order; count is that of history+token at level k, 0 if it never occurred.
func (m *NGram) interpolate(k int, node, count uint32, lower float64) float64 {
	if node == missing {
		return lower
	}
	s := m.following(k, node)
	if s.total == 0 {
		return lower
	}
	d := &m.levels[k].discount
	mass := d[1]*float64(s.ones) + d[2]*float64(s.twos) + d[3]*float64(s.more)
	c := float64(count) - d[min(count, 3)] // d[0] is 0
	return (c + mass*lower) / float64(s.total)
}

// following is what follows a node of k tokens.
func (m *NGram) following(k int, node uint32) *stats {
	if k == 0 {
		return &m.stats[0]
	}
	return &m.levels[k-1].stats[node]
}

// Score answers log-probabilities and whether the target was the likeliest token.
func (m *NGram) Score(b family.Batch) (family.ScoreResult, error) {
	if err := b.Check(m.cfg.Vocab); err != nil {
		return family.ScoreResult{}, err
	}
	out := newResult(b)
	var h history
	eachSegment(b, h.reset, func(i int) {
		m.advance(&h, b.Tokens[i])
		if b.Weights[i] != 0 {
			out.LogProbs[i] = float32(math.Log(m.prob(&h, b.Targets[i])))
			out.Correct[i] = m.argmax(&h) == b.Targets[i]
		}
	})
	return out, nil
}

// argmax is the likeliest next token, of equally likely ones the lowest id. A token that never followed the history keeps its
// rank from the shorter history, so the winner is one that followed it or the winner of the shorter history. Winners are
// remembered by node.
func (m *NGram) argmax(h *history) int32 {
	best := int32(0) // of the uniform distribution
	n := min(len(h.nodes), m.cfg.Order)
	for k := range n {
		node := h.nodes[k]
		if node == missing || m.following(k, node).total == 0 {
			continue
		}
		memo := &m.levels[k].winner[node]
		if w := memo.Load(); w > 0 {
			best = w - 1
			continue
		}
		shorter := history{h.nodes[:k+1]}
		candidates := append([]int32{best}, m.levels[k].children(node)...)
		slices.Sort(candidates)
		top := -1.0
		for _, c := range candidates {
			if p := m.prob(&shorter, c); p > top {
				best, top = c, p
			}
		}
		memo.Store(best + 1)
	}
	return best
}
