package data

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"sort"
)

// Split is a part of a corpus.
type Split int

// The three parts. Selection of anything happens on Validation; Test is touched once.
const (
	Train Split = iota
	Validation
	Test
)

// String is the split's name in records and messages.
func (s Split) String() string {
	switch s {
	case Train:
		return "train"
	case Validation:
		return "validation"
	case Test:
		return "test"
	}
	return "unknown split"
}

// Document is one piece of text.
type Document struct {
	Name string // path relative to the corpus, with a piece or line number where a file holds several
	Text []byte // valid until the callback that got it returns

	placed bool  // the source has decided the split
	split  Split // then this one
}

// Corpus is an ordered list of documents, divided into splits by the hash of each document's content: no seed, no
// dependence on the other documents, and equal texts never straddle two splits.
//
// It keeps 40 bytes a document and reads the texts again for every Each, so its memory does not grow with the text.
type Corpus struct {
	Name      string
	Checksum  string     // hex SHA-256 over splits, order and contents of the kept documents
	Bytes     [3]int64   // of text, by Split
	Documents [3]int     // by Split
	Filtered  []Filtered // what was left out and why, in the order of the filters

	source source
	index  []entry
}

// Filtered counts what one filter removed.
type Filtered struct {
	Reason string `json:"reason"`
	Files  int    `json:"files"` // files or documents
	Bytes  int64  `json:"bytes"`
}

// source streams documents in an order that depends on names and contents only. It is safe for concurrent use.
type source interface {
	// each reports what it leaves out to left, one call a file, with one of the reasons.
	each(ctx context.Context, fn func(Document) error, left leftOut) error
	reasons() []string // in the order in which they are reported
}

type leftOut func(reason string, bytes int64)

// entry is what the corpus remembers of a document; the index is parallel to the source's stream.
type entry struct {
	hash  [sha256.Size]byte
	bytes int32
	part  int8 // a Split, or one of the constants below
}

const (
	cut       int8 = -1 // beyond MaxBytes
	duplicate int8 = -2
	byHash    int8 = -3 // to be decided by the content

	duplicateReason = "exact duplicate"
)

// Disjoint bytes of the content hash decide disjoint questions, so that a cut corpus keeps its shares.
func splitKey(h [sha256.Size]byte) uint64 { return binary.BigEndian.Uint64(h[0:8]) }
func cutKey(h [sha256.Size]byte) []byte   { return h[8:20] }
func sampleKey(h [sha256.Size]byte) []byte {
	return h[20:32]
}

// newCorpus reads the source once: hashes, drops exact duplicates if asked to, cuts to maxBytes, and divides.
func newCorpus(ctx context.Context, name string, src source, maxBytes int64, shares Shares, unique bool) (*Corpus, error) {
	c := &Corpus{Name: name, source: src}
	seen := map[[sha256.Size]byte]bool{}
	counts := map[string]*Filtered{}
	left := func(reason string, n int64) {
		if counts[reason] == nil {
			counts[reason] = &Filtered{Reason: reason}
		}
		counts[reason].Files++
		counts[reason].Bytes += n
	}
	err := src.each(ctx, func(d Document) error {
		e := entry{hash: sha256.Sum256(d.Text), bytes: int32(len(d.Text)), part: byHash}
		if d.placed {
			e.part = int8(d.split)
		}
		if unique && seen[e.hash] {
			e.part = duplicate
			left(duplicateReason, int64(e.bytes))
		}
		if unique {
			seen[e.hash] = true
		}
		c.index = append(c.index, e)
		return nil
	}, left)
	if err != nil {
		return nil, err
	}
	for _, reason := range append(src.reasons(), duplicateReason) {
		if f := counts[reason]; f != nil {
			c.Filtered = append(c.Filtered, *f)
		}
	}
	if maxBytes > 0 {
		c.cutTo(maxBytes)
	}
	c.divide(shares)
	if c.Bytes == [3]int64{} {
		return nil, errorf(ErrEmpty, name, "the corpus has no text").hint("max_bytes may be smaller than every document")
	}
	for s, share := range shares {
		if share > 0 && c.Documents[s] == 0 {
			return nil, errorf(ErrTooShort, name, "the %s split is empty: %d documents are too few for shares %v",
				Split(s), c.Documents[0]+c.Documents[1]+c.Documents[2], shares).
				hint("give it more text, or more and shorter documents: each goes to a split by its content alone")
		}
	}
	return c, nil
}

// cutTo keeps the longest prefix, in hash order, that fits: independent of names and order, and nested (a smaller limit keeps
// a subset of what a larger one keeps).
func (c *Corpus) cutTo(maxBytes int64) {
	order := c.order(cutKey, func(e entry) bool { return e.part != duplicate })
	left := Filtered{Reason: "beyond max_bytes"}
	var total int64
	full := false
	for _, i := range order {
		e := &c.index[i]
		if full || total+int64(e.bytes) > maxBytes {
			full = true
			e.part = cut
			left.Files++
			left.Bytes += int64(e.bytes)
			continue
		}
		total += int64(e.bytes)
	}
	if left.Files > 0 {
		c.Filtered = append(c.Filtered, left)
	}
}

// order lists the entries that pass keep, sorted by a part of their hash; equal texts stay in the source's order.
func (c *Corpus) order(key func([sha256.Size]byte) []byte, keep func(entry) bool) []int {
	var order []int
	for i := range c.index {
		if keep(c.index[i]) {
			order = append(order, i)
		}
	}
	sort.SliceStable(order, func(a, b int) bool {
		return bytes.Compare(key(c.index[order[a]].hash), key(c.index[order[b]].hash)) < 0
	})
	return order
}

func (c *Corpus) divide(shares Shares) {
	sum := sha256.New()
	for i := range c.index {
		e := &c.index[i]
		if e.part == byHash {
			e.part = int8(shares.of(splitKey(e.hash)))
		}
		if e.part < 0 {
			continue
		}
		s := Split(e.part)
		c.Documents[s]++
		c.Bytes[s] += int64(e.bytes)
		sum.Write([]byte{byte(s)})
		sum.Write(e.hash[:])
	}
	c.Checksum = hex.EncodeToString(sum.Sum(nil))
}

// Each calls fn for every document of a split, in the corpus's order. It answers ErrChanged when the files are no longer
// what they were when the corpus was opened.
func (c *Corpus) Each(ctx context.Context, split Split, fn func(Document) error) error {
	return c.each(ctx, func(i int) bool { return c.index[i].part == int8(split) }, fn)
}

func (c *Corpus) each(ctx context.Context, want func(i int) bool, fn func(Document) error) error {
	i := -1
	changed := func(name string) error {
		return errorf(ErrChanged, name, "corpus %s is not what it was when it was opened", c.Name).
			hint("leave the files alone while a run reads them, then start again")
	}
	err := c.source.each(ctx, func(d Document) error {
		i++
		if i >= len(c.index) {
			return changed(d.Name)
		}
		if !want(i) {
			return nil
		}
		if sha256.Sum256(d.Text) != c.index[i].hash {
			return changed(d.Name)
		}
		return fn(d)
	}, func(string, int64) {})
	if err == nil && i+1 != len(c.index) {
		return changed("")
	}
	return err
}

// EachSample is Each over documents of a split chosen by hash, in the corpus's order, until they add up to maxBytes (the last
// one may exceed it). The choice is nested like MaxBytes and independent of it.
func (c *Corpus) EachSample(ctx context.Context, split Split, maxBytes int64, fn func(Document) error) error {
	chosen := make([]bool, len(c.index))
	var total int64
	for _, i := range c.order(sampleKey, func(e entry) bool { return e.part == int8(split) }) {
		if total >= maxBytes {
			break
		}
		chosen[i] = true
		total += int64(c.index[i].bytes)
	}
	return c.each(ctx, func(i int) bool { return chosen[i] }, fn)
}
