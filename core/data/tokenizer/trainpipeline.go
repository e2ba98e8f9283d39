package tokenizer

import "context"

// byPattern is the pre-tokenizer that cuts by a pattern and leaves all bytes in.
func byPattern(name string) (preTokenizer, error) {
	regex, err := patternNamed(name)
	if err != nil {
		return nil, err
	}
	p, err := newPattern(regex, true)
	if err != nil {
		return nil, err
	}
	return preSplit{pattern: p, how: isolated}, nil
}

// byteLevelParts is the pipeline of byte-level models: GPT-2's pattern is part of its byte-level pre-tokenizer, others stand before it.
func byteLevelParts(pattern string) (parts, error) {
	p := parts{pre: preByteLevel{trimOffsets: true, regex: true}, decoder: decodeByteLevel{trimOffsets: true, regex: true}}
	if patterns[pattern] == PatternGPT2 {
		return p, nil
	}
	cut, err := byPattern(pattern)
	if err != nil {
		return parts{}, err
	}
	p.pre = preSequence{cut, preByteLevel{trimOffsets: true}}
	return p, nil
}

// specials are special tokens that have ids already.
func specials(tokens []string, ids map[string]int32) []AddedToken {
	var out []AddedToken
	for _, s := range tokens {
		out = append(out, AddedToken{ID: ids[s], Content: s, Special: true})
	}
	return out
}

func trainBytes(ctx context.Context, cfg TrainConfig, each func(func([]byte) error) error) (*Tokenizer, error) {
	l, err := learnBytes(ctx, cfg, each)
	if err != nil {
		return nil, err
	}
	p, err := byteLevelParts(cfg.Pattern)
	if err != nil {
		return nil, err
	}
	if p.model, err = NewBPE(l.config()); err != nil {
		return nil, err
	}
	p.added = specials(cfg.Special, l.ids)
	return assemble(p)
}

func trainCharacters(ctx context.Context, cfg TrainConfig, each func(func([]byte) error) error) (*Tokenizer, error) {
	l, err := learnCharacters(ctx, cfg, each)
	if err != nil {
		return nil, err
	}
	p := parts{decoder: decodeSequence{decodeByteFallback{}, decodeFuse{}}}
	if p.pre, err = byPattern(cfg.Pattern); err != nil {
		return nil, err
	}
	model := l.config()
	model.ByteFallback = true
	if p.model, err = NewBPE(model); err != nil {
		return nil, err
	}
	p.added = specials(cfg.Special, l.ids)
	return assemble(p)
}

// trainWordPiece learns BERT's pipeline. Its template puts [CLS] and [SEP] around texts where both are special tokens.
func trainWordPiece(ctx context.Context, cfg TrainConfig, each func(func([]byte) error) error) (*Tokenizer, error) {
	p := parts{normalizer: normBert{clean: true, chinese: true, accents: cfg.Lowercase, lowercase: cfg.Lowercase}, pre: preBert{}, decoder: decodeWordPiece{prefix: "##", cleanup: true}}
	l, err := learnWordPiece(ctx, cfg, each, cutWith(p.normalizer, p.pre))
	if err != nil {
		return nil, err
	}
	if p.model, err = NewWordPiece(WordPieceConfig{Vocab: l.ids, Unk: "[UNK]", Prefix: "##", MaxChars: 100}); err != nil {
		return nil, err
	}
	p.added = specials(cfg.Special, l.ids)
	cls, begins := l.ids["[CLS]"]
	sep, ends := l.ids["[SEP]"]
	if begins && ends {
		p.post = postTemplate{
			single: []slotOf{{text: -1, name: "[CLS]"}, {text: 0}, {text: -1, name: "[SEP]"}},
			pair: []slotOf{{text: -1, name: "[CLS]"}, {text: 0}, {text: -1, name: "[SEP]"},
				{text: 1, typeID: 1}, {text: -1, name: "[SEP]", typeID: 1}},
			special: map[string][]namedToken{"[CLS]": {{"[CLS]", cls}}, "[SEP]": {{"[SEP]", sep}}},
		}
	}
	return assemble(p)
}

// cutWith answers how countWords cuts texts by a normalizer, which may be nil, and a pre-tokenizer.
func cutWith(n normalizer, p preTokenizer) func() func(text []byte, word func([]byte)) {
	return func() func([]byte, func([]byte)) {
		var part text
		var w words
		return func(input []byte, each func([]byte)) {
			part.reset(input, 0, false)
			if n != nil {
				n.normalize(&part)
			}
			w.reset(part.b, 0, false)
			w.list = append(w.list[:0], word{to: int32(len(part.b)), token: -1})
			p.split(&w)
			for _, x := range w.list {
				each(w.b[x.from:x.to])
			}
		}
	}
}
