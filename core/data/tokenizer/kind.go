package tokenizer

// Kind names what cuts words: "bpe" (byte-level), "char-bpe", "wordpiece", "wordlevel" or "unigram", as Train and experiments do; of a
// SentencePiece model also "word" or "char".
func (t *Tokenizer) Kind() string {
	switch t.model.(type) {
	case *BPE:
		if t.cut != t.model {
			return "bpe"
		}
		return "char-bpe"
	case *WordPiece:
		return "wordpiece"
	case *WordLevel:
		return "wordlevel"
	case *Unigram, *spUnigram:
		return "unigram"
	case *spBPE:
		return "char-bpe"
	case spWord:
		return "word"
	case spChar:
		return "char"
	}
	return "unknown"
}

// Unknown is the token that stands for what the model does not know, if it has one.
func (t *Tokenizer) Unknown() (id int32, ok bool) {
	switch m := t.model.(type) {
	case *BPE:
		return m.unk, m.unk >= 0
	case *WordPiece:
		return m.ID(m.cfg.Unk)
	case *WordLevel:
		return m.ID(m.cfg.Unk)
	case *Unigram:
		return m.unk.id, m.unk.id >= 0
	}
	if v := t.pieces(); v != nil {
		return v.unk.id, true
	}
	return -1, false
}

// Specials answers the tokens that stand for no text, by id: special added tokens, and the control and unknown pieces of a SentencePiece
// model, which no text gives.
func (t *Tokenizer) Specials() []AddedToken {
	var out []AddedToken
	for _, a := range t.added {
		if a.Special {
			out = append(out, a)
		}
	}
	if v := t.pieces(); v != nil {
		for id, p := range v.pieces {
			if p.kind == spControl || p.kind == spUnknown {
				out = append(out, AddedToken{ID: int32(id), Content: p.piece, Special: true})
			}
		}
	}
	return out
}

// pieces is the vocabulary of a SentencePiece model; nil for others.
func (t *Tokenizer) pieces() *spVocab {
	switch m := t.model.(type) {
	case *spUnigram:
		return m.spVocab
	case *spBPE:
		return m.spVocab
	case spWord:
		return m.spVocab
	case spChar:
		return m.spVocab
	}
	return nil
}
