package tokenizer

import (
	"math/rand/v2"
	"unicode/utf8"
)

// bpeScratch is what one call works with. Words repeat, so what became of them is remembered.
type bpeScratch struct {
	merger
	word   []symbol
	buf    []byte
	cache  wordCache
	pieces map[string][]Piece
}

const (
	cachedWords = 1 << 15 // of more than a few bytes or ids, and of models over text
	cachedBytes = 128
)

func (b *BPE) scratch() *bpeScratch {
	if s, ok := b.pool.Get().(*bpeScratch); ok {
		return s
	}
	return &bpeScratch{pieces: map[string][]Piece{}}
}

// Append appends the pieces of a word: visible letters or text, or bytes where the model is one over raw bytes.
func (b *BPE) Append(dst []Piece, word []byte) []Piece {
	if len(word) == 0 {
		return dst
	}
	s := b.scratch()
	from := len(dst)
	if len(word) > cachedBytes {
		dst = b.pieces(dst, word, s)
	} else if known, ok := s.pieces[string(word)]; ok {
		dst = append(dst, known...)
	} else {
		dst = b.pieces(dst, word, s)
		if len(s.pieces) >= cachedWords {
			clear(s.pieces)
		}
		s.pieces[string(word)] = append([]Piece(nil), dst[from:]...)
	}
	b.pool.Put(s)
	return dst
}

// AppendDropout is Append where merges are left out with a probability, drawn from rng: another cut every time. As in the reference, the
// configuration's IgnoreMerges holds only without dropout.
func (b *BPE) AppendDropout(dst []Piece, word []byte, dropout float64, rng *rand.Rand) []Piece {
	if dropout == 0 {
		return b.Append(dst, word)
	}
	s := b.scratch()
	s.word = b.symbols(s.word[:0], word, s)
	dst = appendPieces(dst, s.mergeLong(&b.pairs, s.word, rng, dropout))
	b.pool.Put(s)
	return dst
}

func (b *BPE) pieces(dst []Piece, word []byte, s *bpeScratch) []Piece {
	if b.cfg.IgnoreMerges {
		if id, ok := b.wholeWord(word); ok {
			return append(dst, Piece{id, int32(len(word))})
		}
	}
	s.word = b.symbols(s.word[:0], word, s)
	return appendPieces(dst, s.merge(&b.pairs, s.word))
}

// appendPieces turns lengths into ends.
func appendPieces(dst []Piece, word []symbol) []Piece {
	end := int32(0)
	for _, s := range word {
		end += s.n
		dst = append(dst, Piece{s.id, end})
	}
	return dst
}

// wholeWord finds a word that is a token.
func (b *BPE) wholeWord(word []byte) (id int32, ok bool) {
	if b.level != nil {
		id, ok = b.level.words[string(word)]
	} else {
		id, ok = b.cfg.Vocab[string(word)]
	}
	return id, ok
}

// symbols appends what a word is before any merge: one symbol for each character that has a token; for the others their bytes, the
// unknown token, or nothing.
func (b *BPE) symbols(dst []symbol, word []byte, s *bpeScratch) []symbol {
	if b.level != nil && b.level.whole {
		for _, c := range word {
			dst = append(dst, symbol{b.level.first[c], 1})
		}
		return dst
	}
	unknown := int32(0) // bytes that wait to be added as unk
	for i := 0; i < len(word); {
		n := 1
		if b.level == nil {
			_, n = utf8.DecodeRune(word[i:])
		}
		id, spelled := b.start(word, i, i+n, s)
		switch {
		case id >= 0:
			if unknown > 0 {
				dst = append(dst, symbol{b.unk, unknown})
				unknown = 0
			}
			dst = append(dst, symbol{id, int32(n)})
		case b.cfg.ByteFallback && b.haveBytes(spelled):
			// The reference does not add the unknown ones that wait here, but after these.
			for _, c := range spelled {
				dst = append(dst, symbol{b.bytes[c], 1})
			}
		case b.unk >= 0:
			if unknown > 0 && !b.cfg.FuseUnk {
				dst = append(dst, symbol{b.unk, unknown})
				unknown = 0
			}
			unknown += int32(n)
		}
		i += n
	}
	if unknown > 0 {
		dst = append(dst, symbol{b.unk, unknown})
	}
	return dst
}

// start answers the id of the character word[from:to], or -1, and how it is spelled with the prefix and suffix of its place.
func (b *BPE) start(word []byte, from, to int, s *bpeScratch) (int32, []byte) {
	char := word[from:to]
	if b.level != nil {
		return b.level.first[char[0]], nil
	}
	first, last := from == 0, to == len(word)
	if (!first && b.cfg.Prefix != "") || (last && b.cfg.Suffix != "") {
		s.buf = s.buf[:0]
		if !first {
			s.buf = append(s.buf, b.cfg.Prefix...)
		}
		s.buf = append(s.buf, char...)
		if last {
			s.buf = append(s.buf, b.cfg.Suffix...)
		}
		char = s.buf
	} else if b.starts != nil {
		if r, n := utf8.DecodeRune(char); r != utf8.RuneError && n == len(char) && r < 0x10000 {
			if int(r) < len(b.starts) {
				return b.starts[r], char
			}
			return -1, char
		}
	}
	if id, ok := b.cfg.Vocab[string(char)]; ok {
		return id, char
	}
	return -1, char
}

func (b *BPE) haveBytes(spelled []byte) bool {
	for _, c := range spelled {
		if b.bytes[c] < 0 {
			return false
		}
	}
	return true
}
