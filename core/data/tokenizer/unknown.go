package tokenizer

import "strings"

// unknowns says what becomes of characters that are no piece.
type unknowns struct {
	id    int32            // the unknown piece; -1: they are left out
	bytes []int32          // by byte: the id of its piece or -1; nil without byte fallback
	whole map[string]int32 // a run that is in here as a whole is that piece (so the Rust reference); nil: no run is
}

// emitter turns the pieces of a path, from left to right, into tokens: it joins unknown characters in a row and falls back to bytes.
type emitter struct {
	*unknowns
	dst  []Piece
	word []byte
	run  int // where a run of unknown characters begins; -1: there is none
}

func (e *emitter) piece(from, to int, id int32) {
	if id == e.id {
		if e.run < 0 {
			e.run = from
		}
		return
	}
	if e.run >= 0 {
		e.flush(from)
	}
	e.dst = append(e.dst, Piece{ID: id, End: int32(to)})
}

// flush ends a run of unknown characters.
func (e *emitter) flush(to int) {
	if e.run < 0 {
		return
	}
	run, from := e.word[e.run:to], e.run
	e.run = -1
	if id, ok := e.whole[string(run)]; ok {
		e.dst = append(e.dst, Piece{ID: id, End: int32(to)})
	} else if e.covers(run) {
		for i, b := range run {
			e.dst = append(e.dst, Piece{ID: e.bytes[b], End: int32(from + i + 1)})
		}
	} else if e.id >= 0 {
		e.dst = append(e.dst, Piece{ID: e.id, End: int32(to)})
	}
}

// covers says that every byte of a run has a piece to fall back to.
func (u *unknowns) covers(run []byte) bool {
	if u.bytes == nil {
		return false
	}
	for _, b := range run {
		if u.bytes[b] < 0 {
			return false
		}
	}
	return true
}

const hexDigits = "0123456789ABCDEF"

// bytePiece is how vocabularies write a byte: <0x0A>.
func bytePiece(b byte) string {
	return string([]byte{'<', '0', 'x', hexDigits[b>>4], hexDigits[b&15], '>'})
}

// pieceByte is the byte that bytePiece made a piece of.
func pieceByte(piece string) (byte, bool) {
	if len(piece) != 6 || piece[:3] != "<0x" || piece[5] != '>' {
		return 0, false
	}
	hi, lo := strings.IndexByte(hexDigits, piece[3]), strings.IndexByte(hexDigits, piece[4])
	return byte(hi<<4 | lo), hi >= 0 && lo >= 0
}

// bytePieces lists the ids of the 256 bytes' pieces, -1 for those that the vocabulary lacks.
func bytePieces(ids map[string]int32) []int32 {
	out := make([]int32, 256)
	for b := range out {
		id, ok := ids[bytePiece(byte(b))]
		if !ok {
			id = -1
		}
		out[b] = id
	}
	return out
}
