package data

import (
	"bufio"
	"bytes"
	"io"
	"os"
	"unicode"
	"unicode/utf8"
)

// wordList finds words and phrases of a list in texts, whatever their case, as C4 does: where no letter, digit or underscore stands on either
// side, and anywhere where the word has a character of a script that puts no spaces between words. (C4 knows each page's
// language and takes Chinese, Japanese and Thai so. Marks on letters are letters here.)
type wordList struct {
	byStart map[string][][]byte // by the word that an entry begins with, or its first character
	inside  map[rune][][]byte   // entries that count anywhere, by their first character
}

// A list has a word or phrase a line, of at most maxWord bytes, and at most maxWords of them.
const (
	maxWord  = 1000
	maxWords = 1 << 20
)

// openWordList reads a list from a file.
func openWordList(path string) (*wordList, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, errorf(ErrNotFound, path, "cannot read").cause(err)
	}
	defer f.Close()
	return readWordList(f, path)
}

// readWordList reads a list; name is for messages.
func readWordList(r io.Reader, name string) (*wordList, error) {
	l := &wordList{map[string][][]byte{}, map[rune][][]byte{}}
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, 4*maxWord)
	n, entries := 0, 0
	for lines.Scan() {
		n++
		line := lines.Bytes()
		if n == 1 {
			line = bytes.TrimPrefix(line, []byte("\ufeff"))
		}
		word := bytes.ToLower(bytes.TrimSpace(line))
		switch {
		case len(word) == 0:
			continue
		case len(word) > maxWord:
			return nil, errorf(ErrFormat, name, "line %d has %d bytes, want a word or phrase of at most %d", n, len(word), maxWord)
		case !utf8.Valid(line):
			return nil, errorf(ErrFormat, name, "line %d is not UTF-8", n)
		}
		if entries++; entries > maxWords {
			return nil, errorf(ErrFormat, name, "more than %d words", maxWords)
		}
		l.add(word)
	}
	if err := lines.Err(); err != nil {
		return nil, errorf(ErrFormat, name, "line %d is no word", n+1).cause(err)
	}
	if entries == 0 {
		return nil, errorf(ErrFormat, name, "it lists no words").hint("one word or phrase a line")
	}
	return l, nil
}

func (l *wordList) add(word []byte) {
	for _, r := range string(word) {
		if unspaced(r) {
			first, _ := utf8.DecodeRune(word)
			l.inside[first] = append(l.inside[first], word)
			return
		}
	}
	start := string(word[:startOf(word)])
	l.byStart[start] = append(l.byStart[start], word)
}

// startOf is the bytes of the word that a text begins with, or of its first character where that is none of a word.
func startOf(text []byte) (n int) {
	for n < len(text) {
		r, size := utf8.DecodeRune(text[n:])
		if !inWord(r) {
			if n == 0 {
				n = size
			}
			break
		}
		n += size
	}
	return n
}

// inWord says whether a character is part of a word.
func inWord(r rune) bool {
	return r == '_' || unicode.IsLetter(r) || unicode.IsNumber(r) || unicode.IsMark(r)
}

// in answers whether a text, in lower case, has an entry.
func (l *wordList) in(text []byte) bool {
	for i := 0; i < len(text); {
		n := startOf(text[i:])
		for _, w := range l.byStart[string(text[i:i+n])] {
			if !bytes.HasPrefix(text[i:], w) {
				continue
			}
			before, _ := utf8.DecodeLastRune(text[:i])
			after, _ := utf8.DecodeRune(text[i+len(w):])
			if (i == 0 || !inWord(before)) && (i+len(w) == len(text) || !inWord(after)) {
				return true
			}
		}
		if len(l.inside) > 0 && l.anywhere(text[i:], n) {
			return true
		}
		i += n
	}
	return false
}

// anywhere answers whether an entry that counts anywhere begins in the first n bytes.
func (l *wordList) anywhere(text []byte, n int) bool {
	for i := 0; i < n; {
		r, size := utf8.DecodeRune(text[i:])
		for _, w := range l.inside[r] {
			if bytes.HasPrefix(text[i:], w) {
				return true
			}
		}
		i += size
	}
	return false
}
