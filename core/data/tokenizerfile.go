package data

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"

	"github.com/archlab/archlab/core/data/tokenizer"
)

// SaveTokenizer writes the stored form of a tokenizer of this package: tokenizer.json, or the SentencePiece model that it came from.
func SaveTokenizer(w io.Writer, tok Tokenizer) error {
	switch tok := tok.(type) {
	case Bytes:
		return tokenizer.Bytes().Write(w)
	case *Subword:
		_, err := w.Write(tok.form)
		return err
	case spanned:
		return SaveTokenizer(w, tok.Subword)
	}
	return errorf(ErrConfig, tok.Name(), "a tokenizer of type %T has no stored form", tok)
}

// LoadTokenizer reads a file written by SaveTokenizer. The error is fs.ErrNotExist or ErrFormat.
func LoadTokenizer(path string) (Tokenizer, error) {
	raw, err := tokenizer.ReadFile(path)
	if err != nil {
		return nil, err
	}
	tok, err := ReadTokenizer(raw)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return tok, nil
}

// ReadTokenizer reads what SaveTokenizer wrote.
func ReadTokenizer(raw []byte) (Tokenizer, error) {
	if bytes.Contains(raw, []byte(`"archlab-`)) { // a form of earlier versions, perhaps; most files are large and are not looked through for one
		var old struct{ Format string }
		switch err := json.Unmarshal(raw, &old); {
		case err == nil && old.Format == "archlab-bytes":
			return Bytes{}, nil
		case err == nil && old.Format == "archlab-bpe":
			return nil, errorf(ErrFormat, "", "a vocabulary of an earlier version of archlab, whose form is read no more").
				hint("use the version that made the run, or run its config.yaml again")
		}
	}
	if !json.Valid(raw) {
		t, err := tokenizer.ReadSentencePiece(raw)
		if err != nil {
			return nil, errorf(ErrFormat, "", "neither a tokenizer.json nor a SentencePiece model").cause(err)
		}
		return NewTokenizer(t)
	}
	t, err := tokenizer.Read(raw)
	if err != nil {
		return nil, errorf(ErrFormat, "", "not a tokenizer.json").cause(err)
	}
	var plain bytes.Buffer
	if err := tokenizer.Bytes().Write(&plain); err != nil {
		return nil, err
	}
	if bytes.Equal(raw, plain.Bytes()) {
		return Bytes{}, nil
	}
	return NewTokenizer(t)
}
