package tokenizer

import (
	"math/rand/v2"
	"strings"
	"sync"
)

// spBPE is SentencePiece's byte pair encoding: the text's characters are joined, two neighbours at a time, as long as a pair of
// neighbours is a piece; the pair whose piece has the highest score goes first, of equals the leftmost one. There is no list of merges
// and there are no words: the text is one sequence.
type spBPE struct {
	*spVocab
	trie       *trie     // of the pieces of text
	reservedBy [256]bool // some control, unknown or byte piece begins with the byte
	pool       sync.Pool // of *spMerger
	unused     bool      // some pieces are unused: they are made on the way and cut again into what they were made of
	cutsBefore bool      // no piece goes from another character on to a space, so that a space begins a sequence of its own
	cutsAfter  bool      // no piece goes from a space on to another character
}

func newSPBPE(v *spVocab) *spBPE {
	b := &spBPE{spVocab: v, cutsBefore: true, cutsAfter: true}
	b.trie = trieOf(v.normal)
	for piece := range v.reserved {
		b.reservedBy[piece[0]] = true
	}
	b.pool.New = func() any { return &spMerger{model: b} }
	for piece, id := range v.normal {
		b.unused = b.unused || v.pieces[id].kind == spUnused
		inner := strings.TrimLeft(piece, spSpace)
		b.cutsAfter = b.cutsAfter && (inner == "" || len(inner) == len(piece))
		b.cutsBefore = b.cutsBefore && !strings.Contains(inner, spSpace)
	}
	// What an unused piece is made of is remembered for the whole text.
	b.cutsBefore = b.cutsBefore && !b.unused
	b.cutsAfter = b.cutsAfter && !b.unused
	return b
}

// spSymbol is a piece in the making: the bytes from, to of the text; the symbols before and after it, -1 where there is none. A symbol
// that has been joined to the one before has from = to.
type spSymbol struct {
	from, to   int32
	prev, next int32
	frozen     bool
}

// spPair is two neighbours that make a piece of so many bytes.
type spPair struct {
	score       float32
	left, right int32
	size        int32
}

// before is the order of joining.
func (p spPair) before(q spPair) bool {
	return p.score > q.score || p.score == q.score && p.left < q.left
}

// spMerger is the scratch memory of one encoding.
type spMerger struct {
	model   *spBPE
	word    []byte
	symbols []spSymbol
	pairs   []spPair            // a heap
	parts   map[string][2]int32 // by unused piece: the bytes of its two halves
	cache   wordCache           // of short stretches without unknown characters
	ids     []int32
	rng     *rand.Rand // nil: join every pair
	dropout float64
}

// Append appends the pieces of a text.
func (b *spBPE) Append(dst []Piece, word []byte) []Piece {
	m := b.pool.Get().(*spMerger)
	out := emitter{unknowns: &b.unk, dst: dst, word: word, run: -1}
	for at := 0; at < len(word); {
		end := b.stretch(word, at)
		if end-at <= slotBytes && !b.unused {
			m.remembered(&out, at, end)
		} else {
			m.encode(&out, at, end)
		}
		at = end
	}
	out.flush(len(word))
	m.word, m.parts = nil, nil
	b.pool.Put(m)
	return out.dst
}

// AppendDropout is Append where a pair that comes up for joining is given up with a probability, until one of the two is joined to
// another symbol: SentencePiece's form of BPE dropout.
func (b *spBPE) AppendDropout(dst []Piece, word []byte, dropout float64, rng *rand.Rand) []Piece {
	if dropout == 0 || len(word) == 0 {
		return b.Append(dst, word)
	}
	m := b.pool.Get().(*spMerger)
	m.rng, m.dropout = rng, dropout
	out := emitter{unknowns: &b.unk, dst: dst, word: word, run: -1}
	m.encode(&out, 0, len(word))
	out.flush(len(word))
	m.word, m.parts, m.rng = nil, nil, nil
	b.pool.Put(m)
	return out.dst
}

// remembered encodes a short stretch, or gives out what it was encoded to the last time.
func (m *spMerger) remembered(out *emitter, from, to int) {
	lo, hi := wordKey(out.word, from, to-from)
	if s := m.cache.find(lo, hi); s != nil {
		for _, id := range s.ids[:s.n] {
			end := from + len(m.model.pieces[id].piece)
			out.piece(from, end, id)
			from = end
		}
		return
	}
	out.flush(from)
	start := len(out.dst)
	m.encode(out, from, to)
	if made := out.dst[start:]; out.run < 0 && len(made) <= 3 {
		m.ids = m.ids[:0]
		for _, p := range made {
			if end := from + len(m.model.pieces[p.ID].piece); p.ID == m.model.unk.id || int(p.End) != end {
				return
			}
			from = int(p.End)
			m.ids = append(m.ids, p.ID)
		}
		m.cache.put(lo, hi, m.ids)
	}
}

// stretch is the end of the sequence that begins at a place: pieces never go across it.
func (b *spBPE) stretch(word []byte, at int) int {
	if !b.cutsBefore && !b.cutsAfter {
		return len(word)
	}
	inSpace := hasSPSpace(word[at:])
	for at < len(word) {
		n, _ := b.symbol(word[at:])
		at += n
		if at >= len(word) {
			break
		}
		space := hasSPSpace(word[at:])
		if space && !inSpace && b.cutsBefore || !space && inSpace && b.cutsAfter {
			return at
		}
		inSpace = space
	}
	return len(word)
}

func (m *spMerger) encode(out *emitter, from, to int) {
	m.word = out.word
	m.symbols, m.pairs = m.symbols[:0], m.pairs[:0]
	if m.model.unused {
		m.parts = map[string][2]int32{}
	}
	for at := from; at < to; {
		n, frozen := m.model.symbol(m.word[at:to])
		i := int32(len(m.symbols))
		m.symbols = append(m.symbols, spSymbol{from: int32(at), to: int32(at + n), prev: i - 1, next: i + 1, frozen: frozen})
		at += n
	}
	m.symbols[len(m.symbols)-1].next = -1
	for i := range m.symbols[1:] {
		m.propose(int32(i), int32(i+1))
	}
	for len(m.pairs) > 0 {
		p := m.pop()
		left, right := &m.symbols[p.left], &m.symbols[p.right]
		if left.from == left.to || right.from == right.to || right.to-left.from != p.size || left.next != p.right {
			continue // one of the two has been joined to another symbol since
		}
		if m.rng != nil && m.rng.Float64() < m.dropout {
			continue
		}
		left.to, left.next = right.to, right.next
		if right.next >= 0 {
			m.symbols[right.next].prev = p.left
		}
		right.from = right.to
		m.propose(left.prev, p.left)
		m.propose(p.left, left.next)
	}
	for i := int32(0); i >= 0; i = m.symbols[i].next {
		m.emit(out, m.symbols[i].from, m.symbols[i].to)
	}
}

// propose puts two neighbours on the heap if they make a piece.
func (m *spMerger) propose(left, right int32) {
	if left < 0 || right < 0 || m.symbols[left].frozen || m.symbols[right].frozen {
		return
	}
	l, r := m.symbols[left], m.symbols[right]
	id, ok := m.model.trie.exact(m.word[l.from:r.to])
	if !ok {
		return
	}
	piece := &m.model.pieces[id]
	m.push(spPair{score: piece.score, left: left, right: right, size: r.to - l.from})
	if piece.kind == spUnused {
		m.parts[piece.piece] = [2]int32{l.to - l.from, r.to - r.from}
	}
}

// emit gives out a symbol, cutting unused pieces into what they are made of.
func (m *spMerger) emit(out *emitter, from, to int32) {
	id := m.model.idOf(m.word[from:to])
	if m.model.unused && m.model.pieces[id].kind == spUnused {
		if halves, ok := m.parts[string(m.word[from:to])]; ok {
			m.emit(out, from, from+halves[0])
			m.emit(out, from+halves[0], to)
			return
		}
	}
	out.piece(int(from), int(to), id)
}

// idOf is id, without the hash maps where it can.
func (b *spBPE) idOf(piece []byte) int32 {
	if b.reservedBy[piece[0]] {
		return b.id(piece)
	}
	if id, ok := b.trie.exact(piece); ok {
		return id
	}
	return b.unk.id
}

func (m *spMerger) push(p spPair) {
	m.pairs = append(m.pairs, p)
	h, i := m.pairs, len(m.pairs)-1
	for i > 0 {
		up := (i - 1) / 2
		if !p.before(h[up]) {
			break
		}
		h[i] = h[up]
		i = up
	}
	h[i] = p
}

func (m *spMerger) pop() spPair {
	h := m.pairs
	top, last := h[0], h[len(h)-1]
	h = h[:len(h)-1]
	m.pairs = h
	i := 0
	for {
		down := 2*i + 1
		if down >= len(h) {
			break
		}
		if down+1 < len(h) && h[down+1].before(h[down]) {
			down++
		}
		if !h[down].before(last) {
			break
		}
		h[i] = h[down]
		i = down
	}
	if len(h) > 0 {
		h[i] = last
	}
	return top
}
