package inspect

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

// Cut is how a tokenizer cuts a word.
type Cut struct {
	Pieces  []string `json:"pieces"`  // the parts of the word that its tokens cover, in order
	Letters []Letter `json:"letters"` // the word's different letters, in order of appearance
}

// Letter counts a letter of a word. A model sees a letter where one token holds it and no other letter: what is inside of a longer
// piece it has to know by heart, and a letter of several tokens it sees in parts.
type Letter struct {
	Letter string `json:"letter"`
	Count  int    `json:"count"`
	Seen   int    `json:"seen"`
}

// Tokens is the number of tokens.
func (c Cut) Tokens() int { return len(c.Pieces) }

// Count is the number of letters, and of those that are tokens of their own.
func (c Cut) Count() (letters, seen int) {
	for _, l := range c.Letters {
		letters += l.Count
		seen += l.Seen
	}
	return letters, seen
}

// Most is the letter that the word has most often, the first of several.
func (c Cut) Most() Letter {
	var best Letter
	for _, l := range c.Letters {
		if l.Count > best.Count {
			best = l
		}
	}
	return best
}

// String joins the pieces by bars; bytes that are no text are escaped.
func (c Cut) String() string {
	var parts []string
	for _, p := range c.Pieces {
		if !utf8.ValidString(p) {
			p = strings.Trim(strconv.QuoteToASCII(p), `"`)
		}
		parts = append(parts, p)
	}
	return strings.Join(parts, "|")
}

// seenLetters counts a word's letters and those that are tokens of their own. Tokens overlap the word and ascend.
func seenLetters(word span, letters []span, tokens []span, each func(letter span, seen bool)) {
	at := 0
	for i, l := range letters {
		from, to := word.from+l.from, word.from+l.to
		for at < len(tokens) && tokens[at].to <= from {
			at++
		}
		covering := 0
		alone := true
		for k := at; k < len(tokens) && tokens[k].from < to; k++ {
			if tokens[k].to <= from {
				continue
			}
			covering++
			before := i == 0 || tokens[k].from >= word.from+letters[i-1].to
			after := i == len(letters)-1 || tokens[k].to <= word.from+letters[i+1].from
			alone = alone && before && after
		}
		each(l, covering == 1 && alone)
	}
}

// cutOf describes a word of text by its tokens.
func cutOf(text []byte, word span, tokens []span) Cut {
	var c Cut
	for _, t := range tokens {
		c.Pieces = append(c.Pieces, string(text[max(t.from, word.from):min(t.to, word.to)]))
	}
	places := map[string]int{}
	seenLetters(word, letters(text[word.from:word.to]), tokens, func(l span, seen bool) {
		letter := string(text[word.from+l.from : word.from+l.to])
		i, ok := places[letter]
		if !ok {
			i = len(c.Letters)
			places[letter] = i
			c.Letters = append(c.Letters, Letter{Letter: letter})
		}
		c.Letters[i].Count++
		if seen {
			c.Letters[i].Seen++
		}
	})
	return c
}
