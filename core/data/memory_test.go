package data

import (
	"fmt"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// live is the heap after a collection.
func live() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// A corpus holds tens of bytes a document, whatever the documents hold, and reading it again holds a few groups of them. The same at 1 GB is
// in large_test.go.
func TestCorpusHoldsNoText(t *testing.T) {
	const documents = 20_000
	var lines strings.Builder
	base := strings.Repeat("some words that fill a line ", 25) // 700 bytes
	for i := range documents {
		fmt.Fprintf(&lines, "{\"text\": \"%d %s%d\"}\n", i, base, i*7)
	}
	path := filepath.Join(t.TempDir(), "a.jsonl")
	write(t, path, []byte(lines.String()))
	total := int64(lines.Len())
	lines.Reset()
	before := live()
	c, err := OpenAll(ctx, []CorpusConfig{{Kind: "text", Path: path, Shares: Shares{1, 0, 0}}}, Filters{Exact: true}, 0)
	if err != nil {
		t.Fatal(err)
	}
	held := live() - before
	if most := int64(documents*64 + 1<<20); held > most {
		t.Errorf("the corpus holds %d bytes for %d documents, want at most %d", held, documents, most)
	}
	seen, peak := 0, int64(0)
	if err := c.Each(ctx, Train, func(Document) error {
		if seen++; seen%4000 == 0 {
			peak = max(peak, live()-before)
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if peak > total/4 {
		t.Errorf("reading holds %d bytes of a corpus of %d", peak, total)
	}
	runtime.KeepAlive(c)
}
