package main

import (
	"io"
	"slices"
	"unicode/utf8"

	"github.com/archlab/archlab/core/data"
)

// textStream writes tokens as text as soon as they make whole characters. What a token reads as may depend on those before it (a decoder
// takes the blank off a text's first word, or makes characters of the bytes of several tokens), so the last ones are decoded together.
type textStream struct {
	w     io.Writer
	tok   data.Tokenizer
	ids   []int32 // the tokens that were written last, and those that are not written yet
	shown int     // of ids
}

// newTextStream goes on after the tokens of a prompt, which are not written.
func newTextStream(w io.Writer, tok data.Tokenizer, prompt []int32) *textStream {
	return &textStream{w: w, tok: tok, ids: slices.Clone(prompt), shown: len(prompt)}
}

func (s *textStream) token(id int32) error {
	s.ids = append(s.ids, id)
	return s.show(false)
}

// show writes what is new in the text of ids, unless it ends within a character and is not the last.
func (s *textStream) show(last bool) error {
	before := s.tok.Decode(nil, s.ids[:s.shown])
	text := s.tok.Decode(nil, s.ids)
	same := 0
	for same < min(len(before), len(text)) && before[same] == text[same] {
		same++
	}
	text = text[same:]
	if !last && len(s.ids)-s.shown < utf8.UTFMax && unfinished(text) {
		return nil
	}
	if len(text) > 0 { // tokens without a text leave those before them to be decoded with
		s.ids = append(s.ids[:0], s.ids[s.shown:]...)
	}
	s.shown = len(s.ids)
	_, err := s.w.Write(text)
	return err
}

// unfinished says whether text ends with a part of a character, or with what a decoder makes of one.
func unfinished(text []byte) bool {
	r, n := utf8.DecodeLastRune(text)
	if r != utf8.RuneError {
		return false
	}
	if n == 3 {
		return true
	}
	for back := 1; back < utf8.UTFMax && back <= len(text); back++ {
		if c := text[len(text)-back:]; utf8.RuneStart(c[0]) {
			return !utf8.FullRune(c)
		}
	}
	return false
}

// flush writes what is left and ends the line.
func (s *textStream) flush() error {
	if err := s.show(true); err != nil {
		return err
	}
	_, err := s.w.Write([]byte{'\n'})
	return err
}
