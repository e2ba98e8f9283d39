package tokenizer

import "unicode/utf8"

// word is a part of the text that the model will see on its own, or an added token.
type word struct {
	from, to int32 // in words.b
	origin   int32 // where it begins in the input, if words.b is the input or knows
	token    int32 // the id of an added token, or -1
}

// words is a text on its way through the pre-tokenizers. What lies between words was removed.
type words struct {
	text
	list  []word
	spare []word // what list becomes

	matches []match
}

// match is a part of a word: a match of some pattern, or what lies between two. Together they are the word.
type match struct {
	from, to int32 // in the word
	is       bool
}

// Behavior says what becomes of the matches when text is split at them.
type behavior uint8

const (
	removed behavior = iota
	isolated
	mergedWithPrevious
	mergedWithNext
	contiguous
)

// behaviorNames are the names in tokenizer.json.
var behaviorNames = []string{"Removed", "Isolated", "MergedWithPrevious", "MergedWithNext", "Contiguous"}

// split splits all words but the added tokens at the matches that find appends for a word. Empty words are left out.
func (w *words) split(find func(dst []match, b []byte) []match, how behavior) {
	w.each(func(x word) {
		w.matches = find(w.matches[:0], w.b[x.from:x.to])
		w.cut(x, how)
	})
}

// each makes the next list: cut adds the words that a word becomes; added tokens stay.
func (w *words) each(cut func(x word)) {
	w.begin()
	for _, x := range w.list {
		if x.token >= 0 {
			w.spare = append(w.spare, x)
		} else {
			cut(x)
		}
	}
	w.end()
}

func (w *words) begin() { w.spare = w.spare[:0] }

func (w *words) end() { w.list, w.spare = w.spare, w.list }

// add adds a part of the text as a word, unless it is empty.
func (w *words) add(from, to int32) {
	if from < to {
		w.spare = append(w.spare, word{from, to, w.originOf(from), -1})
	}
}

// originOf is where a byte of the text began in the input.
func (w *words) originOf(at int32) int32 {
	if w.from != nil {
		return w.from[at].from
	}
	return at
}

// cut adds the words that w.matches make of x.
func (w *words) cut(x word, how behavior) {
	ms := w.matches
	for i := 0; i < len(ms); {
		j := i + 1
		for j < len(ms) && how.joins(ms[j-1].is, ms[j].is) {
			j++
		}
		if how != removed || !ms[i].is {
			w.add(x.from+ms[i].from, x.from+ms[j-1].to)
		}
		i = j
	}
}

// joins says whether two neighbours, each of them a match or what is between matches, are one word.
func (how behavior) joins(left, right bool) bool {
	switch how {
	case mergedWithPrevious: // a match goes to what is before it, unless that is a match
		return !left && right
	case mergedWithNext:
		return left && !right
	case contiguous:
		return left == right
	}
	return false
}

// findRunes matches single characters. Is is asked about characters from U+0080 on, ascii about all others.
func findRunes(dst []match, b []byte, ascii *[utf8.RuneSelf]bool, is func(r rune) bool) []match {
	last := int32(0)
	for i := 0; i < len(b); {
		n, hit := 1, false
		if c := b[i]; c < utf8.RuneSelf {
			hit = ascii[c]
		} else {
			var r rune
			r, n = utf8.DecodeRune(b[i:])
			hit = is(r)
		}
		if hit {
			if last < int32(i) {
				dst = append(dst, match{last, int32(i), false})
			}
			last = int32(i + n)
			dst = append(dst, match{int32(i), last, true})
		}
		i += n
	}
	if last < int32(len(b)) {
		dst = append(dst, match{last, int32(len(b)), false})
	}
	return dst
}

// rewriteWords rewrites every word that is no added token with f, which must take w.at to the end of the word.
func (w *words) rewriteWords(f func(r *rewriter, b []byte)) {
	r := w.rewrite()
	w.begin()
	for _, x := range w.list {
		start := int32(len(r.out))
		r.at, r.base, r.origin = int(x.from), int(x.from), x.origin
		if x.token >= 0 {
			r.keep(int(x.to - x.from))
		} else {
			f(&r, w.b[x.from:x.to])
		}
		if end := int32(len(r.out)); end > start {
			w.spare = append(w.spare, word{start, end, x.origin, x.token})
		}
	}
	r.done()
	w.end()
}
