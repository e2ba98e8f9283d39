package data

import (
	"compress/gzip"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"
)

// tree writes files below a new directory.
func tree(t testing.TB, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		write(t, filepath.Join(dir, name), []byte(text))
	}
	return dir
}

func write(t testing.TB, path string, text []byte) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, text, 0o666); err != nil {
		t.Fatal(err)
	}
}

func gz(text string) string {
	var b strings.Builder
	w := gzip.NewWriter(&b)
	w.Write([]byte(text))
	w.Close()
	return b.String()
}

func zst(t testing.TB, text string) string {
	var b strings.Builder
	w, err := zstd.NewWriter(&b)
	if err != nil {
		t.Fatal(err)
	}
	w.Write([]byte(text))
	w.Close()
	return b.String()
}

// many makes n small, distinct files of English-like words.
func many(n int) map[string]string {
	files := map[string]string{}
	for i := range n {
		var b strings.Builder
		for j := range 30 + i%17 {
			fmt.Fprintf(&b, "word%d of file %d, the %dth.\n", (i*j)%23, i, j)
		}
		files[fmt.Sprintf("d%d/f%03d.txt", i%5, i)] = b.String()
	}
	return files
}

// smallCorpus is a corpus of 140 files.
func smallCorpus(t testing.TB) *Corpus {
	t.Helper()
	c, err := Open(context.Background(), CorpusConfig{Kind: "text", Path: tree(t, many(140))})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// documents lists the names and texts of a split.
func documents(t testing.TB, c *Corpus, s Split) (names, texts []string) {
	t.Helper()
	err := c.Each(context.Background(), s, func(d Document) error {
		names = append(names, d.Name)
		texts = append(texts, string(d.Text))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return names, texts
}
