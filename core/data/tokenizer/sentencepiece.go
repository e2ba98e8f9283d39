package tokenizer

// sentencePiece is what a .model file makes of text.
type sentencePiece struct {
	normalizer *spNormalizer
	model      Model
	decoder    *spDecoder
}

// readSentencePiece reads a .model file and checks it as SentencePiece does.
func readSentencePiece(raw []byte) (*sentencePiece, error) {
	m, err := parseSPModel(raw)
	if err != nil {
		return nil, err
	}
	vocab, err := newSPVocab(m)
	if err != nil {
		return nil, err
	}
	s := &sentencePiece{decoder: &spDecoder{
		vocab: vocab, unkSurface: m.unkSurface, dummy: m.normalizer.addDummyPrefix, squeeze: m.normalizer.removeExtraWhitespaces,
	}}
	switch m.modelType {
	case spTypeUnigram:
		if s.model, err = newSPUnigram(vocab); err != nil {
			return nil, err
		}
	case spTypeBPE:
		s.model = newSPBPE(vocab)
	case spTypeWord:
		s.model = spWord{vocab}
	default:
		s.model = spChar{vocab}
	}
	if s.normalizer, err = newSPNormalizer(m.normalizer, vocab.user, m.suffix); err != nil {
		return nil, err
	}
	if len(m.denormalize.charsmap) > 0 {
		if s.decoder.back, err = newSPNormalizer(m.denormalize, nil, false); err != nil {
			return nil, err
		}
	}
	return s, nil
}
