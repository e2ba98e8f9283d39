package tokenizer

import (
	"encoding/binary"
	"math/bits"
)

// wordCache remembers the ids of short words, those that running text is made of: keys and ids lie in the table itself, half a cache line
// a word, two words a bucket. A newer word takes the place of an older one. Longer words, and words of more ids, are in a map beside it.
type wordCache struct {
	slots []wordSlot
	used  int // insertions since the table grew
	long  map[string][]int32
}

type wordSlot struct {
	lo, hi uint64 // up to 15 bytes of the word, and its length in the highest byte; 0 where empty
	ids    [3]int32
	n      int32
}

const (
	slotBytes      = 15
	smallestCache  = 1 << 10
	largestCache   = 1 << 16
	insertsToGrow  = 1 // times the number of slots
	longestInCache = cachedBytes
)

// key packs a word of 1 to 15 bytes that begins at text[at]; loading reads 16 bytes where there are as many.
func wordKey(text []byte, at, n int) (lo, hi uint64) {
	if at+16 <= len(text) {
		lo = binary.LittleEndian.Uint64(text[at:])
		hi = binary.LittleEndian.Uint64(text[at+8:])
	} else {
		var buf [16]byte
		copy(buf[:], text[at:at+n])
		lo = binary.LittleEndian.Uint64(buf[:])
		hi = binary.LittleEndian.Uint64(buf[8:])
	}
	if n <= 8 {
		lo &= ^uint64(0) >> (64 - 8*uint(n))
		hi = 0
	} else {
		hi &= 1<<(8*uint(n-8)) - 1
	}
	return lo, hi | uint64(n)<<56
}

func (c *wordCache) at(lo, hi uint64) uint64 {
	h, l := bits.Mul64(lo^0x9E3779B97F4A7C15, hi^0xD6E8FEB86659FD93)
	return (h ^ l) & uint64(len(c.slots)-1)
}

// find answers the slot of a word, or nil.
func (c *wordCache) find(lo, hi uint64) *wordSlot {
	if len(c.slots) == 0 {
		return nil
	}
	i := c.at(lo, hi)
	if s := &c.slots[i]; s.lo == lo && s.hi == hi {
		return s
	}
	if s := &c.slots[i^1]; s.lo == lo && s.hi == hi {
		return s
	}
	return nil
}

// put remembers a word of at most three ids.
func (c *wordCache) put(lo, hi uint64, ids []int32) {
	if c.used >= len(c.slots)*insertsToGrow && len(c.slots) < largestCache {
		c.grow()
	}
	c.used++
	s := wordSlot{lo: lo, hi: hi, n: int32(len(ids))}
	copy(s.ids[:], ids)
	c.place(s)
}

func (c *wordCache) place(s wordSlot) {
	i := c.at(s.lo, s.hi)
	c.slots[i^1] = c.slots[i]
	c.slots[i] = s
}

func (c *wordCache) grow() {
	old := c.slots
	c.slots = make([]wordSlot, max(smallestCache, 4*len(old)))
	c.used = 0
	for _, s := range old {
		if s.n > 0 {
			c.place(s)
		}
	}
}

// keep remembers a word in the map. When it is full all is forgotten: what is frequent is back at once.
func (c *wordCache) keep(word []byte, ids []int32) {
	if c.long == nil || len(c.long) >= cachedWords {
		c.long = make(map[string][]int32)
	}
	c.long[string(word)] = append([]int32(nil), ids...)
}
