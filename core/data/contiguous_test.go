package data

import (
	"fmt"
	"strings"
	"testing"
)

// parts are the texts of the splits of a contiguous corpus, its documents joined.
func parts(t *testing.T, files map[string]string, shares Shares) (out [3]string) {
	t.Helper()
	c := openDir(t, tree(t, files), func(cfg *CorpusConfig) { cfg.Contiguous, cfg.Shares = true, shares })
	for _, s := range []Split{Train, Validation, Test} {
		_, texts := documents(t, c, s)
		out[s] = strings.Join(texts, "")
		if int64(len(out[s])) != c.Bytes[s] || len(texts) != c.Documents[s] {
			t.Errorf("%s: %d bytes in %d documents, counted %d in %d", s, len(out[s]), len(texts), c.Bytes[s], c.Documents[s])
		}
	}
	return out
}

func TestContiguous(t *testing.T) {
	long := strings.Repeat("0123456789", 20) // 200 bytes: longer than a piece of another corpus would have to be
	for name, c := range map[string]struct {
		files  map[string]string
		shares Shares
		want   [3]string
	}{
		"one file":                      {map[string]string{"a.txt": long}, Shares{90, 5, 5}, [3]string{long[:180], long[180:190], long[190:]}},
		"no test":                       {map[string]string{"a.txt": long}, Shares{90, 10, 0}, [3]string{long[:180], long[180:], ""}},
		"files in order":                {map[string]string{"b.txt": "bbbbbbbb", "a.txt": "aaaaaaaa"}, Shares{2, 1, 1}, [3]string{"aaaaaaaa", "bbbb", "bbbb"}},
		"a file over two ends":          {map[string]string{"a.txt": "aa", "b.txt": "bbbbbbbb", "c.txt": "cc"}, Shares{4, 4, 4}, [3]string{"aabb", "bbbb", "bbcc"}},
		"an end inside of a character":  {map[string]string{"a.txt": "aé€x"}, Shares{2, 2, 3}, [3]string{"a", "é", "€x"}},
		"an end after a character":      {map[string]string{"a.txt": "aé€x"}, Shares{3, 3, 1}, [3]string{"aé", "€", "x"}},
		"the same text in every split":  {map[string]string{"a.txt": "xyxyxy"}, Shares{1, 1, 1}, [3]string{"xy", "xy", "xy"}},
		"what is not text is cut alike": {map[string]string{"a.txt": "a\x80\x80\x80\x80\x80"}, Shares{1, 1, 1}, [3]string{}},
	} {
		t.Run(name, func(t *testing.T) {
			if c.want == [3]string{} {
				_, err := Open(ctx, CorpusConfig{Kind: "text", Path: tree(t, c.files), Contiguous: true, Shares: c.shares})
				if err == nil || !strings.Contains(err.Error(), "split is empty") {
					t.Errorf("got %v", err)
				}
				return
			}
			if got := parts(t, c.files, c.shares); got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

func TestContiguousRefuses(t *testing.T) {
	dir := tree(t, map[string]string{"a.txt": strings.Repeat("abc ", 100)})
	for name, c := range map[string]CorpusConfig{
		"gosrc":     {Kind: "gosrc", Contiguous: true},
		"max_bytes": {Kind: "text", Path: dir, Contiguous: true, MaxBytes: 10},
	} {
		if _, err := Open(ctx, c); err == nil || !strings.Contains(err.Error(), "split") {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

// The two ways to divide a text are two corpora.
func TestContiguousChecksum(t *testing.T) {
	var text strings.Builder
	for i := range 20_000 {
		fmt.Fprintf(&text, "line %d of a text\n", i)
	}
	dir := tree(t, map[string]string{"a.txt": text.String()})
	if openDir(t, dir).Checksum == openDir(t, dir, func(c *CorpusConfig) { c.Contiguous = true }).Checksum {
		t.Error("equal checksums")
	}
}
