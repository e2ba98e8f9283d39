package tokenizer

import (
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// runeRanges is a set of code points: the ones where membership changes, in order. None before the first one is a member.
type runeRanges []rune

func oneRune(r rune) runeRanges { return runeRanges{r, r + 1} }

func (s runeRanges) has(r rune) bool {
	i, found := slices.BinarySearch(s, r)
	if found {
		i++
	}
	return i%2 == 1
}

// merge walks over two sets; keep says of which members of one or the other the result is made.
func (s runeRanges) merge(o runeRanges, keep func(a, b bool) bool) runeRanges {
	var out runeRanges
	a, b, in := false, false, false
	for i, j := 0, 0; i < len(s) || j < len(o); {
		at := rune(utf8.MaxRune + 1)
		if i < len(s) {
			at = s[i]
		}
		if j < len(o) {
			at = min(at, o[j])
		}
		for ; i < len(s) && s[i] == at; i++ {
			a = !a
		}
		for ; j < len(o) && o[j] == at; j++ {
			b = !b
		}
		if keep(a, b) != in {
			out, in = append(out, at), !in
		}
	}
	return out
}

func (s runeRanges) or(o runeRanges) runeRanges {
	return s.merge(o, func(a, b bool) bool { return a || b })
}

func (s runeRanges) and(o runeRanges) runeRanges {
	return s.merge(o, func(a, b bool) bool { return a && b })
}

func (s runeRanges) not() runeRanges {
	return s.merge(runeRanges{0, utf8.MaxRune + 1}, func(a, b bool) bool { return b && !a })
}

// pattern writes a set for the regex engine.
func (s runeRanges) pattern() string {
	if len(s) == 0 {
		return "(?!)"
	}
	var out strings.Builder
	out.WriteByte('[')
	for i := 0; i < len(s); i += 2 {
		last := rune(utf8.MaxRune)
		if i+1 < len(s) {
			last = s[i+1] - 1
		}
		out.WriteString(quoteRune(s[i]))
		if last > s[i] {
			out.WriteByte('-')
			out.WriteString(quoteRune(last))
		}
	}
	out.WriteByte(']')
	return out.String()
}

// quoteRune writes a character that stands for itself.
func quoteRune(r rune) string {
	if r <= 0xffff {
		return fmt.Sprintf(`\u%04X`, r)
	}
	return string(r)
}

// namedSet is the set that an escape of Oniguruma stands for: as the reference has it where that was asked, else as Go has it; nil for
// an unknown name.
func namedSet(escape string) runeRanges {
	if _, ok := runesOf[escape]; ok {
		return togglesOf(escape)
	}
	name := strings.TrimSuffix(strings.TrimPrefix(escape, `\p{`), "}")
	if long, ok := longNames[strings.ToLower(strings.ReplaceAll(name, " ", "_"))]; ok {
		return togglesOf(long)
	}
	for _, tables := range []map[string]*unicode.RangeTable{unicode.Categories, unicode.Scripts, unicode.Properties} {
		for known, table := range tables {
			if strings.EqualFold(known, name) {
				return rangesOf(table)
			}
		}
	}
	if s := posixSet(strings.ToLower(name)); s != nil {
		return s
	}
	return nil
}

// longNames are the other names of categories that patterns use.
var longNames = map[string]string{
	"letter": `\p{L}`, "uppercase_letter": `\p{Lu}`, "lowercase_letter": `\p{Ll}`, "titlecase_letter": `\p{Lt}`, "modifier_letter": `\p{Lm}`,
	"other_letter": `\p{Lo}`, "mark": `\p{M}`, "nonspacing_mark": `\p{Mn}`, "number": `\p{N}`, "decimal_number": `\p{Nd}`, "punctuation": `\p{P}`,
	"symbol": `\p{S}`, "separator": `\p{Z}`, "space_separator": `\p{Zs}`, "other": `\p{C}`, "control": `\p{Cc}`,
}

// posixSet is the set of a name like alpha; nil for an unknown one.
func posixSet(name string) runeRanges {
	switch name {
	case "space":
		return togglesOf(`\s`)
	case "digit":
		return togglesOf(`\d`)
	case "word":
		return togglesOf(`\w`)
	case "xdigit":
		return togglesOf(`\h`)
	case "upper":
		return togglesOf(`\p{Lu}`).or(rangesOf(unicode.Other_Uppercase))
	case "lower":
		return togglesOf(`\p{Ll}`).or(rangesOf(unicode.Other_Lowercase))
	case "alpha":
		return togglesOf(`\p{L}`).or(togglesOf(`\p{Nl}`)).or(rangesOf(unicode.Other_Alphabetic))
	case "alnum":
		return posixSet("alpha").or(togglesOf(`\p{Nd}`))
	case "cntrl":
		return togglesOf(`\p{Cc}`)
	case "ascii":
		return runeRanges{0, utf8.RuneSelf}
	}
	return nil
}

func rangesOf(table *unicode.RangeTable) runeRanges {
	var s runeRanges
	for _, r := range table.R16 {
		for c := rune(r.Lo); c <= rune(r.Hi); c += rune(r.Stride) {
			s = s.add(c, r.Stride == 1, rune(r.Hi))
			if r.Stride == 1 {
				break
			}
		}
	}
	for _, r := range table.R32 {
		for c := rune(r.Lo); c <= rune(r.Hi); c += rune(r.Stride) {
			s = s.add(c, r.Stride == 1, rune(r.Hi))
			if r.Stride == 1 {
				break
			}
		}
	}
	return s
}

// add adds a code point behind all others, or all up to last.
func (s runeRanges) add(r rune, run bool, last rune) runeRanges {
	end := r + 1
	if run {
		end = last + 1
	}
	if n := len(s); n > 0 && s[n-1] == r {
		s[n-1] = end
		return s
	}
	return append(s, r, end)
}
