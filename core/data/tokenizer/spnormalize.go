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
	n.plain[' '] = false
	if user != nil {
		for c := range n.plain {
			if _, ok := user.step(trieRoot, byte(c)); ok {
				n.plain[c] = false
			}
		}
	}
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

// append appends the normalized text. Where from is not nil, it gets the place in text that each byte comes from, and one more for
// the end.
func (n *spNormalizer) append(dst, text []byte, from *[]int32) []byte {
	at, begin := 0, len(dst)
	trace := func(bytes int) {
		if from != nil {
			for range bytes {
				*from = append(*from, int32(at))
			}
		}
	}
	if len(text) == 0 {
		return dst
	}
	if n.squeeze {
		for at < len(text) {
			to, size := n.prefix(text[at:])
			if string(to) != " " {
				break
			}
			at += size
		}
	}
	if at == len(text) {
		trace(1)
		return dst
	}
	if n.dummy && !n.suffix {
		dst = append(dst, n.space...)
		trace(len(n.space))
	}
	afterSpace := n.squeeze
	for at < len(text) {
		if c := text[at]; c < utf8.RuneSelf && n.plain[c] && (at+1 == len(text) || text[at+1] < utf8.RuneSelf) {
			dst = append(dst, c)
			trace(1)
			afterSpace = false
			at++
			continue
		}
		to, size := n.prefix(text[at:])
		if afterSpace {
			to = bytes.TrimLeft(to, " ")
		}
		for _, c := range to {
			if c == ' ' {
				dst = append(dst, n.space...)
				trace(len(n.space))
			} else {
				dst = append(dst, c)
				trace(1)
			}
		}
		if len(to) > 0 {
			afterSpace = n.squeeze && to[len(to)-1] == ' '
		}
		at += size
	}
	if n.squeeze {
		for bytes.HasSuffix(dst[begin:], []byte(n.space)) {
			dst = dst[:len(dst)-len(n.space)]
			if from != nil {
				*from = (*from)[:len(*from)-len(n.space)+1]
				at = int((*from)[len(*from)-1])
				*from = (*from)[:len(*from)-1]
			}
		}
	}
	if n.dummy && n.suffix {
		dst = append(dst, n.space...)
		trace(len(n.space))
	}
	trace(1)
	return dst
}
