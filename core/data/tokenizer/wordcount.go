package tokenizer

import (
	"context"
	"hash/maphash"
	"math/bits"
	"runtime"
	"sync"
	"unicode/utf8"
)

// wordCounts counts words. It is an open-addressed table over one buffer of text, since a corpus has some hundred thousand different
// words and each would otherwise be an object of its own.
type wordCounts struct {
	slots []int32 // index of an entry + 1
	words []countedWord
	text  []byte
	seed  maphash.Seed
}

type countedWord struct {
	at    int64
	n     int32
	hash  uint32
	count int64
}

func newWordCounts(seed maphash.Seed) *wordCounts {
	return &wordCounts{slots: make([]int32, 1<<12), seed: seed}
}

func (c *wordCounts) word(i int) []byte {
	w := &c.words[i]
	return c.text[w.at : w.at+int64(w.n)]
}

// add counts a word n more times.
func (c *wordCounts) add(word []byte, n int64) {
	c.addHashed(word, uint32(maphash.Bytes(c.seed, word)), n)
}

func (c *wordCounts) addHashed(word []byte, hash uint32, n int64) {
	mask := uint32(len(c.slots) - 1)
	for i := hash & mask; ; i = (i + 1) & mask {
		k := c.slots[i]
		if k == 0 {
			c.slots[i] = int32(len(c.words)) + 1
			c.words = append(c.words, countedWord{int64(len(c.text)), int32(len(word)), hash, n})
			c.text = append(c.text, word...)
			if 2*len(c.words) > len(c.slots) {
				c.grow()
			}
			return
		}
		if w := &c.words[k-1]; w.hash == hash && string(c.word(int(k-1))) == string(word) {
			w.count += n
			return
		}
	}
}

func (c *wordCounts) grow() {
	c.slots = make([]int32, 1<<bits.Len(uint(2*len(c.slots)-1)))
	mask := uint32(len(c.slots) - 1)
	for k, w := range c.words {
		i := w.hash & mask
		for c.slots[i] != 0 {
			i = (i + 1) & mask
		}
		c.slots[i] = int32(k) + 1
	}
}

// addAll adds the counts of another table, which must have the same seed.
func (c *wordCounts) addAll(other *wordCounts) {
	for i, w := range other.words {
		c.addHashed(other.word(i), w.hash, w.count)
	}
}

// blockBytes is how much text one thread counts at a time.
const blockBytes = 256 << 10

// countWords counts the words of all texts in parallel; sums do not depend on who counted what. cut says how texts are cut into words: it
// is called once a thread, and what it answers calls word for each word of a text.
func countWords(ctx context.Context, each func(func([]byte) error) error, cut func() func(text []byte, word func([]byte))) (*wordCounts, error) {
	type block struct {
		text []byte
		ends []int
	}
	blocks := make(chan block, runtime.GOMAXPROCS(0))
	free := make(chan block, 2*runtime.GOMAXPROCS(0))
	seed := maphash.MakeSeed()
	parts := make([]*wordCounts, runtime.GOMAXPROCS(0))
	var wg sync.WaitGroup
	for i := range parts {
		part := newWordCounts(seed)
		parts[i] = part
		wg.Go(func() {
			words := cut()
			count := func(w []byte) { part.add(w, 1) }
			for b := range blocks {
				from := 0
				for _, end := range b.ends {
					words(b.text[from:end], count)
					from = end
				}
				select {
				case free <- b:
				default:
				}
			}
		})
	}
	var b block
	send := func() error {
		select {
		case blocks <- b:
		case <-ctx.Done():
			return ctx.Err()
		}
		b = block{}
		select {
		case b = <-free:
			b.text, b.ends = b.text[:0], b.ends[:0]
		default:
		}
		return nil
	}
	err := each(func(text []byte) error {
		for len(text) > 0 {
			n := safeCut(text, blockBytes)
			b.text = append(b.text, text[:n]...)
			b.ends = append(b.ends, len(b.text))
			text = text[n:]
			if len(b.text) >= blockBytes {
				if err := send(); err != nil {
					return err
				}
			}
		}
		return nil
	})
	if err == nil && len(b.text) > 0 {
		err = send()
	}
	close(blocks)
	wg.Wait()
	if err != nil {
		return nil, err
	}
	for _, p := range parts[1:] {
		parts[0].addAll(p)
	}
	return parts[0], nil
}

// safeCut answers where a text of more than want bytes can be cut without changing its words: between an ASCII letter and a
// space that another letter follows, where every pattern and pre-tokenizer here cuts as well. All of the text if there is no such place.
func safeCut(text []byte, want int) int {
	for i := want; i+1 < len(text); i++ {
		if text[i] == ' ' && asciiLetter(text[i-1]) && asciiLetter(text[i+1]) {
			return i
		}
	}
	return len(text)
}

func asciiLetter(b byte) bool { b |= 0x20; return b < utf8.RuneSelf && b >= 'a' && b <= 'z' }
