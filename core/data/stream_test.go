package data

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/archlab/archlab/core/data/tokenizer"
)

// wide is a tokenizer of bytes with a vocabulary that needs four bytes an id.
type wide struct{ Bytes }

func (wide) Vocab() int          { return 1 << 17 }
func (wide) Fingerprint() string { return "wide" }
func (wide) EOD() int32          { return 1<<17 - 1 }

func tokens(t testing.TB, s *Stream) []int32 {
	t.Helper()
	ids := make([]int32, s.Len())
	if err := s.Read(ids, 0); err != nil {
		t.Fatal(err)
	}
	return ids
}

// separated is what a stream of the split has to hold.
func separated(t testing.TB, c *Corpus, split Split, tok Tokenizer) (ids []int32) {
	_, texts := documents(t, c, split)
	for _, x := range texts {
		ids = tok.Encode(append(ids, tok.EOD()), []byte(x))
	}
	return append(ids, tok.EOD())
}

func TestStream(t *testing.T) {
	c := smallCorpus(t)
	for _, tok := range []Tokenizer{Bytes{}, smallBPE(), wide{}} {
		for _, split := range []Split{Train, Validation, Test} {
			want := separated(t, c, split, tok)
			cache := Cache{Dir: t.TempDir(), Log: func(what string, err error) { t.Errorf("%s: %v", what, err) }}
			for _, tt := range []struct {
				name   string
				cache  Cache
				mapped bool
			}{
				{"no cache", Cache{}, false}, {"fresh", cache, true}, {"cached", cache, true},
			} {
				t.Run(fmt.Sprintf("%s/%d/%s/%s", tok.Name(), tok.Vocab(), split, tt.name), func(t *testing.T) {
					s, err := OpenStream(ctx, c, split, tok, tt.cache)
					if err != nil {
						t.Fatal(err)
					}
					defer s.Close()
					if _, ok := s.store.(*mapped); ok != (tt.mapped && canMap) {
						t.Errorf("mapped: %v", ok)
					}
					if !slices.Equal(tokens(t, s), want) {
						t.Error("other tokens than document by document")
					}
					var blocks []int32
					if err := s.Each(ctx, func(b []int32) error { blocks = append(blocks, b...); return nil }); err != nil || !slices.Equal(blocks, want) {
						t.Errorf("Each gave %d tokens, %v", len(blocks), err)
					}
					part := make([]int32, 7)
					if err := s.Read(part, s.Len()-7); err != nil || !slices.Equal(part, want[len(want)-7:]) {
						t.Errorf("the end is %v, %v", part, err)
					}
					checkError(t, s.Read(part, s.Len()-6), ErrTooShort, "read of tokens")
					checkError(t, s.Read(part, -1), ErrTooShort, "read of tokens")
				})
			}
		}
	}
}

// Two mixtures of the same documents in the same order, divided into sources at another place, share a cache but no source.
func TestCacheTellsSourcesApart(t *testing.T) {
	files := many(140)
	names := slices.Sorted(maps.Keys(files))
	cache := Cache{Dir: t.TempDir(), Log: func(what string, err error) { t.Errorf("%s: %v", what, err) }}
	mixture := func(cut int) *Corpus {
		var cfgs []CorpusConfig
		for _, part := range [][]string{names[:cut], names[cut:]} {
			some := map[string]string{}
			for _, name := range part {
				some[name] = files[name]
			}
			cfgs = append(cfgs, CorpusConfig{Kind: "text", Path: tree(t, some), DocumentBytes: -1})
		}
		c, err := OpenAll(ctx, cfgs, Filters{}, 0)
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	check := func(c *Corpus) {
		t.Helper()
		s, err := OpenStream(ctx, c, Train, Bytes{}, cache)
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		if got, want := tokens(t, s), separated(t, c, Train, Bytes{}); !slices.Equal(got, want) {
			t.Errorf("%s: got the %d tokens of other documents, want %d", c.Name, len(got), len(want))
		}
	}
	a, b := mixture(100), mixture(40)
	if a.Checksum != b.Checksum {
		t.Fatal("the mixtures hold other documents")
	}
	for i := range 2 {
		if a.Source(i).Documents == b.Source(i).Documents {
			t.Fatalf("source %d is the same in both", i)
		}
		check(a.Source(i))
		check(b.Source(i))
	}
	if alone := openDir(t, tree(t, files), func(c *CorpusConfig) { c.DocumentBytes = -1 }); alone.Sources[0].Checksum != alone.Checksum {
		t.Error("the only source of a corpus has another checksum than the corpus")
	}
}

// canMap says whether files are mapped on this system; elsewhere they are read.
var canMap = func() bool {
	b, err := mapFile(os.Stdin, 0)
	_ = unmapFile(b)
	return !errors.Is(err, errors.ErrUnsupported)
}()

// What cannot be mapped is read as needed, with the same tokens.
func TestFileStore(t *testing.T) {
	for _, tok := range []Tokenizer{Bytes{}, wide{}} {
		c := smallCorpus(t)
		cache := Cache{Dir: t.TempDir()}
		want := separated(t, c, Train, tok)
		if err := second(OpenStream(ctx, c, Train, tok, cache)); err != nil {
			t.Fatal(err)
		}
		f, err := os.Open(cache.path("tokens", ".bin", encoding{tok: tok}.key(c, Train)))
		if err != nil {
			t.Fatal(err)
		}
		s := &Stream{tok: tok, store: &fileStore{f, len(want), encoding{tok: tok}.form().width()}}
		if !slices.Equal(tokens(t, s), want) {
			t.Error("other tokens")
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		checkError(t, s.Read(make([]int32, 1), 0), ErrCorrupt, "cannot read tokens")
	}
}

func TestStreamDoesNotDependOnThreads(t *testing.T) {
	// Documents larger than a group, so that several workers have something to do.
	files := map[string]string{}
	for i := range 8 {
		files[fmt.Sprint(i)] = strings.Repeat(fmt.Sprintf("line %d of many\n", i), 20000)
	}
	c := openDir(t, tree(t, files), only)
	var want []int32
	for _, n := range []int{1, 2, 7} {
		old := runtime.GOMAXPROCS(n)
		s, err := OpenStream(ctx, c, Train, smallBPE(), Cache{})
		runtime.GOMAXPROCS(old)
		if err != nil {
			t.Fatal(err)
		}
		if got := tokens(t, s); want == nil {
			want = got
		} else if !slices.Equal(got, want) {
			t.Errorf("%d threads give another stream", n)
		}
	}
}

func TestDamagedTokenFile(t *testing.T) {
	c := smallCorpus(t)
	want := separated(t, c, Train, Bytes{})
	var logged []string
	cache := Cache{Dir: t.TempDir(), Log: func(what string, err error) { logged = append(logged, what+": "+err.Error()) }}
	open := func() []int32 {
		s, err := OpenStream(ctx, c, Train, Bytes{}, cache)
		if err != nil {
			t.Fatal(err)
		}
		return tokens(t, s)
	}
	open()
	files, _ := filepath.Glob(filepath.Join(cache.Dir, "tokens", "*"))
	if len(files) != 1 {
		t.Fatalf("files: %v", files)
	}
	good, err := os.ReadFile(files[0])
	if err != nil {
		t.Fatal(err)
	}
	flip := func(at int) []byte {
		b := slices.Clone(good)
		b[at] ^= 1
		return b
	}
	for name, tt := range map[string]struct {
		file []byte
		says string
	}{
		"empty":     {nil, "no header"},
		"magic":     {flip(0), "no header"},
		"width":     {flip(8), "the header does not fit"},
		"count":     {flip(16), "the header does not fit"},
		"key":       {flip(30), "the header does not fit"},
		"cut short": {good[:len(good)-2], "the header does not fit"},
		"longer":    {append(slices.Clone(good), 0, 0), "the header does not fit"},
		"payload":   {flip(tokenHeader + 20), "the checksum differs"},
		"out of range": {func() []byte {
			b := slices.Clone(good)
			b[tokenHeader+21] = 0xff
			return b
		}(), "outside the vocabulary"},
	} {
		t.Run(name, func(t *testing.T) {
			write(t, files[0], tt.file)
			logged = nil
			if !slices.Equal(open(), want) {
				t.Error("other tokens")
			}
			if len(logged) != 1 || !strings.Contains(logged[0], tt.says) {
				t.Errorf("logged %q, want %q", logged, tt.says)
			}
			logged = nil
			if open(); len(logged) != 0 {
				t.Errorf("the file was not repaired: %q", logged)
			}
		})
	}
}

func TestNewStream(t *testing.T) {
	if s, err := NewStream(Bytes{}, []int32{256, 1, 2, 256}); err != nil || s.Len() != 4 || s.Tokenizer() != (Bytes{}) {
		t.Errorf("%v, %v", s, err)
	}
	checkError(t, second(NewStream(Bytes{}, []int32{256, 257})), ErrFormat, "token 257 at 1 is outside the vocabulary [0,257)")
	checkError(t, second(NewStream(Bytes{}, []int32{-1})), ErrFormat, "token -1 at 0")
}

func TestPromptTokens(t *testing.T) {
	if got := PromptTokens(Bytes{}, []byte("ab")); !slices.Equal(got, []int32{256, 'a', 'b'}) {
		t.Errorf("got %v", got)
	}
}

// slow is a tokenizer whose pattern never comes to an end.
type slow struct{ Bytes }

func (slow) Encode([]int32, []byte) []int32 { panic(&tokenizer.PatternError{Pattern: "(x+x+)+y"}) }

func TestSlowPatternIsAnError(t *testing.T) {
	_, err := OpenStream(ctx, smallCorpus(t), Train, slow{}, Cache{})
	if !errors.Is(err, tokenizer.ErrSlow) || !strings.Contains(err.Error(), `"(x+x+)+y" takes too long`) {
		t.Errorf("got %v", err)
	}
}
