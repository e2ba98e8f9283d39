package tokenizer

import (
	"cmp"
	"fmt"
	"math"
	"runtime"
	"sync"
	"unicode/utf8"
)

// BPEConfig is a byte-pair encoding (Sennrich et al. 2016) as tokenizer.json writes it.
type BPEConfig struct {
	Vocab  map[string]int32
	Merges [][2]string // in the order of learning; the pair and what it makes are in Vocab

	Unk          string // stands for characters that have no token; without it they are dropped
	FuseUnk      bool   // one unk for neighbours
	ByteFallback bool   // characters without a token become <0x00> to <0xFF>, if Vocab has them
	IgnoreMerges bool   // a word that is a token is that token, whatever the merges make of it

	Prefix string // written in front of each token that does not begin a word (continuing_subword_prefix)
	Suffix string // written behind each token that ends one (end_of_word_suffix)

	Dropout float64 // what the file asks for: see Tokenizer.Dropout
}

// maxID bounds ids, which tables are as long as.
const maxID = 1 << 22

// BPE cuts a word into its characters (or bytes: see raw) and then merges, again and again, the neighbours whose merge was
// learned first; of several such places the leftmost. It is safe for concurrent use.
type BPE struct {
	cfg    BPEConfig
	tokens []string // by id, as in the file
	known  []bool   // by id
	unk    int32    // or -1
	pairs  pairTable
	starts []int32 // by code point: the id of a character that stands alone in Vocab, or -1; when there is no Prefix and no Suffix
	bytes  [256]int32
	level  *byteLevel // of a model over raw bytes
	pool   sync.Pool  // of *bpeScratch
}

// byteLevel is what a model over raw bytes has beside the one over visible letters.
type byteLevel struct {
	first   [256]int32       // the id of each byte, or -1
	whole   bool             // all bytes have one
	words   map[string]int32 // token -> id, for IgnoreMerges
	lengths []int32          // by id, in bytes
}

// NewBPE checks a configuration and makes a model of it. It keeps the configuration's map and slice, which must not change any more.
func NewBPE(cfg BPEConfig) (*BPE, error) {
	b, err := newBPE(cfg)
	if err != nil {
		return nil, err
	}
	rules, err := b.resolve()
	if err != nil {
		return nil, err
	}
	b.pairs = newPairTable(len(rules))
	for i, r := range rules {
		b.pairs.set(pair(r.left, r.right), merged{int32(i), r.made}) // of a pair given twice the later one counts, as in the reference
	}
	return b, nil
}

// rule is a merge by ids.
type rule struct{ left, right, made int32 }

// resolve finds the ids of all merges, on several cores: looking up strings is most of what making a model takes.
func (b *BPE) resolve() ([]rule, error) {
	merges := b.cfg.Merges
	rules := make([]rule, len(merges))
	parts := min(runtime.GOMAXPROCS(0), 1+len(merges)/(1<<14))
	errs := make([]error, parts)
	var wg sync.WaitGroup
	for k := range parts {
		from, to := k*len(merges)/parts, (k+1)*len(merges)/parts
		wg.Go(func() { errs[k] = b.resolvePart(rules[from:to], from) })
	}
	wg.Wait()
	return rules, cmp.Or(errs...)
}

// resolvePart resolves the merges from number from on.
func (b *BPE) resolvePart(rules []rule, from int) error {
	var made []byte
	var next int32 // an id that what is made is likely to have: lists of merges are mostly in the order of ids
	for i := range rules {
		m := b.cfg.Merges[from+i]
		wrong := func(format string, args ...any) error {
			return errorf(ErrFormat, fmt.Sprintf("merges[%d]", from+i), format, args...)
		}
		left, ok := b.cfg.Vocab[m[0]]
		if !ok {
			return wrong("%q is not in the vocabulary", m[0])
		}
		right, ok := b.cfg.Vocab[m[1]]
		if !ok {
			return wrong("%q is not in the vocabulary", m[1])
		}
		if len(m[1]) < len(b.cfg.Prefix) {
			return wrong("%q is shorter than the prefix %q", m[1], b.cfg.Prefix)
		}
		made = append(append(made[:0], m[0]...), m[1][len(b.cfg.Prefix):]...)
		id, ok := b.likely(next, made)
		if !ok {
			if id, ok = b.cfg.Vocab[string(made)]; !ok {
				return wrong("%q is not in the vocabulary", made)
			}
		}
		rules[i], next = rule{left, right, id}, id
	}
	return nil
}

// likely answers the id of a token if it is id or the one after it.
func (b *BPE) likely(id int32, token []byte) (int32, bool) {
	for range 2 {
		if int(id) < len(b.tokens) && b.tokens[id] == string(token) && b.known[id] {
			return id, true
		}
		id++
	}
	return 0, false
}

// newBPE is a model without merges.
func newBPE(cfg BPEConfig) (*BPE, error) {
	if !(cfg.Dropout >= 0 && cfg.Dropout <= 1) {
		return nil, errorf(ErrConfig, "dropout", "got %g, want 0 to 1", cfg.Dropout)
	}
	if len(cfg.Merges) > math.MaxInt32 {
		return nil, errorf(ErrTooLarge, "merges", "got %d", len(cfg.Merges))
	}
	b := &BPE{cfg: cfg, unk: -1}
	plain := cfg.Prefix == "" && cfg.Suffix == ""
	for token, id := range cfg.Vocab {
		if id < 0 || id >= maxID {
			return nil, errorf(ErrFormat, "vocab", "%q has the id %d, want 0 to %d", token, id, maxID-1)
		}
		if n := int(id) + 1 - len(b.tokens); n > 0 {
			b.tokens = append(b.tokens, make([]string, n)...)
			b.known = append(b.known, make([]bool, n)...)
		}
		// Of two tokens with one id the reference keeps whichever comes last in a hash map; here it is the greater one.
		if !b.known[id] || token > b.tokens[id] {
			b.tokens[id], b.known[id] = token, true
		}
		if plain {
			b.setStart(token, id)
		}
	}
	if id, ok := cfg.Vocab[cfg.Unk]; ok && cfg.Unk != "" {
		b.unk = id
	}
	for i := range b.bytes {
		b.bytes[i] = -1
		if id, ok := cfg.Vocab[fmt.Sprintf("<0x%02X>", i)]; ok {
			b.bytes[i] = id
		}
	}
	return b, nil
}

// setStart notes the id of a token that is one code point of the basic plane.
func (b *BPE) setStart(token string, id int32) {
	if len(token) > utf8.UTFMax {
		return
	}
	r, n := utf8.DecodeRuneInString(token)
	if n == 0 || n != len(token) || r > 0xFFFF || r == utf8.RuneError && n == 1 {
		return
	}
	for int(r) >= len(b.starts) {
		b.starts = append(b.starts, -1)
	}
	b.starts[r] = id
}

// raw answers the same model over raw bytes, where words need not be spelled in visible letters first; false when it can't be: the
// model writes prefixes or suffixes, or falls back to the bytes of visible letters.
func (b *BPE) raw() (*BPE, bool) {
	if b.level != nil {
		return b, true
	}
	if b.cfg.Prefix != "" || b.cfg.Suffix != "" {
		return nil, false
	}
	level := &byteLevel{whole: true, lengths: make([]int32, len(b.tokens))}
	for i, r := range visibleRunes {
		id, ok := b.cfg.Vocab[string(r)]
		if !ok {
			if b.cfg.ByteFallback {
				return nil, false
			}
			id, level.whole = -1, false
		}
		level.first[i] = id
	}
	if b.cfg.IgnoreMerges {
		level.words = make(map[string]int32, len(b.tokens))
	}
	var buf []byte
	for token, id := range b.cfg.Vocab {
		var ok bool
		if buf, ok = appendVisible(buf[:0], token); !ok {
			continue
		}
		level.lengths[id] = int32(len(buf))
		if level.words != nil && len(buf) > 0 {
			level.words[string(buf)] = id
		}
	}
	return &BPE{cfg: b.cfg, tokens: b.tokens, known: b.known, unk: b.unk, pairs: b.pairs, bytes: b.bytes, level: level}, true
}

// Config is what the model was made of; the caller must not change it.
func (b *BPE) Config() BPEConfig { return b.cfg }

// Token is what an id stands for, as written in tokenizer.json's vocabulary.
func (b *BPE) Token(id int32) (string, bool) {
	if id < 0 || int(id) >= len(b.tokens) || !b.known[id] {
		return "", false
	}
	return b.tokens[id], true
}

// ID is the id of a token, as written in tokenizer.json's vocabulary.
func (b *BPE) ID(token string) (int32, bool) {
	id, ok := b.cfg.Vocab[token]
	return id, ok
}

// Size is the largest id + 1.
func (b *BPE) Size() int { return len(b.tokens) }
