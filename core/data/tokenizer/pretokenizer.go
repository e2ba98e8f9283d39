package tokenizer

import (
	"sync"
	"unicode/utf8"
)

// preTokenizer cuts text into words. It may change the text of words, and remove text between words.
type preTokenizer interface {
	split(w *words)
}

// preSequence applies pre-tokenizers one after the other: each one cuts the words of the one before.
type preSequence []preTokenizer

func (s preSequence) split(w *words) {
	for _, p := range s {
		p.split(w)
	}
}

// preSplit cuts at the matches of a pattern.
type preSplit struct {
	pattern *pattern
	how     behavior
	invert  bool // what matches and what does not change places
}

func (p preSplit) split(w *words) {
	if p.pattern.scan != nil && (p.how == isolated || p.how == removed && p.invert) {
		w.scan(p.pattern.scan)
		return
	}
	w.split(func(dst []match, b []byte) []match {
		dst = p.pattern.find(dst, b)
		if p.invert {
			for i := range dst {
				dst[i].is = !dst[i].is
			}
		}
		return dst
	}, p.how)
}

// scan cuts words where a scanner says that the next one begins.
func (w *words) scan(next func(text []byte) int) {
	w.each(func(x word) {
		for at := x.from; at < x.to; {
			end := at + int32(next(w.b[at:x.to]))
			w.spare = append(w.spare, word{at, end, w.originOf(at), -1})
			at = end
		}
	})
}

// preByteLevel writes every byte as the character that stands for it, cut in words by the pattern of GPT-2 if asked to. Where the
// model knows bytes (words.raw), they stay bytes.
type preByteLevel struct {
	prefixSpace bool // the words of a sequence begin with a space
	trimOffsets bool // of no consequence here
	regex       bool
	raw         bool // the model takes bytes as they are; set by assemble
}

// gpt2Words is the scanner of GPT-2's pattern.
var gpt2Words = sync.OnceValue(func() func([]byte) int {
	scan, _ := scanner(PatternGPT2)
	return scan
})

func (p preByteLevel) split(w *words) {
	if p.prefixSpace && w.lacksSpace() {
		w.rewriteWords(func(r *rewriter, b []byte) {
			if b[0] != ' ' {
				r.put(" ", 0)
			}
			r.keep(len(b))
		})
	}
	if p.regex {
		w.scan(gpt2Words())
	}
	if !p.raw {
		w.rewriteWords(func(r *rewriter, b []byte) { r.visible(len(b)) })
	}
}

// lacksSpace says whether there is a word that does not begin with a space.
func (w *words) lacksSpace() bool {
	for _, x := range w.list {
		if x.token < 0 && w.b[x.from] != ' ' {
			return true
		}
	}
	return false
}

// preWhitespaceSplit cuts at white space, which goes.
type preWhitespaceSplit struct{}

func (preWhitespaceSplit) split(w *words) {
	w.split(func(dst []match, b []byte) []match { return findRunes(dst, b, &asciiSpace, isSpace) }, removed)
}

// preWhitespace cuts at white space, which goes, and between word characters and others: \w+|[^\w\s]+.
type preWhitespace struct{}

func (preWhitespace) split(w *words) {
	w.each(func(x word) {
		const space, letter, other = 0, 1, 2
		b := w.b[x.from:x.to]
		start, kind := 0, space
		for i := 0; i < len(b); {
			r, n := utf8.DecodeRune(b[i:])
			k := other
			switch {
			case isSpace(r):
				k = space
			case isWord(r):
				k = letter
			}
			if k != kind {
				if kind != space {
					w.add(x.from+int32(start), x.from+int32(i))
				}
				start, kind = i, k
			}
			i += n
		}
		if kind != space {
			w.add(x.from+int32(start), x.to)
		}
	})
}

// preBert cuts at white space, which goes, and around every punctuation character.
type preBert struct{}

func (preBert) split(w *words) {
	w.each(func(x word) {
		start := x.from
		for i := x.from; i < x.to; {
			n, space, punct := int32(1), false, false
			if c := w.b[i]; c < utf8.RuneSelf {
				space, punct = asciiSpace[c], asciiPunct[c]
			} else {
				r, size := utf8.DecodeRune(w.b[i:x.to])
				n, space, punct = int32(size), isSpace(r), isPunct(r)
			}
			if space || punct {
				w.add(start, i)
				if punct {
					w.add(i, i+n)
				}
				start = i + n
			}
			i += n
		}
		w.add(start, x.to)
	})
}

// prePunctuation cuts at punctuation.
type prePunctuation struct{ how behavior }

func (p prePunctuation) split(w *words) {
	w.split(func(dst []match, b []byte) []match { return findRunes(dst, b, &asciiPunct, isPunct) }, p.how)
}

// preDigits cuts numbers from other text, and digits from each other if asked to.
type preDigits struct{ individual bool }

func (p preDigits) split(w *words) {
	how := contiguous
	if p.individual {
		how = isolated
	}
	w.split(func(dst []match, b []byte) []match { return findRunes(dst, b, &asciiDigit, isNumeric) }, how)
}

// preDelimiter cuts at a character, which goes.
type preDelimiter rune

func (p preDelimiter) split(w *words) {
	w.split(func(dst []match, b []byte) []match { return findLiteral(dst, b, []byte(string(p))) }, removed)
}

// preFixedLength cuts every so many characters.
type preFixedLength int

func (p preFixedLength) split(w *words) {
	w.scan(func(b []byte) int {
		at := 0
		for n := 0; n < int(p) && at < len(b); n++ {
			at += size(b[at:])
		}
		return at
	})
}

// preScripts cuts where the script changes. Kana count as Han; spaces and what has no script go with what is before them, and where
// there is nothing before them they are lost.
type preScripts struct{}

func (preScripts) split(w *words) {
	w.each(func(x word) {
		last := uint16(0)
		start := int32(-1)
		for i := x.from; i < x.to; {
			r, n := utf8.DecodeRune(w.b[i:x.to])
			if s := scriptOf(r); s != 0 {
				if s != last {
					if start >= 0 {
						w.add(start, i)
					}
					start = i
				}
				last = s
			}
			i += int32(n)
		}
		if start >= 0 {
			w.add(start, x.to)
		}
	})
}
