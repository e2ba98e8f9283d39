package tokenizer

import (
	"fmt"
	"slices"
)

// Lossless says that Decode(AppendIDs(x)) is x for every byte string x: that every byte has a token of its own to fall back to, and that
// nothing on the way changes, adds or drops anything.
func (t *Tokenizer) Lossless() bool {
	for _, a := range t.added {
		if a.LStrip || a.RStrip || t.shown[a.ID] != a.Content {
			return false
		}
	}
	if u, ok := t.model.(*Unigram); ok {
		return t.normalizer == nil && !t.addedSpellBytes() && u.fallsBackWhole() && decodesBytes(t.decoder) && addsNothing(t.pre) && !takesAnyBytes(t.pre)
	}
	bpe, ok := t.model.(*BPE)
	if !ok || t.norm != nil {
		return false
	}
	if raw, ok := t.cut.(*BPE); ok && t.cut != t.model {
		return raw.level.whole && t.texts != nil && addsNothing(t.pre) && t.addedAsThemselves()
	}
	return !t.addedSpellBytes() && fallsBack(bpe.cfg) && decodesBytes(t.decoder) && addsNothing(t.pre) && !takesAnyBytes(t.pre)
}

// addedAsThemselves says whether added tokens are decoded to what they were found as: not to bytes that they happen to spell.
func (t *Tokenizer) addedAsThemselves() bool {
	for _, a := range t.added {
		if t.texts[a.ID] != a.Content {
			return false
		}
	}
	return true
}

// addedSpellBytes says whether an added token is written as a byte's name, "<0x41>", which a decoder of bytes takes for the byte.
func (t *Tokenizer) addedSpellBytes() bool {
	return slices.ContainsFunc(t.added, func(a AddedToken) bool {
		_, ok := byteOf(a.Content)
		return ok
	})
}

// addsNothing says whether all bytes of a text are in its words, unchanged or made visible.
func addsNothing(p preTokenizer) bool {
	switch p := p.(type) {
	case nil, prePunctuation, preDigits, preSplit, preByteLevel, preFixedLength:
		switch p := p.(type) {
		case prePunctuation:
			return p.how != removed
		case preSplit:
			return p.how != removed || p.pattern.scan != nil && p.invert
		case preByteLevel:
			return !p.prefixSpace
		}
		return true
	case preSequence:
		for _, q := range p {
			if !addsNothing(q) {
				return false
			}
		}
		return true
	}
	return false
}

// takesAnyBytes says whether a pre-tokenizer makes bytes visible.
func takesAnyBytes(p preTokenizer) bool {
	switch p := p.(type) {
	case preByteLevel:
		return true
	case preSequence:
		for _, q := range p {
			if takesAnyBytes(q) {
				return true
			}
		}
	}
	return false
}

// fallsBack says whether every byte has its token <0x..>, and nothing else is written like one.
func fallsBack(cfg BPEConfig) bool {
	if !cfg.ByteFallback || cfg.Prefix != "" || cfg.Suffix != "" {
		return false
	}
	n := 0
	for token := range cfg.Vocab {
		if _, ok := byteOf(token); ok {
			n++
		}
	}
	for b := range 256 {
		if _, ok := cfg.Vocab[fmt.Sprintf("<0x%02X>", b)]; !ok {
			return false
		}
	}
	if n != 256 {
		return false
	}
	for _, m := range cfg.Merges {
		if _, ok := byteOf(m[0] + m[1]); ok {
			return false
		}
	}
	return !cfg.IgnoreMerges // a word that reads like a byte's token would be that token
}

// decodesBytes says whether a decoder writes the bytes of byte tokens, and all others as they are.
func decodesBytes(d decoder) bool {
	switch d := d.(type) {
	case decodeByteFallback:
		return true
	case decodeSequence:
		for i, e := range d {
			switch e.(type) {
			case decodeByteFallback:
			case decodeFuse:
				if i == 0 {
					return false
				}
			default:
				return false
			}
		}
		return len(d) > 0
	}
	return false
}
