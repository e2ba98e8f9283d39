package data

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
)

// tokenizerFile is the form in which tokenizers are stored, in the cache and beside the checkpoints that need them.
//
// Merges name ids: 0 to 255 are bytes, 256 is EOD and takes no part, 257+i is what merges[i] makes. The fingerprint guards
// against damage and says which checkpoints fit.
type tokenizerFile struct {
	Format      string     `json:"format"`  // "archlab-bytes" or "archlab-bpe"
	Version     int        `json:"version"` // 1
	Pattern     string     `json:"pattern"` // bpe: "gpt2", how text is cut in words; bytes: ""
	EOD         int32      `json:"end_of_document"`
	Fingerprint string     `json:"fingerprint"`
	Merges      [][2]int32 `json:"merges"` // bpe; bytes has none
}

const (
	bytesFormat      = "archlab-bytes"
	bpeFormat        = "archlab-bpe"
	tokenizerVersion = 1
	maxTokenizerFile = 64 << 20
)

// SaveTokenizer writes a tokenizer of this package as JSON, one merge a line.
func SaveTokenizer(w io.Writer, tok Tokenizer) error {
	f := tokenizerFile{Format: bytesFormat}
	switch tok := tok.(type) {
	case Bytes:
	case *BPE:
		f.Format, f.Pattern, f.Merges = bpeFormat, "gpt2", tok.merges
	default:
		return errorf(ErrConfig, tok.Name(), "a tokenizer of type %T has no stored form", tok)
	}
	var buf bytes.Buffer
	fmt.Fprintf(&buf, "{\n\"format\": %q,\n\"version\": %d,\n\"pattern\": %q,\n\"end_of_document\": %d,\n\"fingerprint\": %q,\n\"merges\": [",
		f.Format, tokenizerVersion, f.Pattern, eodID, tok.Fingerprint())
	for i, m := range f.Merges {
		sep := ",\n"
		if i == 0 {
			sep = "\n"
		}
		fmt.Fprintf(&buf, "%s[%d,%d]", sep, m[0], m[1])
	}
	buf.WriteString("\n]\n}\n")
	_, err := w.Write(buf.Bytes())
	return err
}

// LoadTokenizer reads a file written by SaveTokenizer. The error is fs.ErrNotExist, ErrFormat or ErrCorrupt.
func LoadTokenizer(path string) (Tokenizer, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	tok, err := ReadTokenizer(f)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return tok, nil
}

// ReadTokenizer reads what SaveTokenizer wrote.
func ReadTokenizer(r io.Reader) (Tokenizer, error) {
	raw, err := io.ReadAll(io.LimitReader(r, maxTokenizerFile+1))
	if err != nil {
		return nil, err
	}
	if len(raw) > maxTokenizerFile {
		return nil, errorf(ErrFormat, "", "longer than %d bytes, not a tokenizer", maxTokenizerFile)
	}
	var f tokenizerFile
	d := json.NewDecoder(bytes.NewReader(raw))
	d.DisallowUnknownFields()
	if err := d.Decode(&f); err != nil {
		return nil, errorf(ErrFormat, "", "not a tokenizer").cause(err)
	}
	if _, err := d.Token(); err != io.EOF {
		return nil, errorf(ErrFormat, "", "something follows the tokenizer's object")
	}
	if f.Version != tokenizerVersion || f.EOD != eodID {
		return nil, errorf(ErrFormat, "", "got version %d, end_of_document %d, want %d, %d", f.Version, f.EOD, tokenizerVersion, eodID)
	}
	var tok Tokenizer
	switch {
	case f.Format == bytesFormat && f.Pattern == "" && len(f.Merges) == 0:
		tok = Bytes{}
	case f.Format == bpeFormat && f.Pattern == "gpt2":
		if tok, err = NewBPE(f.Merges); err != nil {
			return nil, err
		}
	default:
		return nil, errorf(ErrFormat, "", "got format %q, pattern %q, %d merges, want %q, \"\", 0 or %q, \"gpt2\"",
			f.Format, f.Pattern, len(f.Merges), bytesFormat, bpeFormat)
	}
	if tok.Fingerprint() != f.Fingerprint {
		return nil, errorf(ErrCorrupt, "", "the file says fingerprint %.12q, its contents have %.12q", f.Fingerprint, tok.Fingerprint())
	}
	return tok, nil
}
