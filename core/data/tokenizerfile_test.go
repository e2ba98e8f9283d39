package data

import (
	"bytes"
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
	for name, tok := range ofAllKinds(t) {
		path := filepath.Join(t.TempDir(), "tokenizer.json")
		write(t, path, saved(t, tok))
		again, err := LoadTokenizer(path)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		_, lossy := tok.(Lossy)
		if _, still := again.(Lossy); again.Fingerprint() != tok.Fingerprint() || again.Vocab() != tok.Vocab() || again.Name() != tok.Name() || still != lossy {
			t.Errorf("%s became %s", tok.Name(), again.Name())
		}
	}
	if again, err := ReadTokenizer(saved(t, Bytes{})); again != (Bytes{}) || err != nil {
		t.Errorf("bytes became %v, %v", again, err)
	}
	checkError(t, SaveTokenizer(&bytes.Buffer{}, wide{}), ErrConfig, "no stored form")
	path := filepath.Join(t.TempDir(), "t.json")
	if _, err := LoadTokenizer(path); !os.IsNotExist(err) {
		t.Errorf("no file: %v", err)
	}
	write(t, path, []byte("{"))
	checkError(t, second(LoadTokenizer(path)), ErrFormat, path+": neither a tokenizer.json nor a SentencePiece model")
}

func TestFormsOfEarlierVersions(t *testing.T) {
	old := `{"format": "archlab-bytes", "version": 1, "pattern": "", "end_of_document": 256, "fingerprint": "", "merges": []}`
	if tok, err := ReadTokenizer([]byte(old)); tok != (Bytes{}) || err != nil {
		t.Errorf("got %v, %v", tok, err)
	}
	old = `{"format": "archlab-bpe", "version": 1, "pattern": "gpt2", "end_of_document": 256, "fingerprint": "", "merges": [[97, 98]]}`
	checkError(t, second(ReadTokenizer([]byte(old))), ErrFormat, "a vocabulary of an earlier version of archlab")
}

func TestFingerprintOfBytes(t *testing.T) {
	// Recorded in checkpoints: a change here makes every old checkpoint refuse its tokenizer.
	if got, want := (Bytes{}).Fingerprint(), "c1fa714796cda645"; !strings.HasPrefix(got, want) {
		t.Errorf("got %.16s, want %s", got, want)
	}
}

func FuzzReadTokenizer(f *testing.F) {
	for _, tok := range ofAllKinds(f) {
		f.Add(saved(f, tok))
	}
	f.Add([]byte(`{"format":"archlab-bpe","version":1,"pattern":"gpt2","end_of_document":256,"merges":[[97,98],[257]]}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		tok, err := ReadTokenizer(raw)
		if err != nil {
			return
		}
		if again, err := ReadTokenizer(saved(t, tok)); err != nil || again.Fingerprint() != tok.Fingerprint() {
			t.Errorf("an accepted file does not survive saving: %v", err)
		}
		ids := tok.Encode(nil, []byte("the Words.\xff"))
		tok.Decode(nil, ids)
		if lossy, ok := tok.(Lossy); ok {
			lossy.EncodeSpans(nil, []byte("the Words.\xff"))
		}
	})
}
