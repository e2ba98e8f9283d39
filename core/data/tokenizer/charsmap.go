package tokenizer

import (
	"bytes"
	"encoding/binary"
)

// charsmap is SentencePiece's precompiled_charsmap: rules that replace a string by another one. On disk it is the size of the trie in
// bytes (uint32, little endian), the trie (a double array of Darts-clone's form: uint32 units), then all replacements, each ended by a
// zero byte; the trie's values are offsets into those.
type charsmap struct {
	units        []uint32
	replacements []byte
}

func parseCharsmap(raw []byte) (*charsmap, error) {
	if len(raw) < 8 {
		return nil, errorf(ErrFormat, "precompiled_charsmap", "%d bytes are too few", len(raw))
	}
	size := binary.LittleEndian.Uint32(raw)
	raw = raw[4:]
	if size == 0 || size%4 != 0 || uint64(size) > uint64(len(raw)) {
		return nil, errorf(ErrFormat, "precompiled_charsmap", "a trie of %d bytes where %d follow", size, len(raw))
	}
	m := &charsmap{units: make([]uint32, size/4), replacements: raw[size:]}
	for i := range m.units {
		m.units[i] = binary.LittleEndian.Uint32(raw[4*i:])
	}
	return m, nil
}

// The fields of a unit of Darts-clone's double array: its label in the lowest byte (the highest bit marks a leaf, which no byte can
// equal), whether a leaf hangs below it, and the distance to its children.
func dartsLabel(unit uint32) uint32  { return unit & (1<<31 | 0xff) }
func dartsLeaf(unit uint32) bool     { return unit>>8&1 != 0 }
func dartsOffset(unit uint32) uint32 { return unit >> 10 << (unit & (1 << 9) >> 6) }
func dartsValue(unit uint32) uint32  { return unit &^ (1 << 31) }

// maxPrefixes is how many rules that are prefixes of each other SentencePiece looks at.
const maxPrefixes = 32

// find looks for rules whose left side text begins with: the longest one, or the shortest one if first is set. It answers its length
// and what replaces it; a length of 0 where there is none.
func (m *charsmap) find(text []byte, first bool) (n int, to []byte) {
	var value uint32
	at := dartsOffset(m.units[0])
	for i, found := 0, 0; i < len(text) && found < maxPrefixes; i++ {
		if first && text[i] == 0 {
			break // the Rust reference takes it for the text's end
		}
		at ^= uint32(text[i])
		if uint64(at) >= uint64(len(m.units)) {
			break
		}
		unit := m.units[at]
		if dartsLabel(unit) != uint32(text[i]) {
			break
		}
		at ^= dartsOffset(unit)
		if dartsLeaf(unit) && uint64(at) < uint64(len(m.units)) {
			n, value = i+1, dartsValue(m.units[at])
			found++
			if first {
				break
			}
		}
	}
	if n == 0 || uint64(value) > uint64(len(m.replacements)) {
		return 0, nil
	}
	to = m.replacements[value:]
	if end := bytes.IndexByte(to, 0); end >= 0 {
		to = to[:end]
	}
	return n, to
}

// plain says of each ASCII character that no rule begins with it alone or with it and another ASCII character: before ASCII it stays
// as it is.
func (m *charsmap) plain() (plain [128]bool) {
	for c := range plain {
		plain[c] = true
		at := dartsOffset(m.units[0]) ^ uint32(c)
		if uint64(at) >= uint64(len(m.units)) || dartsLabel(m.units[at]) != uint32(c) {
			continue
		}
		unit := m.units[at]
		plain[c] = !dartsLeaf(unit)
		for d := range uint32(128) {
			next := at ^ dartsOffset(unit) ^ d
			if uint64(next) < uint64(len(m.units)) && dartsLabel(m.units[next]) == d {
				plain[c] = false
			}
		}
	}
	return plain
}
