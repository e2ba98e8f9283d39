package tokenizer

import (
	"encoding/binary"
	"sort"
	"sync"
	"unicode/utf8"
)

// class is what split patterns tell apart in a code point: one bit of these, or none for all others (punctuation, symbols, control
// characters, unassigned code points, and each byte that is not part of valid UTF-8).
//
// The classes are those of the Rust tokenizers' regex engine (Unicode 16), whatever Go's unicode package says.
type class uint8

const (
	classSpace  class = 1 << iota // White_Space
	classUpper                    // Lu, Lt
	classLower                    // Ll
	classLetter                   // Lm, Lo
	classMark                     // Mn, Mc, Me
	classNumber                   // Nd, Nl, No

	classOther class = 0

	letters = classUpper | classLower | classLetter // \p{L}
)

// flatClasses bounds the code points that have a byte in a table; above there are few runs, mostly of ideographs.
const flatClasses = 0x20000

type classTable struct {
	flat   []class
	starts []rune // of the runs from flatClasses on
	high   []class
}

// theClasses unpacks classRuns when a scanner is asked for the first time.
var theClasses = sync.OnceValue(func() *classTable {
	t := &classTable{flat: make([]class, flatClasses)}
	at := rune(0)
	for raw := []byte(classRuns); len(raw) > 0; {
		v, n := binary.Uvarint(raw)
		raw = raw[n:]
		c := classOther
		if k := v & 7; k > 0 {
			c = 1 << (k - 1)
		}
		end := at + rune(v>>3)
		for i := at; i < min(end, flatClasses); i++ {
			t.flat[i] = c
		}
		if end > flatClasses {
			t.starts = append(t.starts, at)
			t.high = append(t.high, c)
		}
		at = end
	}
	return t
})

func (t *classTable) of(r rune) class {
	if r < flatClasses {
		return t.flat[r]
	}
	i := sort.Search(len(t.starts), func(i int) bool { return t.starts[i] > r })
	return t.high[i-1]
}

// at answers the class of the code point that text begins with, and its length. Text must not be empty.
func (t *classTable) at(text []byte) (class, int) {
	if b := text[0]; b < utf8.RuneSelf {
		return t.flat[b], 1
	}
	r, n := utf8.DecodeRune(text)
	if r == utf8.RuneError && n == 1 {
		return classOther, 1
	}
	return t.of(r), n
}

// last answers the length of the code point that text ends with.
func last(text []byte) int {
	_, n := utf8.DecodeLastRune(text)
	return n
}

// run answers how far code points of the classes in mask go.
func (t *classTable) run(text []byte, mask class) int {
	flat := t.flat
	i := 0
	for i < len(text) {
		b := text[i]
		if b < utf8.RuneSelf {
			if flat[b]&mask == 0 {
				return i
			}
			i++
			continue
		}
		c, n := t.at(text[i:])
		if c&mask == 0 {
			return i
		}
		i += n
	}
	return i
}

// others is run for [^\s\p{L}\p{N}]: code points that are not of the classes in mask.
func (t *classTable) others(text []byte, mask class) int {
	i := 0
	for i < len(text) {
		c, n := t.at(text[i:])
		if c&mask != 0 {
			return i
		}
		i += n
	}
	return i
}
