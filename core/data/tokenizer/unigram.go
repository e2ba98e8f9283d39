package tokenizer

import (
	"math"
	"slices"
	"sync"
	"unicode/utf8"
)

// ScoredPiece is a piece of a Unigram model with the logarithm of its probability.
type ScoredPiece struct {
	Piece string
	Score float64
}

// UnigramConfig is what tokenizer.json says of a Unigram model.
type UnigramConfig struct {
	Pieces       []ScoredPiece // by id
	UnkID        int           // the piece that stands for characters that are no piece; -1: they are left out
	ByteFallback bool          // characters that are no piece become the pieces <0x00> ... <0xFF> of their bytes, where there are all of them
}

// Unigram is the unigram language model of Kudo 2018 (https://arxiv.org/abs/1804.10959): a word is cut where the product of its
// pieces' probabilities is largest. An unknown character costs 10 more than the least likely piece, and unknown characters in a row
// are one token. Of equally good cuts the one found first wins, pieces being looked up from left to right and from short to long: that
// is what the Rust reference and SentencePiece do, down to the rounding of sums (float64 there, float32 here).
type Unigram struct {
	pieces   []ScoredPiece
	ids      map[string]int32
	trie     *trie
	ends     []pieceEnd // by unit of the trie: the piece that ends there
	longest  int        // bytes of the longest piece
	scores   []float64  // by id, as Viterbi adds them up
	unk      unknowns
	unkScore float64
	single   bool // sums are rounded to float32: SentencePiece
}

const unkPenalty = 10

// maxPieceBytes bounds a piece, so that a hostile file can't ask for a search that never ends.
const maxPieceBytes = 1 << 16

// NewUnigram checks a configuration and builds its trie.
func NewUnigram(cfg UnigramConfig) (*Unigram, error) {
	n := len(cfg.Pieces)
	if n > math.MaxInt32 {
		return nil, errorf(ErrTooLarge, "model.vocab", "%d pieces", n)
	}
	if cfg.UnkID < -1 || cfg.UnkID >= n {
		return nil, errorf(ErrConfig, "model.unk_id", "%d is not one of %d pieces", cfg.UnkID, n)
	}
	u := &Unigram{
		pieces: slices.Clone(cfg.Pieces), ids: make(map[string]int32, n), scores: make([]float64, n),
	}
	u.unk = unknowns{id: int32(cfg.UnkID), whole: u.ids}
	least := math.Inf(1)
	for i, p := range u.pieces {
		if math.IsNaN(p.Score) || math.IsInf(p.Score, 0) {
			return nil, errorf(ErrConfig, "model.vocab", "piece %q has a score of %g", p.Piece, p.Score)
		}
		if len(p.Piece) > maxPieceBytes {
			return nil, errorf(ErrTooLarge, "model.vocab", "a piece of %d bytes", len(p.Piece))
		}
		u.ids[p.Piece] = int32(i) // of pieces that occur twice the last one counts, as in the reference
		u.scores[i] = p.Score
		least = min(least, p.Score)
	}
	u.unkScore = least - unkPenalty
	u.index(u.ids)
	if cfg.ByteFallback {
		u.unk.bytes = bytePieces(u.ids)
	}
	return u, nil
}

// pieceEnd is what the walk over a text needs of a piece.
type pieceEnd struct {
	score float64
	id    int32
}

// index makes the trie of the pieces that can be found in text.
func (u *Unigram) index(text map[string]int32) {
	u.trie = trieOf(text)
	u.ends = make([]pieceEnd, len(u.trie.units))
	for i, id := range u.trie.values {
		if id >= 0 {
			u.ends[i] = pieceEnd{u.scores[id], id}
		}
	}
	for piece := range text {
		u.longest = max(u.longest, len(piece))
	}
}

// trieOf is the trie of a vocabulary.
func trieOf(ids map[string]int32) *trie {
	keys := make([]string, 0, len(ids))
	for piece := range ids {
		keys = append(keys, piece)
	}
	slices.Sort(keys)
	values := make([]int32, len(keys))
	for i, k := range keys {
		values[i] = ids[k]
	}
	return newTrie(keys, values)
}

// Token is what an id stands for.
func (u *Unigram) Token(id int32) (string, bool) {
	if id < 0 || int(id) >= len(u.pieces) {
		return "", false
	}
	return u.pieces[id].Piece, true
}

// ID is the id of a piece.
func (u *Unigram) ID(piece string) (int32, bool) {
	id, ok := u.ids[piece]
	return id, ok
}

// Size is the number of pieces.
func (u *Unigram) Size() int { return len(u.pieces) }

// Config is what the model was made from, as far as tokenizer.json can say it.
func (u *Unigram) Config() UnigramConfig {
	return UnigramConfig{Pieces: u.pieces, UnkID: int(u.unk.id), ByteFallback: u.unk.bytes != nil}
}

// pathNode is the best way to a place in the text.
type pathNode struct {
	score float64
	start int32 // where its last piece begins; -1: no way yet
	id    int32
}

// viterbi is the scratch memory of Append.
type viterbi struct {
	nodes []pathNode
	ends  []int32
}

var viterbis = sync.Pool{New: func() any { return new(viterbi) }}

// Append appends the most probable pieces of a word. Places that no piece reaches across end a stretch: what lies before them is
// settled, so that memory is bounded by the longest stretch and not by the text, while scores go on adding up.
func (u *Unigram) Append(dst []Piece, word []byte) []Piece {
	v := viterbis.Get().(*viterbi)
	out := emitter{unknowns: &u.unk, dst: dst, word: word, run: -1}
	base, far := 0, 0 // the stretch's beginning; the farthest end of a piece that begins before at
	v.reach(0, utf8.UTFMax)
	v.nodes[0] = pathNode{start: -1}
	units, ends := u.trie.units, u.ends
	for at := 0; at < len(word); {
		if at == far && at > base {
			v.settle(&out, base, at)
			v.nodes[0] = pathNode{score: v.nodes[at-base].score, start: -1}
			base = at
		}
		v.reach(far-base, at-base+max(u.longest, utf8.UTFMax))
		nodes := v.nodes
		till := nodes[at-base].score
		size := charLen(word[at:])
		known := false
		unit := uint32(trieRoot)
		for end := at; end < len(word); {
			next := uint32(units[unit])&^trieFinal ^ uint32(word[end])
			packed := units[next]
			if uint32(packed>>32) != unit {
				break
			}
			unit = next
			end++
			if packed&trieFinal == 0 {
				continue
			}
			for far < end {
				far++
				nodes[far-base].start = -1
			}
			piece, node := &ends[unit], &nodes[end-base]
			if score := till + piece.score; node.start < 0 || score > node.score {
				if u.single {
					score = float64(float32(score))
				}
				*node = pathNode{score: score, start: int32(at - base), id: piece.id}
			}
			known = known || end-at == size
		}
		if !known {
			for far < at+size {
				far++
				nodes[far-base].start = -1
			}
			node := &nodes[at+size-base]
			score := till + u.unkScore
			if u.single {
				score = float64(float32(score))
			}
			if node.start < 0 || score > node.score {
				*node = pathNode{score: score, start: int32(at - base), id: u.unk.id}
			}
		}
		at += size
	}
	v.settle(&out, base, len(word))
	out.flush(len(word))
	viterbis.Put(v)
	return out.dst
}

// reach makes room for nodes up to the last one; those up to the one in use stay.
func (v *viterbi) reach(used, last int) {
	if last < len(v.nodes) {
		return
	}
	grown := make([]pathNode, 2*last+64)
	copy(grown, v.nodes[:min(used+1, len(v.nodes))])
	v.nodes = grown
}

// settle gives out the pieces of the stretch from base to end.
func (v *viterbi) settle(out *emitter, base, end int) {
	nodes, ends := v.nodes, v.ends[:0]
	for at := int32(end - base); at > 0; at = nodes[at].start {
		ends = append(ends, at)
	}
	from := int32(0)
	for _, to := range slices.Backward(ends) {
		out.piece(base+int(from), base+int(to), nodes[to].id)
		from = to
	}
	v.ends = ends
}

// charLen is the length of the character that text begins with; a byte that is not UTF-8 counts as one.
func charLen(text []byte) int {
	if text[0] < utf8.RuneSelf {
		return 1
	}
	_, n := utf8.DecodeRune(text)
	return n
}
