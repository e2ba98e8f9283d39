package control

import (
	"fmt"
	"math"

	"github.com/archlab/archlab/core/data"
)

// NGramTrainer counts n-grams token by token.
type NGramTrainer struct {
	m    *NGram
	h    history
	next []uint32 // by k: node of the last k tokens and the new one
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
	t := &NGramTrainer{m: &NGram{cfg: cfg, levels: make([]level, cfg.Order), stats: make([]stats, 1)}, next: make([]uint32, cfg.Order)}
	for k := range t.m.levels {
		t.m.levels[k].init()
	}
	t.Break()
	return t, nil
}

func configError(key, format string, args ...any) error {
	return &data.Error{Kind: data.ErrConfig, Where: key, Message: fmt.Sprintf(format, args...)}
}

// Break forgets the history: the next token starts a text of its own.
func (t *NGramTrainer) Break() { t.h.reset() }

// Add counts tokens that follow those of the previous Add.
func (t *NGramTrainer) Add(tokens []int32) error {
	if t.m.tokens+int64(len(tokens)) > math.MaxUint32 {
		return &data.Error{Kind: data.ErrConfig, Where: "n-gram training", Message: "more than 2^32 tokens, which counts cannot hold"}
	}
	for _, token := range tokens {
		if token < 0 || int(token) >= t.m.cfg.Vocab {
			return &data.Error{Kind: data.ErrFormat, Where: "n-gram training", Message: fmt.Sprintf("token %d is outside the vocabulary [0,%d)", token, t.m.cfg.Vocab)}
		}
		t.add(token)
	}
	return nil
}

func (t *NGramTrainer) add(token int32) {
	m := t.m
	m.tokens++
	n := len(t.h.nodes) // histories of 0..n-1 tokens
	longer := true      // the n-gram with one more token in front is new; the longest has no longer one and always counts
	for k := n - 1; k >= 0; k-- {
		t.next[k] = missing
		if t.h.nodes[k] == missing {
			continue
		}
		l := &m.levels[k]
		id, fresh := l.insert(t.h.nodes[k], token, !m.full || k == 0)
		if id == missing {
			// The tables are full. What is left out must not hide the shorter n-grams, which count it as one more occurrence.
			continue
		}
		t.next[k] = id
		if longer {
			l.count[id]++
		}
		longer = fresh
	}
	if m.cfg.Documents && token == m.cfg.EOD {
		t.h.nodes = append(t.h.nodes[:0], 0)
		if m.cfg.Order > 1 {
			t.h.nodes = append(t.h.nodes, t.next[0])
		}
	} else {
		// nodes[k+1] is what nodes[k] became; the longest is dropped when it has reached Order-1 tokens.
		keep := min(n, m.cfg.Order-1)
		t.h.nodes = append(append(t.h.nodes[:0], 0), t.next[:keep]...)
	}
	if m.tokens&0xfff == 0 && !m.full {
		m.full = m.memory() >= m.cfg.MaxMemory
	}
}

// Finish computes discounts and what follows each history. The trainer must not be used afterwards.
func (t *NGramTrainer) Finish() *NGram {
	m := t.m
	for k := range m.levels {
		parents := 1
		following := m.stats
		if k > 0 {
			parents = len(m.levels[k-1].count)
			following = make([]stats, parents)
			m.levels[k-1].stats = following
		}
		m.levels[k].finish(parents, following)
	}
	return m
}

// memory is the size of the tables in bytes, with what Finish will add.
func (m *NGram) memory() int64 {
	var n int64
	for k := range m.levels {
		l := &m.levels[k]
		n += int64(len(l.keys))*12 + int64(cap(l.count))*4 + int64(len(l.count))*4
		if k < m.cfg.Order-1 {
			n += int64(len(l.count)) * (16 + 4 + 4)
		}
	}
	return n
}
