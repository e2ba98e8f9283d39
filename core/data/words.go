package data

import (
	"unicode"
	"unicode/utf8"
)

// runeClass is what the split pattern of GPT-2 tells apart.
type runeClass uint8

const (
	classOther runeClass = iota
	classSpace
	classLetter
	classNumber
)

func classOf(r rune) runeClass {
	switch {
	case r < utf8.RuneSelf:
		return asciiClass[r]
	case unicode.IsLetter(r):
		return classLetter
	case unicode.IsNumber(r):
		return classNumber
	case unicode.IsSpace(r):
		return classSpace
	}
	return classOther
}

var asciiClass = func() (t [utf8.RuneSelf]runeClass) {
	for r := range rune(utf8.RuneSelf) {
		switch {
		case unicode.IsLetter(r):
			t[r] = classLetter
		case unicode.IsNumber(r):
			t[r] = classNumber
		case unicode.IsSpace(r):
			t[r] = classSpace
		}
	}
	return t
}()

// nextWord is the length of the first word of text by GPT-2's split pattern (Radford et al. 2019):
//
//	's|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+
//
// Alternatives are tried in order. \s is Unicode's White_Space; a byte that is not part of valid UTF-8 counts as one rune that is
// neither space, letter nor number. Text must not be empty.
func nextWord(text []byte) int {
	if n := contraction(text); n > 0 {
		return n
	}
	r, n := utf8.DecodeRune(text)
	class := classOf(r)
	if class != classSpace {
		return n + runLength(text[n:], class)
	}
	if r == ' ' && len(text) > 1 {
		r, m := utf8.DecodeRune(text[1:])
		if next := classOf(r); next != classSpace {
			return 1 + m + runLength(text[1+m:], next)
		}
	}
	run := n + runLength(text[n:], classSpace)
	if run == len(text) {
		return run // \s+(?!\S): nothing follows
	}
	// \s+(?!\S) gives the last space back to the word that follows, unless it is the only one; then \s+ takes it.
	if _, last := utf8.DecodeLastRune(text[:run]); last < run {
		return run - last
	}
	return run
}

func runLength(text []byte, class runeClass) int {
	at := 0
	for at < len(text) {
		r, n := utf8.DecodeRune(text[at:])
		if classOf(r) != class {
			break
		}
		at += n
	}
	return at
}

func contraction(text []byte) int {
	if len(text) < 2 || text[0] != '\'' {
		return 0
	}
	switch text[1] {
	case 's', 't', 'm', 'd':
		return 2
	}
	if len(text) >= 3 {
		switch string(text[1:3]) {
		case "re", "ve", "ll":
			return 3
		}
	}
	return 0
}
