package data

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"unicode/utf8"

	"github.com/archlab/archlab/core/data/tokenizer"
)

// Subword is a tokenizer of package tokenizer that can stand between documents: it has an end of document, and knows the bytes that ids
// stand for. NewTokenizer makes one.
type Subword struct {
	t     *tokenizer.Tokenizer
	form  []byte // its stored form
	name  string
	print string
	vocab int
	eod   int32
	own   bool    // the tokenizer has no end of document of its own: eod is the id after its last one
	sizes []int32 // by id: bytes of text, of the id alone
}

// spanned is a Subword whose ids do not tell their bytes.
type spanned struct{ *Subword }

// EndToken is the end of document in the vocabularies that are learned here.
const EndToken = "<|endoftext|>"

// endTokens are the special tokens that end a document, the likeliest first.
var endTokens = []string{EndToken, "<|end_of_text|>", "</s>", "<eos>", "<|eos|>", "[SEP]"}

// NewTokenizer makes a tokenizer usable for streams. The end of document is the tokenizer's own where it has a special token for it
// (<|endoftext|>, </s>, [SEP] ...), else an id after its last one. The answer is Lossy unless every id stands for the same bytes everywhere.
func NewTokenizer(t *tokenizer.Tokenizer) (Tokenizer, error) {
	var form bytes.Buffer
	if err := t.Write(&form); err != nil {
		return nil, err
	}
	s := &Subword{t: t, form: form.Bytes(), vocab: t.Size(), eod: int32(t.Size()), own: true}
	for _, a := range slices.Backward(endTokens) {
		for _, x := range t.Specials() {
			if x.Content == a {
				s.eod, s.own = x.ID, false
			}
		}
	}
	if s.own {
		s.vocab++
	}
	if s.vocab > maxVocab {
		return nil, errorf(ErrFormat, "vocab", "got %d ids, want at most %d", s.vocab, maxVocab)
	}
	s.name = fmt.Sprintf("%s-%d", t.Kind(), s.vocab)
	sum := sha256.New()
	sum.Write([]byte("archlab tokenizer 2\n"))
	sum.Write(form.Bytes())
	s.print = hex.EncodeToString(sum.Sum(nil))
	if s.measure() && t.Lossless() {
		return s, nil
	}
	return spanned{s}, nil
}

// maxVocab bounds vocabularies.
const maxVocab = 1 << 20

// measure fills sizes and says whether a token's text is the same after any other: decoders that take a blank off the first token
// give themselves away.
func (s *Subword) measure() bool {
	s.sizes = make([]int32, s.vocab)
	same := true
	var one, two []byte
	for id := range int32(s.vocab) {
		if id == s.eod {
			continue
		}
		one = s.t.Decode(one[:0], []int32{id}, false)
		two = s.t.Decode(two[:0], []int32{id, id}, false)
		s.sizes[id] = int32(len(one))
		same = same && len(two) == 2*len(one) && bytes.HasPrefix(two, one) && bytes.HasSuffix(two, one)
	}
	return same
}

// Name is the kind of model and the number of ids.
func (s *Subword) Name() string { return s.name }

// Vocab is the number of ids.
func (s *Subword) Vocab() int { return s.vocab }

// EOD is the tokenizer's own end of document, or the id after its last one.
func (s *Subword) EOD() int32 { return s.eod }

// Fingerprint hashes the stored form.
func (s *Subword) Fingerprint() string { return s.print }

// TokenBytes is the length of an id's text.
func (s *Subword) TokenBytes(id int32) int {
	if id < 0 || int(id) >= len(s.sizes) {
		return 0
	}
	return int(s.sizes[id])
}

// Encode appends the ids of text. Where the text spells the end of document, it is cut in the middle of that.
func (s *Subword) Encode(dst []int32, text []byte) []int32 {
	from := len(dst)
	dst = s.t.AppendIDs(dst, text)
	if s.own || !slices.Contains(dst[from:], s.eod) {
		return dst
	}
	dst = dst[:from]
	for _, t := range s.tokens(nil, text, 0, s.t.Tokens) {
		dst = append(dst, t.id)
	}
	return dst
}

// EncodeSpans implements Lossy.
func (s spanned) EncodeSpans(dst []int32, text []byte) ([]int32, int) {
	at := 0
	for _, t := range s.tokens(nil, text, 0, s.t.Tokens) {
		end := max(at, t.end) // tokens of one character end together
		dst = append(dst, t.id, int32(end-at))
		at = end
	}
	return dst, len(text) - at
}

// token is a token and where it ends in the text.
type token struct {
	id  int32
	end int
}

// tokens appends the tokens of text, which begins at a byte of a longer one, without ends of documents.
func (s *Subword) tokens(dst []token, text []byte, at int, encode func([]byte) *tokenizer.Encoding) []token {
	e := encode(text)
	var spelled []int
	for i, id := range e.IDs {
		if id == s.eod {
			spelled = append(spelled, i)
		}
	}
	if len(spelled) > 0 {
		o := e.Offsets[spelled[len(spelled)/2]]
		if mid := inside(text, int(o[0]), int(o[1])); mid > 0 {
			return s.tokens(s.tokens(dst, text[:mid], at, encode), text[mid:], at+mid, encode)
		}
	}
	for i, id := range e.IDs {
		if id != s.eod {
			dst = append(dst, token{id, at + int(e.Offsets[i][1])})
		}
	}
	return dst
}

// inside is a place between two characters in the middle of text[from:to], or 0.
func inside(text []byte, from, to int) int {
	for mid := from + (to-from+1)/2; mid < to; mid++ {
		if mid > from && utf8.RuneStart(text[mid]) {
			return mid
		}
	}
	return 0
}

// Decode appends the text of ids, each document for itself.
func (s *Subword) Decode(dst []byte, ids []int32) []byte {
	for len(ids) > 0 {
		n := slices.Index(ids, s.eod)
		if n < 0 {
			return s.t.Decode(dst, ids, false)
		}
		dst = s.t.Decode(dst, ids[:n], false)
		ids = ids[n+1:]
	}
	return dst
}

// Dropout is the probability of leaving a merge out that the tokenizer's file asks for while training; 0 for none.
func (s *Subword) Dropout() float64 { return s.t.Dropout() }
