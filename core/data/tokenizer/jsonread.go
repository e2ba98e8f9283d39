package tokenizer

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// jsonReader walks over a value that json.Valid has accepted, so that it need not look for mistakes: a vocabulary has a million tokens of JSON, and
// reading them as encoding/json does, type by type, takes most of the time that loading takes. What it reads means what it means to encoding/json.
type jsonReader struct {
	b  []byte
	s  string // the same, where the strings that are read are to be parts of one; else empty
	at int
}

const jsonSpace = " \n\t\r"

// space goes to the next byte that is not white space, and answers it; 0 at the end.
func (r *jsonReader) space() byte {
	for ; r.at < len(r.b); r.at++ {
		switch c := r.b[r.at]; c {
		case ' ', '\n', '\t', '\r':
		default:
			return c
		}
	}
	return 0
}

// enter steps into a list or object and says whether it holds anything. What begins with another byte than open stays.
func (r *jsonReader) enter(open byte) (inside, ok bool) {
	if r.space() != open {
		return false, false
	}
	r.at++
	if c := r.space(); c == ']' || c == '}' {
		r.at++
		return false, true
	}
	return true, true
}

// more goes on to the next element and says whether there is one; if not, it leaves the list or object.
func (r *jsonReader) more() bool {
	c := r.space()
	r.at++
	return c == ','
}

// key reads a member's name and the colon.
func (r *jsonReader) key() string {
	s, _ := r.text()
	r.space()
	r.at++
	return s
}

// text reads a string; another value stays.
func (r *jsonReader) text() (string, bool) {
	if r.space() != '"' {
		return "", false
	}
	from := r.at
	r.literal()
	inner := r.b[from+1 : r.at-1]
	switch {
	case bytes.IndexByte(inner, '\\') >= 0 || !utf8.Valid(inner):
		var s string
		_ = json.Unmarshal(r.b[from:r.at], &s) // it is valid
		return s, true
	case r.s != "":
		return r.s[from+1 : r.at-1], true
	}
	return string(inner), true
}

// literal skips a string.
func (r *jsonReader) literal() {
	for r.at++; ; r.at++ {
		switch r.b[r.at] {
		case '"':
			r.at++
			return
		case '\\':
			r.at++
		}
	}
}

// value skips a value and answers it.
func (r *jsonReader) value() []byte {
	r.space()
	from, depth := r.at, 0
	for r.at < len(r.b) {
		switch r.b[r.at] {
		case '"':
			r.literal()
			if depth == 0 {
				return r.b[from:r.at]
			}
		case '[', '{':
			depth++
			r.at++
		case ']', '}', ',':
			if depth == 0 { // behind a number, true, false or null
				return bytes.TrimRight(r.b[from:r.at], jsonSpace)
			}
			if r.b[r.at] != ',' {
				depth--
			}
			if r.at++; depth == 0 && r.b[r.at-1] != ',' {
				return r.b[from:r.at]
			}
		default:
			r.at++
		}
	}
	return bytes.TrimRight(r.b[from:], jsonSpace)
}

// id reads an integer that is written plainly; another value stays.
func (r *jsonReader) id() (int32, bool) {
	r.space()
	n, i := int64(0), r.at
	for ; i < len(r.b) && i < r.at+10 && r.b[i]-'0' <= 9; i++ {
		n = 10*n + int64(r.b[i]-'0')
	}
	if i == r.at || n > 1<<31-1 || i < len(r.b) && strings.IndexByte(",}]"+jsonSpace, r.b[i]) < 0 {
		return 0, false
	}
	r.at = i
	return int32(n), true
}

// brokenText is the place of the first thing in valid JSON that is no character, and what it is: a byte that is not UTF-8, or the escape of one half of a
// surrogate pair. encoding/json makes U+FFFD of each, so that two names may become one; the reference refuses them.
func brokenText(raw []byte) (at int, what string) {
	at = len(raw)
	for i := 0; ; {
		n := bytes.IndexByte(raw[i:], '\\')
		if n < 0 {
			break
		}
		i += n
		first := escaped(raw[i:])
		if !utf16.IsSurrogate(first) {
			i += 2
			continue
		}
		if utf16.DecodeRune(first, escaped(raw[i+6:])) == utf8.RuneError {
			at, what = i, fmt.Sprintf("the escape %s is half of a surrogate pair, which is no character", raw[i:i+6])
			break
		}
		i += 12
	}
	if utf8.Valid(raw[:at]) {
		return at, what
	}
	for at = 0; ; {
		r, n := utf8.DecodeRune(raw[at:])
		if r == utf8.RuneError && n == 1 {
			return at, fmt.Sprintf("the byte 0x%02x is not UTF-8", raw[at])
		}
		at += n
	}
}

// escaped is the number in an escape \uXXXX; -1 where there is none.
func escaped(raw []byte) rune {
	if len(raw) < 6 || raw[0] != '\\' || raw[1] != 'u' {
		return -1
	}
	n, err := strconv.ParseUint(string(raw[2:6]), 16, 16)
	if err != nil {
		return -1
	}
	return rune(n)
}

// members splits an object; false if it is none. Of members of one name the last counts.
func members(raw []byte) (map[string]json.RawMessage, bool) {
	r := jsonReader{b: raw}
	inside, ok := r.enter('{')
	if !ok {
		return nil, isNull(raw)
	}
	out := map[string]json.RawMessage{}
	for inside {
		name := r.key()
		out[name] = r.value()
		inside = r.more()
	}
	return out, true
}

// vocabOf reads an object of ids. Where it holds anything else, it answers the first such member; where it is no object, nothing.
func vocabOf(raw []byte) (vocab map[string]int32, name string, wrong []byte) {
	r := jsonReader{b: raw, s: string(raw)}
	inside, ok := r.enter('{')
	if !ok {
		return nil, "", nil
	}
	most := bytes.Count(raw, []byte{':'})
	tokens, ids := make([]string, 0, most), make([]int32, 0, most)
	for inside {
		token := r.key()
		id, ok := r.id()
		if !ok {
			return nil, token, r.value()
		}
		tokens, ids = append(tokens, token), append(ids, id)
		inside = r.more()
	}
	vocab = make(map[string]int32, len(tokens))
	for i, token := range tokens {
		vocab[token] = ids[i]
	}
	return vocab, "", nil
}

// pairsOf reads a list of pairs of strings, or of strings as lines. Where it holds anything else, or both, it answers the first entry that is
// wrong, behind those that it read; where it is no list, nothing is ok and nothing wrong.
func pairsOf(raw []byte) (pairs [][2]string, lines []string, wrong []byte, ok bool) {
	r := jsonReader{b: raw, s: string(raw)}
	inside, ok := r.enter('[')
	for ; ok && inside; inside = r.more() {
		from := r.at
		if line, isLine := r.text(); isLine && pairs == nil {
			if lines == nil {
				lines = make([]string, 0, bytes.Count(raw, []byte{'"'})/2)
			}
			lines = append(lines, line)
			continue
		}
		p, isPair := r.pair()
		if !isPair || lines != nil {
			r.at = from
			return pairs, lines, r.value(), false
		}
		if pairs == nil {
			pairs = make([][2]string, 0, bytes.Count(raw, []byte{'"'})/4)
		}
		pairs = append(pairs, p)
	}
	return pairs, lines, nil, ok
}

func (r *jsonReader) pair() (p [2]string, ok bool) {
	inside, _ := r.enter('[')
	for i := range p {
		if !inside {
			return p, false
		}
		if p[i], ok = r.text(); !ok {
			return p, false
		}
		inside = r.more()
	}
	return p, !inside
}

// piecesOf reads a list of pairs of a string and a number; false where it is none, or holds anything else.
func piecesOf(raw []byte) (pieces []ScoredPiece, ok bool) {
	r := jsonReader{b: raw, s: string(raw)}
	inside, ok := r.enter('[')
	for ; ok && inside; inside = r.more() {
		var p ScoredPiece
		if in, _ := r.enter('['); !in {
			return nil, false
		}
		if p.Piece, ok = r.text(); !ok || !r.more() {
			return nil, false
		}
		if c := r.space(); c != '-' && c-'0' > 9 {
			return nil, false
		}
		if p.Score, ok = parseScore(string(r.value())); !ok || r.more() {
			return nil, false
		}
		pieces = append(pieces, p)
	}
	return pieces, ok
}
