package data

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"hash"
	"slices"
	"sort"
	"strings"
)

// survey makes a corpus out of sources: one pass hashes and judges every document, and what compares documents follows.
type survey struct {
	corpus   *Corpus
	parts    []part
	filters  Filters
	rules    []rule
	examples int // of each reason
	left     map[string]*Filtered
}

// part is one source with what belongs to it alone.
type part struct {
	name     string
	source   source
	maxBytes int64
	unique   bool // exact duplicates are dropped whatever the filters say
}

// verdict is what the first pass finds out about a document.
type verdict struct {
	hash   [sha256.Size]byte
	broken uint64 // a bit for each rule
	sketch []uint64
}

func (s *survey) open(ctx context.Context, shares Shares) (*Corpus, error) {
	if err := s.run(ctx, shares); err != nil {
		return nil, err
	}
	if err := s.corpus.check(shares); err != nil {
		return nil, err
	}
	return s.corpus, nil
}

func (s *survey) run(ctx context.Context, shares Shares) error {
	c := s.corpus
	names := make([]string, len(s.parts))
	sources := make(sources, len(s.parts))
	var c4 *C4
	if s.filters.C4 != nil {
		var err error
		if c4, err = s.filters.C4.ready(); err != nil {
			return err
		}
	}
	for i, p := range s.parts {
		names[i], sources[i] = p.name, p.source
		if c4 != nil {
			sources[i] = cleaned{p.source, c4}
		}
		c.Sources = append(c.Sources, Source{Name: p.name})
	}
	c.Name, c.source = strings.Join(names, " + "), sources
	s.rules, s.left = s.filters.rules(), map[string]*Filtered{}
	ids, sketches, err := s.read(ctx)
	if err != nil {
		return err
	}
	s.dropEqual()
	if near := s.filters.Near; near != nil {
		ids, sketches = kept(c, ids, sketches, near.Bands)
		if err := c.dropNear(ctx, near, ids, sketches, nearBudget); err != nil {
			return err
		}
	}
	for i, p := range s.parts {
		if p.maxBytes > 0 {
			c.cutTo(uint8(i), p.maxBytes)
		}
	}
	for i := range c.index {
		if e := &c.index[i]; e.part >= 0 && !e.placed {
			e.part = int8(shares.of(splitKey(e.hash)))
		}
	}
	if d := s.filters.Decontaminate; d != nil {
		if err := c.decontaminate(ctx, d); err != nil {
			return err
		}
	}
	c.count()
	return s.report(ctx)
}

// read goes through all texts once. ids are the places in the index of documents that broke no rule, and sketches their bands.
func (s *survey) read(ctx context.Context) (ids []int32, sketches []uint64, err error) {
	type scratch struct {
		facts facts
		words []wordSpan
		set   []uint64
		mins  []uint64
	}
	c, near := s.corpus, s.filters.Near
	var hasher *minHasher
	if near != nil {
		hasher = newMinHasher(near.Hashes)
	}
	work := func(w *scratch, d Document) verdict {
		v := verdict{hash: sha256.Sum256(d.Text), broken: judge(s.rules, &w.facts, d.Text)}
		if near != nil && v.broken == 0 {
			w.words = appendWords(w.words[:0], d.Text)
			w.set = shingles(w.set[:0], w.words, d.Text, near.Words)
			w.mins = slices.Grow(w.mins[:0], near.Hashes)[:near.Hashes]
			hasher.signature(w.mins, w.set)
			v.sketch = make([]uint64, near.Bands)
			bands(v.sketch, w.mins)
		}
		return v
	}
	read := func(ctx context.Context, fn func(Document) error) error {
		return c.source.each(ctx, fn, func(reason, name string, n int64) {
			f := s.counted(s.left, reason, n)
			if len(f.Examples) < s.examples {
				f.Examples = append(f.Examples, Example{Name: name})
			}
		})
	}
	err = inOrder(ctx, read, work, func(x examined[verdict]) error {
		e := entry{hash: x.result.hash, bytes: int32(x.size), from: x.from, placed: x.placed}
		if e.placed {
			e.part = int8(x.split)
		}
		for i := range s.rules {
			if x.result.broken>>i&1 == 1 {
				e.part = broken - int8(i)
				break
			}
		}
		if near != nil && e.part >= 0 {
			ids = append(ids, int32(len(c.index)))
			sketches = append(sketches, x.result.sketch...)
		}
		c.index = append(c.index, e)
		return nil
	})
	return ids, sketches, err
}

// kept drops the sketches of documents that are no longer there.
func kept(c *Corpus, ids []int32, sketches []uint64, bandCount int) ([]int32, []uint64) {
	n := 0
	for i, id := range ids {
		if c.index[id].part < 0 {
			continue
		}
		ids[n] = id
		copy(sketches[n*bandCount:(n+1)*bandCount], sketches[i*bandCount:])
		n++
	}
	return ids[:n], sketches[:n*bandCount]
}

// dropEqual keeps the first of equal documents, in the order of the sources.
func (s *survey) dropEqual() {
	c := s.corpus
	equal := func(e entry) bool { return s.filters.Exact || len(s.parts) > 1 || s.parts[e.from].unique }
	order := c.order(func(h [sha256.Size]byte) []byte { return h[:] }, func(e entry) bool { return e.part >= 0 && equal(e) })
	for k := 1; k < len(order); k++ {
		if c.index[order[k]].hash == c.index[order[k-1]].hash {
			c.index[order[k]].part = duplicate
		}
	}
}

// cutTo keeps the longest prefix of a source's documents, in hash order, that fits: independent of names and order, and nested (a smaller
// limit keeps a subset of what a larger one keeps).
func (c *Corpus) cutTo(from uint8, maxBytes int64) {
	var total int64
	full := false
	for _, i := range c.order(cutKey, func(e entry) bool { return e.part >= 0 && e.from == from }) {
		e := &c.index[i]
		if full || total+int64(e.bytes) > maxBytes {
			full = true
			e.part = cut
			continue
		}
		total += int64(e.bytes)
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

// count sums up the splits and hashes what they hold, of all sources and of each.
func (c *Corpus) count() {
	sum := sha256.New()
	own := make([]hash.Hash, len(c.Sources))
	for i := range own {
		own[i] = sha256.New()
	}
	for i := range c.index {
		e := &c.index[i]
		if e.part < 0 {
			continue
		}
		c.Documents[e.part]++
		c.Bytes[e.part] += int64(e.bytes)
		c.Sources[e.from].Documents[e.part]++
		c.Sources[e.from].Bytes[e.part] += int64(e.bytes)
		for _, h := range []hash.Hash{sum, own[e.from]} {
			h.Write([]byte{byte(e.part)})
			h.Write(e.hash[:])
		}
	}
	c.Checksum = hex.EncodeToString(sum.Sum(nil))
	for i, h := range own {
		c.Sources[i].Checksum = hex.EncodeToString(h.Sum(nil))
	}
}

func (c *Corpus) check(shares Shares) error {
	if c.Bytes == [3]int64{} {
		return errorf(ErrEmpty, c.Name, "the corpus has no text").hint("max_bytes may be smaller than every document, or filters may remove all: archlab data stats says what each removes")
	}
	for s, share := range shares {
		if share > 0 && c.Documents[s] == 0 {
			return errorf(ErrTooShort, c.Name, "the %s split is empty: %d documents are too few for shares %v",
				Split(s), c.Documents[0]+c.Documents[1]+c.Documents[2], shares).
				hint("give it more text, or more and shorter documents: each goes to a split by its content alone")
		}
	}
	for _, s := range c.Sources {
		if s.Documents[Train] == 0 {
			return errorf(ErrEmpty, s.Name, "nothing is left of this source to train on").hint("archlab data stats says what each filter removes")
		}
	}
	return nil
}

func (s *survey) counted(by map[string]*Filtered, reason string, n int64) *Filtered {
	f := by[reason]
	if f == nil {
		f = &Filtered{Reason: reason}
		by[reason] = f
	}
	f.Files++
	f.Bytes += n
	return f
}

// reasonOf answers why a document of the index is in no split.
func (s *survey) reasonOf(part int8) string {
	switch part {
	case cut:
		return cutReason
	case duplicate:
		return duplicateReason
	case nearDuplicate:
		return nearReason
	case overlapsSplit:
		return splitsReason
	case overlapsTask:
		return filesReason
	}
	return s.rules[broken-part].reason
}

// report lists what was left out, in the order in which it was.
func (s *survey) report(ctx context.Context) error {
	c := s.corpus
	missing := 0 // examples
	for _, e := range c.index {
		if e.part < 0 {
			s.counted(s.left, s.reasonOf(e.part), int64(e.bytes))
		}
	}
	order := c.source.reasons()
	for _, r := range s.rules {
		order = append(order, r.reason)
	}
	order = append(order, duplicateReason, nearReason, cutReason, splitsReason, filesReason)
	for _, reason := range order {
		if f := s.left[reason]; f != nil && !slices.ContainsFunc(c.Filtered, func(g Filtered) bool { return g.Reason == reason }) {
			missing += max(0, min(s.examples, f.Files)-len(f.Examples))
			c.Filtered = append(c.Filtered, *f)
		}
	}
	if missing == 0 {
		return nil
	}
	// Texts are not kept: what filters removed is read again to be shown.
	wanted := map[int]string{}
	seen := map[string]int{}
	for i, e := range c.index {
		if e.part >= 0 {
			continue
		}
		if reason := s.reasonOf(e.part); seen[reason] < s.examples {
			seen[reason]++
			wanted[i] = reason
		}
	}
	places := sortedKeys(wanted)
	next := 0
	return c.each(ctx, func(i int) bool { return wanted[i] != "" }, func(d Document) error {
		reason := wanted[places[next]]
		next++
		k := slices.IndexFunc(c.Filtered, func(f Filtered) bool { return f.Reason == reason })
		c.Filtered[k].Examples = append(c.Filtered[k].Examples, Example{d.Name, beginning(d.Text)})
		return nil
	})
}

// beginning is the first line or so of a text.
func beginning(text []byte) string {
	const most = 120
	s := strings.Join(strings.Fields(strings.ToValidUTF8(string(text[:min(len(text), 4*most)]), "\ufffd")), " ")
	if r := []rune(s); len(r) > most {
		return string(r[:most]) + "…"
	}
	return s
}

// sources is several sources one after the other.
type sources []source

func (s sources) reasons() (all []string) {
	for _, x := range s {
		all = append(all, x.reasons()...)
	}
	return all
}

func (s sources) each(ctx context.Context, fn func(Document) error, left leftOut) error {
	for i, x := range s {
		err := x.each(ctx, func(d Document) error {
			d.from = uint8(i)
			return fn(d)
		}, left)
		if err != nil {
			return err
		}
	}
	return nil
}
