package data

import (
	"context"
	"crypto/sha256"
	"slices"
	"unicode/utf8"
)

// Statistics describes documents as they are read, before any filter that compares or judges them.
type Statistics struct {
	Sources    []SourceStatistics `json:"sources"`
	Documents  int                `json:"documents"`
	Bytes      int64              `json:"bytes"`
	Characters int64              `json:"characters"`
	Lines      int64              `json:"lines"` // that are not blank
	Words      int64              `json:"words"` // by white space
	NotUTF8    int                `json:"not_utf8"`
	Duplicates Filtered           `json:"duplicates"` // equal byte by byte, the first aside
	Sizes      Sizes              `json:"sizes"`      // bytes a document
	Left       []Filtered         `json:"left_out"`   // by the reader: binary, generated, ...
	Filters    []Filtered         `json:"filters"`    // what each would remove by itself
}

// SourceStatistics is one source's part.
type SourceStatistics struct {
	Name      string `json:"name"`
	Documents int    `json:"documents"`
	Bytes     int64  `json:"bytes"`
}

// Sizes are quantiles, by the nearest rank.
type Sizes struct {
	Min    int     `json:"min"`
	P5     int     `json:"p5"`
	P25    int     `json:"p25"`
	Median int     `json:"median"`
	P75    int     `json:"p75"`
	P95    int     `json:"p95"`
	P99    int     `json:"p99"`
	Max    int     `json:"max"`
	Mean   float64 `json:"mean"`
}

// surveyed is what is found out about one document.
type surveyed struct {
	hash                [16]byte // half of a hash tells documents apart
	broken              uint64
	runes, lines, words int
	text                bool   // valid UTF-8
	start               string // where examples are wanted
}

// Survey counts what sources hold and what each filter would remove if it were alone. It works where a corpus is too small to train on.
func Survey(ctx context.Context, cfgs []CorpusConfig, filters Filters, examples int) (*Statistics, error) {
	if err := filters.Check(); err != nil {
		return nil, err
	}
	st := &Statistics{}
	var all sources
	for _, cfg := range cfgs {
		p, err := openPart(ctx, cfg)
		if err != nil {
			return nil, err
		}
		all = append(all, p.source)
		st.Sources = append(st.Sources, SourceStatistics{Name: p.name})
	}
	rules := filters.rules()
	by := make([]Filtered, len(rules))
	for i, r := range rules {
		by[i].Reason = r.reason
	}
	left := map[string]*Filtered{}
	read := func(ctx context.Context, fn func(Document) error) error {
		return all.each(ctx, fn, func(reason, name string, n int64) {
			if left[reason] == nil {
				left[reason] = &Filtered{Reason: reason}
			}
			left[reason].add(n, name, "", examples)
		})
	}
	work := func(f *facts, d Document) surveyed {
		sum := sha256.Sum256(d.Text)
		f.of(d.Text)
		c := surveyed{hash: [16]byte(sum[:16]), runes: f.runes, lines: f.lines, words: f.words, text: utf8.Valid(d.Text)}
		for i, r := range rules {
			if r.fails(f) {
				c.broken |= 1 << i
			}
		}
		if examples > 0 {
			c.start = beginning(d.Text)
		}
		return c
	}
	seen := map[[16]byte]bool{}
	var sizes []int32
	err := inOrder(ctx, read, work, func(x examined[surveyed]) error {
		c := x.result
		st.Documents++
		st.Bytes += int64(x.size)
		st.Sources[x.from].Documents++
		st.Sources[x.from].Bytes += int64(x.size)
		st.Characters += int64(c.runes)
		st.Lines += int64(c.lines)
		st.Words += int64(c.words)
		if !c.text {
			st.NotUTF8++
		}
		if seen[c.hash] {
			st.Duplicates.add(int64(x.size), x.Name, c.start, examples)
		}
		seen[c.hash] = true
		for i := range rules {
			if c.broken>>i&1 == 1 {
				by[i].add(int64(x.size), x.Name, c.start, examples)
			}
		}
		sizes = append(sizes, int32(x.size))
		return nil
	})
	if err != nil {
		return nil, err
	}
	st.Duplicates.Reason = duplicateReason
	st.Sizes = sizesOf(sizes)
	for _, reason := range all.reasons() {
		if f := left[reason]; f != nil && !slices.ContainsFunc(st.Left, func(g Filtered) bool { return g.Reason == reason }) {
			st.Left = append(st.Left, *f)
		}
	}
	st.Filters = by
	for _, f := range []Filters{{C4: filters.C4}, {Near: filters.Near}, {Decontaminate: filters.Decontaminate}} {
		if f == (Filters{}) {
			continue
		}
		removed, err := alone(ctx, cfgs, f, examples)
		if err != nil {
			return nil, err
		}
		st.Filters = append(st.Filters, removed...)
	}
	return st, nil
}

// alone answers what one filter removes. Documents that are left out anyway are not counted.
func alone(ctx context.Context, cfgs []CorpusConfig, f Filters, examples int) ([]Filtered, error) {
	s := survey{corpus: &Corpus{}, filters: f, examples: examples}
	for _, cfg := range cfgs {
		p, err := openPart(ctx, cfg)
		if err != nil {
			return nil, err
		}
		s.parts = append(s.parts, p)
	}
	shares := cfgs[0].Shares
	if shares == (Shares{}) {
		shares = DefaultShares
	}
	if err := s.run(ctx, shares); err != nil {
		return nil, err
	}
	reasons := []string{nearReason, splitsReason, filesReason}
	if f.C4 != nil {
		reasons = []string{c4Lines, c4Sentences, c4Page, c4Words}
	}
	return slices.DeleteFunc(s.corpus.Filtered, func(f Filtered) bool { return !slices.Contains(reasons, f.Reason) }), nil
}

// add counts one more, and shows it while there is room.
func (f *Filtered) add(n int64, name, text string, examples int) {
	f.Files++
	f.Bytes += n
	if len(f.Examples) < examples {
		f.Examples = append(f.Examples, Example{name, text})
	}
}

func sizesOf(sizes []int32) (s Sizes) {
	if len(sizes) == 0 {
		return s
	}
	slices.Sort(sizes)
	at := func(percent int) int { return int(sizes[max(0, (percent*len(sizes)+99)/100-1)]) }
	total := 0.0
	for _, n := range sizes {
		total += float64(n)
	}
	return Sizes{int(sizes[0]), at(5), at(25), at(50), at(75), at(95), at(99), int(sizes[len(sizes)-1]), total / float64(len(sizes))}
}
