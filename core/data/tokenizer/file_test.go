package tokenizer

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
)

// golden answers the tokenizers of the golden vectors as files, by name, and the strings.
func golden(t testing.TB) (files map[string][]byte, texts []string) {
	t.Helper()
	var all struct {
		Models     map[string]json.RawMessage
		Strings    []string
		Tokenizers map[string]struct {
			Model string
			Parts map[string]json.RawMessage
		}
	}
	if err := json.Unmarshal(readGolden(t, "testdata/reference.json.gz"), &all); err != nil {
		t.Fatal(err)
	}
	files = map[string][]byte{}
	for name, x := range all.Tokenizers {
		x.Parts["model"] = all.Models[x.Model]
		raw, err := json.Marshal(x.Parts)
		if err != nil {
			t.Fatal(err)
		}
		files[name] = raw
	}
	return files, all.Strings
}

// What is written says what was read: every section but the vocabulary's order and what has a default is the same JSON, and writing
// what was written gives the same bytes.
func TestWriteRead(t *testing.T) {
	files, texts := golden(t)
	for name, raw := range files {
		t.Run(name, func(t *testing.T) {
			tok, err := Read(raw)
			if err != nil {
				t.Fatal(err)
			}
			var first, second bytes.Buffer
			if err := tok.Write(&first); err != nil {
				t.Fatal(err)
			}
			again, err := Read(first.Bytes())
			if err != nil {
				t.Fatalf("what was written can't be read: %v", err)
			}
			if err := again.Write(&second); err != nil || !bytes.Equal(first.Bytes(), second.Bytes()) {
				t.Errorf("written twice, %d and %d bytes differ: %v", first.Len(), second.Len(), err)
			}
			for i := 0; i < len(texts); i += 5 {
				s := texts[i]
				a, b := tok.Encode([]byte(s), true), again.Encode([]byte(s), true)
				if fmt.Sprint(a) != fmt.Sprint(b) {
					t.Fatalf("%q: %v when written and read, was %v", s, b, a)
				}
				if x, y := tok.Decode(nil, a.IDs, true), again.Decode(nil, a.IDs, true); !bytes.Equal(x, y) {
					t.Fatalf("%q: decoded to %q when written and read, was %q", s, y, x)
				}
			}
			var in, out map[string]any
			if json.Unmarshal(raw, &in) != nil || json.Unmarshal(first.Bytes(), &out) != nil {
				t.Fatal("no JSON")
			}
			delete(in, "added_tokens") // ids are the reference's, not the file's
			delete(out, "added_tokens")
			for key := range in {
				a, _ := json.Marshal(in[key])
				b, _ := json.Marshal(out[key])
				if key != "model" && !bytes.Equal(a, b) {
					t.Errorf("%s: read %s, wrote %s", key, a, b)
				}
			}
		})
	}
}

const tiny = `{"version": "1.0", "truncation": null, "padding": null, "added_tokens": [], "normalizer": null, "pre_tokenizer": null,
"post_processor": null, "decoder": null, "model": {"type": "WordLevel", "vocab": {"a": 0, "<unk>": 1}, "unk_token": "<unk>"}}`

// Everything unknown is refused by the name of its field.
func TestReadNamesTheField(t *testing.T) {
	for name, c := range map[string]struct {
		old, new, where string
		kind            error
	}{
		"not JSON":                  {tiny, "tokens: []", "", ErrFormat},
		"no model":                  {`"model"`, `"module"`, "model", ErrFormat},
		"a model that is null":      {`{"type": "WordLevel", "vocab": {"a": 0, "<unk>": 1}, "unk_token": "<unk>"}`, "null", "model", ErrFormat},
		"version":                   {`"1.0"`, `"2.0"`, "version", ErrUnsupported},
		"a section":                 {`"padding": null`, `"packing": {}`, "packing", ErrUnsupported},
		"a normalizer":              {`"normalizer": null`, `"normalizer": {"type": "Uppercase"}`, "normalizer.type", ErrUnsupported},
		"no type":                   {`"normalizer": null`, `"normalizer": {}`, "normalizer.type", ErrFormat},
		"a field of a part":         {`"normalizer": null`, `"normalizer": {"type": "NFC", "version": 9}`, "normalizer.version", ErrUnsupported},
		"deep in a sequence":        {`"normalizer": null`, `"normalizer": {"type": "Sequence", "normalizers": [{"type": "NFC"}, {"type": "Strip", "strip_left": 1, "strip_right": true}]}`, "normalizer.normalizers[1].strip_left", ErrFormat},
		"a behavior":                {`"pre_tokenizer": null`, `"pre_tokenizer": {"type": "Punctuation", "behavior": "Doubled"}`, "pre_tokenizer.behavior", ErrUnsupported},
		"a scheme":                  {`"pre_tokenizer": null`, `"pre_tokenizer": {"type": "Metaspace", "replacement": "_", "prepend_scheme": "last"}`, "pre_tokenizer.prepend_scheme", ErrUnsupported},
		"two characters":            {`"pre_tokenizer": null`, `"pre_tokenizer": {"type": "CharDelimiterSplit", "delimiter": "--"}`, "pre_tokenizer.delimiter", ErrFormat},
		"a broken regex":            {`"pre_tokenizer": null`, `"pre_tokenizer": {"type": "Split", "pattern": {"Regex": "(a"}, "behavior": "Isolated", "invert": false}`, "pre_tokenizer.pattern", ErrUnsupported},
		"an unknown class":          {`"pre_tokenizer": null`, `"pre_tokenizer": {"type": "Split", "pattern": {"Regex": "\\p{Klingon}"}, "behavior": "Isolated", "invert": false}`, "pre_tokenizer.pattern", ErrUnsupported},
		"a decoder":                 {`"decoder": null`, `"decoder": {"type": "Rot13"}`, "decoder.type", ErrUnsupported},
		"a post-processor":          {`"post_processor": null`, `"post_processor": {"type": "Shuffle"}`, "post_processor.type", ErrUnsupported},
		"a token of a template":     {`"post_processor": null`, `"post_processor": {"type": "TemplateProcessing", "single": [{"SpecialToken": {"id": "[CLS]", "type_id": 0}}], "pair": [], "special_tokens": {}}`, "post_processor.single[0].SpecialToken.id", ErrFormat},
		"two texts where one is":    {`"post_processor": null`, `"post_processor": {"type": "TemplateProcessing", "single": [{"Sequence": {"id": "B", "type_id": 0}}], "pair": [], "special_tokens": {}}`, "post_processor.single[0].Sequence.id", ErrFormat},
		"a model's type":            {`"WordLevel"`, `"LetterLevel"`, "model.type", ErrUnsupported},
		"a model's field":           {`"unk_token": "<unk>"`, `"unk_token": "<unk>", "beam": 4`, "model.beam", ErrUnsupported},
		"an id below 0":             {`"a": 0`, `"a": -4`, `model.vocab["a"]`, ErrFormat},
		"an id out of all reason":   {`"a": 0`, `"a": 2000000000`, "model.vocab", ErrTooLarge},
		"two tokens of one id":      {`"a": 0`, `"a": 1`, "model.vocab", ErrConfig},
		"truncation without length": {`"truncation": null`, `"truncation": {"strategy": "LongestFirst", "stride": 0}`, "truncation.max_length", ErrFormat},
		"a stride over the length":  {`"truncation": null`, `"truncation": {"max_length": 4, "strategy": "LongestFirst", "stride": 9}`, "truncation.max_length", ErrConfig},
		"a padding strategy":        {`"padding": null`, `"padding": {"strategy": "Random", "direction": "Left", "pad_id": 0, "pad_type_id": 0, "pad_token": "a"}`, "padding.strategy", ErrUnsupported},
		"an added token's field":    {`"added_tokens": []`, `"added_tokens": [{"id": 2, "content": "x"}]`, "added_tokens[0].single_word", ErrFormat},
	} {
		if !strings.Contains(tiny, c.old) {
			t.Fatalf("%s: %q is not there to be replaced", name, c.old)
		}
		_, err := Read([]byte(strings.Replace(tiny, c.old, c.new, 1)))
		var e *Error
		if !errors.As(err, &e) || e.Where != c.where || !errors.Is(err, c.kind) {
			t.Errorf("%s: got %v, want an error of kind %q at %q", name, err, c.kind, c.where)
		}
	}
}

// An entry of a vocabulary or of merges that is wrong is named, and shown.
func TestReadNamesTheEntry(t *testing.T) {
	const bpe = `{"version": "1.0", "model": {"type": "BPE",
"vocab": {"a": 0, "b": 1, "ab": 2}, "merges": ["a b"]}}`
	const id = `want an integer from 0 to 2147483647`
	long := strings.Repeat("x", 1000)
	for _, c := range [][3]string{
		{`"b": 1`, `"b": null`, `model.vocab["b"]: got null, ` + id},
		{`"b": 1`, `"b": 33.0`, `model.vocab["b"]: got 33.0, ` + id},
		{`"b": 1`, `"b": 2147483648`, `model.vocab["b"]: got 2147483648, ` + id},
		{`"b": 1`, `"b": 12345678901234567890123`, `model.vocab["b"]: got 12345678901234567890123, ` + id},
		{`"b": 1`, `"\n": {"c": 1} `, `model.vocab["\n"]: got {"c": 1}, ` + id},
		{`"b": 1`, `"` + long + `": "` + long + `"`, `model.vocab["` + long[:39] + ` ...]: got "` + long[:39] + ` ..., ` + id},
		{`{"a": 0, "b": 1, "ab": 2}`, `null`, `model.vocab: want an object of numbers, got null`},
		{`{"a": 0, "b": 1, "ab": 2}`, `[1]`, `model.vocab: want an object of numbers, got [1]`},
		{`["a b"]`, `["a b", ["a", "b"]]`, `model.merges[1]: got ["a", "b"], want a string, as before it`},
		{`["a b"]`, `[["a", "b"], "a b"]`, `model.merges[1]: got "a b", want a pair of strings`},
		{`["a b"]`, `[["a", "b"] , [ "a" ] ]`, `model.merges[1]: got [ "a" ], want a pair of strings`},
		{`["a b"]`, `[["a", null]]`, `model.merges[0]: got ["a", null], want a pair of strings`},
		{`["a b"]`, `["a b", null]`, `model.merges[1]: got null, want a string, as before it`},
		{`["a b"]`, `["#version: 0.2", "a b c"]`, `model.merges[1]: got "a b c", want two tokens with a space between them`},
		{`["a b"]`, `7`, `model.merges: want a list, got 7`},
		{`"b": 1`, `"\ud800": 1`, `line 2, byte 20: the escape \ud800 is half of a surrogate pair, which is no character`},
		{`"b": 1`, `"\\\uDC00\ud83d": 1`, `line 2, byte 22: the escape \uDC00 is half of a surrogate pair, which is no character`},
		{`"b": 1`, `"\ud83dx": 1`, `line 2, byte 20: the escape \ud83d is half of a surrogate pair, which is no character`},
		{`"b": 1`, "\"\xff\\ud800\": 1", `line 2, byte 20: the byte 0xff is not UTF-8`},
	} {
		if _, err := Read([]byte(strings.Replace(bpe, c[0], c[1], 1))); !errors.Is(err, ErrFormat) || err.Error() != c[2] {
			t.Errorf("%.80s: got %v, want %s", c[1], err, c[2])
		}
	}
	if tok, err := Read([]byte(strings.Replace(bpe, `"ab": 2`, `"ab": 2, "\ud83d\ude00": 3, "\\ud800": 4, "\ufffd\u005c": 5`, 1))); err != nil || tok.Size() != 6 {
		t.Errorf("whole pairs: got %v", err)
	}
}

// Byte-level tokenizers give every byte string back, and say so; the others do not promise it.
func TestLossless(t *testing.T) {
	files, texts := golden(t)
	lossless := []string{"gpt2", "llama3", "o200k", "o200k removed", "deepseek", "deepseek coder", "starcoder", "bloom", "cut left"}
	for name, raw := range files {
		tok, err := Read(raw)
		if err != nil {
			t.Fatal(err)
		}
		if want := slices.Contains(lossless, name); tok.Lossless() != want {
			t.Errorf("%s: Lossless is %v, want %v", name, tok.Lossless(), want)
		}
		if !tok.Lossless() {
			continue
		}
		for _, s := range append(texts, "\xff", "a\xc3", "\xf0\x9f\x98", "\xed\xa0\x80", string(allBytes())) {
			if got := tok.Decode(nil, tok.AppendIDs(nil, []byte(s)), false); string(got) != s {
				t.Errorf("%s: %q comes back as %q", name, s, got)
			}
		}
	}
}

// TestLosslessBesideNamesOfBytes: an added token that is written as a byte's name is decoded to that byte, and so does not come back.
func TestLosslessBesideNamesOfBytes(t *testing.T) {
	for _, kind := range []string{"char-bpe", "unigram"} {
		tok, err := Train(context.Background(), TrainConfig{Kind: kind, Vocab: 300, Special: []string{"<0x4_>"}}, eachOf([][]byte{[]byte("some words, some more words")}))
		if err != nil {
			t.Fatal(err)
		}
		file := written1(t, tok)
		if read, err := Read([]byte(file)); err != nil || !read.Lossless() {
			t.Fatalf("%s: %v, want a lossless tokenizer", kind, err)
		}
		read, err := Read([]byte(strings.ReplaceAll(file, "<0x4_>", "<0x4a>")))
		if err != nil {
			t.Fatal(err)
		}
		if got := read.Decode(nil, read.AppendIDs(nil, []byte("x<0x4a>y")), false); read.Lossless() || string(got) == "x<0x4a>y" {
			t.Errorf("%s: lossless %v, %q", kind, read.Lossless(), got)
		}
	}
}

func allBytes() []byte {
	b := make([]byte, 256)
	for i := range b {
		b[i] = byte(i)
	}
	return b
}

// FuzzRead holds that no file makes the reader panic, and that what it takes can be used and written.
func FuzzRead(f *testing.F) {
	f.Add([]byte(tiny))
	files, _ := golden(f)
	for _, name := range []string{"gpt2", "bert uncased", "llama 1", "t5", "clip", "split lookaround", "added", "cut right"} {
		raw := files[name]
		if i := bytes.Index(raw, []byte(`"model"`)); i >= 0 { // parts with a small model, which is what can be mutated
			var parts map[string]json.RawMessage
			if err := json.Unmarshal(raw, &parts); err != nil {
				f.Fatal(err)
			}
			parts["model"] = json.RawMessage(`{"type": "BPE", "vocab": {"a": 0, "b": 1, "ab": 2, "<unk>": 3}, "merges": [["a", "b"]], "unk_token": "<unk>"}`)
			raw, _ = json.Marshal(parts)
		}
		f.Add(raw)
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		tok, err := Read(raw)
		if err != nil {
			var e *Error
			if !errors.As(err, &e) {
				t.Errorf("%v is no *Error", err)
			}
			return
		}
		defer Catch(&err) // a pattern that backtracks for long
		for _, s := range []string{"", "a b ab", "Über <unk> \xff 日本 12"} {
			e := tok.Encode([]byte(s), true)
			for i, at := range e.Offsets {
				if at[0] < 0 || at[1] < at[0] || int(at[1]) > len(s) {
					t.Errorf("%q: token %d has offsets %v", s, i, at)
				}
			}
			tok.Decode(nil, tok.AppendIDs(nil, []byte(s)), true)
		}
		var out bytes.Buffer
		if err := tok.Write(&out); err != nil {
			t.Fatal(err)
		}
		if _, err := Read(out.Bytes()); err != nil {
			t.Errorf("what was written can't be read: %v", err)
		}
	})
}

// FuzzPipelineLossless holds that text survives a tokenizer that promises it.
func FuzzPipelineLossless(f *testing.F) {
	files, texts := golden(f)
	var toks []*Tokenizer
	for _, name := range []string{"gpt2", "llama3", "deepseek", "starcoder"} {
		tok, err := Read(files[name])
		if err != nil {
			f.Fatal(err)
		}
		toks = append(toks, tok)
	}
	for _, s := range texts {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		for _, tok := range toks {
			ids := tok.AppendIDs(nil, text)
			if got := tok.Decode(nil, ids, false); !bytes.Equal(got, text) {
				t.Errorf("%q comes back as %q", text, got)
			}
			if e := tok.Encode(text, false); !slices.Equal(e.IDs, ids) && len(text) > 0 {
				t.Errorf("%q: Encode says %v, AppendIDs %v", text, e.IDs, ids)
			}
		}
	})
}
