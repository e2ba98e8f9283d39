package control

import (
	"fmt"
	"math"

	"github.com/archlab/archlab/core/data"
	"github.com/archlab/archlab/core/family"
)

// NGramTrainer counts n-grams batch by batch.
type NGramTrainer struct {
	m    *NGram
	h    history
	warm uint64 // keeps the compiler from dropping loads that only fill the cache
}

const defaultMemory = 512 << 20

// NewNGramTrainer checks the config.
func NewNGramTrainer(cfg NGramConfig) (*NGramTrainer, error) {
	if cfg.Order == 0 {
		cfg.Order = 5
	}
	if cfg.MaxMemory == 0 {
		cfg.MaxMemory = defaultMemory
	}
	switch {
	case cfg.Order < 1 || cfg.Order > 8:
		return nil, configError("order", "got %d, want 1 to 8", cfg.Order)
	case cfg.Vocab < 1:
		return nil, configError("vocab", "got %d, want at least 1", cfg.Vocab)
	case cfg.MaxMemory < 0:
		return nil, configError("max_memory", "got %d, want 0 (the default) or more", cfg.MaxMemory)
	}
	t := &NGramTrainer{m: &NGram{cfg: cfg, levels: make([]level, cfg.Order), stats: make([]stats, 1)}}
	for k := range t.m.levels {
		t.m.levels[k].init()
	}
	t.h.reset()
	return t, nil
}

func configError(key, format string, args ...any) error {
	return &data.Error{Kind: data.ErrConfig, Where: key, Message: fmt.Sprintf(format, args...)}
}

// AddBatch counts what a model would learn from a batch: each target of a weight other than 0, after the tokens before it in its row and
// document. Targets need not be the next tokens, as in the recall tasks.
func (t *NGramTrainer) AddBatch(b family.Batch) error {
	if err := b.Check(t.m.cfg.Vocab); err != nil {
		return err
	}
	if t.m.tokens+int64(len(b.Tokens)) > math.MaxUint32 {
		return &data.Error{Kind: data.ErrConfig, Where: "n-gram training", Message: "more than 2^32 tokens, which counts cannot hold"}
	}
	eachSegment(b, t.h.reset, func(i int) {
		t.advance(b.Tokens[i])
		if b.Weights[i] != 0 {
			t.count(b.Targets[i])
		}
	})
	return nil
}

// count records that a token followed the history.
func (t *NGramTrainer) count(token int32) {
	m := t.m
	m.tokens++
	t.prefetch(token)
	longer := true // the n-gram with one more token in front is new; the longest has no longer one and always counts
	for k := len(t.h.nodes) - 1; k >= 0; k-- {
		if t.h.nodes[k] == missing {
			continue
		}
		// Where the tables are full, what is left out must not hide the shorter n-gram, which then counts each occurrence.
		e := t.place(k, nodeKey(t.h.nodes[k], token))
		if e == nil {
			continue
		}
		fresh := e.count == 0
		if fresh || longer {
			e.count++
		}
		longer = fresh
	}
}

// advance appends a token to the history, as far as Order-1 tokens reach; after count of the same token it finds what count made.
func (t *NGramTrainer) advance(token int32) {
	h := &t.h
	n := min(len(h.nodes), t.m.cfg.Order-1)
	next := uint32(0)
	for k := range n {
		child := uint32(missing)
		if h.nodes[k] != missing {
			if e := t.place(k, nodeKey(h.nodes[k], token)); e != nil {
				child = e.number - 1
			}
		}
		h.nodes[k], next = next, child
	}
	h.nodes = append(h.nodes[:n], next)
}

// prefetch asks for the places of all orders at once, so that their cache misses overlap.
func (t *NGramTrainer) prefetch(token int32) {
	var sum uint64
	for k, node := range t.h.nodes {
		l := &t.m.levels[k]
		sum += l.entries[l.home(nodeKey(node, token))].key
	}
	t.warm = sum
}

// place finds or makes an n-gram of k+1 tokens; a new one has a count of 0. It answers nil where memory does not allow a new one. Single tokens are always kept, so that no token is unseen for lack of memory.
func (t *NGramTrainer) place(k int, key uint64) *entry {
	m := t.m
	l := &m.levels[k]
	e := l.place(key)
	if e.number != 0 {
		return e
	}
	if l.crowded() {
		if k > 0 && m.memory()+int64(len(l.entries))*m.entryCost(k) > m.cfg.MaxMemory {
			m.full = true
			return nil
		}
		l.double()
		e = l.place(key)
	}
	l.used++
	e.key, e.number = key, uint32(l.used)
	return e
}

// Finish computes discounts and what follows each history. The trainer must not be used afterwards.
func (t *NGramTrainer) Finish() *NGram {
	m := t.m
	for k := range m.levels {
		parents := 1
		following := m.stats
		if k > 0 {
			parents = m.levels[k-1].used
			following = make([]stats, parents)
			m.levels[k-1].stats = following
		}
		m.levels[k].finish(parents, following)
	}
	return m
}

// entryCost is what one place in a table can cost in bytes: three quarters of them fill up, each with a place in the list of tokens
// and, as a history of its own, with stats, first and winner.
func (m *NGram) entryCost(k int) int64 {
	if k == m.cfg.Order-1 {
		return entrySize + 3*4/4
	}
	return entrySize + 3*(4+16+4+4)/4
}

// memory is the most that tables of the present sizes can take, in bytes, once Finish has run.
func (m *NGram) memory() int64 {
	var n int64
	for k := range m.levels {
		n += int64(len(m.levels[k].entries)) * m.entryCost(k)
	}
	return n
}
