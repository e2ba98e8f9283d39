package data

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func saved(t testing.TB, tok Tokenizer) []byte {
	t.Helper()
	var file bytes.Buffer
	if err := SaveTokenizer(&file, tok); err != nil {
		t.Fatal(err)
	}
	return file.Bytes()
}

func TestSaveLoad(t *testing.T) {
	for _, tok := range []Tokenizer{Bytes{}, fuzzBPE()} {
		again, err := ReadTokenizer(bytes.NewReader(saved(t, tok)))
		if err != nil {
			t.Fatal(err)
		}
		if again.Fingerprint() != tok.Fingerprint() || again.Vocab() != tok.Vocab() || again.Name() != tok.Name() {
			t.Errorf("%s became %s", tok.Name(), again.Name())
		}
	}
	checkError(t, SaveTokenizer(&bytes.Buffer{}, wide{}), ErrConfig, "no stored form")
	path := filepath.Join(t.TempDir(), "t.json")
	if _, err := LoadTokenizer(path); !os.IsNotExist(err) {
		t.Errorf("no file: %v", err)
	}
	write(t, path, []byte("{"))
	checkError(t, second(LoadTokenizer(path)), ErrFormat, path+": not a tokenizer")
}

func TestReadTokenizerErrors(t *testing.T) {
	file := saved(t, fuzzBPE())
	edit := func(f func(*tokenizerFile)) string {
		var x tokenizerFile
		if err := json.Unmarshal(file, &x); err != nil {
			t.Fatal(err)
		}
		f(&x)
		out, err := json.Marshal(x)
		if err != nil {
			t.Fatal(err)
		}
		return string(out)
	}
	var doubling [][2]int32
	for i := range int32(60) {
		doubling = append(doubling, [2]int32{256 + i, 256 + i})
	}
	doubling[0] = [2]int32{'a', 'a'}
	tests := map[string]struct {
		file string
		kind error
		says string
	}{
		"empty":          {"", ErrFormat, "not a tokenizer"},
		"cut short":      {string(file[:len(file)/2]), ErrFormat, "not a tokenizer"},
		"trailing":       {string(file) + "{}", ErrFormat, "something follows"},
		"unknown key":    {`{"format":"archlab-bpe","extra":1}`, ErrFormat, "extra"},
		"other format":   {edit(func(x *tokenizerFile) { x.Format = "gpt2" }), ErrFormat, `got format "gpt2"`},
		"other pattern":  {edit(func(x *tokenizerFile) { x.Pattern = "gpt4" }), ErrFormat, `pattern "gpt4"`},
		"bytes, merges":  {edit(func(x *tokenizerFile) { x.Format, x.Pattern = bytesFormat, "" }), ErrFormat, "merges, want"},
		"newer version":  {edit(func(x *tokenizerFile) { x.Version = 2 }), ErrFormat, "got version 2"},
		"other EOD":      {edit(func(x *tokenizerFile) { x.EOD = 0 }), ErrFormat, "end_of_document 0"},
		"damaged merge":  {edit(func(x *tokenizerFile) { x.Merges[5][0]++ }), ErrCorrupt, "fingerprint"},
		"unknown id":     {edit(func(x *tokenizerFile) { x.Merges[0][0] = 300 }), ErrFormat, "merges[0]: id 300 cannot be merged"},
		"end of text":    {edit(func(x *tokenizerFile) { x.Merges[3][1] = eodID }), ErrFormat, "merges[3]: id 256"},
		"negative":       {edit(func(x *tokenizerFile) { x.Merges[3][1] = -1 }), ErrFormat, "merges[3]: id -1"},
		"twice":          {edit(func(x *tokenizerFile) { x.Merges[1] = x.Merges[0] }), ErrFormat, "is merged already, as id 257"},
		"endless tokens": {edit(func(x *tokenizerFile) { x.Merges = doubling }), ErrFormat, "want at most 4096"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			checkError(t, second(ReadTokenizer(strings.NewReader(tt.file))), tt.kind, tt.says)
		})
	}
}

func FuzzReadTokenizer(f *testing.F) {
	f.Add(saved(f, fuzzBPE()))
	f.Add(saved(f, Bytes{}))
	f.Add([]byte(`{"format":"archlab-bpe","version":1,"pattern":"gpt2","end_of_document":256,"merges":[[97,98],[257]]}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		tok, err := ReadTokenizer(bytes.NewReader(raw))
		if err != nil {
			return
		}
		if again, err := ReadTokenizer(bytes.NewReader(saved(t, tok))); err != nil || again.Fingerprint() != tok.Fingerprint() {
			t.Errorf("an accepted file does not survive saving: %v", err)
		}
	})
}
