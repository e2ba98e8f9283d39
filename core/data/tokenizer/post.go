package tokenizer

import "unicode/utf8"

// postProcessor adds special tokens to encoded texts, and trims offsets. It gets one encoding a text and answers what will be one
// after the other.
type postProcessor interface {
	process(es []*Encoding, inputs [][]byte, special bool) []*Encoding
	// adds is the number of special tokens for one text or a pair.
	adds(pair bool) int
}

// finish truncates, post-processes and pads.
func (t *Tokenizer) finish(es []*Encoding, inputs [][]byte, form Form) *Encoding {
	pair := len(es) == 2
	if tr := t.truncationOf(form); tr != nil {
		n := 0
		if form.Special && t.post != nil {
			n = t.post.adds(pair)
		}
		tr.apply(es, n)
	}
	for i, e := range es {
		e.setType(int32(i))
	}
	if t.post != nil {
		es = t.post.process(es, inputs, form.Special)
	}
	out := es[0]
	if len(es) > 1 {
		out = &Encoding{}
		for _, e := range es {
			out.extend(e)
		}
	}
	if t.padding != nil && form.Pad {
		out = t.padding.apply(out)
	}
	return out
}

// postSequence applies post-processors one after the other.
type postSequence []postProcessor

func (s postSequence) process(es []*Encoding, inputs [][]byte, special bool) []*Encoding {
	for _, p := range s {
		es = p.process(es, inputs, special)
	}
	return es
}

func (s postSequence) adds(pair bool) int {
	n := 0
	for _, p := range s {
		n += p.adds(pair)
	}
	return n
}

// namedToken is a token of the vocabulary as post-processors name it.
type namedToken struct {
	token string
	id    int32
}

// postBert writes [CLS] a [SEP], and b [SEP] behind it for a pair.
type postBert struct{ sep, cls namedToken }

func (p postBert) adds(pair bool) int {
	if pair {
		return 3
	}
	return 2
}

func (p postBert) process(es []*Encoding, _ [][]byte, special bool) []*Encoding {
	if !special {
		return es
	}
	out := make([]*Encoding, len(es))
	for i, e := range es {
		last := int32(0)
		out[i] = &Encoding{}
		if i == 0 {
			out[i].addSpecial(p.cls.id, 0, p.cls.token)
		} else {
			last = 1
		}
		out[i].extend(e)
		for j := range out[i].Special {
			out[i].Special[j] = i == 0 && j == 0
		}
		out[i].addSpecial(p.sep.id, last, p.sep.token)
	}
	return out
}

// postRoberta writes <s> a </s>, and </s> b </s> behind it for a pair; all is of type 0.
type postRoberta struct {
	sep, cls          namedToken
	trim, prefixSpace bool
}

func (p postRoberta) adds(pair bool) int {
	if pair {
		return 4
	}
	return 2
}

func (p postRoberta) process(es []*Encoding, inputs [][]byte, special bool) []*Encoding {
	for i, e := range es {
		if p.trim {
			e.trim(inputs[min(i, len(inputs)-1)], p.prefixSpace)
		}
		e.setType(0)
	}
	if !special {
		return es
	}
	out := make([]*Encoding, len(es))
	for i, e := range es {
		first := p.sep
		if i == 0 {
			first = p.cls
		}
		out[i] = &Encoding{}
		out[i].addSpecial(first.id, 0, first.token)
		out[i].extend(e)
		for j := range out[i].Special {
			out[i].Special[j] = j == 0
		}
		out[i].addSpecial(p.sep.id, 0, p.sep.token)
	}
	return out
}

// postByteLevel leaves the spaces of byte-level tokens out of their offsets.
type postByteLevel struct{ prefixSpace, trimOffsets, regex bool }

func (p postByteLevel) adds(bool) int { return 0 }

func (p postByteLevel) process(es []*Encoding, inputs [][]byte, _ bool) []*Encoding {
	if p.trimOffsets {
		for i, e := range es {
			e.trim(inputs[min(i, len(inputs)-1)], p.prefixSpace)
		}
	}
	return es
}

// trim moves the ends of tokens past the spaces that they begin and end with. Of a token at the beginning of the text one space may be
// the one that was put there, which is not of the text.
func (e *Encoding) trim(input []byte, prefixSpace bool) {
	for i, value := range e.values {
		lead, trail := spacesAround(value)
		if lead == 0 && trail == 0 {
			continue
		}
		at := &e.Offsets[i]
		if lead > 0 && !(lead == 1 && prefixSpace && (i == 0 || at[0] == 0)) {
			for ; lead > 0 && at[0] < at[1]; lead-- {
				at[0] += int32(size(input[at[0]:]))
			}
			at[0] = min(at[0], at[1])
		}
		for ; trail > 0 && at[1] > at[0]; trail-- {
			_, n := utf8.DecodeLastRune(input[:at[1]])
			at[1] -= int32(n)
		}
		at[1] = max(at[1], at[0])
	}
}

// spacesAround counts the spaces, visible ones and others, that a token begins and ends with.
func spacesAround(s string) (lead, trail int) {
	blank := func(r rune) bool { return r == 'Ġ' || isSpace(r) }
	for _, r := range s {
		if !blank(r) {
			break
		}
		lead++
	}
	for len(s) > 0 {
		r, n := utf8.DecodeLastRuneInString(s)
		if !blank(r) {
			break
		}
		trail++
		s = s[:len(s)-n]
	}
	return lead, trail
}

// postTemplate writes texts and special tokens in an order of its own.
type postTemplate struct {
	single, pair []slotOf
	special      map[string][]namedToken
	extra        written // fields that mean nothing, kept for Write
}

// slotOf is a place of a template: one of the texts, or special tokens.
type slotOf struct {
	text   int    // 0 or 1; -1 for special tokens
	name   string // of special tokens
	typeID int32
}

func (p postTemplate) adds(pair bool) int {
	n := 0
	for _, s := range p.template(pair) {
		if s.text < 0 {
			n += len(p.special[s.name])
		}
	}
	return n
}

func (p postTemplate) template(pair bool) []slotOf {
	if pair {
		return p.pair
	}
	return p.single
}

func (p postTemplate) process(es []*Encoding, _ [][]byte, special bool) []*Encoding {
	var out []*Encoding
	for _, s := range p.template(len(es) > 1) {
		e := &Encoding{}
		if s.text >= 0 {
			e.extend(es[s.text])
			e.setType(s.typeID)
		} else if special {
			for _, t := range p.special[s.name] {
				e.addSpecial(t.id, s.typeID, t.token)
			}
		}
		out = append(out, e)
	}
	return out
}
