package inspect

import (
	"unicode"
	"unicode/utf8"
)

// span is a range of bytes of a text.
type span struct{ from, to int }

// words cuts a text into its words: the longest runs of letters, digits and the marks that follow them. An apostrophe between two letters is
// part of the word. Scripts that write without blanks have long words by this rule.
func words(text []byte, yield func(span)) {
	from, end := -1, 0 // of the word so far
	for at := 0; at < len(text); {
		r, n := utf8.DecodeRune(text[at:])
		switch {
		case unicode.IsLetter(r) || unicode.IsNumber(r) || from >= 0 && end == at && unicode.IsMark(r):
			if from < 0 {
				from = at
			}
			end = at + n
		case from >= 0 && end == at && (r == '\'' || r == '’') && letterFollows(text[at+n:]):
			end = at + n
		case from >= 0:
			yield(span{from, end})
			from = -1
		}
		at += n
	}
	if from >= 0 {
		yield(span{from, end})
	}
}

func letterFollows(text []byte) bool {
	r, _ := utf8.DecodeRune(text)
	return unicode.IsLetter(r)
}

// letters cuts a word into its letters, each with the marks that follow it; apostrophes are none.
func letters(word []byte) []span {
	var out []span
	for at := 0; at < len(word); {
		r, n := utf8.DecodeRune(word[at:])
		switch {
		case unicode.IsMark(r) && len(out) > 0 && out[len(out)-1].to == at:
			out[len(out)-1].to = at + n
		case r != '\'' && r != '’':
			out = append(out, span{at, at + n})
		}
		at += n
	}
	return out
}
