package data

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/bits"
)

// Decontaminate leaves out training documents that share an n-gram of words with what models are evaluated on: the corpus's own validation and
// test splits, and task files. The n-gram is that of GPT-3 (Brown et al. 2020, appendix C): 13 words in lower case without punctuation. An
// n-gram that more than Common training documents have is a common phrase and no evidence, also as there. Unlike there the whole
// document goes, rather than the 200 characters around the overlap: documents here are a few kilobytes long.
//
// A text with fewer words than an n-gram cannot be checked; they are counted in Corpus.Unchecked.
type Decontaminate struct {
	Words  int      // 13
	Common int      // 10; 0: no n-gram is too common
	Splits bool     // true: against validation and test
	Files  []string // task files: JSON lines, of which all strings of an object are one text, or plain text; .gz and .zst too
}

// PublishedDecontaminate has the numbers of Brown et al. 2020 and no files.
var PublishedDecontaminate = Decontaminate{Words: 13, Common: 10, Splits: true}

func (d *Decontaminate) check() error {
	switch {
	case d == nil:
		return nil
	case d.Words < 1 || d.Words > 64:
		return errorf(ErrConfig, "decontaminate.words", "got %d, want n-grams of 1 to 64 words", d.Words)
	case d.Common < 0 || d.Common > 254:
		return errorf(ErrConfig, "decontaminate.common", "got %d documents, want 0 to 254", d.Common)
	case !d.Splits && len(d.Files) == 0:
		return errorf(ErrConfig, "decontaminate", "neither splits nor files to compare with")
	}
	return nil
}

const (
	splitsReason = "overlap: with validation or test"
	filesReason  = "overlap: with task files"
)

// gramTable maps the n-grams of evaluation sets to what is known of them, by open addressing. The hash 0 stands for an empty slot.
type gramTable struct {
	keys  []uint64
	info  []gramInfo
	count int
}

type gramInfo struct {
	last      int32 // number, from 1, of the last training document that had it
	documents uint8 // training documents that have it, 255 for more
	task      bool  // in a task file, as opposed to a split alone
}

func (t *gramTable) slot(h uint64) int {
	mask := uint64(len(t.keys) - 1)
	i := h & mask
	for t.keys[i] != 0 && t.keys[i] != h {
		i = (i + 1) & mask
	}
	return int(i)
}

func (t *gramTable) add(h uint64, task bool) {
	if h == 0 {
		return
	}
	if 2*t.count >= len(t.keys) {
		old := *t
		size := 1 << bits.Len(uint(max(1<<12, 2*len(old.keys)))-1)
		t.keys, t.info = make([]uint64, size), make([]gramInfo, size)
		for i, k := range old.keys {
			if k != 0 {
				j := t.slot(k)
				t.keys[j], t.info[j] = k, old.info[i]
			}
		}
	}
	i := t.slot(h)
	if t.keys[i] == 0 {
		t.keys[i] = h
		t.count++
	}
	t.info[i].task = t.info[i].task || task
}

// find answers the place of an n-gram, or -1.
func (t *gramTable) find(h uint64) int {
	if h == 0 || t.count == 0 {
		return -1
	}
	if i := t.slot(h); t.keys[i] == h {
		return i
	}
	return -1
}

// decontaminate marks training documents that overlap with evaluation sets.
func (c *Corpus) decontaminate(ctx context.Context, d *Decontaminate) error {
	table := &gramTable{}
	learn := func(task bool) func(text []byte) {
		var words []wordSpan
		return func(text []byte) {
			words = appendWords(words[:0], text)
			if len(words) < d.Words {
				c.Unchecked++
			}
			ngrams(words, d.Words, func(_ int, h uint64) { table.add(h, task) })
		}
	}
	for _, path := range d.Files {
		if err := eachTaskText(ctx, path, learn(true)); err != nil {
			return err
		}
	}
	if d.Splits {
		text := learn(false)
		err := c.each(ctx, func(i int) bool { p := c.index[i].part; return p == int8(Validation) || p == int8(Test) }, func(d Document) error {
			text(d.Text)
			return nil
		})
		if err != nil {
			return err
		}
	}
	if table.count == 0 {
		return nil
	}
	type scratch struct{ words []wordSpan }
	overlaps := func(s *scratch, doc Document) (found []int) {
		s.words = appendWords(s.words[:0], doc.Text)
		ngrams(s.words, d.Words, func(_ int, h uint64) {
			if i := table.find(h); i >= 0 {
				found = append(found, i)
			}
		})
		return found
	}
	train := func(ctx context.Context, fn func(Document) error) error { return c.Each(ctx, Train, fn) }
	number := int32(0)
	err := inOrder(ctx, train, overlaps, func(x examined[[]int]) error {
		number++
		for _, i := range x.result {
			if g := &table.info[i]; g.last != number {
				g.last = number
				g.documents += min(1, 255-g.documents)
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	var places []int
	for i, e := range c.index {
		if e.part == int8(Train) {
			places = append(places, i)
		}
	}
	next := 0
	return inOrder(ctx, train, overlaps, func(x examined[[]int]) error {
		e := &c.index[places[next]]
		next++
		for _, i := range x.result {
			g := table.info[i]
			if d.Common > 0 && int(g.documents) > d.Common {
				continue
			}
			if g.task {
				e.part = overlapsTask
				break
			}
			e.part = overlapsSplit
		}
		return nil
	})
}

// eachTaskText calls fn with every text of a task file.
func eachTaskText(ctx context.Context, path string, fn func(text []byte)) error {
	r, kind, err := openText(path)
	if err != nil {
		return err
	}
	defer r.Close()
	switch kind {
	case parquetFile:
		return errorf(ErrConfig, path, "a task file is JSON lines or text, not Parquet")
	case plainFile:
		text, err := io.ReadAll(io.LimitReader(r, maxDocument+1))
		if err != nil {
			return readError(path, err)
		}
		if len(text) > maxDocument {
			return errorf(ErrFormat, path, "longer than %d bytes, expected a task file", maxDocument)
		}
		for part := range bytes.SplitSeq(text, []byte("\n\n")) {
			if len(bytes.TrimSpace(part)) > 0 {
				fn(part)
			}
		}
		return nil
	}
	return eachLine(ctx, r, path, func(number int, line []byte) error {
		var v any
		if err := json.Unmarshal(line, &v); err != nil {
			return errorf(ErrFormat, fmt.Sprintf("%s:%d", path, number), "not JSON, expected an example of a task a line").cause(err)
		}
		fn(appendStrings(nil, v))
		return nil
	})
}

// appendStrings joins the strings of a JSON value, in the order of keys, with spaces between.
func appendStrings(dst []byte, v any) []byte {
	switch v := v.(type) {
	case string:
		dst = append(append(dst, v...), ' ')
	case []any:
		for _, x := range v {
			dst = appendStrings(dst, x)
		}
	case map[string]any:
		for _, k := range sortedKeys(v) {
			dst = appendStrings(dst, v[k])
		}
	}
	return dst
}
