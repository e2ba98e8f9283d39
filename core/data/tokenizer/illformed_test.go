package tokenizer

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
)

// The golden vectors are by internal/reference/illformed.js.
func TestIllFormedText(t *testing.T) {
	all := readGoldens(t)
	var golden struct {
		Inputs     [][]byte
		Tokenizers map[string][]answer
	}
	if err := json.Unmarshal(readGolden(t, "testdata/illformed.json.gz"), &golden); err != nil {
		t.Fatal(err)
	}
	if len(golden.Tokenizers) < 30 {
		t.Errorf("%d tokenizers without tokens for bytes", len(golden.Tokenizers))
	}
	for name := range all.Tokenizers {
		results, ok := golden.Tokenizers[name]
		tok := all.read(t, name)
		if ok == tok.illFormed {
			t.Errorf("%s keeps bytes: %v", name, tok.illFormed)
		}
		bad := 0
		for i, want := range results {
			if d := want.compare(tok, string(golden.Inputs[i]), ""); d != nil {
				if bad++; bad <= 3 {
					t.Errorf("%s: %q:\n%s", name, golden.Inputs[i], strings.Join(d, "\n"))
				}
			}
		}
	}
}

// Table 3-8 and those before it of the Unicode standard, version 15.
func TestMaximalSubparts(t *testing.T) {
	for in, want := range map[string]string{
		"\xc0\xaf\xe0\x80\xbf\xf0\x81\x82A":        "........A",
		"\xed\xa0\x80\xed\xbf\xbf\xed\xafA":        "........A",
		"\xf4\x91\x92\x93\xffA\x80\xbfB":           ".....A..B",
		"\xe1\x80\xe2\xf0\x91\x92\xf1\xbfA":        "....A",
		"a\xf1\x80\x80\xe1\x80\xc2b\x80c\x80\xbfd": "a...b.c..d",
	} {
		got := new(Tokenizer).wellForm([]byte(in))
		if s := strings.ReplaceAll(string(got.text), "\uFFFD", "."); s != want {
			t.Errorf("%q reads %s, want %s", in, s, want)
		}
	}
}

func FuzzWellFormed(f *testing.F) {
	for _, s := range []string{"", "abc", "日本\xe6", "\xf0\x9f\x99a\xff", "\xed\xa0\x80é"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		w := new(Tokenizer).wellForm(in)
		if want := lossyUTF8(in); string(w.text) != want {
			t.Fatalf("%q reads %q, want %q", in, w.text, want)
		}
		// Characters come from where they stand.
		rest, at := in, int32(0)
		for text := w.text; len(text) > 0; {
			if from := int32(len(in) - len(rest)); w.place(at) != from {
				t.Fatalf("%q: byte %d of the text comes from %d, want %d", in, at, w.place(at), from)
			}
			next := afterCharacter(text)
			at += int32(len(text) - len(next))
			text, rest = next, afterCharacter(rest)
		}
		if w.place(at) != int32(len(in)) || len(rest) > 0 || !bytes.Equal(w.text, []byte(lossyUTF8(w.text))) {
			t.Fatalf("%q: the end comes from %d", in, w.place(at))
		}
	})
}
