package tokenizer

import "bytes"

// ReadSentencePiece reads a SentencePiece model (a .model file: unigram, bpe, word or char) and checks it as SentencePiece does. The
// tokenizer encodes and decodes as SentencePiece does, to the id; it adds no special tokens, and what is a control piece's name in the
// text is text. Write writes the file that was read: tokenizer.json has no form for all that a model can ask for.
func ReadSentencePiece(raw []byte) (*Tokenizer, error) {
	m, err := parseSPModel(raw)
	if err != nil {
		return nil, err
	}
	vocab, err := newSPVocab(m)
	if err != nil {
		return nil, err
	}
	p := parts{file: bytes.Clone(raw)}
	switch m.modelType {
	case spTypeUnigram:
		if p.model, err = newSPUnigram(vocab); err != nil {
			return nil, err
		}
	case spTypeBPE:
		p.model = newSPBPE(vocab)
	case spTypeWord:
		p.model = spWord{vocab}
	default:
		p.model = spChar{vocab}
	}
	if p.normalizer, err = newSPNormalizer(m.normalizer, vocab.user, m.suffix); err != nil {
		return nil, err
	}
	d := &spDecoder{
		vocab: vocab, unkSurface: m.unkSurface, dummy: m.normalizer.addDummyPrefix, squeeze: m.normalizer.removeExtraWhitespaces,
	}
	if len(m.denormalize.charsmap) > 0 {
		if d.back, err = newSPNormalizer(m.denormalize, nil, false); err != nil {
			return nil, err
		}
	}
	p.decoder = d
	return assemble(p)
}

// isSentencePiece says whether a file begins as a .model file does, with a piece, and not as JSON after a blank line.
func isSentencePiece(raw []byte) bool {
	return len(raw) > 0 && raw[0] == 1<<3|2 && !bytes.HasPrefix(bytes.TrimSpace(raw), []byte("{"))
}
