package data

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
)

// bpeFile is the form in which vocabularies are stored. Merges name ids: 0 to 255 are bytes, 256 is EOD and takes no part, 257+i is
// what merges[i] makes. Fingerprint guards against damage and says which checkpoints fit.
type bpeFile struct {
	Format      string     `json:"format"`  // "archlab-bpe"
	Version     int        `json:"version"` // 1
	Pattern     string     `json:"pattern"` // "gpt2": how text is cut in words
	EOD         int32      `json:"end_of_document"`
	Fingerprint string     `json:"fingerprint"`
	Merges      [][2]int32 `json:"merges"`
}

const maxBPEFile = 64 << 20

// Save writes the vocabulary as JSON, one merge a line.
func (b *BPE) Save(w io.Writer) error {
	var buf bytes.Buffer
	fmt.Fprintf(&buf, "{\n\"format\": \"archlab-bpe\",\n\"version\": 1,\n\"pattern\": \"gpt2\",\n\"end_of_document\": %d,\n\"fingerprint\": %q,\n\"merges\": [", eodID, b.print)
	for i, m := range b.merges {
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

// LoadBPE reads a file written by Save. The error is fs.ErrNotExist, ErrFormat or ErrCorrupt.
func LoadBPE(path string) (*BPE, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	b, err := ReadBPE(f)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return b, nil
}

// ReadBPE reads what Save wrote.
func ReadBPE(r io.Reader) (*BPE, error) {
	raw, err := io.ReadAll(io.LimitReader(r, maxBPEFile+1))
	if err != nil {
		return nil, err
	}
	if len(raw) > maxBPEFile {
		return nil, errorf(ErrFormat, "", "longer than %d bytes, not a vocabulary", maxBPEFile)
	}
	var f bpeFile
	d := json.NewDecoder(bytes.NewReader(raw))
	d.DisallowUnknownFields()
	if err := d.Decode(&f); err != nil {
		return nil, errorf(ErrFormat, "", "not a vocabulary").cause(err)
	}
	if _, err := d.Token(); err != io.EOF {
		return nil, errorf(ErrFormat, "", "something follows the vocabulary's object")
	}
	if f.Format != "archlab-bpe" || f.Version != 1 || f.Pattern != "gpt2" || f.EOD != eodID {
		return nil, errorf(ErrFormat, "", "got format %q version %d pattern %q end_of_document %d, want \"archlab-bpe\" 1 \"gpt2\" %d",
			f.Format, f.Version, f.Pattern, f.EOD, eodID)
	}
	b, err := NewBPE(f.Merges)
	if err != nil {
		return nil, err
	}
	if b.print != f.Fingerprint {
		return nil, errorf(ErrCorrupt, "", "fingerprint %.12s..., the merges have %.12s...", f.Fingerprint, b.print)
	}
	return b, nil
}
