package data

import (
	"math/bits"
	"unicode"
	"unicode/utf8"

	"github.com/archlab/archlab/core/data/internal/rng"
)

// Words for duplicates and overlaps are runs of letters, marks and digits, in lower case; everything else separates them, so that
// punctuation and layout do not matter. Scripts that are written without spaces have one word a character.

// wordSpan is a word of a text: its hash and the bytes [from,to) that it covers.
type wordSpan struct {
	hash     uint64
	from, to int32
}

const (
	fnvOffset = 14695981039346656037
	fnvPrime  = 1099511628211
)

// appendWords appends the words of a text to dst.
func appendWords(dst []wordSpan, text []byte) []wordSpan {
	hash, from := uint64(fnvOffset), -1
	end := func(to int) {
		if from >= 0 {
			dst = append(dst, wordSpan{rng.Mix(hash), int32(from), int32(to)})
			hash, from = fnvOffset, -1
		}
	}
	for i := 0; i < len(text); {
		c := text[i]
		if c < utf8.RuneSelf {
			switch {
			case 'A' <= c && c <= 'Z':
				c += 'a' - 'A'
				fallthrough
			case 'a' <= c && c <= 'z', '0' <= c && c <= '9':
				if from < 0 {
					from = i
				}
				hash = (hash ^ uint64(c)) * fnvPrime
			default:
				end(i)
			}
			i++
			continue
		}
		r, n := utf8.DecodeRune(text[i:])
		switch {
		case r == utf8.RuneError && n == 1: // not UTF-8: no word
			end(i)
		case unspaced(r):
			end(i)
			from, hash = i, (hash^uint64(r))*fnvPrime
			end(i + n)
		case unicode.IsLetter(r) || unicode.IsDigit(r) || unicode.IsMark(r):
			if from < 0 {
				from = i
			}
			hash = (hash ^ uint64(unicode.ToLower(r))) * fnvPrime
		default:
			end(i)
		}
		i += n
	}
	end(len(text))
	return dst
}

// unspaced says whether words of a letter's script are written without spaces between them.
func unspaced(r rune) bool {
	return r >= 0x0e00 && unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Thai, unicode.Lao, unicode.Khmer, unicode.Myanmar)
}

// ngrams calls fn with the hash of every n consecutive words and the number of the first.
func ngrams(words []wordSpan, n int, fn func(first int, hash uint64)) {
	if n < 1 || len(words) < n {
		return
	}
	// A polynomial in an odd base modulo 2^64, rolled: what leaves the window is subtracted.
	const base = 0x9e3779b97f4a7c15
	drop := uint64(1)
	for range n {
		drop *= base
	}
	var h uint64
	for i, w := range words {
		h = h*base + w.hash
		if i >= n {
			h -= drop * words[i-n].hash
		}
		if i >= n-1 {
			fn(i-n+1, rng.Mix(h))
		}
	}
}

// shingles appends the hashes of a text's n-grams of words. A text of fewer words is one shingle, one without words has the shingle of its
// bytes: only equal ones resemble each other.
func shingles(dst []uint64, words []wordSpan, text []byte, n int) []uint64 {
	if len(words) >= n {
		ngrams(words, n, func(_ int, h uint64) { dst = append(dst, h) })
		return dst
	}
	h := uint64(fnvOffset)
	if len(words) == 0 {
		for _, c := range text {
			h = (h ^ uint64(c)) * fnvPrime
		}
	}
	for _, w := range words {
		h = bits.RotateLeft64(h, 7) ^ rng.Mix(w.hash+h)
	}
	return append(dst, rng.Mix(h^uint64(len(words))))
}

// hashSet is a set of hashes that is emptied in no time: slots of earlier uses are out of date.
type hashSet struct {
	keys  []uint64
	uses  []uint32
	use   uint32
	count int
}

// clear empties the set and makes room for n hashes.
func (s *hashSet) clear(n int) {
	if size := 1 << bits.Len(uint(2*n+1)); len(s.keys) < size {
		s.keys, s.uses, s.use = make([]uint64, size), make([]uint32, size), 0
	}
	if s.use++; s.use == 0 {
		clear(s.uses)
		s.use = 1
	}
	s.count = 0
}

// add answers whether the hash was there before.
func (s *hashSet) add(h uint64) bool {
	mask := uint64(len(s.keys) - 1)
	for i := h & mask; ; i = (i + 1) & mask {
		if s.uses[i] != s.use {
			s.keys[i], s.uses[i] = h, s.use
			s.count++
			return false
		}
		if s.keys[i] == h {
			return true
		}
	}
}
