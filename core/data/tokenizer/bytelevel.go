package tokenizer

import "unicode/utf8"

// visible writes the next n bytes as the letters that stand for them. All of a character's come from where it came from.
func (w *rewriter) visible(n int) {
	for end := w.at + n; w.at < end; {
		first, n := w.at, size(w.t.b[w.at:end])
		for ; w.at < first+n; w.at++ {
			r := visibleRunes[w.t.b[w.at]]
			w.mark(utf8.RuneLen(r), first)
			w.out = utf8.AppendRune(w.out, r)
		}
	}
}

// appendBytes appends the bytes that a visible token stands for, or the token's own if it has letters that stand for none.
func appendBytes(dst []byte, token string) []byte {
	dst, ok := appendVisible(dst, token)
	if !ok {
		return append(dst, token...)
	}
	return dst
}
