package tokenizer

import (
	"math"
	"slices"
)

// spVocab is the vocabulary of a SentencePiece model, with the checks that SentencePiece makes when it loads one.
type spVocab struct {
	pieces   []spPiece        // by id
	normal   map[string]int32 // pieces of text: normal, user-defined and unused ones
	reserved map[string]int32 // control, unknown and byte pieces
	user     *trie            // user-defined pieces; nil: none
	unk      unknowns
}

func newSPVocab(m *spModel) (*spVocab, error) {
	v := &spVocab{pieces: m.pieces, normal: map[string]int32{}, reserved: map[string]int32{}}
	v.unk.id = -1
	if len(m.pieces) > math.MaxInt32 {
		return nil, errorf(ErrTooLarge, "pieces", "%d pieces", len(m.pieces))
	}
	user := map[string]int32{}
	byteIDs := slices.Repeat([]int32{-1}, 256)
	for i, p := range m.pieces {
		id := int32(i)
		into := v.normal
		switch {
		case p.piece == "":
			return nil, errorf(ErrFormat, "pieces", "piece %d is empty", i)
		case len(p.piece) > maxPieceBytes:
			return nil, errorf(ErrTooLarge, "pieces", "piece %d has %d bytes", i, len(p.piece))
		case p.score != p.score:
			return nil, errorf(ErrFormat, "pieces", "piece %q has no score", p.piece)
		}
		switch p.kind {
		case spUserDefined:
			user[p.piece] = id
		case spUnknown:
			if v.unk.id >= 0 {
				return nil, errorf(ErrFormat, "pieces", "two unknown pieces: %d and %d", v.unk.id, i)
			}
			v.unk.id = id
			into = v.reserved
		case spControl:
			into = v.reserved
		case spByte:
			b, ok := pieceByte(p.piece)
			if !ok || !m.fallback {
				return nil, errorf(ErrFormat, "pieces", "byte piece %q, with byte_fallback %t", p.piece, m.fallback)
			}
			byteIDs[b] = id
			into = v.reserved
		}
		if _, twice := into[p.piece]; twice {
			return nil, errorf(ErrFormat, "pieces", "piece %q occurs twice", p.piece)
		}
		into[p.piece] = id
	}
	if v.unk.id < 0 {
		return nil, errorf(ErrFormat, "pieces", "no unknown piece among %d", len(m.pieces))
	}
	if m.fallback {
		if b := slices.Index(byteIDs, -1); b >= 0 {
			return nil, errorf(ErrFormat, "pieces", "byte_fallback without the piece %s", bytePiece(byte(b)))
		}
		v.unk.bytes = byteIDs
	}
	if len(user) > 0 {
		v.user = trieOf(user)
	}
	return v, nil
}

// id is the id of a piece; the unknown piece's where there is none.
func (v *spVocab) id(piece []byte) int32 {
	if id, ok := v.reserved[string(piece)]; ok {
		return id
	}
	if id, ok := v.normal[string(piece)]; ok {
		return id
	}
	return v.unk.id
}

// symbol is the length of what text begins with: a user-defined piece, which is never cut or joined to others, or a character.
func (v *spVocab) symbol(text []byte) (n int, frozen bool) {
	if v.user != nil {
		if n, _ := v.user.longest(text); n > 0 {
			return n, true
		}
	}
	return charLen(text), false
}

// Token is what an id stands for.
func (v *spVocab) Token(id int32) (string, bool) {
	if id < 0 || int(id) >= len(v.pieces) {
		return "", false
	}
	return v.pieces[id].piece, true
}

// ID is the id of a piece.
func (v *spVocab) ID(piece string) (int32, bool) {
	if id, ok := v.reserved[piece]; ok {
		return id, true
	}
	id, ok := v.normal[piece]
	return id, ok
}

// Size is the number of pieces.
func (v *spVocab) Size() int { return len(v.pieces) }

// spUnigram is a Unigram model whose pieces have kinds: only those of text are looked up, the least score is that of normal pieces,
// and a user-defined piece gets a score that lets it win over any other cut.
type spUnigram struct {
	*spVocab
	*Unigram
}

func newSPUnigram(v *spVocab) (*spUnigram, error) {
	u := &Unigram{pieces: make([]ScoredPiece, len(v.pieces)), scores: make([]float64, len(v.pieces)), unk: v.unk, single: true}
	least, most := float32(math.MaxFloat32), float32(0x1p-126)
	for _, p := range v.pieces {
		if p.kind == spNormal {
			least, most = min(least, p.score), max(most, p.score)
		}
	}
	text := map[string]int32{}
	for i, p := range v.pieces {
		u.pieces[i] = ScoredPiece{p.piece, float64(p.score)}
		u.scores[i] = float64(p.score)
		switch p.kind {
		case spUserDefined:
			u.scores[i] = float64(float32(len(p.piece))*most) - 0.1
			text[p.piece] = int32(i)
		case spNormal:
			text[p.piece] = int32(i)
		}
	}
	if len(v.normal) == 0 {
		return nil, errorf(ErrFormat, "pieces", "no piece of text among %d", len(v.pieces))
	}
	u.unkScore = float64(least - unkPenalty)
	u.index(text)
	return &spUnigram{v, u}, nil
}

func (u *spUnigram) Append(dst []Piece, word []byte) []Piece { return u.Unigram.Append(dst, word) }
func (u *spUnigram) Token(id int32) (string, bool)           { return u.spVocab.Token(id) }
func (u *spUnigram) ID(piece string) (int32, bool)           { return u.spVocab.ID(piece) }
func (u *spUnigram) Size() int                               { return u.spVocab.Size() }

// spChar cuts text into characters and user-defined pieces.
type spChar struct{ *spVocab }

func (c spChar) Append(dst []Piece, word []byte) []Piece {
	out := emitter{unknowns: &c.unk, dst: dst, word: word, run: -1}
	for at := 0; at < len(word); {
		n, _ := c.symbol(word[at:])
		out.piece(at, at+n, c.id(word[at:at+n]))
		at += n
	}
	out.flush(len(word))
	return out.dst
}

// spWord cuts text before each space.
type spWord struct{ *spVocab }

func (w spWord) Append(dst []Piece, word []byte) []Piece {
	out := emitter{unknowns: &w.unk, dst: dst, word: word, run: -1}
	for at := 0; at < len(word); {
		end := at + charLen(word[at:])
		for end < len(word) && !hasSPSpace(word[end:]) {
			end += charLen(word[end:])
		}
		out.piece(at, end, w.id(word[at:end]))
		at = end
	}
	out.flush(len(word))
	return out.dst
}

func hasSPSpace(text []byte) bool {
	return len(text) >= len(spSpace) && string(text[:len(spSpace)]) == spSpace
}
