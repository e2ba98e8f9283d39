package tokenizer

import (
	"bytes"
	"fmt"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/dlclark/regexp2/v2"
)

// pattern is what Split and Replace look for: a string or a regular expression in the syntax of Oniguruma.
type pattern struct {
	source  string
	literal string // what to look for; "" for a regular expression
	regex   bool
	scan    func(text []byte) int // the hand-written form of a known regular expression that matches text without gaps
	re      *regexp2.Regexp
	pool    sync.Pool // of *decoded
}

// newPattern compiles a pattern.
func newPattern(source string, regex bool) (*pattern, error) {
	p := &pattern{source: source, regex: regex}
	if !regex && source != "" {
		p.literal = source
		return p, nil
	}
	if p.scan, _ = scanner(source); p.scan != nil && regex {
		return p, nil
	}
	translated, err := translateRegex(source)
	if err != nil {
		return nil, err
	}
	if p.re, err = regexp2.Compile(translated, regexp2.Multiline); err != nil {
		return nil, errorf(ErrUnsupported, "", "regular expression %q: %v", source, err)
	}
	p.re.MatchTimeout = maxMatchTime
	return p, nil
}

// maxMatchTime bounds the search for one match: a file may hold a regular expression that backtracks for years. Searches take microseconds, so
// only such a one takes longer; or a machine that slept, for which it is tried again.
const maxMatchTime = time.Second

// PatternError is a regular expression of a tokenizer's file that can't be searched for in a text. Encoding and decoding panic with it, since
// nothing else can go wrong there; Catch turns that into an error.
type PatternError struct {
	Pattern string
	Text    string // the beginning of what was searched
	Bytes   int    // its size
	cause   error
}

// Error names the pattern and the text.
func (e *PatternError) Error() string {
	return fmt.Sprintf("the tokenizer's regular expression %q takes too long on a text of %d bytes that begins %q: %v", e.Pattern, e.Bytes, e.Text, e.cause)
}

// Unwrap gives errors.Is the kind, ErrSlow.
func (e *PatternError) Unwrap() error { return ErrSlow }

// Hint says what to do.
func (e *PatternError) Hint() string {
	return "the pattern tries its ways through a text one by one; write it without repetitions inside of repetitions, or cut the text into shorter ones"
}

// Catch turns the panic of a PatternError into an error. It is to be deferred.
func Catch(err *error) {
	switch x := recover().(type) {
	case nil:
	case *PatternError:
		*err = x
	default:
		panic(x)
	}
}

// find appends the matches in b and what lies between them. Empty matches count, except one at the end of the last match.
func (p *pattern) find(dst []match, b []byte) []match {
	switch {
	case len(b) == 0:
		return dst
	case p.scan != nil:
		for at := 0; at < len(b); {
			n := p.scan(b[at:])
			dst = append(dst, match{int32(at), int32(at + n), true})
			at += n
		}
		return dst
	case p.literal != "":
		return findLiteral(dst, b, []byte(p.literal))
	}
	return p.findRegex(dst, b)
}

func findLiteral(dst []match, b, literal []byte) []match {
	at := 0
	for {
		i := bytes.Index(b[at:], literal)
		if i < 0 {
			break
		}
		if i > 0 {
			dst = append(dst, match{int32(at), int32(at + i), false})
		}
		at += i + len(literal)
		dst = append(dst, match{int32(at - len(literal)), int32(at), true})
	}
	if at < len(b) {
		dst = append(dst, match{int32(at), int32(len(b)), false})
	}
	return dst
}

// decoded is a text for the regex engine.
type decoded struct {
	runes   []rune
	offsets []int32 // of runes and of the end, in bytes
}

func (p *pattern) findRegex(dst []match, b []byte) []match {
	d, ok := p.pool.Get().(*decoded)
	if !ok {
		d = &decoded{}
	}
	defer p.pool.Put(d)
	d.runes, d.offsets = d.runes[:0], d.offsets[:0]
	for i := 0; i < len(b); {
		r, n := rune(b[i]), 1
		if r >= utf8.RuneSelf {
			r, n = utf8.DecodeRune(b[i:])
		}
		d.runes, d.offsets = append(d.runes, r), append(d.offsets, int32(i))
		i += n
	}
	d.offsets = append(d.offsets, int32(len(b)))
	out, err := p.search(dst, d)
	if err != nil {
		out, err = p.search(dst, d)
	}
	if err != nil {
		panic(&PatternError{Pattern: p.source, Text: string(d.runes[:min(len(d.runes), 20)]), Bytes: len(b), cause: err})
	}
	return out
}

// search appends the matches in a text and what lies between them.
func (p *pattern) search(dst []match, d *decoded) ([]match, error) {
	last, lastMatch, end := int32(0), -1, d.offsets[len(d.runes)]
	err := p.re.FindRunesMatches(d.runes, 0, func(m regexp2.MatchView) bool {
		from, n, _ := m.GroupRange(0)
		if n == 0 && from == lastMatch {
			return true
		}
		if last < d.offsets[from] {
			dst = append(dst, match{last, d.offsets[from], false})
		}
		lastMatch = from + n
		last = d.offsets[lastMatch]
		dst = append(dst, match{d.offsets[from], last, true})
		return true
	})
	if last < end {
		dst = append(dst, match{last, end, false})
	}
	return dst, err
}
