package tokenizer

import (
	"slices"
	"unicode/utf8"
)

// keepsBytes says whether bytes that are not UTF-8 can reach a model as they are: spelled in visible letters, or as tokens of their own. A
// SentencePiece model's normalizer says itself what becomes of them.
func (p *parts) keepsBytes() bool {
	if p.file != nil || takesAnyBytes(p.pre) || spellsBytes(p.normalizer) {
		return true
	}
	switch m := p.model.(type) {
	case *BPE:
		return m.cfg.ByteFallback
	case *Unigram:
		return m.unk.bytes != nil
	}
	return false
}

func spellsBytes(n normalizer) bool {
	switch n := n.(type) {
	case normByteLevel:
		return true
	case normSequence:
		return slices.ContainsFunc(n, spellsBytes)
	}
	return false
}

// wellFormed is a text as a string of the references has it: every maximal subpart of a character that is not whole is U+FFFD, as the
// Unicode standard recommends (version 15, section 3.9) and decoders of strings do.
type wellFormed struct {
	text  []byte
	moved []moved // where it has other bytes than the input, in order
}

// moved says that from a byte of the text on, the input is so many bytes further.
type moved struct{ at, by int32 }

// wellForm answers input as the model may see it: itself unless something has to be replaced.
func (t *Tokenizer) wellForm(input []byte) wellFormed {
	if len(input) > MaxText {
		panic("tokenizer: a text of more than MaxText bytes")
	}
	if t.illFormed || utf8.Valid(input) {
		return wellFormed{text: input}
	}
	w := wellFormed{text: make([]byte, 0, len(input)+len(input)/8)}
	for i := 0; i < len(input); {
		r, n := utf8.DecodeRune(input[i:])
		if r == utf8.RuneError && n == 1 {
			n = subpart(input[i:])
			w.text = utf8.AppendRune(w.text, r)
			if by := int32(i + n - len(w.text)); len(w.moved) == 0 && by != 0 || len(w.moved) > 0 && w.moved[len(w.moved)-1].by != by {
				w.moved = append(w.moved, moved{int32(len(w.text)), by})
			}
		} else {
			w.text = append(w.text, input[i:i+n]...)
		}
		i += n
	}
	return w
}

// place is the byte of the input that a character's beginning or end in the text comes from.
func (w *wellFormed) place(at int32) int32 {
	i, exact := slices.BinarySearchFunc(w.moved, at, func(m moved, at int32) int { return int(m.at - at) })
	if exact {
		i++
	}
	if i == 0 {
		return at
	}
	return at + w.moved[i-1].by
}

// subpart is the length of the maximal subpart that b begins with, where b does not begin with a whole character: the longest beginning of
// some character, or one byte.
func subpart(b []byte) int {
	lo, hi, n := byte(0x80), byte(0xBF), 0
	switch c := b[0]; {
	case c >= 0xC2 && c <= 0xDF:
		n = 2
	case c >= 0xE0 && c <= 0xEF:
		n = 3
	case c >= 0xF0 && c <= 0xF4:
		n = 4
	}
	switch b[0] { // second bytes that would write a shorter character, a surrogate or none at all
	case 0xE0:
		lo = 0xA0
	case 0xED:
		hi = 0x9F
	case 0xF0:
		lo = 0x90
	case 0xF4:
		hi = 0x8F
	}
	i := 1
	for i < min(n, len(b)) && lo <= b[i] && b[i] <= hi {
		lo, hi = 0x80, 0xBF
		i++
	}
	return i
}
