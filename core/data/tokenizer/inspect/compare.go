package inspect

import (
	"cmp"
	"slices"

	"github.com/archlab/archlab/core/data/tokenizer"
)

// Subject is a tokenizer with the name that a report calls it by.
type Subject struct {
	Name      string
	Tokenizer *tokenizer.Tokenizer
}

// Comparison collects what several tokenizers do to one text.
type Comparison struct {
	subjects []*subject
	asked    []string
	texts    int
	bytes    int64
	words    int64
	letters  int64
}

type subject struct {
	Subject
	unknown int32 // -1: none
	tokens  int64
	lost    int64 // unknown tokens
	split   int64 // words of more than one token
	inWords int64 // tokens that touch a word, once for each word
	seen    int64 // letters that are tokens of their own
	used    map[int32]struct{}
	words   map[string]*splitWord // the split ones
}

type splitWord struct {
	count  int64 // occurrences that were split
	tokens int64
	cut    Cut // of the first
}

// maxSplitWords bounds what is remembered of a text: later new words are counted, but not listed.
const maxSplitWords = 1 << 20

// NewComparison prepares for texts. The cuts of the asked words are reported whether the text has them or not.
func NewComparison(subjects []Subject, asked []string) *Comparison {
	c := &Comparison{asked: asked}
	for _, s := range subjects {
		x := &subject{Subject: s, unknown: -1, used: map[int32]struct{}{}, words: map[string]*splitWord{}}
		if id, ok := s.Tokenizer.Unknown(); ok {
			x.unknown = id
		}
		c.subjects = append(c.subjects, x)
	}
	return c
}

// Add counts a document. Special tokens that a tokenizer adds to a text are left out.
func (c *Comparison) Add(text []byte) {
	c.texts++
	c.bytes += int64(len(text))
	var all []span
	words(text, func(w span) {
		all = append(all, w)
		c.letters += int64(len(letters(text[w.from:w.to])))
	})
	c.words += int64(len(all))
	for _, s := range c.subjects {
		s.add(text, all)
	}
}

func (s *subject) add(text []byte, all []span) {
	e := s.Tokenizer.Tokens(text)
	s.tokens += int64(len(e.IDs))
	for _, id := range e.IDs {
		s.used[id] = struct{}{}
		if id == s.unknown {
			s.lost++
		}
	}
	at := 0
	var tokens []span
	for _, w := range all {
		tokens, at = touching(tokens[:0], e.Offsets, at, w)
		s.inWords += int64(len(tokens))
		seenLetters(w, letters(text[w.from:w.to]), tokens, func(_ span, seen bool) {
			if seen {
				s.seen++
			}
		})
		if len(tokens) < 2 {
			continue
		}
		s.split++
		word := s.words[string(text[w.from:w.to])]
		if word == nil {
			if len(s.words) >= maxSplitWords {
				continue
			}
			word = &splitWord{cut: cutOf(text, w, tokens)}
			s.words[string(text[w.from:w.to])] = word
		}
		word.count++
		word.tokens += int64(len(tokens))
	}
}

// touching appends the tokens that cover a part of a word. Words are asked for in order; at is where the last search ended.
func touching(dst []span, offsets [][2]int32, at int, w span) ([]span, int) {
	for at < len(offsets) && int(offsets[at][1]) <= w.from {
		at++
	}
	for i := at; i < len(offsets) && int(offsets[i][0]) < w.to; i++ {
		if from, to := int(offsets[i][0]), int(offsets[i][1]); to > w.from && to > from {
			dst = append(dst, span{from, to})
		}
	}
	return dst, at
}

// Report is what was counted.
type Report struct {
	Texts      int       `json:"texts"` // documents, or pieces of long ones
	Bytes      int64     `json:"bytes"`
	Words      int64     `json:"words"`
	Tokenizers []Verdict `json:"tokenizers"`
}

// Verdict is what one tokenizer does to the text. Shares are between 0 and 1.
type Verdict struct {
	Name          string        `json:"name"`
	Kind          string        `json:"kind"`
	Vocab         int           `json:"vocab"`
	Lossless      bool          `json:"lossless"`
	Tokens        int64         `json:"tokens"`
	BytesPerToken float64       `json:"bytes_per_token"`
	TokensPerWord float64       `json:"tokens_per_word"` // that cover a part of it
	WordsSplit    float64       `json:"words_split"`     // of all words
	VocabUsed     int           `json:"vocab_used"`
	Unknown       float64       `json:"unknown"`      // of all tokens
	LettersSeen   float64       `json:"letters_seen"` // letters of words that are tokens of their own, of all
	Asked         []AskedWord   `json:"asked"`
	Split         []CountedWord `json:"most_split"` // words of the text, by the tokens that they cost beyond one each
}

// WordCut is a word and how it is cut.
type WordCut struct {
	Word string `json:"word"`
	Cut
}

// AskedWord is a word and how it is cut after a blank, as in the middle of a text, and alone, as at the start of one.
type AskedWord struct {
	Word  string `json:"word"`
	After Cut    `json:"after_blank"`
	Alone Cut    `json:"alone"`
}

// CountedWord is a split word of the text. The cut is that of its first occurrence.
type CountedWord struct {
	WordCut
	Count int64 `json:"count"` // occurrences that were split
}

// Report lists at most top of the most split words for each tokenizer.
func (c *Comparison) Report(top int) Report {
	r := Report{Texts: c.texts, Bytes: c.bytes, Words: c.words}
	for _, s := range c.subjects {
		v := Verdict{Name: s.Name, Kind: s.Tokenizer.Kind(), Vocab: s.Tokenizer.Size(), Lossless: s.Tokenizer.Lossless(), Tokens: s.tokens, VocabUsed: len(s.used),
			BytesPerToken: ratio(c.bytes, s.tokens), TokensPerWord: ratio(s.inWords, c.words), WordsSplit: ratio(s.split, c.words),
			Unknown: ratio(s.lost, s.tokens), LettersSeen: ratio(s.seen, c.letters), Asked: []AskedWord{}, Split: s.mostSplit(top)}
		for _, w := range c.asked {
			v.Asked = append(v.Asked, AskedWord{w, s.cut(" ", w), s.cut("", w)})
		}
		r.Tokenizers = append(r.Tokenizers, v)
	}
	return r
}

func (s *subject) cut(before, word string) Cut {
	text := []byte(before + word)
	w := span{len(before), len(text)}
	tokens, _ := touching(nil, s.Tokenizer.Tokens(text).Offsets, 0, w)
	return cutOf(text, w, tokens)
}

func (s *subject) mostSplit(top int) []CountedWord {
	keys := make([]string, 0, len(s.words))
	for k := range s.words {
		keys = append(keys, k)
	}
	cost := func(k string) int64 { return s.words[k].tokens - s.words[k].count }
	slices.SortFunc(keys, func(a, b string) int { return cmp.Or(cmp.Compare(cost(b), cost(a)), cmp.Compare(a, b)) })
	out := []CountedWord{}
	for _, k := range keys[:min(top, len(keys))] {
		out = append(out, CountedWord{WordCut{k, s.words[k].cut}, s.words[k].count})
	}
	return out
}

// ratio is 0 where there is nothing to count.
func ratio(a, b int64) float64 {
	if b == 0 {
		return 0
	}
	return float64(a) / float64(b)
}
