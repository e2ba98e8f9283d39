package tokenizer

import (
	"math"
	"slices"
)

// Encoding is an encoded text: one entry a token in each list.
type Encoding struct {
	IDs     []int32
	TypeIDs []int32    // 0, or what the post-processor says (1 for the second text of a pair)
	Offsets [][2]int32 // bytes of the input that the token stands for: from, to
	Words   []int32    // the pre-token that the token is part of, counted in each text of a pair; -1 for special tokens
	Special []bool     // added by the post-processor or as padding

	Truncated bool     // tokens of the text were left out
	Padding   int      // tokens of padding
	values    []string // what the post-processor sees
}

// MaxText is the longest text, in bytes, that can be encoded at once: about 512 MiB.
const MaxText = math.MaxInt32 / 4

// scratch is what encoding needs for a while.
type scratch struct {
	words  words
	part   text
	plain  []word
	pieces []Piece
	cache  idCache
}

// Form is what an encoding has beside the tokens of its text, where the tokenizer's file says so.
type Form struct {
	Special  bool // special tokens that the post-processor adds
	Truncate bool // no more tokens than the file allows
	Pad      bool // padding
}

// whole is the form of the references: truncated and padded.
func whole(special bool) Form { return Form{Special: special, Truncate: true, Pad: true} }

// Encode answers the tokens of a text, with the special tokens that the post-processor adds where asked to. It truncates and pads where
// the tokenizer's file says so.
func (t *Tokenizer) Encode(input []byte, special bool) *Encoding {
	return t.EncodeForm(input, whole(special))
}

// EncodeForm is Encode that says what of the file's demands is met.
func (t *Tokenizer) EncodeForm(input []byte, form Form) *Encoding {
	tr := t.truncationOf(form)
	return t.finish([]*Encoding{t.encode(input, 0, tr, t.cut)}, [][]byte{input}, form)
}

// EncodePair encodes two texts as one sequence.
func (t *Tokenizer) EncodePair(a, b []byte, special bool) *Encoding {
	return t.finish([]*Encoding{t.encode(a, 0, t.truncation, t.cut), t.encode(b, 1, t.truncation, t.cut)}, [][]byte{a, b}, whole(special))
}

// Tokens answers the tokens of all of a text: Encode without special tokens, truncation and padding.
func (t *Tokenizer) Tokens(input []byte) *Encoding { return t.encode(input, 0, nil, t.cut) }

// AppendIDs appends the ids of a text: the quick way, without special tokens, offsets, truncation and padding.
func (t *Tokenizer) AppendIDs(dst []int32, input []byte) []int32 {
	s := t.pool.Get().(*scratch)
	defer t.pool.Put(s)
	if t.scan != nil {
		return t.appendScanned(dst, s, input)
	}
	t.prepare(s, t.wellForm(input).text, t.tracked)
	for _, x := range s.words.list {
		if x.token >= 0 {
			dst = append(dst, x.token)
			continue
		}
		b := s.words.b[x.from:x.to]
		dst = s.cache.append(dst, b, t.cut, &s.pieces)
	}
	return dst
}

// appendScanned is AppendIDs where words are cut by a scanner and are bytes: in one pass.
func (t *Tokenizer) appendScanned(dst []int32, s *scratch, input []byte) []int32 {
	bpe := t.cut.(*BPE)
	if t.vocab.plain == nil && t.vocab.normal == nil {
		return bpe.appendText(dst, input, t.scan)
	}
	s.plain = t.vocab.plain.split(s.plain[:0], input, 0)
	for _, x := range s.plain {
		if x.token >= 0 {
			dst = append(dst, x.token)
			continue
		}
		s.words.list = t.vocab.normal.split(s.words.list[:0], input[x.from:x.to], x.from)
		for _, y := range s.words.list {
			if y.token >= 0 {
				dst = append(dst, y.token)
			} else {
				dst = bpe.appendText(dst, input[y.from:y.to], t.scan)
			}
		}
	}
	return dst
}

// prepare takes the input to the words that the model will see.
func (t *Tokenizer) prepare(s *scratch, input []byte, tracked bool) {
	w := &s.words
	s.plain = t.vocab.plain.split(s.plain[:0], input, 0)
	w.list = w.list[:0]
	switch {
	case t.norm == nil:
		w.reset(input, 0, tracked)
		for _, x := range s.plain {
			if x.token >= 0 {
				w.list = append(w.list, x)
			} else {
				w.list = t.vocab.normal.split(w.list, input[x.from:x.to], x.from)
			}
		}
	case len(s.plain) == 1 && s.plain[0].token < 0 && !tracked:
		s.part.reset(input, 0, false)
		t.norm.normalize(&s.part)
		w.reset(s.part.b, 0, false)
		w.list = t.vocab.normal.split(w.list, w.b, 0)
	default:
		t.normalizeParts(s, input, tracked)
	}
	for i := range w.list {
		w.list[i].origin = w.originOf(w.list[i].from)
	}
	if t.cutter != nil {
		t.cutter.split(w)
	}
}

// normalizeParts normalizes what lies between the added tokens of s.plain, and finds there those that are normalized.
func (t *Tokenizer) normalizeParts(s *scratch, input []byte, tracked bool) {
	w := &s.words
	b, from := w.bufs[w.turn][:0], w.froms[w.turn][:0]
	for _, x := range s.plain {
		base := int32(len(b))
		part := input[x.from:x.to]
		s.part.reset(part, int(x.from), tracked)
		if x.token < 0 {
			t.norm.normalize(&s.part)
		}
		b = append(b, s.part.b...)
		from = append(from, s.part.from...)
		if x.token >= 0 {
			w.list = append(w.list, word{from: base, to: int32(len(b)), token: x.token})
		} else {
			w.list = t.vocab.normal.split(w.list, b[base:], base)
		}
	}
	w.bufs[w.turn], w.b, w.from = b, b, nil
	if tracked {
		w.froms[w.turn], w.from = from, from
	}
	w.turn ^= 1
}

// wordCutter is the part of a Model that cuts words, or a draw.
type wordCutter interface {
	Append(dst []Piece, word []byte) []Piece
}

// encode encodes one text, the second of a pair if typeID is 1, up to where truncation would cut.
func (t *Tokenizer) encode(input []byte, typeID int32, tr *truncation, cut wordCutter) *Encoding {
	s := t.pool.Get().(*scratch)
	defer t.pool.Put(s)
	form := t.wellForm(input)
	t.prepare(s, form.text, true)
	w := &s.words
	list, limit := w.list, math.MaxInt
	if tr != nil && (tr.strategy != "OnlySecond" || typeID != 0) {
		limit = tr.length
		if tr.left {
			list = t.lastWords(s, limit)
		}
	}
	e := &Encoding{Truncated: len(list) < len(w.list)}
	for i, x := range list {
		if len(e.IDs) >= limit && i > 0 && !tr.left {
			e.Truncated = true
			break
		}
		if x.token >= 0 {
			e.add(x.token, typeID, w.span(x.from, x.to), int32(i), string(w.b[x.from:x.to]))
			continue
		}
		s.pieces = cut.Append(s.pieces[:0], w.b[x.from:x.to])
		t.addPieces(e, w, x, s.pieces, typeID, int32(i))
	}
	if len(form.moved) > 0 {
		for i, o := range e.Offsets {
			e.Offsets[i] = [2]int32{form.place(o[0]), form.place(o[1])}
		}
	}
	return e
}

// addPieces adds the pieces of word number i. Where a Unigram model falls back to bytes, each of them stands for all characters in a row
// that it does not know.
func (t *Tokenizer) addPieces(e *Encoding, w *words, x word, pieces []Piece, typeID, i int32) {
	at, runEnd := int32(0), -1
	var run [2]int32
	for j, p := range pieces {
		value, _ := t.model.Token(p.ID)
		from, to := at, p.End
		if t.spreads {
			if j >= runEnd {
				runEnd, run = byteRun(t.model, pieces, j, at)
			}
			if j < runEnd {
				from, to = run[0], run[1]
			}
		}
		e.add(p.ID, typeID, w.span(x.from+from, x.from+to), i, value)
		at = p.End
	}
}

// byteRun answers where the byte tokens from number i on end, and which part of the word they stand for.
func byteRun(m Model, pieces []Piece, i int, at int32) (end int, run [2]int32) {
	run = [2]int32{at, at}
	for end = i; end < len(pieces); end++ {
		value, _ := m.Token(pieces[end].ID)
		if _, ok := byteOf(value); !ok || pieces[end].End-run[1] > 1 {
			break
		}
		run[1] = pieces[end].End
	}
	return end, run
}

// lastWords answers the last words, that have at least so many tokens where there are so many.
func (t *Tokenizer) lastWords(s *scratch, limit int) []word {
	list := s.words.list
	n := 0
	for i, x := range slices.Backward(list) {
		if x.token >= 0 {
			n++
			continue
		}
		s.pieces = t.cut.Append(s.pieces[:0], s.words.b[x.from:x.to])
		if n += len(s.pieces); n >= limit {
			return list[i:]
		}
	}
	return list
}

// span is the part of the input that bytes of a text come from.
func (w *words) span(from, to int32) [2]int32 {
	if from == to {
		at := int32(0)
		if int(from) < len(w.from) {
			at = w.from[from].from
		} else if from > 0 {
			at = w.from[from-1].to
		}
		return [2]int32{at, at}
	}
	return [2]int32{w.from[from].from, w.from[to-1].to}
}

func (e *Encoding) add(id, typeID int32, at [2]int32, word int32, value string) {
	e.IDs = append(e.IDs, id)
	e.TypeIDs = append(e.TypeIDs, typeID)
	e.Offsets = append(e.Offsets, at)
	e.Words = append(e.Words, word)
	e.Special = append(e.Special, false)
	e.values = append(e.values, value)
}

// addSpecial adds a token that is not of the text.
func (e *Encoding) addSpecial(id, typeID int32, value string) {
	e.add(id, typeID, [2]int32{}, -1, value)
	e.Special[len(e.Special)-1] = true
}

// extend adds the tokens of another encoding.
func (e *Encoding) extend(o *Encoding) {
	e.IDs = append(e.IDs, o.IDs...)
	e.TypeIDs = append(e.TypeIDs, o.TypeIDs...)
	e.Offsets = append(e.Offsets, o.Offsets...)
	e.Words = append(e.Words, o.Words...)
	e.Special = append(e.Special, o.Special...)
	e.values = append(e.values, o.values...)
	e.Truncated = e.Truncated || o.Truncated
	e.Padding += o.Padding
}

// part is the tokens of a range, which is not all.
func (e *Encoding) part(from, to int) *Encoding {
	return &Encoding{IDs: e.IDs[from:to], TypeIDs: e.TypeIDs[from:to], Offsets: e.Offsets[from:to], Words: e.Words[from:to],
		Special: e.Special[from:to], values: e.values[from:to], Truncated: true}
}

// setType gives all tokens a type.
func (e *Encoding) setType(id int32) {
	for i := range e.TypeIDs {
		e.TypeIDs[i] = id
	}
}
