package tokenizer

// truncation is how long an encoding may be, and what goes.
type truncation struct {
	length   int
	stride   int    // of the parts that were cut off, which nobody is given here; kept for Write
	strategy string // "LongestFirst", "OnlyFirst" or "OnlySecond"
	left     bool   // tokens go from the left
}

// apply cuts encodings so that they and the special tokens to come are no longer than allowed. Where only one text may be cut and that is
// not enough, all of it goes: there the reference refuses the text.
func (t *truncation) apply(es []*Encoding, special int) {
	length := t.length - special
	total := 0
	for _, e := range es {
		total += len(e.IDs)
	}
	if total <= length {
		return
	}
	cut := func(i, n int) {
		if size := len(es[i].IDs); n < size {
			n = max(n, 0)
			if t.left {
				es[i] = es[i].part(size-n, size)
			} else {
				es[i] = es[i].part(0, n)
			}
		}
	}
	switch {
	case t.strategy == "OnlySecond" && len(es) == 2:
		cut(1, length-len(es[0].IDs))
	case t.strategy == "OnlyFirst":
		cut(0, len(es[0].IDs)-(total-length))
	case t.strategy == "LongestFirst" && len(es) == 1:
		cut(0, length)
	case t.strategy == "LongestFirst":
		// The shorter text is cut only if half of the length is not enough for it.
		short, long := len(es[0].IDs), len(es[1].IDs)
		swapped := short > long
		if swapped {
			short, long = long, short
		}
		if short > length {
			long = short
		} else {
			long = max(short, length-short)
		}
		if short+long > length {
			short = length / 2
			long = short + length%2
		}
		if swapped {
			short, long = long, short
		}
		cut(0, short)
		cut(1, long)
	}
}

func (t *Tokenizer) truncationOf(form Form) *truncation {
	if !form.Truncate {
		return nil
	}
	return t.truncation
}

// Limit is the number of tokens that the tokenizer's file truncates texts to; false where it does not.
func (t *Tokenizer) Limit() (tokens int, ok bool) {
	if t.truncation == nil {
		return 0, false
	}
	return t.truncation.length, true
}

// Padding is the token that the tokenizer's file fills texts up with, and on which side; false where it does not.
func (t *Tokenizer) Padding() (id int32, left, ok bool) {
	if t.padding == nil {
		return 0, false, false
	}
	return t.padding.id, t.padding.left, true
}

// padding is how long an encoding must be.
type padding struct {
	fixed    int // length; 0 for that of the longest one, which is the one at hand
	multiple int // length is a multiple of it, if not 0
	left     bool
	id, kind int32
	token    string
}

func (p *padding) apply(e *Encoding) *Encoding {
	length := p.fixed
	if length == 0 {
		length = len(e.IDs)
	}
	if p.multiple > 0 && length%p.multiple > 0 {
		length += p.multiple - length%p.multiple
	}
	n := length - len(e.IDs)
	if n <= 0 {
		return e
	}
	out := &Encoding{Padding: n, Truncated: e.Truncated}
	if !p.left {
		out.extend(e)
	}
	for range n {
		out.addSpecial(p.id, p.kind, p.token)
	}
	if p.left {
		out.extend(e)
	}
	return out
}
