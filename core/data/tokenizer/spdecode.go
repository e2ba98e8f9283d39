package tokenizer

import (
	"strings"
	"unicode/utf8"
)

// spDecoder turns pieces into text as SentencePiece does: control pieces are nothing, an unknown piece is a mark, byte pieces in a row
// are read as UTF-8 (what is not becomes U+FFFD, a byte at a time), U+2581 is a space, and the space that the normalizer put before the
// text goes.
type spDecoder struct {
	vocab      *spVocab
	unkSurface string
	dummy      bool          // the normalizer adds a space before the text
	squeeze    bool          // the normalizer leaves no space at the text's ends
	back       *spNormalizer // the denormalizer; nil: none
}

func (d *spDecoder) decode(tokens []string) []string {
	var dst, run []byte // run: the bytes of byte pieces
	first := true       // a leading space is still to be taken away
	stripped := false
	for _, piece := range tokens {
		id, ok := d.vocab.ID(piece)
		if !ok {
			continue
		}
		kind := d.vocab.pieces[id].kind
		if kind == spByte {
			b, _ := pieceByte(piece)
			run = append(run, b)
			continue
		}
		dst = appendRunes(dst, run)
		run = run[:0]
		if stripped || len(dst) > 0 {
			first = false
		}
		stripped = false
		switch kind {
		case spControl:
		case spUnknown:
			dst = append(dst, d.unkSurface...)
		default:
			if first && (d.dummy || d.squeeze) {
				piece, stripped = strings.CutPrefix(piece, spSpace)
				stripped = stripped && !d.squeeze
			}
			dst = append(dst, strings.ReplaceAll(piece, spSpace, " ")...)
		}
	}
	dst = appendRunes(dst, run)
	if d.back != nil {
		var t text
		t.reset(dst, 0, false)
		d.back.normalize(&t)
		dst = t.b
	}
	return []string{string(dst)}
}

// appendRunes appends bytes as UTF-8, with U+FFFD for each one that is not part of a character.
func appendRunes(dst, raw []byte) []byte {
	for len(raw) > 0 {
		r, n := utf8.DecodeRune(raw)
		if r == utf8.RuneError && n == 1 {
			dst = append(dst, replacementChar...)
		} else {
			dst = append(dst, raw[:n]...)
		}
		raw = raw[n:]
	}
	return dst
}
