package data

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"unicode/utf8"
)

// only puts everything in the train split.
func only(c *CorpusConfig) { c.Shares = Shares{1, 0, 0} }

func TestTextForms(t *testing.T) {
	lines := `{"text":"one"}` + "\n\n" + `{"id":2,"text":"two\nlines"}`
	dir := tree(t, map[string]string{
		"plain.txt":      "some text",
		"plain.txt.gz":   gz("zipped"),
		"plain.zst":      zst(t, "more text"),
		"a.jsonl":        lines,
		"b.jsonl.gz":     gz(lines),
		"c.ndjson.zst":   zst(t, lines),
		".hidden":        "no",
		".git/config":    "no",
		"image.png":      "\x89PNG\x00\x00",
		"nothing.txt":    "",
		"sub/deep/x.md":  "deep",
		"body.jsonl.off": "not JSON at all",
	})
	c := openDir(t, dir, only)
	names, texts := documents(t, c, Train)
	want := [][2]string{
		{"a.jsonl:1", "one"}, {"a.jsonl:3", "two\nlines"}, {"b.jsonl.gz:1", "one"}, {"b.jsonl.gz:3", "two\nlines"},
		{"body.jsonl.off#0", "not JSON at all"}, {"c.ndjson.zst:1", "one"}, {"c.ndjson.zst:3", "two\nlines"},
		{"plain.txt#0", "some text"}, {"plain.txt.gz#0", "zipped"}, {"plain.zst#0", "more text"}, {"sub/deep/x.md#0", "deep"},
	}
	for i, w := range want {
		if i >= len(names) || names[i] != w[0] || texts[i] != w[1] {
			t.Fatalf("got %q %q, want %q", names, texts, want)
		}
	}
	if len(names) != len(want) {
		t.Errorf("got %q, want %d documents", names, len(want))
	}
	if want := []Filtered{{Reason: "empty", Files: 1}, {Reason: "binary", Files: 1, Bytes: 6}}; !reflect.DeepEqual(c.Filtered, want) {
		t.Errorf("filtered %+v", c.Filtered)
	}
}

func TestTextPattern(t *testing.T) {
	dir := tree(t, map[string]string{"x/a.txt": "A", "x/b.md": "B", "y/c.txt": "C", "z/d/e.txt": "E"})
	for pattern, want := range map[string]string{"*/*.txt": "x/a.txt#0 y/c.txt#0", "[xz]": "x/a.txt#0 x/b.md#0 z/d/e.txt#0", "x/a.txt": "a.txt#0"} {
		names, _ := documents(t, openDir(t, filepath.Join(dir, pattern), only), Train)
		if got := strings.Join(names, " "); got != want {
			t.Errorf("%s: got %s, want %s", pattern, got, want)
		}
	}
}

func TestJSONLField(t *testing.T) {
	dir := tree(t, map[string]string{"a.jsonl": `{"text":"no","body":"yes"}`})
	_, texts := documents(t, openDir(t, dir, only, func(c *CorpusConfig) { c.Field = "body" }), Train)
	if len(texts) != 1 || texts[0] != "yes" {
		t.Errorf("got %q", texts)
	}
}

func TestTextErrors(t *testing.T) {
	cut := gz(strings.Repeat("a long text that does not fit in few bytes ", 1000))
	cutZ := zst(t, strings.Repeat("another ", 4000)+strings.Repeat("x", 100))
	dir := tree(t, map[string]string{
		"empty.txt": "", "binary": "ab\x00cd", "notgzip.gz": "plain", "notzstd.zst": "plain", "cut.gz": cut[:len(cut)-9], "cut.zst": cutZ[:len(cutZ)-5],
		"blank.jsonl": "\n\n", "broken.jsonl": `{"text":"a"}` + "\n{oops}\n", "field.jsonl": "\n" + `{"body":"x","id":1}`,
		"number.jsonl": `{"text":12}`, "null.jsonl": `{"text":null}`, "void.jsonl": `{"text":""}`, "array.jsonl": `["text"]`, "sub/.keep": "",
	})
	tests := []struct {
		path string
		kind error
		says string
	}{
		{"empty.txt", ErrEmpty, "the file is empty, expected text"},
		{"binary", ErrFormat, "binary file (a zero byte at offset 2), expected text in UTF-8"},
		{"notgzip.gz", ErrFormat, "not a gzip file, as its name says"},
		{"notzstd.zst", ErrFormat, "notzstd.zst: cannot read"},
		{"cut.gz", ErrFormat, "the compressed file is cut short"},
		{"cut.zst", ErrFormat, "the compressed file is cut short"},
		{"blank.jsonl", ErrEmpty, `expected one JSON object a line with a field "text"`},
		{"broken.jsonl", ErrFormat, "broken.jsonl:2: not a JSON object"},
		{"field.jsonl", ErrFormat, `field.jsonl:2: no field "text", the object has ["body" "id"]`},
		{"number.jsonl", ErrFormat, `number.jsonl:1: field "text" is not a string: 12`},
		{"null.jsonl", ErrFormat, `field "text" is not a string: null`},
		{"void.jsonl", ErrFormat, `void.jsonl:1: field "text" is empty`},
		{"array.jsonl", ErrFormat, "array.jsonl:1: not a JSON object"},
		{"sub", ErrEmpty, "no files"},
		{"none.txt", ErrNotFound, "none.txt: no such file or directory"},
		{"none*.txt", ErrNotFound, "no file matches"},
		{"a[", ErrConfig, "not a pattern"},
	}
	for _, tt := range tests {
		t.Run(tt.path, func(t *testing.T) {
			err := second(Open(ctx, CorpusConfig{Kind: "text", Path: filepath.Join(dir, tt.path), Shares: Shares{1, 0, 0}}))
			checkError(t, err, tt.kind, tt.says)
			if err != nil && !strings.Contains(err.Error(), filepath.Join(dir, tt.path)) {
				t.Errorf("the error does not name the file: %v", err)
			}
		})
	}
}

// A link to itself cannot be read by anybody, root included.
func TestUnreadableLink(t *testing.T) {
	path := filepath.Join(t.TempDir(), "loop.txt")
	if err := os.Symlink(path, path); err != nil {
		t.Fatal(err)
	}
	checkError(t, second(Open(ctx, CorpusConfig{Kind: "text", Path: path})), ErrNotFound, "loop.txt: cannot read")
}

func TestUnreadableFile(t *testing.T) {
	if os.Getuid() == 0 {
		t.Skip("root reads everything; TestUnreadableLink shows it what it cannot")
	}
	dir := tree(t, map[string]string{"a.txt": "secret"})
	if err := os.Chmod(filepath.Join(dir, "a.txt"), 0); err != nil {
		t.Fatal(err)
	}
	checkError(t, second(Open(ctx, CorpusConfig{Kind: "text", Path: dir})), ErrNotFound, "a.txt: cannot read")
}

func TestPieces(t *testing.T) {
	tests := map[string]struct {
		text  string
		piece int
		want  []string
	}{
		"blank line":     {"aaaa\nbbb\n\ncc\ndddddd", 12, []string{"aaaa\nbbb\n\n", "cc\ndddddd"}},
		"line":           {"aaaaaaa\nbb\ncccc", 12, []string{"aaaaaaa\nbb\n", "cccc"}},
		"early line end": {"a\nbbbbbbbbbbbbbb", 8, []string{"a\nbbbbbb", "bbbbbbbb"}},
		"rune":           {"aaaaaaä", 7, []string{"aaaaaa", "ä"}},
		"invalid":        {"\xff\xff\xff\xff\xff", 2, []string{"\xff\xff", "\xff\xff", "\xff"}},
		"exact":          {"abcd", 4, []string{"abcd"}},
		"whole":          {strings.Repeat("ab\n\n", 100), 0, []string{strings.Repeat("ab\n\n", 100)}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if got := pieces(t, []byte(tt.text), tt.piece); strings.Join(got, "|") != strings.Join(tt.want, "|") {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

func pieces(t testing.TB, text []byte, piece int) (out []string) {
	err := eachPiece(ctx, bytes.NewReader(text), textFile{"p", "n"}, piece, func(d Document) error {
		out = append(out, string(d.Text))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func FuzzPieces(f *testing.F) {
	f.Add([]byte("one\n\ntwo three\nfour ä ö"), 5)
	f.Add([]byte("\xe2\x82"), 1)
	f.Fuzz(func(t *testing.T, text []byte, piece int) {
		piece = 1 + piece&0x3f
		got := pieces(t, text, piece)
		if strings.Join(got, "") != string(text) {
			t.Errorf("pieces of %q do not add up: %q", text, got)
		}
		for _, p := range got {
			if len(p) == 0 || len(p) > piece {
				t.Errorf("piece of %d bytes, want 1 to %d", len(p), piece)
			}
			if utf8.Valid(text) && piece >= utf8.UTFMax && !utf8.ValidString(p) {
				t.Errorf("piece %q cuts a rune", p)
			}
		}
	})
}

func FuzzJSONL(f *testing.F) {
	f.Add([]byte(`{"text":"a"}`))
	f.Add([]byte("\r\n{\"text\":\"\\ud800\"}\n[]"))
	f.Fuzz(func(t *testing.T, text []byte) {
		path := filepath.Join(t.TempDir(), "f.jsonl")
		write(t, path, text)
		c, err := Open(ctx, CorpusConfig{Kind: "text", Path: path, Shares: Shares{1, 0, 0}})
		if err != nil {
			if !strings.HasPrefix(err.Error(), path) {
				t.Errorf("the error does not name the file: %v", err)
			}
			return
		}
		if _, texts := documents(t, c, Train); len(texts) == 0 {
			t.Error("a corpus without documents")
		}
	})
}

func TestSmallFilesFillEverySplit(t *testing.T) {
	var b strings.Builder
	for i := range 1200 {
		fmt.Fprintf(&b, "Line %d of a short book.\n", i*i)
	}
	// 36 kB in one file: with pieces of 8192 bytes, two splits of three would be empty.
	for name, text := range map[string]string{"book.txt": b.String(), "book.txt.gz": gz(b.String())} {
		dir := tree(t, map[string]string{name: text})
		c := openDir(t, filepath.Join(dir, name))
		if total := c.Bytes[0] + c.Bytes[1] + c.Bytes[2]; total != int64(b.Len()) {
			t.Errorf("%s: %d bytes of %d", name, total, b.Len())
		}
		for s, n := range c.Documents {
			if n == 0 {
				t.Errorf("%s: no %s", name, Split(s))
			}
		}
	}
}
