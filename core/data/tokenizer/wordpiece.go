package tokenizer

import (
	"strings"
	"unicode/utf8"
)

// WordPieceConfig is what tokenizer.json says of a WordPiece model.
type WordPieceConfig struct {
	Vocab    map[string]int32
	Unk      string // stands for a word that can't be put together; "[UNK]" as a rule
	Prefix   string // of the pieces that do not begin a word; "##" as a rule
	MaxChars int    // a longer word is unknown; 100 as a rule
}

// WordPiece cuts a word into the longest pieces that the vocabulary has, from left to right (Devlin et al. 2018). A word that can't be
// cut that way is unknown as a whole, and left out if there is no token for that.
type WordPiece struct {
	cfg    WordPieceConfig
	tokens tokenList
	begin  *trie // of the pieces that begin a word
	inside *trie // of the others, without their prefix
	unk    int32 // -1 for none
}

// NewWordPiece checks a configuration.
func NewWordPiece(cfg WordPieceConfig) (*WordPiece, error) {
	tokens, err := newTokenList(cfg.Vocab)
	if err != nil {
		return nil, err
	}
	if cfg.MaxChars < 0 {
		return nil, errorf(ErrConfig, "model.max_input_chars_per_word", "got %d, want 0 or more", cfg.MaxChars)
	}
	inside := map[string]int32{}
	for s, id := range cfg.Vocab {
		if rest, ok := strings.CutPrefix(s, cfg.Prefix); ok && rest != "" {
			inside[rest] = id
		}
	}
	m := &WordPiece{cfg: cfg, tokens: tokens, begin: trieOf(cfg.Vocab), inside: trieOf(inside), unk: -1}
	if id, ok := cfg.Vocab[cfg.Unk]; ok {
		m.unk = id
	}
	return m, nil
}

// Append appends the pieces of a word.
func (m *WordPiece) Append(dst []Piece, word []byte) []Piece {
	start := len(dst)
	bad := utf8.RuneCount(word) > m.cfg.MaxChars
	for at := 0; at < len(word) && !bad; {
		tree := m.inside
		if at == 0 {
			tree = m.begin
		}
		n, id := tree.longest(word[at:])
		if n == 0 {
			bad = true
			break
		}
		at += n
		dst = append(dst, Piece{id, int32(at)})
	}
	if bad {
		dst = dst[:start]
		if m.unk >= 0 {
			dst = append(dst, Piece{m.unk, int32(len(word))})
		}
	}
	return dst
}

// Token is what an id stands for.
func (m *WordPiece) Token(id int32) (string, bool) { return m.tokens.token(id) }

// ID is the id of a token.
func (m *WordPiece) ID(token string) (int32, bool) {
	id, ok := m.cfg.Vocab[token]
	return id, ok
}

// Size is the largest id + 1.
func (m *WordPiece) Size() int { return len(m.tokens.tokens) }

// WordLevelConfig is what tokenizer.json says of a WordLevel model.
type WordLevelConfig struct {
	Vocab map[string]int32
	Unk   string // stands for words that are not in the vocabulary
}

// WordLevel knows whole words. One that it does not know is left out if there is no token for that.
type WordLevel struct {
	cfg    WordLevelConfig
	tokens tokenList
	unk    int32 // -1 for none
}

// NewWordLevel checks a configuration.
func NewWordLevel(cfg WordLevelConfig) (*WordLevel, error) {
	tokens, err := newTokenList(cfg.Vocab)
	if err != nil {
		return nil, err
	}
	m := &WordLevel{cfg: cfg, tokens: tokens, unk: -1}
	if id, ok := cfg.Vocab[cfg.Unk]; ok {
		m.unk = id
	}
	return m, nil
}

// Append appends the one piece of a word.
func (m *WordLevel) Append(dst []Piece, word []byte) []Piece {
	id, ok := m.cfg.Vocab[string(word)]
	if !ok {
		id = m.unk
	}
	if id < 0 {
		return dst
	}
	return append(dst, Piece{id, int32(len(word))})
}

// Token is what an id stands for.
func (m *WordLevel) Token(id int32) (string, bool) { return m.tokens.token(id) }

// ID is the id of a token.
func (m *WordLevel) ID(token string) (int32, bool) {
	id, ok := m.cfg.Vocab[token]
	return id, ok
}

// Size is the largest id + 1.
func (m *WordLevel) Size() int { return len(m.tokens.tokens) }

// tokenList is a vocabulary by id. There may be holes.
type tokenList struct {
	tokens []string
	here   []bool
}

// newTokenList turns a vocabulary around. Ids must be few enough that a list of them is no burden: a file may say anything.
func newTokenList(vocab map[string]int32) (tokenList, error) {
	size := 0
	for s, id := range vocab {
		if id < 0 {
			return tokenList{}, errorf(ErrConfig, "model.vocab", "token %q has the id %d", s, id)
		}
		size = max(size, int(id)+1)
	}
	if size > 16*len(vocab)+1<<20 {
		return tokenList{}, errorf(ErrTooLarge, "model.vocab", "an id of %d for %d tokens", size-1, len(vocab))
	}
	t := tokenList{make([]string, size), make([]bool, size)}
	for s, id := range vocab {
		if t.here[id] {
			return tokenList{}, errorf(ErrConfig, "model.vocab", "tokens %q and %q both have the id %d", min(s, t.tokens[id]), max(s, t.tokens[id]), id)
		}
		t.tokens[id], t.here[id] = s, true
	}
	return t, nil
}

func (t tokenList) token(id int32) (string, bool) {
	if id < 0 || int(id) >= len(t.tokens) || !t.here[id] {
		return "", false
	}
	return t.tokens[id], true
}
