package tokenizer

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
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
	limit   timeLimit
	pool    sync.Pool // of *decoded
}

// newPattern compiles a pattern.
func newPattern(source string, regex bool) (*pattern, error) {
	p := &pattern{source: source, regex: regex, limit: timeLimit{2 * time.Second, 10 * time.Microsecond}}
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
	return p, nil
}

// timeLimit bounds the search for one match: a file may hold a regular expression that backtracks for years. One search may go over the whole
// text, so the limit grows with it: patterns whose time is linear in the text take 0.03 to 1 microsecond a rune, and have ten times that. What meets the limit
// takes longer the longer the text is, a rune; or the machine slept, for which it is tried again.
type timeLimit struct{ search, perRune time.Duration }

func (l timeLimit) of(runes int) time.Duration { return l.search + time.Duration(runes)*l.perRune }

// PatternError is a regular expression of a tokenizer's file that can't be searched for in a text. Encoding and decoding panic with it, since
// nothing else can go wrong there; Catch turns that into an error.
type PatternError struct {
	Pattern string
	Text    string // the beginning of what was searched
	Bytes   int    // its size
	Deep    bool   // the ways that were left to try have outgrown their memory, rather than the time
}

// Error names the pattern and the text, of both no more than the beginning.
func (e *PatternError) Error() string {
	pattern := e.Pattern
	if len(pattern) > 200 {
		pattern = strings.ToValidUTF8(pattern[:200], "") + "..."
	}
	what := "takes too long"
	if e.Deep {
		what = "has too many ways to try"
	}
	return fmt.Sprintf("the tokenizer's regular expression %q %s on a text of %d bytes that begins %q", pattern, what, e.Bytes, e.Text)
}

// Unwrap gives errors.Is the kind, ErrSlow.
func (e *PatternError) Unwrap() error { return ErrSlow }

// Hint says what to do.
func (e *PatternError) Hint() string {
	return "the pattern goes over the same text again and again, so that its time grows faster than the text; write it without repetitions inside of repetitions, or cut the text into shorter documents"
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
	re      regexp2.Regexp // the pattern's, with a time limit for this text
	runes   []rune
	offsets []int32 // of runes and of the end, in bytes
}

func (p *pattern) findRegex(dst []match, b []byte) []match {
	d, ok := p.pool.Get().(*decoded)
	if !ok {
		d = &decoded{re: *p.re}
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
	d.re.MatchTimeout = p.limit.of(len(d.runes))
	out, err := d.search(dst)
	if err != nil {
		out, err = d.search(dst)
	}
	if err != nil {
		panic(&PatternError{Pattern: p.source, Text: string(d.runes[:min(len(d.runes), 20)]), Bytes: len(b), Deep: errors.Is(err, regexp2.ErrBacktrackingStackLimit)})
	}
	return out
}

// search appends the matches in a text and what lies between them.
func (d *decoded) search(dst []match) ([]match, error) {
	last, lastMatch, end := int32(0), -1, d.offsets[len(d.runes)]
	err := d.re.FindRunesMatches(d.runes, 0, func(m regexp2.MatchView) bool {
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
