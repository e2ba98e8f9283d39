package tokenizer

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"unicode/utf8"
)

// cutBy answers how countWords cuts texts by a named pattern.
func cutBy(name string) (func() func(text []byte, word func([]byte)), error) {
	pattern, err := patternNamed(name)
	if err != nil {
		return nil, err
	}
	scan, _ := scanner(pattern) // every named pattern has one
	return func() func([]byte, func([]byte)) {
		return func(text []byte, word func([]byte)) {
			for len(text) > 0 {
				n := scan(text)
				word(text[:n])
				text = text[n:]
			}
		}
	}, nil
}

// learnBytes learns byte-level BPE.
func learnBytes(ctx context.Context, cfg TrainConfig, each func(func([]byte) error) error) (*learner, error) {
	if least := 256 + len(cfg.Special); cfg.Vocab < least {
		return nil, errorf(ErrConfig, "vocab", "got %d, want at least %d: the bytes and the special tokens", cfg.Vocab, least)
	}
	cut, err := cutBy(cfg.Pattern)
	if err != nil {
		return nil, err
	}
	words, err := countWords(ctx, each, cut)
	if err != nil {
		return nil, err
	}
	var tokens []string
	var ids [256]int32
	if cfg.ByteOrder {
		for b, r := range visibleRunes {
			ids[b] = int32(b)
			tokens = append(tokens, string(r))
		}
		tokens = append(tokens, cfg.Special...)
	} else {
		tokens = append(tokens, cfg.Special...)
		for r := range rune(512) {
			if r < rune(len(visibleBytes)) && visibleBytes[r] > 0 {
				ids[visibleBytes[r]-1] = int32(len(tokens))
				tokens = append(tokens, string(r))
			}
		}
	}
	l := newLearner(tokens, "", cfg.MaxTokenLength)
	var symbols []int32
	for i, w := range words.words {
		if cfg.MaxWord > 0 && int(w.n) > cfg.MaxWord {
			continue
		}
		symbols = symbols[:0]
		for _, c := range words.word(i) {
			symbols = append(symbols, ids[c])
		}
		l.add(symbols, w.count)
	}
	return l, l.learn(ctx, cfg.Vocab, int64(cfg.MinFrequency))
}

// config is what was learned as a model's configuration.
func (l *learner) config() BPEConfig {
	cfg := BPEConfig{Vocab: l.ids, Merges: make([][2]string, len(l.merges))}
	for i, m := range l.merges {
		cfg.Merges[i] = [2]string{l.tokens[m[0]], l.tokens[m[1]]}
	}
	return cfg
}

// character is a character with the number of its occurrences.
type character struct {
	r     rune
	count int64
}

// characters counts the characters of words, the most frequent first; of equally frequent ones the lower. Bytes that are no part of
// UTF-8 do not count.
func characters(words *wordCounts) []character {
	var ascii [utf8.RuneSelf]int64
	counts := map[rune]int64{}
	for i, w := range words.words {
		for word := words.word(i); len(word) > 0; {
			if word[0] < utf8.RuneSelf {
				ascii[word[0]] += w.count
				word = word[1:]
				continue
			}
			r, n := utf8.DecodeRune(word)
			if r != utf8.RuneError || n > 1 {
				counts[r] += w.count
			}
			word = word[n:]
		}
	}
	var out []character
	for r, n := range ascii {
		if n > 0 {
			out = append(out, character{rune(r), n})
		}
	}
	for r, n := range counts {
		out = append(out, character{r, n})
	}
	slices.SortFunc(out, func(a, b character) int {
		if a.count != b.count {
			return cmp.Compare(b.count, a.count)
		}
		return cmp.Compare(a.r, b.r)
	})
	return out
}

// cover cuts the rarest characters off: what is left makes up the wanted part of all, and is at most limit (0: any number).
func cover(chars []character, coverage float64, limit int) []character {
	var all, sum int64
	for _, c := range chars {
		all += c.count
	}
	n := 0
	for n < len(chars) && float64(sum) < coverage*float64(all) {
		sum += chars[n].count
		n++
	}
	if limit > 0 {
		n = min(n, limit)
	}
	return chars[:n]
}

// alphabet sorts characters as the reference does, by code point.
func alphabet(chars []character) []rune {
	var out []rune
	for _, c := range chars {
		out = append(out, c.r)
	}
	slices.Sort(out)
	return out
}

// learnCharacters learns BPE over characters with byte fallback: the 256 byte tokens are always there.
func learnCharacters(ctx context.Context, cfg TrainConfig, each func(func([]byte) error) error) (*learner, error) {
	cut, err := cutBy(cfg.Pattern)
	if err != nil {
		return nil, err
	}
	words, err := countWords(ctx, each, cut)
	if err != nil {
		return nil, err
	}
	tokens := slices.Clone(cfg.Special)
	for b := range 256 {
		tokens = append(tokens, fmt.Sprintf("<0x%02X>", b))
	}
	ids := map[rune]int32{}
	for _, r := range alphabet(cover(characters(words), cfg.Coverage, cfg.LimitAlphabet)) {
		ids[r] = int32(len(tokens))
		tokens = append(tokens, string(r))
	}
	if cfg.Vocab < len(tokens) {
		return nil, errorf(ErrConfig, "vocab", "got %d, want at least %d: the bytes, the special tokens and the text's %d characters", cfg.Vocab, len(tokens), len(ids))
	}
	l := newLearner(tokens, "", cfg.MaxTokenLength)
	l.refuse = func(token string) bool { _, ok := byteOf(token); return ok }
	var symbols []int32
	for i, w := range words.words {
		if cfg.MaxWord > 0 && int(w.n) > cfg.MaxWord {
			continue
		}
		symbols = symbols[:0]
		for word := words.word(i); len(word) > 0; {
			r, n := utf8.DecodeRune(word)
			id, ok := ids[r]
			if !ok || r == utf8.RuneError && n == 1 {
				// What is written in bytes merges with nothing: the word falls apart.
				l.add(symbols, w.count)
				symbols = symbols[:0]
			} else {
				symbols = append(symbols, id)
			}
			word = word[n:]
		}
		l.add(symbols, w.count)
	}
	return l, l.learn(ctx, cfg.Vocab, int64(cfg.MinFrequency))
}
