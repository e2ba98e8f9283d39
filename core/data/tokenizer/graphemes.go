package tokenizer

import (
	"unicode"
	"unicode/utf8"
)

// clusterLen is the length of the grapheme cluster that text begins with (Unicode Standard Annex 29, extended clusters, in the version of
// the Rust reference). It is exact for clusters of fewer than six bytes, the only ones whose extent the normalizer Precompiled looks
// at: pairs of regional indicators, of eight bytes, come apart.
func clusterLen(text []byte) int {
	last, n := utf8.DecodeRune(text)
	if last == '\r' && n < len(text) && text[n] == '\n' {
		return 2
	}
	if unicode.Is(clusterControls, last) || last == '\r' || last == '\n' {
		return n
	}
	picture := unicode.Is(clusterPictures, last)     // a picture, and nothing but extending characters since
	consonant := unicode.Is(clusterConsonants, last) // a consonant, and nothing but what links since
	linked, joiner := false, false                   // a linker since; a picture with a joiner right before
	for n < len(text) {
		r, size := utf8.DecodeRune(text[n:])
		joins := unicode.Is(clusterJoins, r)
		switch {
		case r == '\r' || r == '\n' || unicode.Is(clusterControls, r):
			return n
		case joins, unicode.Is(clusterPrepends, last), hangulJoins(last, r):
		case joiner && unicode.Is(clusterPictures, r):
		case consonant && linked && unicode.Is(clusterConsonants, r):
		default:
			return n
		}
		spacing := unicode.Is(clusterSpacing, r)
		joiner = picture && r == zeroWidthJoiner
		switch {
		case !joins:
			picture, consonant, linked = unicode.Is(clusterPictures, r), unicode.Is(clusterConsonants, r), false
		default:
			picture = picture && !spacing && r != zeroWidthJoiner
			consonant = consonant && !spacing && r != zeroWidthNonJoiner
			linked = linked || unicode.Is(clusterLinkers, r)
		}
		last = r
		n += size
	}
	return n
}

const (
	zeroWidthNonJoiner = '\u200c'
	zeroWidthJoiner    = '\u200d'
)

// hangulJoins says whether two parts of Hangul are of one syllable: leading consonants, vowels, trailing consonants.
func hangulJoins(a, b rune) bool {
	const leading, vowel, trailing, open, closed = 1, 2, 3, 4, 5
	kind := func(r rune) int {
		switch {
		case r >= 0x1100 && r <= 0x115f, r >= 0xa960 && r <= 0xa97c:
			return leading
		case r >= 0x1160 && r <= 0x11a7, r >= 0xd7b0 && r <= 0xd7c6:
			return vowel
		case r >= 0x11a8 && r <= 0x11ff, r >= 0xd7cb && r <= 0xd7fb:
			return trailing
		case r >= 0xac00 && r <= 0xd7a3:
			if (r-0xac00)%28 == 0 {
				return open
			}
			return closed
		}
		return 0
	}
	switch k := kind(b); kind(a) {
	case leading:
		return k == leading || k == vowel || k == open || k == closed
	case vowel, open:
		return k == vowel || k == trailing
	case trailing, closed:
		return k == trailing
	}
	return false
}
