package tokenizer

import (
	"slices"
	"unicode/utf8"
)

// matcher finds added tokens in a text: at each place the longest one.
type matcher struct {
	tokens []AddedToken
	first  [256]bool  // the bytes that tokens begin with
	nodes  []trieNode // a trie; 0 is the root
}

type trieNode struct {
	token int32 // in tokens, or -1
	next  map[byte]int32
}

// newMatcher answers the matcher of tokens, texts[i] being what tokens[i] looks like; nil for none.
func newMatcher(tokens []AddedToken, texts []string) (*matcher, error) {
	if len(tokens) == 0 {
		return nil, nil
	}
	m := &matcher{tokens: tokens, nodes: []trieNode{{token: -1}}}
	for i, s := range texts {
		if s == "" {
			return nil, errorf(ErrFormat, "added_tokens", "nothing is left of token %q when it is normalized", tokens[i].Content)
		}
		m.first[s[0]] = true
		at := int32(0)
		for j := range len(s) {
			if m.nodes[at].next == nil {
				m.nodes[at].next = map[byte]int32{}
			}
			next, ok := m.nodes[at].next[s[j]]
			if !ok {
				next = int32(len(m.nodes))
				m.nodes = append(m.nodes, trieNode{token: -1})
				m.nodes[at].next[s[j]] = next
			}
			at = next
		}
		if other := m.nodes[at].token; other >= 0 {
			return nil, errorf(ErrFormat, "added_tokens", "tokens %q and %q both read %q", tokens[other].Content, tokens[i].Content, s)
		}
		m.nodes[at].token = int32(i)
	}
	return m, nil
}

// next answers the first match at or after a place: where it is, and which token; -1 if there is none.
func (m *matcher) next(b []byte, at int) (from, to int, token int32) {
	for ; at < len(b); at++ {
		if !m.first[b[at]] {
			continue
		}
		n, token := int32(0), int32(-1)
		for i := at; i < len(b); i++ {
			next, ok := m.nodes[n].next[b[i]]
			if !ok {
				break
			}
			n = next
			if t := m.nodes[n].token; t >= 0 {
				to, token = i+1, t
			}
		}
		if token >= 0 {
			return at, to, token
		}
	}
	return 0, 0, -1
}

// split appends the parts of b, tokens and what lies between them. Base is added to their places.
func (m *matcher) split(dst []word, b []byte, base int32) []word {
	start := 0
	add := func(from, to int, token int32) {
		if from < to {
			dst = append(dst, word{from: base + int32(from), to: base + int32(to), token: token})
		}
	}
	for at := 0; m != nil; {
		from, to, i := m.next(b, at)
		if i < 0 {
			break
		}
		at = to
		t := &m.tokens[i]
		if t.SingleWord && (endsWithWord(b[:from]) || beginsWithWord(b[to:])) {
			continue
		}
		if t.LStrip {
			for from > start {
				r, n := utf8.DecodeLastRune(b[:from])
				if !isSpace(r) {
					break
				}
				from -= n
			}
			from = max(from, start)
		}
		if t.RStrip {
			for to < len(b) {
				r, n := utf8.DecodeRune(b[to:])
				if !isSpace(r) {
					break
				}
				to += n
			}
		}
		add(start, from, -1)
		add(from, to, t.ID)
		start = to
	}
	add(start, len(b), -1)
	return dst
}

func endsWithWord(b []byte) bool {
	r, n := utf8.DecodeLastRune(b)
	return n > 0 && isWord(r)
}

func beginsWithWord(b []byte) bool {
	r, n := utf8.DecodeRune(b)
	return n > 0 && isWord(r)
}

// vocabulary is the added tokens, known by what they look like.
type vocabulary struct {
	list    []AddedToken     // by id
	ids     map[string]int32 // by content
	shown   map[int32]string // what an id reads: its content, normalized if that is asked for
	special map[string]bool  // contents
	plain   *matcher         // of those found in the text as it is
	normal  *matcher         // of those found in the normalized text
}

// newVocabulary gives every added token its id, as the reference does: that of the model's token of the same content, or the next one
// after the model's. What the file says of ids has no say there, so it has none here.
func newVocabulary(p *parts) (*vocabulary, error) {
	v := &vocabulary{ids: map[string]int32{}, shown: map[int32]string{}, special: map[string]bool{}}
	next := int32(0)
	for id := range int32(p.model.Size()) {
		if _, ok := p.model.Token(id); ok {
			next++
		}
	}
	byID := map[int32]AddedToken{}
	for _, t := range p.added {
		if t.Content == "" {
			continue
		}
		id, ok := v.ids[t.Content]
		if !ok {
			if id, ok = p.model.ID(t.Content); !ok {
				id = next
				next++
			}
		}
		t.ID = id
		v.ids[t.Content] = id
		v.shown[id] = t.Content
		if t.Normalized && p.normalizer != nil {
			var x text
			x.reset([]byte(t.Content), 0, false)
			p.normalizer.normalize(&x)
			v.shown[id] = string(x.b)
		}
		if t.Special {
			v.special[t.Content] = true
		}
		byID[id] = t
	}
	for _, t := range byID {
		v.list = append(v.list, t)
	}
	slices.SortFunc(v.list, func(a, b AddedToken) int { return int(a.ID) - int(b.ID) })

	var sets [2][]AddedToken
	var texts [2][]string
	for _, t := range v.list {
		i := 0
		if t.Normalized {
			i = 1
		}
		sets[i] = append(sets[i], t)
		texts[i] = append(texts[i], v.shown[t.ID])
	}
	var err error
	if v.plain, err = newMatcher(sets[0], texts[0]); err != nil {
		return nil, err
	}
	v.normal, err = newMatcher(sets[1], texts[1])
	return v, err
}
