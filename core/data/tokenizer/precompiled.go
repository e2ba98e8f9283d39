package tokenizer

import "unicode/utf8"

// precompiled is the normalizer Precompiled of tokenizer.json: SentencePiece's charsmap, looked up the Rust reference's way. A grapheme
// cluster of fewer than six bytes is looked up as a whole, and becomes what the shortest rule that it begins with says: the rest of the
// cluster is lost. Where no rule fits, and in longer clusters, each character is looked up alone. SentencePiece itself takes the longest
// rule at each place: spNormalizer.
type precompiled struct {
	rules    *charsmap
	plain    [128]bool
	charsmap []byte
}

func newPrecompiled(raw []byte) (*precompiled, error) {
	rules, err := parseCharsmap(raw)
	if err != nil {
		return nil, err
	}
	if !utf8.Valid(rules.replacements) {
		return nil, errorf(ErrFormat, "precompiled_charsmap", "replacements that are not UTF-8")
	}
	return &precompiled{rules: rules, plain: rules.plain(), charsmap: raw}, nil
}

// raw is the charsmap as it was read.
func (p *precompiled) raw() []byte { return p.charsmap }

const wholeCluster = 6 // clusters of as many bytes are not looked up as a whole

func (p *precompiled) normalize(t *text) {
	if p.keeps(t.b) {
		return
	}
	w := t.rewrite()
	for w.at < len(t.b) {
		if n := p.plainRun(t.b[w.at:]); n > 0 {
			w.keep(n)
			continue
		}
		n := clusterLen(t.b[w.at:])
		if n < wholeCluster {
			if to, ok := p.rule(t.b[w.at : w.at+n]); ok {
				replace(&w, to, n)
				continue
			}
		}
		for end := w.at + n; w.at < end; {
			_, size := utf8.DecodeRune(t.b[w.at:])
			if to, ok := p.rule(t.b[w.at : w.at+size]); ok {
				replace(&w, to, size)
			} else {
				w.keep(size)
			}
		}
	}
	w.done()
}

// keeps says that nothing in a text can change, without looking closely.
func (p *precompiled) keeps(b []byte) bool { return p.plainRun(b) == len(b) }

// plainRun is how many bytes at the beginning of a text stay as they are: ASCII, up to the last one before something else.
func (p *precompiled) plainRun(b []byte) int {
	n := 0
	for n < len(b) && b[n] < utf8.RuneSelf && p.plain[b[n]] {
		n++
	}
	if n > 0 && n < len(b) && b[n] >= utf8.RuneSelf {
		n-- // it may be part of a cluster
	}
	return n
}

// rule is what becomes of a part of a text that is looked up as a whole.
func (p *precompiled) rule(part []byte) ([]byte, bool) {
	n, to := p.rules.find(part, true)
	return to, n > 0
}

// replace writes to in the place of the next n bytes. Characters are paired one to one; the rest comes from the last one, or is what the
// last one becomes.
func replace(w *rewriter, to []byte, n int) {
	end := w.at + n
	if len(to) == 0 {
		w.drop(n)
		return
	}
	for len(to) > 0 {
		r, size := utf8.DecodeRune(to)
		to = to[size:]
		old := 0
		if w.at < end {
			_, old = utf8.DecodeRune(w.t.b[w.at:end])
		}
		switch {
		case old == 0:
			w.insertRune(r)
		case len(to) == 0:
			w.putRune(r, end-w.at)
		default:
			w.putRune(r, old)
		}
	}
}
