package tokenizer

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"io"
	"os"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

// answer is what the reference says about a text, see internal/reference/encode.js.
type answer struct {
	IDs     []int32  `json:"ids"`
	Offsets []int32  `json:"offsets"` // in characters: from, to, from, to ...
	Words   []int32  `json:"words"`
	Types   []int32  `json:"types"`
	Special []int32  `json:"special"`
	Plain   *[]int32 `json:"plain"`
	Text    string   `json:"text"`
	Skipped *string  `json:"skipped"`
}

// compare answers what differs between what we say of a text, or of a pair if b is given, and what the reference does.
func (want answer) compare(tok *Tokenizer, a, b string) []string {
	var out []string
	differ := func(what string, got, want any) {
		g, _ := json.Marshal(got)
		w, _ := json.Marshal(want)
		if !bytes.Equal(g, w) {
			out = append(out, what+": got "+cutString(string(g))+", want "+cutString(string(w)))
		}
	}
	var e, plain *Encoding
	if b == "" {
		e, plain = tok.Encode([]byte(a), true), tok.Encode([]byte(a), false)
	} else {
		e, plain = tok.EncodePair([]byte(a), []byte(b), true), tok.EncodePair([]byte(a), []byte(b), false)
	}
	differ("ids", orEmpty(e.IDs), orEmpty(want.IDs))
	differ("words", orEmpty(e.Words), orEmpty(want.Words))
	if b == "" {
		differ("offsets", charOffsets(e.Offsets, a), orEmpty(want.Offsets))
	}
	if want.Types == nil {
		want.Types = make([]int32, len(want.IDs))
	}
	differ("types", orEmpty(e.TypeIDs), orEmpty(want.Types))
	special := make([]int32, len(e.Special))
	for i, s := range e.Special {
		if s {
			special[i] = 1
		}
	}
	if want.Special == nil {
		want.Special = make([]int32, len(want.IDs))
	}
	differ("special", orEmpty(special), orEmpty(want.Special))
	if want.Plain == nil {
		want.Plain = &want.IDs
	}
	differ("plain ids", orEmpty(plain.IDs), orEmpty(*want.Plain))
	if b == "" && tok.truncation == nil && tok.padding == nil {
		differ("quick ids", orEmpty(tok.AppendIDs(nil, []byte(a))), orEmpty(*want.Plain))
	}
	if want.Skipped == nil {
		want.Skipped = &want.Text
	}
	differ("text", tok.lossy(want.IDs, false), want.Text)
	differ("text without special tokens", tok.lossy(want.IDs, true), *want.Skipped)
	return out
}

func orEmpty(ids []int32) []int32 { return append([]int32{}, ids...) }

func cutString(s string) string {
	if len(s) > 700 {
		return s[:700] + "..."
	}
	return s
}

// lossy decodes as the reference does, which makes U+FFFD of what is not UTF-8: of every byte where byte tokens are put together, of
// every part of a character elsewhere.
func (t *Tokenizer) lossy(ids []int32, skip bool) string {
	if t.texts != nil {
		return lossyUTF8(t.Decode(nil, ids, skip))
	}
	strict := &Tokenizer{parts: t.parts, vocab: t.vocab, shown: t.shown, skip: t.skip}
	strict.decoder = strictly(t.decoder)
	return string(strict.Decode(nil, ids, skip))
}

// strictly puts the reference's decoder of byte tokens in the place of ours.
func strictly(d decoder) decoder {
	switch d := d.(type) {
	case decodeByteFallback:
		return strictFallback{}
	case decodeByteLevel:
		return strictByteLevel{}
	case decodeSequence:
		out := make(decodeSequence, len(d))
		for i, e := range d {
			out[i] = strictly(e)
		}
		return out
	}
	return d
}

type strictByteLevel struct{}

func (strictByteLevel) decode(tokens []string) []string {
	return []string{lossyUTF8([]byte(decodeByteLevel{}.decode(tokens)[0]))}
}

type strictFallback struct{}

func (strictFallback) decode(tokens []string) []string {
	var out []string
	for i := 0; i < len(tokens); {
		run := ""
		j := i
		for ; j < len(tokens); j++ {
			b, ok := byteOf(tokens[j])
			if !ok {
				break
			}
			run += string([]byte{b})
		}
		switch {
		case j == i:
			out = append(out, tokens[i])
			j++
		case utf8.ValidString(run):
			out = append(out, run)
		default:
			for range len(run) {
				out = append(out, "\ufffd")
			}
		}
		i = j
	}
	return out
}

// lossyUTF8 replaces every longest beginning of a character that is not one, as Rust's from_utf8_lossy.
func lossyUTF8(b []byte) string {
	var out strings.Builder
	for len(b) > 0 {
		r, _ := utf8.DecodeRune(b)
		out.WriteRune(r)
		b = afterCharacter(b)
	}
	return out.String()
}

// afterCharacter is what follows the first character, or the longest beginning of one.
func afterCharacter(b []byte) []byte {
	r, n := utf8.DecodeRune(b)
	if r == utf8.RuneError && n <= 1 {
		n = 1
		for n < min(len(b), 4) && canBegin(b[:n+1]) {
			n++
		}
	}
	return b[n:]
}

// canBegin says whether a character may begin with b.
func canBegin(b []byte) bool {
	for _, tail := range []string{"\x80\x80\x80", "\xbf\xbf\xbf"} {
		whole := append(slices.Clone(b), tail...)
		if r, n := utf8.DecodeRune(whole); r != utf8.RuneError && n > len(b) {
			return true
		}
	}
	return false
}

// charOffsets turns offsets in bytes to offsets in characters, of which maximal subparts of broken ones count as one.
func charOffsets(at [][2]int32, text string) []int32 {
	chars := slices.Repeat([]int32{-1}, len(text)+1) // only where a character begins is a place that the reference can name
	n := int32(0)
	for i := 0; i < len(text); n++ {
		chars[i] = n
		i += len(text[i:]) - len(afterCharacter([]byte(text[i:])))
	}
	chars[len(text)] = n
	out := []int32{}
	for _, o := range at {
		out = append(out, chars[o[0]], chars[o[1]])
	}
	return out
}

// readGolden reads a file of golden vectors.
func readGolden(t testing.TB, path string) []byte {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// goldens is testdata/reference.json.gz.
type goldens struct {
	Models     map[string]json.RawMessage
	Strings    []string
	Tokenizers map[string]struct {
		Model   string
		Parts   map[string]json.RawMessage
		Pair    answer
		Results []answer
	}
}

func readGoldens(t *testing.T) (all goldens) {
	if err := json.Unmarshal(readGolden(t, "testdata/reference.json.gz"), &all); err != nil {
		t.Fatal(err)
	}
	return all
}

// read puts a tokenizer together.
func (g goldens) read(t *testing.T, name string) *Tokenizer {
	x := g.Tokenizers[name]
	x.Parts["model"] = g.Models[x.Model]
	file, err := json.Marshal(x.Parts)
	if err != nil {
		t.Fatal(err)
	}
	tok, err := Read(file)
	if err != nil {
		t.Fatal(err)
	}
	return tok
}

// The golden vectors are by internal/reference/generate.js.
func TestReference(t *testing.T) {
	all := readGoldens(t)
	for name, x := range all.Tokenizers {
		t.Run(name, func(t *testing.T) {
			tok := all.read(t, name)
			bad := 0
			for i, want := range x.Results {
				if d := want.compare(tok, all.Strings[i], ""); d != nil {
					if bad++; bad <= 4 {
						t.Errorf("%q:\n%s", cutString(all.Strings[i]), strings.Join(d, "\n"))
					}
				}
			}
			if bad > 0 {
				t.Errorf("%d of %d strings differ", bad, len(x.Results))
			}
			if d := x.Pair.compare(tok, all.Strings[16], all.Strings[17]); d != nil {
				t.Errorf("pair: %s", strings.Join(d, "\n"))
			}
		})
	}
}
