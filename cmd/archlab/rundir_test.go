package main

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/archlab/archlab/core/record"
)

// A resume names the source of a mixture that is not what it was, whatever else changed with it.
func TestChangedSourcesAreNamed(t *testing.T) {
	file := mixtureFile(t, "{sources: [{name: text, path: a.jsonl}, {name: text, path: b.jsonl}]}", "{exact: true}", "2K")
	info := func() record.Data {
		t.Helper()
		ds, err := openData(context.Background(), file)
		if err != nil {
			t.Fatal(err)
		}
		defer ds.close()
		return ds.info
	}
	dir := filepath.Dir(file.Path)
	path := func(name string) string { return filepath.Join(dir, name+".jsonl") }
	read := func(name string) []byte {
		t.Helper()
		text, err := os.ReadFile(path(name))
		if err != nil {
			t.Fatal(err)
		}
		return text
	}
	write := func(name string, text []byte) {
		t.Helper()
		if err := os.WriteFile(path(name), text, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	old := info()
	if err := sameData(old, info()); err != nil {
		t.Errorf("the same data: %v", err)
	}
	a, b := read("a"), read("b")
	says := func(what string, named, unnamed []string) {
		t.Helper()
		err := sameData(old, info())
		if err == nil {
			t.Fatalf("%s: no error", what)
		}
		for _, w := range named {
			if !strings.Contains(err.Error(), w) {
				t.Errorf("%s: no %q in: %v", what, w, err)
			}
		}
		for _, w := range unnamed {
			if strings.Contains(err.Error(), w) {
				t.Errorf("%s: %q in: %v", what, w, err)
			}
		}
	}
	write("b", append(bytes.Clone(b), "{\"text\": \"one more document of b\"}\n"...))
	says("longer", []string{"source text " + path("b") + " had ", " documents of ", ", now "}, []string{path("a")})
	write("b", bytes.Replace(b, []byte(" b "), []byte(" c "), 1))
	says("other text of the same size", []string{"source text " + path("b") + " has other text in "}, []string{path("a")})
	// The last document of a becomes the first of b: the text as a whole stays.
	lines := bytes.SplitAfter(a, []byte("\n"))
	last := lines[len(lines)-3]
	write("a", bytes.Replace(a, last, nil, 1))
	write("b", append(bytes.Clone(last), b...))
	says("moved", []string{path("a"), path("b")}, nil)

	plain := record.Data{Corpus: "text x", Checksum: "1", Documents: 3, Bytes: 20, Fingerprint: "f"}
	changed := plain
	changed.Checksum, changed.Documents, changed.Bytes, changed.Fingerprint = "2", 4, 25, "g"
	if err := sameData(plain, changed); err == nil || !strings.HasSuffix(err.Error(), "text x had 3 documents of 20 bytes, now 4 of 25") {
		t.Errorf("a corpus with a learned vocabulary: got %v", err)
	}
	changed = plain
	changed.Fingerprint = "g"
	if err := sameData(plain, changed); err == nil || !strings.Contains(err.Error(), "vocabulary mismatch") {
		t.Errorf("another tokenizer: got %v", err)
	}
}
