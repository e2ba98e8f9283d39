package data

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// consonants is a Lossy tokenizer that knows lower-case consonants alone: what is between them goes to the one that follows.
type consonants struct{ Bytes }

func (consonants) Name() string        { return "consonants" }
func (consonants) Fingerprint() string { return "consonants" }

func (consonants) EncodeSpans(dst []int32, text []byte) ([]int32, int) {
	from := 0
	for i, c := range text {
		if strings.IndexByte("bcdfghjklmnpqrstvwxyz", c) >= 0 {
			dst = append(dst, int32(c), int32(i+1-from))
			from = i + 1
		}
	}
	return dst, len(text) - from
}

func (c consonants) Encode(dst []int32, text []byte) []int32 {
	both, _ := c.EncodeSpans(nil, text)
	for i := 0; i < len(both); i += 2 {
		dst = append(dst, both[i])
	}
	return dst
}

func TestBytesOfALossyTokenizerAreThoseOfTheText(t *testing.T) {
	// Documents of several groups, some of which hold no token at all.
	files := map[string]string{"none": "aeiou AEIOU", "spaces": "   \n"}
	for i := range 7 {
		files["long"+string(rune('a'+i))] = strings.Repeat("A tree is a plant, and so on ... ", 1500*(i+1))
	}
	c := openDir(t, tree(t, files), only)
	want := separated(t, c, Train, consonants{})
	cache := Cache{Dir: t.TempDir(), Log: func(what string, err error) { t.Errorf("%s: %v", what, err) }}
	for _, tt := range []struct {
		name  string
		cache Cache
	}{{"no cache", Cache{}}, {"fresh", cache}, {"cached", cache}} {
		t.Run(tt.name, func(t *testing.T) {
			s, err := OpenStream(ctx, c, Train, consonants{}, tt.cache)
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			if !slices.Equal(tokens(t, s), want) {
				t.Error("other tokens than document by document")
			}
			// Documents one by one: what EOD ends, EOD completes.
			_, texts := documents(t, c, Train)
			sizes := make([]int32, s.Len())
			if err := s.textBytes(sizes, want, 0); err != nil {
				t.Fatal(err)
			}
			document, sum := 0, 0
			for i, id := range want[1:] {
				sum += int(sizes[i+1])
				if id == eodID {
					if sum != len(texts[document]) {
						t.Errorf("the tokens of document %d stand for %d bytes, it has %d", document, sum, len(texts[document]))
					}
					document, sum = document+1, 0
				}
			}
			if document != len(texts) || sizes[0] != 0 {
				t.Errorf("%d documents, %d bytes in front of the first", document, sizes[0])
			}
			for _, cfg := range []EvalConfig{{B: 3, T: 100}, {B: 2, T: 7, Mode: Documents}} {
				var total int64
				for _, r := range evalRows(t, evalSet(t, s, cfg)) {
					for _, n := range r.Bytes {
						total += int64(n)
					}
				}
				if total != c.Bytes[Train] {
					t.Errorf("%+v: targets stand for %d bytes, the split has %d", cfg, total, c.Bytes[Train])
				}
			}
		})
	}
}

func TestDamagedTokenFileOfALossyTokenizer(t *testing.T) {
	c := smallCorpus(t)
	var logged []string
	cache := Cache{Dir: t.TempDir(), Log: func(what string, err error) { logged = append(logged, err.Error()) }}
	open := func() {
		if _, err := OpenStream(ctx, c, Train, consonants{}, cache); err != nil {
			t.Fatal(err)
		}
	}
	open()
	files, _ := filepath.Glob(filepath.Join(cache.Dir, "tokens", "*"))
	good, err := os.ReadFile(files[0])
	if err != nil {
		t.Fatal(err)
	}
	for name, at := range map[string]int{"id": 8, "bytes": 12} { // the highest byte of a number
		t.Run(name, func(t *testing.T) {
			b := slices.Clone(good)
			b[tokenHeader+at+3] = 0x7f
			write(t, files[0], b)
			logged = nil
			if open(); len(logged) != 1 || !strings.Contains(logged[0], "outside the vocabulary") {
				t.Errorf("logged %q", logged)
			}
		})
	}
}

func TestEvalIdentityKnowsWhatALossyTokenizerDrops(t *testing.T) {
	identity := func(text string) string {
		s, err := OpenStream(ctx, openDir(t, tree(t, map[string]string{"a": text}), only), Train, consonants{}, Cache{})
		if err != nil {
			t.Fatal(err)
		}
		return evalSet(t, s, EvalConfig{B: 1, T: 8}).Identity()
	}
	if a, b := identity("a plain text"), identity("a plain  text"); a == b {
		t.Error("texts of different lengths have one identity")
	}
	checkError(t, second(NewStream(consonants{}, []int32{eodID})), ErrConfig, "tokens of consonants alone")
}
