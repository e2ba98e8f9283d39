package tokenizer

import (
	"bytes"
	"unicode/utf8"
)

// spSpace is what SentencePiece writes for a space: U+2581, LOWER ONE EIGHTH BLOCK.
const spSpace = "\u2581"

// spNormalizer is SentencePiece's normalizer: at each place the longest rule of the charsmap that fits, white space as the
// specification of the model wants it, bytes that are not UTF-8 to U+FFFD.
type spNormalizer struct {
	rules   *charsmap // nil: every character stays
	plain   [128]bool // characters that stay as they are before ASCII
	spaces  bool      // a space before ASCII is no part of a rule
	user    *trie     // user-defined pieces, which no rule touches; nil: none
	dummy   bool      // add_dummy_prefix: a space before the text
	squeeze bool      // remove_extra_whitespaces: none at the ends, one between words
	space   string    // what a space becomes
	suffix  bool      // treat_whitespace_as_suffix: the dummy prefix is one
}

func newSPNormalizer(spec spNormalizerSpec, user *trie, suffix bool) (*spNormalizer, error) {
	n := &spNormalizer{
		user: user, dummy: spec.addDummyPrefix, squeeze: spec.removeExtraWhitespaces, space: " ", suffix: suffix,
	}
	if spec.escapeWhitespaces {
		n.space = spSpace
	}
	for c := range n.plain {
		n.plain[c] = true
	}
	if len(spec.charsmap) > 0 {
		var err error
		if n.rules, err = parseCharsmap(spec.charsmap); err != nil {
			return nil, err
		}
		n.plain = n.rules.plain()
	}
	if user != nil {
		for c := range n.plain {
			if _, ok := user.step(trieRoot, byte(c)); ok {
				n.plain[c] = false
			}
		}
	}
	n.spaces, n.plain[' '] = n.plain[' '], false
	return n, nil
}

// prefix normalizes the first rule or character of text: what it becomes and how long it is.
func (n *spNormalizer) prefix(text []byte) (to []byte, size int) {
	if n.user != nil {
		if size, _ := n.user.longest(text); size > 0 {
			return text[:size], size
		}
	}
	if n.rules != nil {
		if size, to := n.rules.find(text, false); size > 0 {
			return to, size
		}
	}
	r, size := utf8.DecodeRune(text)
	if r == utf8.RuneError && size == 1 {
		return replacementChar, 1
	}
	return text[:size], size
}

var replacementChar = []byte("\uFFFD")

func (n *spNormalizer) normalize(t *text) {
	w := t.rewrite()
	n.write(&w)
	w.done()
}

func (n *spNormalizer) write(w *rewriter) {
	b := w.t.b
	if n.squeeze {
		for w.at < len(b) {
			to, size := n.prefix(b[w.at:])
			if string(to) != " " {
				break
			}
			w.skip(size)
		}
	}
	if w.at == len(b) {
		return
	}
	if n.dummy && !n.suffix {
		w.put(n.space, 0)
	}
	afterSpace := n.squeeze
	for w.at < len(b) {
		if run := n.plainRun(b[w.at:]); run > 0 {
			w.keep(run)
			afterSpace = false
			continue
		}
		if n.spaces && b[w.at] == ' ' && (w.at+1 == len(b) || b[w.at+1] < utf8.RuneSelf) {
			if afterSpace {
				w.skip(1)
			} else {
				w.put(n.space, 1)
				afterSpace = n.squeeze
			}
			continue
		}
		to, size := n.prefix(b[w.at:])
		if afterSpace {
			to = bytes.TrimLeft(to, " ")
		}
		for rest := to; len(rest) > 0; {
			i := bytes.IndexByte(rest, ' ')
			if i < 0 {
				i = len(rest)
			}
			w.mark(i, w.at)
			w.out = append(w.out, rest[:i]...)
			if rest = rest[i:]; len(rest) > 0 {
				w.put(n.space, 0)
				rest = rest[1:]
			}
		}
		if len(to) > 0 {
			afterSpace = n.squeeze && to[len(to)-1] == ' '
		}
		w.skip(size)
	}
	if n.squeeze {
		for bytes.HasSuffix(w.out, []byte(n.space)) {
			w.out = w.out[:len(w.out)-len(n.space)]
			w.from = w.from[:min(len(w.from), len(w.out))]
		}
	}
	if n.dummy && n.suffix {
		w.insert(n.space)
	}
}

// plainRun is how many bytes at the beginning of a text stay as they are.
func (n *spNormalizer) plainRun(b []byte) int {
	i := 0
	for i < len(b) && b[i] < utf8.RuneSelf && n.plain[b[i]] {
		i++
	}
	if i > 0 && i < len(b) && b[i] >= utf8.RuneSelf {
		i-- // a rule may begin with it
	}
	return i
}
