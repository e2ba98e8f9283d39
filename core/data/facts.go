package data

import (
	"bytes"
	"cmp"
	"iter"
	"maps"
	"slices"
	"unicode"
	"unicode/utf8"

	"github.com/archlab/archlab/core/data/internal/rng"
)

// facts are what quality rules look at in one document. What is dear to know is computed when it is first asked for. One facts serves document
// after document, in one goroutine.
type facts struct {
	text []byte

	runes         int // characters, white space included
	lines         int // that are not blank
	words         int // by white space
	wordRunes     int
	alphabetic    int // words with a letter
	hashes        int // '#'
	ellipses      int // "..." and "…"
	bulletLines   int
	ellipsisLines int

	spans      []wordSpan // by white space, with case and punctuation
	lengths    []int32    // of words, in characters
	dupLines   *repeated
	dupParas   *repeated
	set        hashSet
	counts     map[uint64]int32
	repeatedOf [11]int // by n; -1: not known
}

// repeated is what occurs again of lines or paragraphs.
type repeated struct{ all, units, runes int }

func sortedKeys[K cmp.Ordered, V any](m map[K]V) []K { return slices.Sorted(maps.Keys(m)) }

// of takes up a document.
func (f *facts) of(text []byte) {
	*f = facts{text: text, spans: f.spans[:0], lengths: f.lengths[:0], set: f.set, counts: f.counts}
	for i := range f.repeatedOf {
		f.repeatedOf[i] = -1
	}
	f.runes = utf8.RuneCount(text)
	for line := range bytes.Lines(text) {
		line = bytes.TrimSpace(line)
		if len(line) == 0 {
			continue
		}
		f.lines++
		if beginsWithBullet(line) {
			f.bulletLines++
		}
		if endsWithEllipsis(line) {
			f.ellipsisLines++
		}
	}
	f.hashes = bytes.Count(text, []byte("#"))
	f.ellipses = bytes.Count(text, []byte("...")) + bytes.Count(text, []byte("…"))
	at, hash, runes, letter := -1, uint64(fnvOffset), 0, false
	end := func(to int) {
		if at < 0 {
			return
		}
		f.spans = append(f.spans, wordSpan{rng.Mix(hash), int32(at), int32(to)})
		f.lengths = append(f.lengths, int32(runes))
		f.wordRunes += runes
		if letter {
			f.alphabetic++
		}
		at, hash, runes, letter = -1, fnvOffset, 0, false
	}
	for i := 0; i < len(text); {
		r, n := rune(text[i]), 1
		if r >= utf8.RuneSelf {
			r, n = utf8.DecodeRune(text[i:])
		}
		if unicode.IsSpace(r) {
			end(i)
			i += n
			continue
		}
		if at < 0 {
			at = i
		}
		for _, c := range text[i : i+n] {
			hash = (hash ^ uint64(c)) * fnvPrime
		}
		runes++
		letter = letter || unicode.IsLetter(r)
		i += n
	}
	end(len(text))
	f.words = len(f.spans)
}

func (f *facts) duplicateLines() repeated {
	if f.dupLines == nil {
		d := f.duplicates(bytes.Lines(f.text))
		f.dupLines = &d
	}
	return *f.dupLines
}

func (f *facts) duplicateParagraphs() repeated {
	if f.dupParas == nil {
		d := f.duplicates(paragraphs(f.text))
		f.dupParas = &d
	}
	return *f.dupParas
}

// paragraphs yields what lines of nothing but white space separate, whatever their line ends.
func paragraphs(text []byte) iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		from, at := 0, 0
		for line := range bytes.Lines(text) {
			if len(bytes.TrimSpace(line)) == 0 {
				if !yield(text[from:at]) {
					return
				}
				from = at + len(line)
			}
			at += len(line)
		}
		yield(text[from:])
	}
}

// duplicates counts the parts that occurred before, blank ones aside; there are no more than lines.
func (f *facts) duplicates(parts iter.Seq[[]byte]) (out repeated) {
	f.set.clear(f.lines)
	for part := range parts {
		if part = bytes.TrimSpace(part); len(part) == 0 {
			continue
		}
		out.all++
		h := uint64(fnvOffset)
		for _, c := range part {
			h = (h ^ uint64(c)) * fnvPrime
		}
		if f.set.add(rng.Mix(h)) {
			out.units++
			out.runes += utf8.RuneCount(part)
		}
	}
	return out
}

// topRunes counts the characters in all occurrences of the n-gram that covers most; an n-gram that occurs once covers none.
func (f *facts) topRunes(n int) (most int) {
	if f.counts == nil {
		f.counts = map[uint64]int32{}
	}
	clear(f.counts)
	ngrams(f.spans, n, func(first int, h uint64) {
		f.counts[h]++
		if c := f.counts[h]; c > 1 {
			size := 0
			for _, l := range f.lengths[first : first+n] {
				size += int(l)
			}
			most = max(most, size*int(c))
		}
	})
	return most
}

// repeatedRunes counts the characters of words that lie in an n-gram that stood in the text before, each once.
func (f *facts) repeatedRunes(n int) int {
	if f.repeatedOf[n] >= 0 {
		return f.repeatedOf[n]
	}
	f.set.clear(len(f.spans))
	covered, total := 0, 0 // words before covered are counted
	ngrams(f.spans, n, func(first int, h uint64) {
		if !f.set.add(h) {
			return
		}
		for i := max(first, covered); i < first+n; i++ {
			total += int(f.lengths[i])
		}
		covered = first + n
	})
	f.repeatedOf[n] = total
	return total
}
