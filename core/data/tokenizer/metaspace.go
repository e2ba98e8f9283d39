package tokenizer

import (
	"bytes"
	"strings"
)

// preMetaspace writes spaces as a visible character, puts one in front, and cuts before each of them: SentencePiece's way.
type preMetaspace struct {
	replacement string // one character, "▁" as a rule
	scheme      string // "always", "first" (only at the beginning of the input) or "never": where one is put in front
	cut         bool
}

func (p preMetaspace) split(w *words) {
	w.rewriteWords(func(r *rewriter, b []byte) {
		if p.inFront(r, b) {
			r.put(p.replacement, 0)
		}
		end := r.at + len(b)
		for r.at < end {
			i := bytes.IndexByte(r.t.b[r.at:end], ' ')
			if i < 0 {
				r.keep(end - r.at)
				break
			}
			r.keep(i)
			r.put(p.replacement, 1)
		}
	})
	if !p.cut {
		return
	}
	first := []byte(p.replacement)
	w.each(func(x word) {
		for start := x.from; start < x.to; {
			end := x.to
			skip := int32(size(w.b[start:x.to]))
			if i := bytes.Index(w.b[start+skip:x.to], first); i >= 0 {
				end = start + skip + int32(i)
			}
			w.add(start, end)
			start = end
		}
	})
}

func (p preMetaspace) inFront(r *rewriter, b []byte) bool {
	switch {
	case p.scheme == "never", p.scheme == "first" && r.origin != 0:
		return false
	}
	return b[0] != ' ' && !bytes.HasPrefix(b, []byte(p.replacement))
}

// decode writes spaces for the replacement, and nothing for those of the first token if one was put in front.
func (p preMetaspace) decode(tokens []string) []string {
	for i, s := range tokens {
		with := " "
		if i == 0 && p.scheme != "never" {
			with = ""
		}
		tokens[i] = strings.ReplaceAll(s, p.replacement, with)
	}
	return tokens
}
