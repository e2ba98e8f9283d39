package data

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

var ctx = context.Background()

func openDir(t *testing.T, dir string, change ...func(*CorpusConfig)) *Corpus {
	t.Helper()
	cfg := CorpusConfig{Kind: "text", Path: dir}
	for _, f := range change {
		f(&cfg)
	}
	c, err := Open(ctx, cfg)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// splits maps each text of a corpus to its split.
func splits(t *testing.T, c *Corpus) map[string]Split {
	t.Helper()
	out := map[string]Split{}
	for _, s := range []Split{Train, Validation, Test} {
		_, texts := documents(t, c, s)
		for _, x := range texts {
			if other, ok := out[x]; ok && other != s {
				t.Errorf("a text is in %s and in %s", other, s)
			}
			out[x] = s
		}
	}
	return out
}

func TestCorpusCountsWhatItStreams(t *testing.T) {
	files := many(140)
	c := openDir(t, tree(t, files))
	var n int
	for _, s := range []Split{Train, Validation, Test} {
		names, texts := documents(t, c, s)
		var bytes int64
		for _, x := range texts {
			bytes += int64(len(x))
		}
		if len(texts) != c.Documents[s] || bytes != c.Bytes[s] {
			t.Errorf("%s: streamed %d documents, %d bytes; counted %d, %d", s, len(texts), bytes, c.Documents[s], c.Bytes[s])
		}
		if !slices.IsSorted(names) {
			t.Errorf("%s: order is not that of the names: %q", s, names)
		}
		n += len(texts)
	}
	if n != len(files) {
		t.Errorf("got %d documents of %d files", n, len(files))
	}
}

func TestSplitDependsOnContentAlone(t *testing.T) {
	files := many(140)
	fixed := func(c *CorpusConfig) { c.DocumentBytes = 8192 } // the default depends on how much text there is
	whole := splits(t, openDir(t, tree(t, files), fixed))
	// Half of the files, under other names, must be divided as before.
	some := map[string]string{}
	i := 0
	for _, name := range slices.Sorted(maps.Keys(files)) {
		if i++; i%2 == 0 {
			some[fmt.Sprintf("elsewhere/%03d", 999-i)] = files[name]
		}
	}
	for text, s := range splits(t, openDir(t, tree(t, some), fixed)) {
		if whole[text] != s {
			t.Errorf("%.20q moved from %s to %s", text, whole[text], s)
		}
	}
}

func TestChecksum(t *testing.T) {
	files := many(140)
	base := openDir(t, tree(t, files))
	if again := openDir(t, tree(t, files)); again.Checksum != base.Checksum {
		t.Error("the same files elsewhere have another checksum")
	}
	changed := maps.Clone(files)
	changed["d0/f000.txt"] += "x"
	if c := openDir(t, tree(t, changed)); c.Checksum == base.Checksum {
		t.Error("another text has the same checksum")
	}
	renamed := maps.Clone(files)
	renamed["zzz"] = renamed["d0/f000.txt"]
	delete(renamed, "d0/f000.txt")
	if c := openDir(t, tree(t, renamed)); c.Checksum == base.Checksum {
		t.Error("another order has the same checksum")
	}
	other := openDir(t, tree(t, files), func(c *CorpusConfig) { c.Shares = Shares{50, 25, 25} })
	if other.Checksum == base.Checksum {
		t.Error("another division has the same checksum")
	}
}

func TestMaxBytesIsNestedAndIndependentOfNames(t *testing.T) {
	files := many(140)
	dir := tree(t, files)
	limit := func(n int64) func(*CorpusConfig) {
		return func(c *CorpusConfig) { c.MaxBytes, c.Shares = n, Shares{1, 0, 0} }
	}
	previous := map[string]Split{}
	for _, n := range []int64{4_000, 16_000, 60_000, 1 << 30} {
		c := openDir(t, dir, limit(n))
		got := splits(t, c)
		if c.Bytes[Train] > n {
			t.Errorf("max_bytes %d kept %d", n, c.Bytes[Train])
		}
		if n < 1<<30 && c.Bytes[Train] < n-2000 {
			t.Errorf("max_bytes %d kept only %d, the largest document has less than 2000", n, c.Bytes[Train])
		}
		for text := range previous {
			if _, ok := got[text]; !ok {
				t.Errorf("max_bytes %d lost a document of a smaller limit", n)
			}
		}
		previous = got
	}
	if len(previous) != len(files) {
		t.Errorf("a limit above the size kept %d of %d", len(previous), len(files))
	}

	renamed := map[string]string{}
	for i, name := range slices.Backward(slices.Sorted(maps.Keys(files))) {
		renamed[fmt.Sprintf("%03d.txt", len(files)-i)] = files[name]
	}
	a, b := openDir(t, dir, limit(16_000)), openDir(t, tree(t, renamed), limit(16_000))
	if !maps.Equal(splits(t, a), splits(t, b)) {
		t.Error("names decide what a limit keeps")
	}
}

func TestMaxBytesKeepsShares(t *testing.T) {
	// The hashes that cut and the hashes that divide are independent: a cut corpus still has all three splits.
	c := openDir(t, tree(t, many(400)), func(c *CorpusConfig) { c.MaxBytes, c.Shares = 150_000, Shares{50, 25, 25} })
	total := c.Documents[0] + c.Documents[1] + c.Documents[2]
	for s, want := range []float64{0.5, 0.25, 0.25} {
		// Five standard deviations of a binomial; the hashes are fixed, so this either always passes or never.
		if got := float64(c.Documents[s]) / float64(total); got < want-0.2 || got > want+0.2 {
			t.Errorf("%s: share %.2f of %d documents, want about %.2f", Split(s), got, total, want)
		}
	}
}

func TestEachSample(t *testing.T) {
	c := smallCorpus(t)
	sample := func(n int64) (out []string) {
		if err := c.EachSample(ctx, Train, n, func(d Document) error { out = append(out, d.Name); return nil }); err != nil {
			t.Fatal(err)
		}
		return out
	}
	small, large, all := sample(5_000), sample(20_000), sample(1<<40)
	if len(small) == 0 || len(small) >= len(large) || len(large) >= len(all) || len(all) != c.Documents[Train] {
		t.Errorf("sizes %d, %d, %d of %d", len(small), len(large), len(all), c.Documents[Train])
	}
	for _, name := range small {
		if !slices.Contains(large, name) {
			t.Errorf("%s is in the small sample only", name)
		}
	}
}

func TestCorpusErrors(t *testing.T) {
	one := tree(t, map[string]string{"a.txt": "hello"})
	tests := map[string]struct {
		cfg  CorpusConfig
		kind error
		says string
	}{
		"kind":            {CorpusConfig{Kind: "wiki"}, ErrConfig, `unknown corpus "wiki", want one of ["gosrc" "text" "code" "enwik8"`},
		"negative limit":  {CorpusConfig{Kind: "text", Path: one, MaxBytes: -1}, ErrConfig, "max_bytes: got -1"},
		"negative share":  {CorpusConfig{Kind: "text", Path: one, Shares: Shares{1, -1, 0}}, ErrConfig, "the validation share is -1"},
		"no train share":  {CorpusConfig{Kind: "text", Path: one, Shares: Shares{0, 1, 1}}, ErrConfig, "positive train share"},
		"empty split":     {CorpusConfig{Kind: "text", Path: one}, ErrTooShort, "split is empty: 1 documents are too few"},
		"limit below all": {CorpusConfig{Kind: "text", Path: one, MaxBytes: 3, Shares: Shares{1, 0, 0}}, ErrEmpty, "the corpus has no text"},
		"no path":         {CorpusConfig{Kind: "text"}, ErrConfig, "needs a file, a directory or a pattern"},
		"huge pieces":     {CorpusConfig{Kind: "text", Path: one, DocumentBytes: 1 << 40}, ErrConfig, "document_bytes"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) { checkError(t, second(Open(ctx, tt.cfg)), tt.kind, tt.says) })
	}
}

func second[T any](_ T, err error) error { return err }

func checkError(t *testing.T, err, kind error, says string) {
	t.Helper()
	if !errors.Is(err, kind) {
		t.Errorf("got error %v, want kind %v", err, kind)
	} else if !strings.Contains(err.Error(), says) {
		t.Errorf("got error %q, want it to say %q", err, says)
	}
}

func TestChangedWhileInUse(t *testing.T) {
	nop := func(Document) error { return nil }
	for name, change := range map[string]func(dir string) error{
		"edited":  func(dir string) error { return os.WriteFile(filepath.Join(dir, "d0/f000.txt"), []byte("other"), 0o666) },
		"added":   func(dir string) error { return os.WriteFile(filepath.Join(dir, "d0/f999.txt"), []byte("other"), 0o666) },
		"emptied": func(dir string) error { return os.WriteFile(filepath.Join(dir, "d0/f000.txt"), nil, 0o666) },
	} {
		t.Run(name, func(t *testing.T) {
			dir := tree(t, many(140))
			// A directory is listed when the corpus is opened; a source that lists again has to notice what came.
			c := openDir(t, filepath.Join(dir, "d0"), func(c *CorpusConfig) { c.Shares = Shares{1, 0, 0} })
			if name == "added" {
				x := c.source.(sources)[0].(*textSource)
				x.files = append(x.files, textFile{filepath.Join(dir, "d0/f999.txt"), "f999.txt"})
			}
			if err := change(dir); err != nil {
				t.Fatal(err)
			}
			checkError(t, c.Each(ctx, Train, nop), ErrChanged, "not what it was")
		})
	}
}

func TestCancel(t *testing.T) {
	canceled, cancel := context.WithCancel(ctx)
	c := smallCorpus(t)
	cancel()
	if err := c.Each(canceled, Train, func(Document) error { return nil }); !errors.Is(err, context.Canceled) {
		t.Errorf("Each: got %v", err)
	}
	if _, err := OpenStream(canceled, c, Train, Bytes{}, Cache{}); !errors.Is(err, context.Canceled) {
		t.Errorf("OpenStream: got %v", err)
	}
	if _, err := OpenTokenizer(canceled, TokenizerConfig{Kind: "bpe"}, c, Cache{}); !errors.Is(err, context.Canceled) {
		t.Errorf("OpenTokenizer: got %v", err)
	}
}
