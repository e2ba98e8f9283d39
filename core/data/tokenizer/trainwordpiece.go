package tokenizer

import (
	"context"
	"slices"
	"unicode/utf8"
)

// learnWordPiece learns BPE with "##" inside of words from words that cut yields.
func learnWordPiece(ctx context.Context, cfg TrainConfig, each func(func([]byte) error) error, cut func() func([]byte, func([]byte))) (*learner, error) {
	const prefix = "##"
	words, err := countWords(ctx, each, cut)
	if err != nil {
		return nil, err
	}
	tokens := slices.Clone(cfg.Special)
	known := map[string]int32{}
	for i, t := range tokens {
		known[t] = int32(i)
	}
	add := func(t string) int32 {
		id, ok := known[t]
		if !ok {
			id = int32(len(tokens))
			known[t] = id
			tokens = append(tokens, t)
		}
		return id
	}
	runes := alphabet(cover(characters(words), 1, cfg.LimitAlphabet))
	first := map[rune]int32{}
	for _, r := range runes {
		first[r] = add(string(r))
	}
	inside := map[rune]int32{} // of characters that occur inside of words
	for i := range words.words {
		for at, r := range string(words.word(i)) {
			if _, ok := first[r]; ok && at > 0 {
				inside[r] = -1
			}
		}
	}
	for _, r := range runes {
		if _, ok := inside[r]; ok {
			inside[r] = add(prefix + string(r))
		}
	}
	if cfg.Vocab < len(tokens) {
		return nil, errorf(ErrConfig, "vocab", "got %d, want at least %d: the special tokens and the text's characters", cfg.Vocab, len(tokens))
	}
	l := newLearner(tokens, prefix, cfg.MaxTokenLength)
	var symbols []int32
	for i, w := range words.words {
		if cfg.MaxWord > 0 && int(w.n) > cfg.MaxWord {
			continue
		}
		symbols = symbols[:0]
		for word, at := words.word(i), 0; at < len(word); {
			r, n := utf8.DecodeRune(word[at:])
			// Characters outside of the alphabet are left out, as in the reference.
			if id, ok := first[r]; ok && at == 0 {
				symbols = append(symbols, id)
			} else if ok {
				symbols = append(symbols, inside[r])
			}
			at += n
		}
		l.add(symbols, w.count)
	}
	return l, l.learn(ctx, cfg.Vocab, int64(cfg.MinFrequency))
}
