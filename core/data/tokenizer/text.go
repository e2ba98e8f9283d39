package tokenizer

import "unicode/utf8"

// span is a range of the input's bytes.
type span struct{ from, to int32 }

// text is a part of the input on its way through the normalizers.
//
// A byte that is not part of valid UTF-8 is a character of its own: it has the properties of U+FFFD, and stays the byte it is as long as
// nothing replaces it.
type text struct {
	b      []byte
	from   []span // where each byte of b came from; nil when nobody asked. All bytes of a character came from one place
	origin int32  // where the text begins in the input; kept while from is

	// What b becomes is written into the buffer that b is not in.
	bufs  [2][]byte
	froms [2][]span
	turn  int
}

// reset makes t the part of the input that begins at origin, unchanged. Tracked says whether from is asked for.
func (t *text) reset(b []byte, origin int, tracked bool) {
	t.b, t.from, t.origin = b, nil, int32(origin)
	if tracked {
		t.from = appendIdentity(t.froms[t.turn][:0], b, origin)
		t.froms[t.turn] = t.from
		t.turn ^= 1
	}
}

// appendIdentity appends, for each byte of b, the range of its character, where b begins at origin.
func appendIdentity(dst []span, b []byte, origin int) []span {
	for i := 0; i < len(b); {
		n := 1
		if b[i] >= utf8.RuneSelf {
			_, n = utf8.DecodeRune(b[i:])
		}
		s := span{int32(origin + i), int32(origin + i + n)}
		for range n {
			dst = append(dst, s)
		}
		i += n
	}
	return dst
}

// rewriter writes what a text becomes, from left to right. Whatever is written knows where it came from.
type rewriter struct {
	t      *text
	out    []byte
	from   []span
	at     int // bytes of t.b that are done
	base   int // where the part of t.b begins that is being rewritten
	origin int32

	added bool // what was written last was inserted
	lag   int  // how many characters what is written seems to come from too far left: see drop
}

func (t *text) rewrite() rewriter {
	return rewriter{t: t, out: t.bufs[t.turn][:0], from: t.froms[t.turn][:0], origin: t.origin}
}

// done makes what was written the text.
func (w *rewriter) done() {
	t := w.t
	t.bufs[t.turn], t.b = w.out, w.out
	if t.from != nil {
		t.froms[t.turn], t.from = w.from, w.from
	}
	t.turn ^= 1
}

// keep copies the next n bytes.
func (w *rewriter) keep(n int) {
	end := w.at + n
	w.out = append(w.out, w.t.b[w.at:end]...)
	switch {
	case w.t.from == nil:
	case w.lag == 0:
		w.from = append(w.from, w.t.from[w.at:end]...)
	default:
		for w.at < end {
			n := size(w.t.b[w.at:end])
			w.mark(n, w.source())
			w.at += n
		}
	}
	w.at, w.added = end, false
}

// skip leaves out the next n bytes.
func (w *rewriter) skip(n int) { w.at += n }

// put writes s in the place of the next n bytes, which must be one character or more.
func (w *rewriter) put(s string, n int) {
	w.mark(len(s), w.source())
	w.out = append(w.out, s...)
	w.at += n
	w.added = false
}

// putRune is put of one character.
func (w *rewriter) putRune(r rune, n int) {
	w.mark(utf8.RuneLen(r), w.source())
	w.out = utf8.AppendRune(w.out, r)
	w.at += n
	w.added = false
}

// insert writes s, which comes from where the last character came from.
func (w *rewriter) insert(s string) {
	w.mark(len(s), w.source()-1)
	w.out = append(w.out, s...)
	w.added = true
}

// insertRune is insert of one character.
func (w *rewriter) insertRune(r rune) {
	w.mark(utf8.RuneLen(r), w.source()-1)
	w.out = utf8.AppendRune(w.out, r)
	w.added = true
}

// drop is skip as the Rust reference's normalizer Precompiled does it. If something was inserted in front of what goes, it comes from there
// now; and if nothing was written yet, all that follows seems to come from as many characters further left.
func (w *rewriter) drop(n int) {
	switch {
	case w.t.from == nil:
	case len(w.out) == 0:
		w.lag += utf8.RuneCount(w.t.b[w.at : w.at+n])
	case w.added:
		_, last := utf8.DecodeLastRune(w.out)
		w.from = w.from[:len(w.from)-last]
		w.mark(last, w.source())
		w.added = false
	}
	w.at += n
}

// source is where in the text what is written next comes from.
func (w *rewriter) source() int {
	at := w.at
	for range w.lag {
		_, n := utf8.DecodeLastRune(w.t.b[w.base:at])
		at -= n
	}
	return at
}

// mark says that the next n bytes come from where byte i of the text came from; in front of the first one nothing came from
// anywhere.
func (w *rewriter) mark(n, i int) {
	if w.t.from == nil {
		return
	}
	s := span{w.origin, w.origin}
	if i >= w.base && i < len(w.t.from) {
		s = w.t.from[i]
	}
	for range n {
		w.from = append(w.from, s)
	}
}

// size is the length of the character that b begins with; 0 where there is none.
func size(b []byte) int {
	if len(b) > 0 && b[0] < utf8.RuneSelf {
		return 1
	}
	_, n := utf8.DecodeRune(b)
	return n
}
