package tokenizer

import (
	"encoding/binary"
	"sort"
	"sync"
	"unicode/utf8"
)

// runeSet is a set of code points: a bitmap of the first ones, and for the others where membership changes.
type runeSet struct {
	low     [flatRunes / 64]uint64
	toggles runeRanges
}

const flatRunes = 0x3400 // up to the first block of ideographs

func (s *runeSet) has(r rune) bool {
	if uint32(r) < flatRunes {
		return s.low[r/64]>>(r%64)&1 != 0
	}
	return s.toggles.has(r)
}

// runeSets unpacks a set when it is asked for the first time.
func runeSetOf(name string) func() *runeSet {
	return sync.OnceValue(func() *runeSet {
		s := &runeSet{toggles: togglesOf(name)}
		for i, from := range s.toggles {
			if i%2 == 1 {
				continue
			}
			to := rune(flatRunes)
			if i+1 < len(s.toggles) {
				to = s.toggles[i+1]
			}
			for r := from; r < min(to, flatRunes); r++ {
				s.low[r/64] |= 1 << (r % 64)
			}
		}
		return s
	})
}

// togglesOf answers the code points where membership of a set of runesOf changes.
func togglesOf(name string) runeRanges {
	var out runeRanges
	at := rune(0)
	for raw := []byte(runesOf[name]); len(raw) > 0; {
		v, n := binary.Uvarint(raw)
		raw = raw[n:]
		at += rune(v)
		out = append(out, at)
	}
	return out
}

var (
	spaceSet      = runeSetOf("Space")
	numericSet    = runeSetOf("Numeric")
	punctSet      = runeSetOf("Punct")
	wordSet       = runeSetOf("Word")
	otherSet      = runeSetOf("Other")
	nonspacingSet = runeSetOf("Nonspacing")
	markSet       = runeSetOf("Mark")
	normalizesSet = runeSetOf("Normalizes")
)

// What the reference takes characters to be. Each has its own idea of Unicode.
func isSpace(r rune) bool      { return spaceSet().has(r) }      // White_Space
func isNumeric(r rune) bool    { return numericSet().has(r) }    // N
func isPunct(r rune) bool      { return punctSet().has(r) }      // P, and ASCII's symbols
func isWord(r rune) bool       { return wordSet().has(r) }       // \w
func isOther(r rune) bool      { return otherSet().has(r) }      // C but for tab and line ends, and few of the unassigned
func isNonspacing(r rune) bool { return nonspacingSet().has(r) } // Mn
func isMark(r rune) bool       { return markSet().has(r) }       // M

// late says that normalization forms do not know a character: it was assigned after Unicode 9, or has nothing to normalize.
func late(r rune) bool { return !normalizesSet().has(r) }

// asciiSet is the part of a set that tables hold.
func asciiSet(set func() *runeSet) (t [utf8.RuneSelf]bool) {
	for r := range rune(utf8.RuneSelf) {
		t[r] = set().has(r)
	}
	return t
}

var (
	asciiSpace = asciiSet(spaceSet)
	asciiPunct = asciiSet(punctSet)
	asciiDigit = asciiSet(numericSet)
)

// lowerRune is the lower case of a character, but for one: U+0130's is two characters.
func lowerRune(r rune) rune {
	if l, ok := lowerCase()[r]; ok {
		return l
	}
	return r
}

var lowerCase = sync.OnceValue(func() map[rune]rune {
	m := map[rune]rune{}
	at := rune(0)
	for raw := []byte(lowerRunes); len(raw) > 0; {
		v, n := binary.Uvarint(raw)
		d, k := binary.Varint(raw[n:])
		raw = raw[n+k:]
		at += rune(v)
		m[at] = at + rune(d)
	}
	return m
})

// scripts are scriptRuns unpacked: where runs begin, and their scripts.
var scripts = sync.OnceValue(func() (t struct {
	starts  []rune
	scripts []uint16
}) {
	at := rune(0)
	for raw := []byte(scriptRuns); len(raw) > 0; {
		length, n := binary.Uvarint(raw)
		script, m := binary.Uvarint(raw[n:])
		raw = raw[n+m:]
		t.starts, t.scripts = append(t.starts, at), append(t.scripts, uint16(script))
		at += rune(length)
	}
	return t
})

// scriptOf is the number of a character's script; 0 if it has none.
func scriptOf(r rune) uint16 {
	t := scripts()
	return t.scripts[sort.Search(len(t.starts), func(i int) bool { return t.starts[i] > r })-1]
}
