package data

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/parquet-go/parquet-go"
)

type page struct {
	Text *string  `parquet:"text,optional,snappy"`
	ID   string   `parquet:"id,zstd"`
	Size int64    `parquet:"size"`
	Tags []string `parquet:"tags,list"`
	Meta struct {
		URL string `parquet:"url"`
	} `parquet:"meta"`
}

// parquetBytes writes rows of texts, in row groups of a given size.
func parquetBytes(t testing.TB, perGroup int, texts ...string) []byte {
	t.Helper()
	var b bytes.Buffer
	w := parquet.NewGenericWriter[page](&b, parquet.PageBufferSize(1<<12))
	for i, x := range texts {
		p := page{ID: fmt.Sprintf("doc-%d", i), Size: int64(len(x)), Tags: []string{"a", "b"}}
		p.Meta.URL = fmt.Sprintf("https://example.org/%d", i)
		if x != "" {
			p.Text = &x
		}
		if _, err := w.Write([]page{p}); err != nil {
			t.Fatal(err)
		}
		if i%perGroup == perGroup-1 {
			if err := w.Flush(); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestParquet(t *testing.T) {
	var texts []string
	for i := range 1000 {
		texts = append(texts, fmt.Sprintf("row %d says %s", i, strings.Repeat("word ", i%50)))
	}
	texts[7] = ""
	raw := parquetBytes(t, 300, texts...)
	dir := tree(t, map[string]string{"a.parquet": string(raw), "b.parquet.gz": gz(string(raw)), "c.parquet.zst": zst(t, string(raw))})
	for name, prefix := range map[string]string{"a.parquet": "a.parquet:", "b.parquet.gz": "b.parquet.gz:", "c.parquet.zst": "c.parquet.zst:"} {
		for _, id := range []string{"", "id"} {
			c := openDir(t, filepath.Join(dir, name), only, func(c *CorpusConfig) { c.ID = id })
			names, got := documents(t, c, Train)
			if len(got) != 999 || got[6] != texts[6] || got[7] != texts[8] || got[998] != texts[999] {
				t.Fatalf("%s: %d documents, %q ...", name, len(got), got[:min(len(got), 9)])
			}
			want := prefix + "9"
			if id != "" {
				want = "doc-8"
			}
			if names[7] != want {
				t.Errorf("%s: named %q, want %q", name, names[7], want)
			}
			if len(c.Filtered) != 1 || c.Filtered[0].Reason != emptyFiles || c.Filtered[0].Files != 1 {
				t.Errorf("filtered %+v", c.Filtered)
			}
		}
	}
	// A column inside a group by its path.
	c := openDir(t, filepath.Join(dir, "a.parquet"), only, func(c *CorpusConfig) { c.Field = "meta.url" })
	if _, got := documents(t, c, Train); len(got) != 1000 || got[999] != "https://example.org/999" {
		t.Errorf("%d documents of the nested column", len(got))
	}
}

func TestParquetErrors(t *testing.T) {
	raw := parquetBytes(t, 10, "one", "two")
	damaged := bytes.Clone(raw)
	for i := 4; i < len(damaged)/3; i++ {
		damaged[i] ^= 0x5a
	}
	dir := tree(t, map[string]string{"a.parquet": string(raw), "text.parquet": "not Parquet at all", "cut.parquet": string(raw[:len(raw)/2]), "damaged.parquet": string(damaged),
		"void.parquet": string(parquetBytes(t, 10, "", "")), "empty.parquet": ""})
	for _, tt := range []struct {
		file, field, id string
		kind            error
		says, hint      string
	}{
		{"a.parquet", "txt", "", ErrFormat, `a.parquet: no column "txt", the columns are ["text" "id" "size" "tags.list.element" "meta.url"]`, `did you mean "text"?`},
		{"a.parquet", "text", "idd", ErrFormat, `no column "idd"`, `did you mean "id"?`},
		{"a.parquet", "size", "", ErrFormat, `column "size" holds int64, expected text`, "set field"},
		{"a.parquet", "tags.list.element", "", ErrFormat, `column "tags.list.element" holds lists`, ""},
		{"text.parquet", "", "", ErrFormat, "text.parquet: not a Parquet file, as its name says", ""},
		{"empty.parquet", "", "", ErrFormat, "empty.parquet: not a Parquet file", ""},
		{"cut.parquet", "", "", ErrFormat, "cut.parquet: not a Parquet file", ""},
		{"damaged.parquet", "", "", ErrFormat, "damaged.parquet: row 1: damaged Parquet", ""},
		{"void.parquet", "", "", ErrEmpty, `void.parquet: no row has text in column "text"`, ""},
	} {
		t.Run(tt.file+tt.field, func(t *testing.T) {
			_, err := Open(ctx, CorpusConfig{Kind: "text", Path: filepath.Join(dir, tt.file), Field: tt.field, ID: tt.id, Shares: Shares{1, 0, 0}})
			checkError(t, err, tt.kind, tt.says)
			if h, ok := err.(interface{ Hint() string }); tt.hint != "" && (!ok || !strings.Contains(h.Hint(), tt.hint)) {
				t.Errorf("hint of %v, want %q", err, tt.hint)
			}
		})
	}
}

func FuzzParquet(f *testing.F) {
	raw := parquetBytes(f, 2, "one", "two", "three")
	f.Add(raw)
	f.Add(raw[:len(raw)-9])
	f.Fuzz(func(t *testing.T, file []byte) {
		path := filepath.Join(t.TempDir(), "f.parquet")
		write(t, path, file)
		err := eachParquet(ctx, textFile{path, "f"}, fields{text: "text", id: "id"}, func(d Document) error {
			if len(d.Text) == 0 {
				t.Error("a document without text")
			}
			return nil
		}, func(string, string, int64) {})
		if err != nil && !strings.HasPrefix(err.Error(), path) {
			t.Errorf("the error does not name the file: %v", err)
		}
	})
}

// A panic of whoever reads the rows is not taken for damage.
func TestParquetPassesPanicsOn(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.parquet")
	write(t, path, parquetBytes(t, 2, "one"))
	defer func() {
		if recover() == nil {
			t.Error("the panic is lost")
		}
	}()
	_ = eachParquet(ctx, textFile{path, "a"}, fields{text: "text"}, func(Document) error { panic("mine") }, func(string, string, int64) {})
}

// Reading holds pages, not row groups: what is allocated beyond the pool is far below the file's size.
func TestParquetStreamsInBoundedMemory(t *testing.T) {
	path := filepath.Join(t.TempDir(), "big.parquet")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	type row struct {
		Text string `parquet:"text"`
	}
	w := parquet.NewGenericWriter[row](f, parquet.PageBufferSize(1<<16))
	const rows = 4000
	for i := range rows { // 16 MB in one row group
		if _, err := w.Write([]row{{strings.Repeat(fmt.Sprintf("%07d ", i), 512)}}); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	runtime.GC()
	var before, now runtime.MemStats
	runtime.ReadMemStats(&before)
	seen, most := 0, uint64(0)
	err = eachParquet(ctx, textFile{path, "big"}, fields{text: "text"}, func(d Document) error {
		if seen++; seen%500 == 0 {
			runtime.GC()
			runtime.ReadMemStats(&now)
			most = max(most, now.HeapAlloc-min(now.HeapAlloc, before.HeapAlloc))
		}
		return nil
	}, func(string, string, int64) {})
	if err != nil || seen != rows {
		t.Fatalf("%d rows, %v", seen, err)
	}
	if most > 4<<20 {
		t.Errorf("%d bytes live while reading, the file has %d", most, 8*512*rows)
	}
}

func TestIDs(t *testing.T) {
	dir := tree(t, map[string]string{"a.jsonl": `{"text":"one","name":"first"}` + "\n" + `{"text":"two","name":12}`, "bad.jsonl": `{"text":"one","name":[]}`, "none.jsonl": `{"text":"one","nam":"x"}`})
	names, _ := documents(t, openDir(t, filepath.Join(dir, "a.jsonl"), only, func(c *CorpusConfig) { c.ID = "name" }), Train)
	if strings.Join(names, " ") != "first 12" {
		t.Errorf("named %q", names)
	}
	_, err := Open(ctx, CorpusConfig{Kind: "text", Path: filepath.Join(dir, "bad.jsonl"), ID: "name"})
	checkError(t, err, ErrFormat, `bad.jsonl:1: field "name" is neither a string nor a number: []`)
	_, err = Open(ctx, CorpusConfig{Kind: "text", Path: filepath.Join(dir, "none.jsonl"), ID: "name"})
	checkError(t, err, ErrFormat, `none.jsonl:1: no field "name", the object has ["nam" "text"]`)
}
