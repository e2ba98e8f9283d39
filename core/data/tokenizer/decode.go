package tokenizer

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

// decoder turns tokens into text, or into other tokens for the next decoder. It may change the slice that it gets.
type decoder interface {
	decode(tokens []string) []string
}

// idDecoder is a decoder that wants to know ids, not what tokens look like.
type idDecoder interface {
	appendText(dst []byte, ids []int32) []byte
}

// Decode appends the text of ids. Ids outside of the vocabulary stand for no text; skipSpecial leaves special tokens out. Bytes that are
// not UTF-8 come out as they are, where the references write U+FFFD.
func (t *Tokenizer) Decode(dst []byte, ids []int32, skipSpecial bool) []byte {
	if t.texts != nil {
		for _, id := range ids {
			if uint(id) < uint(len(t.texts)) && !(skipSpecial && t.skip[id]) {
				dst = append(dst, t.texts[id]...)
			}
		}
		return dst
	}
	kept := make([]int32, 0, len(ids))
	for _, id := range ids {
		if uint(id) < uint(len(t.shown)) && t.known(id) && !(skipSpecial && t.skip[id]) {
			kept = append(kept, id)
		}
	}
	if d, ok := t.decoder.(idDecoder); ok {
		return d.appendText(dst, kept)
	}
	tokens := make([]string, len(kept))
	for i, id := range kept {
		tokens[i] = t.shown[id]
	}
	if t.decoder == nil {
		return append(dst, strings.Join(tokens, " ")...)
	}
	for _, s := range t.decoder.decode(tokens) {
		dst = append(dst, s...)
	}
	return dst
}

// known says whether an id below Size is a token's.
func (t *Tokenizer) known(id int32) bool {
	if t.shown[id] != "" {
		return true
	}
	_, ok := t.Token(id)
	return ok
}

// decodeSequence applies decoders one after the other.
type decodeSequence []decoder

func (s decodeSequence) decode(tokens []string) []string {
	for _, d := range s {
		tokens = d.decode(tokens)
	}
	return tokens
}

// decodeByteLevel writes the bytes that visible characters stand for.
type decodeByteLevel struct{ prefixSpace, trimOffsets, regex bool } // none of them of consequence

func (decodeByteLevel) decode(tokens []string) []string {
	var out []byte
	for _, s := range tokens {
		out = appendBytes(out, s)
	}
	return []string{string(out)}
}

// decodeByteFallback writes the bytes that tokens like <0x0A> stand for.
type decodeByteFallback struct{}

func (decodeByteFallback) decode(tokens []string) []string {
	out := tokens[:0]
	var run []byte
	for _, s := range tokens {
		if b, ok := byteOf(s); ok {
			run = append(run, b)
			continue
		}
		if len(run) > 0 {
			out, run = append(out, string(run)), run[:0]
		}
		out = append(out, s)
	}
	if len(run) > 0 {
		out = append(out, string(run))
	}
	return out
}

// byteOf is the byte that a token like <0x0A> stands for.
func byteOf(token string) (byte, bool) {
	if len(token) != 6 || !strings.HasPrefix(token, "<0x") || token[5] != '>' {
		return 0, false
	}
	v, err := strconv.ParseUint(token[3:5], 16, 8)
	return byte(v), err == nil
}

// decodeFuse makes all tokens one.
type decodeFuse struct{}

func (decodeFuse) decode(tokens []string) []string { return []string{strings.Join(tokens, "")} }

// decodeStrip removes up to so many of a character from the ends of every token.
type decodeStrip struct {
	content     rune
	start, stop int
}

func (d decodeStrip) decode(tokens []string) []string {
	for i, s := range tokens {
		from, to := 0, len(s)
		for range d.start {
			r, n := utf8.DecodeRuneInString(s[from:])
			if n == 0 || r != d.content {
				break
			}
			from += n
		}
		for range d.stop {
			r, n := utf8.DecodeLastRuneInString(s[:to])
			if n == 0 || r != d.content {
				break
			}
			to -= n
		}
		tokens[i] = s[min(from, to):to]
	}
	return tokens
}

// decodeReplace replaces what a pattern matches in every token.
type decodeReplace struct{ normReplace }

func (d decodeReplace) decode(tokens []string) []string {
	for i, s := range tokens {
		tokens[i] = d.replaceAll(s)
	}
	return tokens
}

// decodeBPE writes a space for the suffix of a word's last token, but for the last word's.
type decodeBPE struct{ suffix string }

func (d decodeBPE) decode(tokens []string) []string {
	for i, s := range tokens {
		with := " "
		if i == len(tokens)-1 {
			with = ""
		}
		tokens[i] = strings.ReplaceAll(s, d.suffix, with)
	}
	return tokens
}

// decodeWordPiece joins the pieces of words, and puts spaces between words.
type decodeWordPiece struct {
	prefix  string
	cleanup bool
}

func (d decodeWordPiece) decode(tokens []string) []string {
	for i, s := range tokens {
		if i > 0 {
			if rest, ok := strings.CutPrefix(s, d.prefix); ok {
				s = rest
			} else {
				s = " " + s
			}
		}
		if d.cleanup {
			s = cleanUp(s)
		}
		tokens[i] = s
	}
	return tokens
}

// cleanUp removes the spaces in front of punctuation and English contractions, one kind after the other.
func cleanUp(s string) string {
	for _, r := range [...][2]string{
		{" .", "."}, {" ?", "?"}, {" !", "!"}, {" ,", ","}, {" ' ", "'"}, {" n't", "n't"}, {" 'm", "'m"}, {" do not", " don't"},
		{" 's", "'s"}, {" 've", "'ve"}, {" 're", "'re"},
	} {
		s = strings.ReplaceAll(s, r[0], r[1])
	}
	return s
}

// decodeCTC drops repeated tokens and padding: the output of a speech recogniser.
type decodeCTC struct {
	pad, delimiter string
	cleanup        bool
}

func (d decodeCTC) decode(tokens []string) []string {
	var out []string
	for i, s := range tokens {
		if i > 0 && s == tokens[i-1] {
			continue
		}
		s = strings.ReplaceAll(s, d.pad, "")
		if d.cleanup {
			s = strings.ReplaceAll(cleanUp(s), d.delimiter, " ")
		}
		if s != "" {
			out = append(out, s)
		}
	}
	return out
}
