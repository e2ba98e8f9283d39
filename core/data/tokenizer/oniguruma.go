package tokenizer

import (
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"
)

// translateRegex writes a regular expression of Oniguruma's syntax, which tokenizer.json has, as one of .NET's, which the engine here
// takes. Classes of characters are written out, since the two disagree on what is in them and on the syntax of sets in sets.
func translateRegex(source string) (string, error) {
	t := &translator{rest: source}
	for t.rest != "" && t.err == nil {
		t.item()
	}
	if t.err != nil {
		return "", errorf(ErrUnsupported, "", "regular expression %q: %v", source, t.err)
	}
	return t.out.String(), nil
}

type translator struct {
	rest string
	out  strings.Builder
	err  error
	// interval says that an {n,m} was written last.
	interval bool
}

func (t *translator) fail(format string, args ...any) {
	if t.err == nil {
		t.err = fmt.Errorf(format, args...)
	}
}

// take takes the next character.
func (t *translator) take() rune {
	r, n := utf8.DecodeRuneInString(t.rest)
	if n == 0 {
		t.fail("ends too early")
	}
	t.rest = t.rest[n:]
	return r
}

// takeIf takes a prefix if it is there.
func (t *translator) takeIf(prefix string) bool {
	rest, ok := strings.CutPrefix(t.rest, prefix)
	t.rest = rest
	return ok
}

// item translates what comes next outside of sets.
func (t *translator) item() {
	interval := t.interval
	t.interval = false
	switch r := t.take(); r {
	case '\\':
		t.escape()
	case '[':
		t.out.WriteString(t.set().pattern())
	case '(':
		t.out.WriteByte('(')
		if t.takeIf("?") {
			t.group()
		}
	case '{':
		t.out.WriteByte('{')
		if strings.HasPrefix(t.rest, ",") {
			t.out.WriteByte('0')
		}
		t.interval = true
		for t.rest != "" && t.rest[0] != '}' {
			if c := t.rest[0]; c != ',' && (c < '0' || c > '9') {
				t.interval = false // a brace that is one
				return
			}
			t.out.WriteRune(t.take())
		}
		if t.takeIf("}") {
			t.out.WriteByte('}')
		}
	case '+':
		if interval {
			t.fail("+ behind an interval")
		}
		t.out.WriteByte('+')
	default:
		t.out.WriteRune(r)
	}
}

// group translates what follows (?.
func (t *translator) group() {
	t.out.WriteByte('?')
	for _, plain := range []string{":", "=", "!", ">", "<=", "<!", "#"} {
		if t.takeIf(plain) {
			t.out.WriteString(plain)
			return
		}
	}
	if t.takeIf("<") { // a name
		t.out.WriteByte('<')
		return
	}
	for t.err == nil {
		switch r := t.take(); r {
		case 'i', 'x', '-':
			t.out.WriteRune(r)
		case 'm': // . takes line ends
			t.out.WriteByte('s')
		case ':', ')':
			t.out.WriteRune(r)
			return
		default:
			t.fail("(?%c", r)
		}
	}
}

// escape translates what follows a backslash outside of sets.
func (t *translator) escape() {
	if s, ok := t.class(); ok {
		t.out.WriteString(s.pattern())
		return
	}
	r := t.take()
	word := namedSet(`\w`).pattern()
	switch r {
	case 'b':
		fmt.Fprintf(&t.out, "(?:(?<=%s)(?!%s)|(?<!%s)(?=%s))", word, word, word, word)
	case 'B':
		fmt.Fprintf(&t.out, "(?:(?<=%s)(?=%s)|(?<!%s)(?!%s))", word, word, word, word)
	case 'A', 'z', 'Z', 'G', '1', '2', '3', '4', '5', '6', '7', '8', '9':
		t.out.WriteByte('\\')
		t.out.WriteRune(r)
	default:
		t.out.WriteString(quoteRune(t.character(r)))
	}
}

// class takes an escape that stands for a set; the backslash is taken already.
func (t *translator) class() (runeRanges, bool) {
	if t.rest == "" {
		return nil, false
	}
	switch c := t.rest[0]; c {
	case 'w', 's', 'd', 'h':
		t.rest = t.rest[1:]
		return namedSet(`\` + string(c)), true
	case 'W', 'S', 'D', 'H':
		t.rest = t.rest[1:]
		return namedSet(`\` + strings.ToLower(string(c))).not(), true
	case 'p', 'P':
		name, rest, ok := strings.Cut(t.rest[1:], "}")
		name, open := strings.CutPrefix(name, "{")
		if !ok || !open {
			return nil, false
		}
		t.rest = rest
		name, negated := strings.CutPrefix(name, "^")
		s := namedSet(`\p{` + name + `}`)
		if s == nil {
			t.fail(`\p{%s}`, name)
		}
		if negated != (c == 'P') {
			s = s.not()
		}
		return s, true
	}
	return nil, false
}

// character is the character that \r stands for.
func (t *translator) character(r rune) rune {
	switch r {
	case 'n':
		return '\n'
	case 't':
		return '\t'
	case 'r':
		return '\r'
	case 'f':
		return '\f'
	case 'v':
		return '\v'
	case 'a':
		return '\a'
	case 'e':
		return 0x1b
	case '0':
		return 0
	case 'x':
		digits := ""
		if t.takeIf("{") {
			digits, t.rest, _ = strings.Cut(t.rest, "}")
		} else {
			digits = t.hex(2)
		}
		return t.codePoint(digits)
	case 'u':
		return t.codePoint(t.hex(4))
	}
	if r < utf8.RuneSelf && namedSet(`\w`).has(r) && r != '_' {
		t.fail(`\%c`, r)
	}
	return r
}

func (t *translator) hex(n int) string {
	digits := t.rest[:min(n, len(t.rest))]
	t.rest = t.rest[len(digits):]
	return digits
}

func (t *translator) codePoint(digits string) rune {
	v, err := strconv.ParseUint(digits, 16, 32)
	if err != nil || v > utf8.MaxRune {
		t.fail("no code point %q", digits)
		return 0
	}
	return rune(v)
}

// set takes what follows [, up to its ].
func (t *translator) set() runeRanges {
	negated := t.takeIf("^")
	var all, part runeRanges
	first, meets := true, false
	close := func() {
		if meets {
			all = all.and(part)
		} else {
			all = part
		}
		part = nil
	}
	for t.err == nil {
		switch {
		case t.takeIf("]"):
			if first {
				part = part.or(oneRune(']'))
				break
			}
			close()
			if negated {
				all = all.not()
			}
			return all
		case t.takeIf("&&"):
			close()
			meets = true
		case t.takeIf("[:"):
			name, rest, ok := strings.Cut(t.rest, ":]")
			s := posixSet(strings.TrimPrefix(name, "^"))
			if !ok || s == nil {
				t.fail("[:%s", t.rest)
				break
			}
			t.rest = rest
			if strings.HasPrefix(name, "^") {
				s = s.not()
			}
			part = part.or(s)
		case t.takeIf("["):
			part = part.or(t.set())
		default:
			part = part.or(t.member())
		}
		first = false
	}
	return nil
}

// member takes a character, a range or a class in a set.
func (t *translator) member() runeRanges {
	from := t.take()
	if from == '\\' {
		if s, ok := t.class(); ok {
			return s
		}
		if from = t.take(); from == 'b' {
			from = '\b'
		} else {
			from = t.character(from)
		}
	}
	if len(t.rest) < 2 || t.rest[0] != '-' || t.rest[1] == ']' || t.rest[1] == '[' {
		return oneRune(from)
	}
	t.rest = t.rest[1:]
	to := t.take()
	if to == '\\' {
		to = t.character(t.take())
	}
	if to < from {
		t.fail("range %c-%c", from, to)
	}
	return runeRanges{from, to + 1}
}
