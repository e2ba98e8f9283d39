package tokenizer

import (
	"slices"
	"sync"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// normForm is one of Unicode's normalization forms as the reference computes them: by the tables of Unicode 9, where what was assigned
// later is no combining mark and nothing that can be taken apart; and without the limit on the number of marks in a row that
// golang.org/x/text sets, which is why only the tables are taken from there.
type normForm struct {
	form    norm.Form
	full    norm.Form // the decomposition
	compose bool
}

var (
	nfd  = normForm{norm.NFD, norm.NFD, false}
	nfkd = normForm{norm.NFKD, norm.NFKD, false}
	nfc  = normForm{norm.NFC, norm.NFD, true}
	nfkc = normForm{norm.NFKC, norm.NFKD, true}
)

// atom is a character of a decomposition: new, or the first one of what replaces a character of the text.
type atom struct {
	r     rune
	class uint8
	first bool
}

func (f normForm) normalize(t *text) {
	if f.form.QuickSpan(t.b) == len(t.b) {
		return
	}
	c := composer{w: t.rewrite(), form: f}
	for i := 0; i < len(t.b); {
		if t.b[i] < utf8.RuneSelf {
			c.push(rune(t.b[i]), 0, true)
			i++
			continue
		}
		r, n := utf8.DecodeRune(t.b[i:])
		if r == utf8.RuneError && n == 1 {
			c.flush()
			c.finish()
			c.w.keep(1)
		} else {
			c.decompose(t.b[i:i+n], r)
		}
		i += n
	}
	c.flush()
	c.finish()
	c.w.done()
}

// composer puts decomposed characters in order, and together again.
type composer struct {
	w       rewriter
	form    normForm
	pending []atom // not in order yet: all up to the next character of class 0
	kept    []piled
	lastCCC uint8
	blocked bool
}

// piled is an output character, and how many characters of the text it takes up; 0 if it is new.
type piled struct {
	r     rune
	takes int
}

func (c *composer) decompose(b []byte, r rune) {
	if late(r) {
		c.push(r, 0, true)
		return
	}
	p := c.form.full.Properties(b)
	d := p.Decomposition()
	if d == nil {
		if 0xac00 <= r && r < 0xac00+11172 {
			i := r - 0xac00
			c.push(0x1100+i/588, 0, true)
			c.push(0x1161+i%588/28, 0, false)
			if i%28 > 0 {
				c.push(0x11a7+i%28, 0, false)
			}
			return
		}
		c.push(r, p.CCC(), true)
		return
	}
	for first := true; len(d) > 0; first = false {
		r, n := utf8.DecodeRune(d)
		c.push(r, norm.NFD.Properties(d[:n]).CCC(), first)
		d = d[n:]
	}
}

// push takes the next character of the decomposition.
func (c *composer) push(r rune, class uint8, first bool) {
	if class == 0 {
		c.flush()
	}
	c.pending = append(c.pending, atom{r, class, first})
}

// flush sorts what is pending by combining class and passes it on.
func (c *composer) flush() {
	if len(c.pending) > 1 {
		slices.SortStableFunc(c.pending, func(a, b atom) int { return int(a.class) - int(b.class) })
	}
	for _, a := range c.pending {
		takes := 0
		if a.first {
			takes = 1
		}
		if !c.form.compose {
			c.emit(piled{a.r, takes})
			continue
		}
		c.join(a, takes)
	}
	c.pending = c.pending[:0]
}

// join combines a character with the last one of class 0 where Unicode has a character for both.
func (c *composer) join(a atom, takes int) {
	if len(c.kept) == 0 {
		if a.class != 0 {
			c.emit(piled{a.r, takes})
			return
		}
		c.kept = append(c.kept, piled{a.r, takes})
		return
	}
	if !c.blocked || c.lastCCC < a.class {
		if r, ok := composed(c.kept[0].r, a.r); ok {
			c.kept[0] = piled{r, c.kept[0].takes + takes}
			return
		}
	}
	if a.class == 0 {
		c.finish()
	} else {
		c.blocked, c.lastCCC = true, a.class
	}
	c.kept = append(c.kept, piled{a.r, takes})
}

// finish writes what is kept.
func (c *composer) finish() {
	for _, p := range c.kept {
		c.emit(p)
	}
	c.kept = c.kept[:0]
	c.blocked = false
}

func (c *composer) emit(p piled) {
	if p.takes == 0 {
		c.w.insertRune(p.r)
		return
	}
	n := 0
	for range p.takes {
		n += size(c.w.t.b[c.w.at+n:])
	}
	c.w.putRune(p.r, n)
}

// composed answers the character that two make up.
func composed(a, b rune) (rune, bool) {
	if 0x1100 <= a && a < 0x1100+19 && 0x1161 <= b && b < 0x1161+21 {
		return 0xac00 + (a-0x1100)*588 + (b-0x1161)*28, true
	}
	if 0xac00 <= a && a < 0xac00+11172 && (a-0xac00)%28 == 0 && 0x11a7 < b && b < 0x11a7+28 {
		return a + b - 0x11a7, true
	}
	r, ok := compositions()[[2]rune{a, b}]
	return r, ok
}

// compositions inverts the canonical decompositions of characters that normalization form C keeps.
var compositions = sync.OnceValue(func() map[[2]rune]rune {
	m := map[[2]rune]rune{}
	for r := rune(0xc0); r < 0x30000; r++ {
		s := string(r)
		if !utf8.ValidRune(r) || late(r) || 0xac00 <= r && r < 0xac00+11172 {
			continue
		}
		d := norm.NFD.PropertiesString(s).Decomposition()
		if d == nil || norm.NFC.String(s) != s {
			continue
		}
		b, n := utf8.DecodeLastRune(d)
		a, whole := utf8.DecodeRune(norm.NFC.Bytes(d[:len(d)-n]))
		if rest := norm.NFC.Bytes(d[:len(d)-n]); whole == len(rest) && whole > 0 {
			m[[2]rune{a, b}] = r
		}
	}
	return m
})
