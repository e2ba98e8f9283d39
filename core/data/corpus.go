package data

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
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
	Name string // path relative to the corpus, with a piece, line or row number where a file holds several; or the document's own id
	Text []byte // valid until the callback that got it returns

	from   uint8 // the number of its source
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
	Sources   []Source   // what it is made of, in order; one unless it is a mixture
	Filtered  []Filtered // what was left out and why, in the order of the filters
	Unchecked int        // evaluation texts too short for decontamination
	Crowded   int        // documents that were not compared with all that may be their near duplicates

	source source
	index  []entry
	only   *uint8 // the one source that is seen, or nil
}

// Source counts what one source of a corpus gives.
type Source struct {
	Name      string
	Checksum  string   // as a corpus of this source's documents alone would have it
	Bytes     [3]int64 // of text, by Split
	Documents [3]int
}

// Filtered counts what one filter removed.
type Filtered struct {
	Reason   string    `json:"reason"`
	Files    int       `json:"files"` // files or documents
	Bytes    int64     `json:"bytes"`
	Examples []Example `json:"examples,omitempty"` // where they were asked for
}

// Example is something that a filter removed.
type Example struct {
	Name string `json:"name"`
	Text string `json:"text,omitempty"` // its beginning
}

// source streams documents in an order that depends on names and contents only. It is safe for concurrent use.
type source interface {
	// each reports what it leaves out to left, one call a file or document, with one of the reasons.
	each(ctx context.Context, fn func(Document) error, left leftOut) error
	reasons() []string // in the order in which they are reported
}

type leftOut func(reason, name string, bytes int64)

// entry is what the corpus remembers of a document; the index is parallel to the source's stream.
type entry struct {
	hash   [sha256.Size]byte
	bytes  int32
	part   int8 // a Split, or one of the constants below
	from   uint8
	placed bool // the source has decided the split
}

// Why a document of the index is in no split.
const (
	cut int8 = -1 - iota // beyond MaxBytes
	duplicate
	nearDuplicate
	overlapsSplit
	overlapsTask
	broken // and below: the first rule that it breaks is broken - part
)

const (
	duplicateReason = "exact duplicate"
	cutReason       = "beyond max_bytes"
)

// Disjoint bytes of the content hash decide disjoint questions, so that a cut corpus keeps its shares.
func splitKey(h [sha256.Size]byte) uint64 { return binary.BigEndian.Uint64(h[0:8]) }
func cutKey(h [sha256.Size]byte) []byte   { return h[8:20] }
func sampleKey(h [sha256.Size]byte) []byte {
	return h[20:32]
}

// Each calls fn for every document of a split, in the corpus's order. It answers ErrChanged when the files are no longer
// what they were when the corpus was opened.
func (c *Corpus) Each(ctx context.Context, split Split, fn func(Document) error) error {
	return c.each(ctx, func(i int) bool { return c.holds(i, split) }, fn)
}

// holds says whether a document of the index is in a split, of the source that is seen.
func (c *Corpus) holds(i int, split Split) bool {
	e := &c.index[i]
	return e.part == int8(split) && (c.only == nil || e.from == *c.only)
}

// Source is the corpus as if source i were alone in it: same documents, same splits. It shares the index.
func (c *Corpus) Source(i int) *Corpus {
	if len(c.Sources) == 1 {
		return c
	}
	from, s := uint8(i), c.Sources[i]
	view := *c
	view.Name, view.Checksum, view.Bytes, view.Documents, view.only = s.Name, s.Checksum, s.Bytes, s.Documents, &from
	view.Sources = []Source{s}
	return &view
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
	}, func(string, string, int64) {})
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
	for _, i := range c.order(sampleKey, func(e entry) bool { return e.part == int8(split) && (c.only == nil || e.from == *c.only) }) {
		if total >= maxBytes {
			break
		}
		chosen[i] = true
		total += int64(c.index[i].bytes)
	}
	return c.each(ctx, func(i int) bool { return chosen[i] }, fn)
}
