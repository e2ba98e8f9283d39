package tokenizer

import (
	"slices"
	"sync"
)

// Tokenizer is a pipeline from text to ids and back. It is safe for concurrent use.
type Tokenizer struct {
	parts
	vocab     *vocabulary
	norm      normalizer       // nil if normalizer is nil or does nothing
	cut       Model            // what cuts words: the model, or the same one over bytes
	cutter    preTokenizer     // pre, told whether cut takes bytes
	scan      func([]byte) int // cuts words where that is all that there is to do and cut takes bytes; else nil
	size      int
	illFormed bool     // bytes that are not UTF-8 are kept
	tracked   bool     // AppendIDs needs to know where words come from
	spreads   bool     // byte tokens in a row stand for the same part of the text
	texts     []string // by id: the bytes that a token is decoded to, where tokens are decoded one by one; else nil
	shown     []string // by id: what the decoder sees; "" for none
	skip      []bool   // by id: special
	pool      sync.Pool
}

// parts are what a tokenizer is put together from. All but the model may be nil.
type parts struct {
	normalizer normalizer
	pre        preTokenizer
	model      Model
	post       postProcessor
	decoder    decoder
	added      []AddedToken
	truncation *truncation
	padding    *padding
	file       []byte // a SentencePiece model as it was read; else nil
}

// AddedToken is a token that is found in the text before the model sees it.
type AddedToken struct {
	ID         int32
	Content    string
	SingleWord bool // not beside a word character
	LStrip     bool // takes white space on its left along
	RStrip     bool // and on its right
	Normalized bool // found in the normalized text
	Special    bool // left out by Decode where asked to
}

// assemble puts a tokenizer together. It checks what the parts must agree on.
func assemble(p parts) (*Tokenizer, error) {
	t := &Tokenizer{parts: p, cut: p.model, cutter: p.pre}
	if list, ok := p.normalizer.(normSequence); !ok || len(list) > 0 {
		t.norm = p.normalizer
	}
	var err error
	if t.vocab, err = newVocabulary(&t.parts); err != nil {
		return nil, err
	}
	t.added = t.vocab.list
	if bpe, ok := p.model.(*BPE); ok {
		if pre, ok := takesBytes(p.pre); ok {
			if raw, ok := bpe.raw(); ok {
				t.cut, t.cutter = raw, pre
				if t.norm == nil && raw.level.whole {
					t.scan = onlyScans(pre)
				}
			}
		}
	}
	if u, ok := p.model.(*Unigram); ok {
		t.spreads = u.Config().ByteFallback
	}
	t.illFormed = p.keepsBytes()
	t.tracked = asksForOrigin(p.pre, t.norm != nil)
	t.size = p.model.Size()
	for _, a := range t.added {
		t.size = max(t.size, int(a.ID)+1)
	}
	t.shown, t.skip = make([]string, t.size), make([]bool, t.size)
	for id := range int32(t.size) {
		s, ok := t.vocab.shown[id]
		if !ok {
			s, _ = p.model.Token(id)
		}
		t.shown[id], t.skip[id] = s, t.vocab.special[s]
	}
	if _, ok := p.decoder.(decodeByteLevel); ok {
		t.texts = make([]string, t.size)
		for id, s := range t.shown {
			t.texts[id] = string(appendBytes(nil, s))
		}
	}
	if err := t.check(); err != nil {
		return nil, err
	}
	t.pool.New = func() any { return &scratch{} }
	return t, nil
}

// takesBytes answers the pre-tokenizer that leaves bytes as they are, if the last thing that it does is to make them visible.
func takesBytes(p preTokenizer) (preTokenizer, bool) {
	switch p := p.(type) {
	case preByteLevel:
		p.raw = true
		return p, true
	case preSequence:
		if len(p) == 0 {
			return nil, false
		}
		for _, q := range p[:len(p)-1] {
			if _, ok := takesBytes(q); ok {
				return nil, false
			}
		}
		last, ok := takesBytes(p[len(p)-1])
		if !ok {
			return nil, false
		}
		out := slices.Clone(p)
		out[len(p)-1] = last
		return out, true
	}
	return nil, false
}

// onlyScans answers the scanner of a pre-tokenizer that does nothing else; nil if there is none.
func onlyScans(p preTokenizer) func([]byte) int {
	switch p := p.(type) {
	case preByteLevel:
		if p.regex && !p.prefixSpace {
			return gpt2Words()
		}
	case preSplit:
		if p.pattern.scan != nil && (p.how == isolated || p.how == removed && p.invert) {
			return p.pattern.scan
		}
	case preSequence:
		if last, ok := p[len(p)-1].(preByteLevel); ok && len(p) == 2 && !last.regex && !last.prefixSpace {
			return onlyScans(p[0])
		}
	}
	return nil
}

// asksForOrigin says whether a pre-tokenizer needs to know where a word begins in the input and can't see it: the text that it gets is
// not the input.
func asksForOrigin(p preTokenizer, changed bool) bool {
	switch p := p.(type) {
	case preMetaspace:
		return changed && p.scheme == "first"
	case preSequence:
		for _, q := range p {
			if asksForOrigin(q, changed) {
				return true
			}
			switch q.(type) {
			case preMetaspace, preByteLevel, preSequence:
				changed = true
			}
		}
	}
	return false
}

// Size is the largest id + 1, added tokens included.
func (t *Tokenizer) Size() int { return t.size }

// Token is what an id stands for, as written in tokenizer.json.
func (t *Tokenizer) Token(id int32) (string, bool) {
	if i, ok := slices.BinarySearchFunc(t.added, id, func(a AddedToken, id int32) int { return int(a.ID) - int(id) }); ok {
		return t.added[i].Content, true
	}
	return t.model.Token(id)
}

// ID is the id of a token, as written in tokenizer.json.
func (t *Tokenizer) ID(token string) (int32, bool) {
	if id, ok := t.vocab.ids[token]; ok {
		return id, true
	}
	return t.model.ID(token)
}

// Added answers the added tokens, by id.
func (t *Tokenizer) Added() []AddedToken { return slices.Clone(t.added) }

// Model answers the model.
func (t *Tokenizer) Model() Model { return t.model }
