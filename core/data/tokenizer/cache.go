package tokenizer

import "encoding/binary"

// idCache remembers the ids of short words. Every place holds one word, the last one that came there.
type idCache struct {
	slots []slot
}

const (
	cacheSlots   = 1 << 14
	maxCached    = 24 // bytes of a word
	maxCachedIDs = 8
)

type slot struct {
	key [3]uint64
	len uint8 // of the word; 0 for none
	n   uint8 // ids
	ids [maxCachedIDs]int32
}

// append appends the ids of a word, which m cuts if they are not known.
func (c *idCache) append(dst []int32, b []byte, m Model, pieces *[]Piece) []int32 {
	if len(b) > maxCached || len(b) == 0 {
		*pieces = m.Append((*pieces)[:0], b)
		for _, p := range *pieces {
			dst = append(dst, p.ID)
		}
		return dst
	}
	if c.slots == nil {
		c.slots = make([]slot, cacheSlots)
	}
	key := keyOf(b)
	h := (key[0]*0x9e3779b97f4a7c15 ^ key[1]*0xc2b2ae3d27d4eb4f ^ key[2]*0x165667b19e3779f9) + uint64(len(b))*0xd6e8feb86659fd93
	h ^= h >> 32
	s := &c.slots[(h*0x9e3779b97f4a7c15)>>(64-14)]
	if s.key == key && int(s.len) == len(b) {
		return append(dst, s.ids[:s.n]...)
	}
	*pieces = m.Append((*pieces)[:0], b)
	start := len(dst)
	for _, p := range *pieces {
		dst = append(dst, p.ID)
	}
	if ids := dst[start:]; len(ids) <= maxCachedIDs {
		s.key, s.len, s.n = key, uint8(len(b)), uint8(len(ids))
		copy(s.ids[:], ids)
	}
	return dst
}

// keyOf packs a word of up to 24 bytes.
func keyOf(b []byte) (key [3]uint64) {
	i := 0
	for ; len(b) >= 8; b = b[8:] {
		key[i] = binary.LittleEndian.Uint64(b)
		i++
	}
	switch n := len(b); {
	case n >= 4:
		key[i] = uint64(binary.LittleEndian.Uint32(b)) | uint64(binary.LittleEndian.Uint32(b[n-4:]))<<(8*(n-4))
	case n > 0:
		key[i] = uint64(b[0]) | uint64(b[n/2])<<(8*(n/2)) | uint64(b[n-1])<<(8*(n-1))
	}
	return key
}
