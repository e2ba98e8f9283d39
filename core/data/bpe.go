package data

import (
	"encoding/binary"
	"fmt"
	"sync"
)

// BPE is byte-level byte-pair encoding (Sennrich et al. 2016; Radford et al. 2019): text is cut in words by nextWord, each word
// starts as its bytes, and the adjacent pair that was learned first is merged until no learned pair is left.
//
// Ids 0 to 255 are the bytes, 256 is EOD, and 257+i is what merge i makes.
type BPE struct {
	merges [][2]int32
	ids    map[uint64]int32 // pair -> id of its merge; ids ascend in the order of learning
	text   [][]byte         // by id; nil for EOD
	print  string
	pool   sync.Pool // of *bpeScratch
}

// maxTokenBytes bounds the text of one token, which a hostile file of merges could otherwise double with every line.
const maxTokenBytes = 1 << 12

// maxVocab bounds vocabularies.
const maxVocab = 1 << 20

// NewBPE makes a tokenizer of merges in the order of learning. Each pairs ids that exist before it; EOD merges with nothing.
func NewBPE(merges [][2]int32) (*BPE, error) {
	if len(merges) > maxVocab-bytesVocab {
		return nil, errorf(ErrFormat, "merges", "got %d, want at most %d", len(merges), maxVocab-bytesVocab)
	}
	b := &BPE{merges: merges, ids: make(map[uint64]int32, len(merges)), text: make([][]byte, bytesVocab, bytesVocab+len(merges))}
	for i := range 256 {
		b.text[i] = []byte{byte(i)}
	}
	var definition []byte
	for i, m := range merges {
		id := int32(bytesVocab + i)
		for _, part := range m {
			if part < 0 || part >= id || part == eodID {
				return nil, errorf(ErrFormat, fmt.Sprintf("merges[%d]", i), "id %d cannot be merged, want one below %d other than %d", part, id, eodID)
			}
		}
		key := pairKey(m[0], m[1])
		if other, ok := b.ids[key]; ok {
			return nil, errorf(ErrFormat, fmt.Sprintf("merges[%d]", i), "the pair %v is merged already, as id %d", m, other)
		}
		if n := len(b.text[m[0]]) + len(b.text[m[1]]); n > maxTokenBytes {
			return nil, errorf(ErrFormat, fmt.Sprintf("merges[%d]", i), "the token has %d bytes, want at most %d", n, maxTokenBytes)
		}
		b.ids[key] = id
		b.text = append(b.text, append(append([]byte(nil), b.text[m[0]]...), b.text[m[1]]...))
		definition = binary.LittleEndian.AppendUint64(definition, key)
	}
	b.print = fingerprint("bpe gpt2", definition)
	return b, nil
}

func pairKey(a, b int32) uint64 { return uint64(uint32(a))<<32 | uint64(uint32(b)) }

// Name is "bpe-" and the size of the vocabulary.
func (b *BPE) Name() string { return fmt.Sprintf("bpe-%d", b.Vocab()) }

// Vocab is 257 and the number of merges.
func (b *BPE) Vocab() int { return len(b.text) }

// EOD is 256.
func (b *BPE) EOD() int32 { return eodID }

// Merges lists the pairs in the order of learning; the caller must not change it.
func (b *BPE) Merges() [][2]int32 { return b.merges }

// Fingerprint hashes the merges.
func (b *BPE) Fingerprint() string { return b.print }

// TokenBytes is the length of an id's text.
func (b *BPE) TokenBytes(id int32) int {
	if id < 0 || int(id) >= len(b.text) {
		return 0
	}
	return len(b.text[id])
}

// Decode appends the texts of the ids.
func (b *BPE) Decode(dst []byte, ids []int32) []byte {
	for _, id := range ids {
		if id >= 0 && int(id) < len(b.text) {
			dst = append(dst, b.text[id]...)
		}
	}
	return dst
}

// bpeScratch is what one Encode works with. Words repeat, so their ids are remembered, up to a bound.
type bpeScratch struct {
	words map[string][]int32
	ids   []int32
	ranks []int32
	long  longMerger
}

const (
	cachedWords    = 1 << 15
	cachedWordSize = 64
	shortWord      = 64 // beyond it the quadratic merge loses to the heap
)

// Encode appends the ids of text.
func (b *BPE) Encode(dst []int32, text []byte) []int32 {
	s, _ := b.pool.Get().(*bpeScratch)
	if s == nil {
		s = &bpeScratch{words: map[string][]int32{}}
	}
	for len(text) > 0 {
		n := nextWord(text)
		word := text[:n]
		text = text[n:]
		if n == 1 {
			dst = append(dst, int32(word[0]))
			continue
		}
		if ids, ok := s.words[string(word)]; ok {
			dst = append(dst, ids...)
			continue
		}
		from := len(dst)
		dst = b.encodeWord(dst, word, s)
		if n <= cachedWordSize {
			if len(s.words) >= cachedWords {
				clear(s.words)
			}
			s.words[string(word)] = append([]int32(nil), dst[from:]...)
		}
	}
	b.pool.Put(s)
	return dst
}

func (b *BPE) encodeWord(dst []int32, word []byte, s *bpeScratch) []int32 {
	if len(word) > shortWord {
		return s.long.merge(b, dst, word)
	}
	s.ids = s.ids[:0]
	for _, c := range word {
		s.ids = append(s.ids, int32(c))
	}
	s.ids, s.ranks = b.mergeShort(s.ids, s.ranks)
	return append(dst, s.ids...)
}

const noRank = int32(1<<31 - 1)

// rank is the id that a pair merges into, or noRank.
func (b *BPE) rank(x, y int32) int32 {
	if id, ok := b.ids[pairKey(x, y)]; ok {
		return id
	}
	return noRank
}

// mergeShort merges in place: find the leftmost pair of lowest rank, merge, repeat. It is the reference of longMerger.
func (b *BPE) mergeShort(ids, ranks []int32) ([]int32, []int32) {
	ranks = ranks[:0]
	for i := 0; i+1 < len(ids); i++ {
		ranks = append(ranks, b.rank(ids[i], ids[i+1]))
	}
	for len(ranks) > 0 {
		best := 0
		for i, r := range ranks {
			if r < ranks[best] {
				best = i
			}
		}
		if ranks[best] == noRank {
			break
		}
		ids[best] = ranks[best]
		ids = append(ids[:best+1], ids[best+2:]...)
		ranks = append(ranks[:best], ranks[best+1:]...)
		if best > 0 {
			ranks[best-1] = b.rank(ids[best-1], ids[best])
		}
		if best < len(ranks) {
			ranks[best] = b.rank(ids[best], ids[best+1])
		}
	}
	return ids, ranks
}
