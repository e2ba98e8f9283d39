package tokenizer

import (
	"bytes"
	"strings"
	"unicode/utf8"
)

// normalizer changes a text before it is cut into words. It leaves a text alone that needs no change.
type normalizer interface {
	normalize(t *text)
}

// normSequence applies normalizers one after the other.
type normSequence []normalizer

func (s normSequence) normalize(t *text) {
	for _, n := range s {
		n.normalize(t)
	}
}

// normStrip removes white space from the ends.
type normStrip struct{ left, right bool }

func (n normStrip) normalize(t *text) {
	from, to := 0, len(t.b)
	for n.left && from < to {
		r, size := utf8.DecodeRune(t.b[from:])
		if !isSpace(r) {
			break
		}
		from += size
	}
	for n.right && from < to {
		r, size := utf8.DecodeLastRune(t.b[from:to])
		if !isSpace(r) {
			break
		}
		to -= size
	}
	t.b = t.b[from:to]
	if t.from != nil {
		t.from = t.from[from:to]
	}
}

// normPrepend writes something in front of a text that is not empty. It comes from where the first character came from.
type normPrepend string

func (n normPrepend) normalize(t *text) {
	if len(t.b) == 0 || n == "" {
		return
	}
	w := t.rewrite()
	w.put(string(n), 0)
	w.keep(len(t.b))
	w.done()
}

// normLowercase maps every character to lower case, by itself: a sigma at the end of a word becomes the same as any other.
type normLowercase struct{}

func (normLowercase) normalize(t *text) {
	t.mapASCII(&toLower)
	t.replace(func(r rune) (rune, rune) {
		if r == capitalIWithDot { // the one letter whose lower case is two characters
			return 'i', '\u0307'
		}
		return lowerRune(r), 0
	})
}

// toLower is the lower case of ASCII.
var toLower = asciiMap(func(c int16) int16 {
	if 'A' <= c && c <= 'Z' {
		c += 'a' - 'A'
	}
	return c
})

// asciiMap tabulates what becomes of the characters below U+0080; one that is mapped to -1 goes.
func asciiMap(f func(c int16) int16) (t [utf8.RuneSelf]int16) {
	for c := range t {
		t[c] = f(int16(c))
	}
	return t
}

// next is where the first character from U+0080 on is, at or after a place, of which is says true; the text's length if there is none.
func (t *text) next(at int, is func(r rune) bool) int {
	for at < len(t.b) {
		if t.b[at] < utf8.RuneSelf {
			at++
			continue
		}
		r, n := utf8.DecodeRune(t.b[at:])
		if is(r) {
			break
		}
		at += n
	}
	return at
}

const capitalIWithDot = 'İ'

// normStripAccents removes combining marks.
type normStripAccents struct{}

func (normStripAccents) normalize(t *text) {
	t.filter(func(r rune) rune {
		if isMark(r) {
			return -1
		}
		return r
	})
}

// filter maps the characters from U+0080 on; one that is mapped to -1 goes.
func (t *text) filter(f func(r rune) rune) {
	t.replace(func(r rune) (rune, rune) { return f(r), 0 })
}

// replace is filter with characters that become two; the second is 0 where there is none.
func (t *text) replace(f func(r rune) (rune, rune)) {
	changes := func(r rune) bool {
		to, more := f(r)
		return to != r || more != 0
	}
	i := t.next(0, changes)
	if i == len(t.b) {
		return
	}
	w := t.rewrite()
	for ; i < len(t.b); i = t.next(w.at, changes) {
		w.keep(i - w.at)
		r, n := utf8.DecodeRune(t.b[i:])
		switch to, more := f(r); {
		case to < 0:
			w.skip(n)
		default:
			w.putRune(to, n)
			if more != 0 {
				w.insertRune(more)
			}
		}
	}
	w.keep(len(t.b) - w.at)
	w.done()
}

// normNmt is what SentencePiece's nmt rules do to control characters and unusual spaces.
type normNmt struct{}

func (normNmt) normalize(t *text) {
	t.mapASCII(&nmtASCII)
	t.filter(func(r rune) rune {
		switch {
		case r == 0x8f, r == 0x9f:
			return -1
		case r == 0x1680, 0x200b <= r && r <= 0x200f, r == 0x2028, r == 0x2029, r == 0x2581, r == 0xfeff, r == utf8.RuneError:
			return ' '
		}
		return r
	})
}

var nmtASCII = asciiMap(func(c int16) int16 {
	switch {
	case c == '\t', c == '\n', c == '\f', c == '\r':
		return ' '
	case 1 <= c && c <= 8, c == 0x0b, 0x0e <= c && c <= 0x1f, c == 0x7f:
		return -1
	}
	return c
})

// mapASCII maps the characters below U+0080; one that is mapped to -1 goes.
func (t *text) mapASCII(to *[utf8.RuneSelf]int16) {
	changed := func(at int) int {
		for at < len(t.b) && (t.b[at] >= utf8.RuneSelf || to[t.b[at]] == int16(t.b[at])) {
			at++
		}
		return at
	}
	i := changed(0)
	if i == len(t.b) {
		return
	}
	w := t.rewrite()
	if t.from == nil {
		w.out = append(w.out, t.b[:i]...)
		for _, c := range t.b[i:] {
			if c < utf8.RuneSelf {
				d := to[c]
				if d < 0 {
					continue
				}
				c = byte(d)
			}
			w.out = append(w.out, c)
		}
		w.done()
		return
	}
	for ; i < len(t.b); i = changed(w.at) {
		w.keep(i - w.at)
		if c := to[t.b[i]]; c < 0 {
			w.skip(1)
		} else {
			w.putRune(rune(c), 1)
		}
	}
	w.keep(len(t.b) - w.at)
	w.done()
}

// normReplace replaces what a pattern matches. The new text comes from where the last replaced character came from.
type normReplace struct {
	pattern *pattern
	content string
}

func (n normReplace) normalize(t *text) {
	if n.pattern.literal != "" {
		n.replaceLiteral(t)
		return
	}
	ms := n.pattern.find(nil, t.b)
	w := t.rewrite()
	for _, m := range ms {
		if !m.is {
			w.keep(int(m.to - m.from))
			continue
		}
		w.skip(int(m.to - m.from))
		w.insert(n.content)
	}
	w.done()
}

func (n normReplace) replaceLiteral(t *text) {
	old := []byte(n.pattern.literal)
	i := bytes.Index(t.b, old)
	if i < 0 {
		return
	}
	w := t.rewrite()
	for ; i >= 0; i = bytes.Index(t.b[w.at:], old) {
		w.keep(i)
		w.skip(len(old))
		w.insert(n.content)
	}
	w.keep(len(t.b) - w.at)
	w.done()
}

// normByteLevel writes every byte as the character that stands for it.
type normByteLevel struct{}

func (normByteLevel) normalize(t *text) {
	w := t.rewrite()
	w.visible(len(t.b))
	w.done()
}

// normBert is the text cleaning of BERT.
type normBert struct {
	clean, chinese, accents, lowercase bool

	accentsSet bool // the file says so of accents, not only of lowercase
}

func (n normBert) normalize(t *text) {
	if n.clean {
		t.mapASCII(&bertASCII)
		t.filter(func(r rune) rune {
			switch {
			case r == utf8.RuneError, isOther(r):
				return -1
			case isSpace(r):
				return ' '
			}
			return r
		})
	}
	if n.chinese {
		t.surround(isIdeograph)
	}
	if n.accents {
		nfd.normalize(t)
		t.filter(func(r rune) rune {
			if isNonspacing(r) {
				return -1
			}
			return r
		})
	}
	if n.lowercase {
		normLowercase{}.normalize(t)
	}
}

var bertASCII = asciiMap(func(c int16) int16 {
	switch {
	case c == '\t', c == '\n', c == '\r':
		return ' '
	case c < ' ', c == 0x7f:
		return -1
	}
	return c
})

// surround puts spaces around characters from U+0080 on.
func (t *text) surround(is func(r rune) bool) {
	i := t.next(0, is)
	if i == len(t.b) {
		return
	}
	w := t.rewrite()
	for ; i < len(t.b); i = t.next(w.at, is) {
		w.keep(i - w.at)
		r, n := utf8.DecodeRune(t.b[i:])
		w.put(" ", n)
		w.insertRune(r)
		w.insert(" ")
	}
	w.keep(len(t.b) - w.at)
	w.done()
}

// isIdeograph says what BERT takes for a Chinese character.
func isIdeograph(r rune) bool {
	return 0x4e00 <= r && r <= 0x9fff || 0x3400 <= r && r <= 0x4dbf ||
		0x20000 <= r && r <= 0x2a6df || 0x2a700 <= r && r <= 0x2b73f || 0x2b740 <= r && r <= 0x2b81f || 0x2b920 <= r && r <= 0x2ceaf ||
		0xf900 <= r && r <= 0xfaff || 0x2f800 <= r && r <= 0x2fa1f
}

// replaceAll is normReplace for a decoder.
func (n normReplace) replaceAll(s string) string {
	if n.pattern.literal != "" {
		return strings.ReplaceAll(s, n.pattern.literal, n.content)
	}
	var out strings.Builder
	for _, m := range n.pattern.find(nil, []byte(s)) {
		if m.is {
			out.WriteString(n.content)
		} else {
			out.WriteString(s[m.from:m.to])
		}
	}
	return out.String()
}
