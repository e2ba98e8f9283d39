package tokenizer

import (
	"bytes"
	"encoding/json"
	"errors"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"
)

// spGolden is a file of testdata/sentencepiece, written by internal/reference/spm.py.
type spGolden struct {
	Model []byte
	Cases []struct {
		Text, Decoded []byte
		IDs           []int32
	}
}

func readSPGolden(t testing.TB, path string) spGolden {
	t.Helper()
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var g spGolden
	if err := json.Unmarshal(raw, &g); err != nil {
		t.Fatal(err)
	}
	return g
}

func spGoldenFiles(t testing.TB) []string {
	t.Helper()
	files, err := filepath.Glob("testdata/sentencepiece/*.json")
	if err != nil || len(files) == 0 {
		t.Fatalf("%d files of golden vectors, %v", len(files), err)
	}
	return files
}

func TestSentencePieceEncodesAsTheReference(t *testing.T) {
	for _, path := range spGoldenFiles(t) {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".json"), func(t *testing.T) {
			g := readSPGolden(t, path)
			tok, err := ReadSentencePiece(g.Model)
			if err != nil {
				t.Fatal(err)
			}
			for _, c := range g.Cases {
				ids := tok.AppendIDs(nil, c.Text)
				if !slices.Equal(ids, c.IDs) {
					t.Errorf("%q (normalized %q):\n%v\nthe reference:\n%v", c.Text, normalized(tok.normalizer, string(c.Text)),
						names(tok.model, ids), names(tok.model, c.IDs))
				}
				e := tok.Encode(c.Text, true)
				if !slices.Equal(e.IDs, c.IDs) {
					t.Errorf("%q: with offsets %v, without %v", c.Text, e.IDs, ids)
				}
				for i, span := range e.Offsets {
					if span[0] > span[1] || int(span[1]) > len(c.Text) || i > 0 && span[0] < e.Offsets[i-1][0] {
						t.Errorf("%q: offsets %v", c.Text, e.Offsets)
						break
					}
				}
				if got := tok.Decode(nil, c.IDs, false); string(got) != string(c.Decoded) {
					t.Errorf("%q: decoded %q, by the reference %q", c.Text, got, c.Decoded)
				}
			}
		})
	}
}

// names spells ids out.
func names(m Model, ids []int32) []string {
	var out []string
	for _, id := range ids {
		token, _ := m.Token(id)
		out = append(out, token)
	}
	return out
}

func TestSentencePieceFileIsToldApartAndWrittenBack(t *testing.T) {
	for _, path := range spGoldenFiles(t) {
		g := readSPGolden(t, path)
		file := filepath.Join(t.TempDir(), "file")
		if err := os.WriteFile(file, g.Model, 0o600); err != nil {
			t.Fatal(err)
		}
		tok, err := Load(file)
		if err != nil {
			t.Fatal(err)
		}
		var out bytes.Buffer
		if err := tok.Write(&out); err != nil || !bytes.Equal(out.Bytes(), g.Model) {
			t.Errorf("%s: written as %d bytes, %v; it has %d", path, out.Len(), err, len(g.Model))
		}
	}
}

// wire is a message of one piece after the other.
func wire(fields ...[]byte) (out []byte) {
	for _, f := range fields {
		out = append(out, f...)
	}
	return out
}

func wirePiece(piece string, kind uint64) []byte {
	var p []byte
	p = protowire.AppendTag(p, 1, protowire.BytesType)
	p = protowire.AppendString(p, piece)
	p = protowire.AppendTag(p, 2, protowire.Fixed32Type)
	p = protowire.AppendFixed32(p, math.Float32bits(-1))
	p = protowire.AppendTag(p, 3, protowire.VarintType)
	p = protowire.AppendVarint(p, kind)
	return protowire.AppendBytes(protowire.AppendTag(nil, 1, protowire.BytesType), p)
}

func wireTrainer(field protowire.Number, value uint64) []byte {
	p := protowire.AppendVarint(protowire.AppendTag(nil, field, protowire.VarintType), value)
	return protowire.AppendBytes(protowire.AppendTag(nil, 2, protowire.BytesType), p)
}

func TestReadSentencePieceRefuses(t *testing.T) {
	good := wire(wirePiece("<unk>", spUnknown), wirePiece("a", spNormal))
	if _, err := ReadSentencePiece(good); err != nil {
		t.Fatal(err)
	}
	bytesBut := func(skip int) []byte {
		out := wire(good, wireTrainer(35, 1))
		for b := range 256 {
			if b != skip {
				out = append(out, wirePiece(bytePiece(byte(b)), spByte)...)
			}
		}
		return out
	}
	if _, err := ReadSentencePiece(bytesBut(-1)); err != nil {
		t.Fatal(err)
	}
	charsmap := protowire.AppendBytes(protowire.AppendTag(nil, 2, protowire.BytesType), []byte("broken"))
	for name, c := range map[string]struct {
		raw  []byte
		want string
	}{
		"nothing":                  {nil, "no unknown piece among 0"},
		"no message":               {[]byte("{}"), "unexpected EOF"},
		"cut":                      {good[:len(good)-1], "field 1"},
		"no unknown piece":         {wirePiece("a", spNormal), "no unknown piece among 1"},
		"two unknown pieces":       {wire(good, wirePiece("<unk2>", spUnknown)), "two unknown pieces"},
		"an empty piece":           {wire(good, wirePiece("", spNormal)), "piece 2 is empty"},
		"a piece twice":            {wire(good, wirePiece("a", spUserDefined)), "\"a\" occurs twice"},
		"a byte alone":             {wire(good, wirePiece("<0x41>", spByte)), "with byte_fallback false"},
		"a byte that is none":      {wire(good, wireTrainer(35, 1), wirePiece("<0xZZ>", spByte)), "\"<0xZZ>\""},
		"a byte missing":           {bytesBut(65), "without the piece <0x41>"},
		"no piece of text":         {wirePiece("<unk>", spUnknown), "no piece of text"},
		"a charsmap that's broken": {wire(good, protowire.AppendBytes(protowire.AppendTag(nil, 3, protowire.BytesType), charsmap)), "precompiled_charsmap"},
	} {
		_, err := ReadSentencePiece(c.raw)
		if err == nil || !strings.Contains(err.Error(), c.want) || !errors.Is(err, ErrFormat) {
			t.Errorf("%s: got %v, want %q", name, err, c.want)
		}
	}
}

func FuzzReadSentencePiece(f *testing.F) {
	for _, path := range spGoldenFiles(f) {
		g := readSPGolden(f, path)
		f.Add(g.Model, []byte("The small boat <sep> \u00e9\u0301 \xff"))
	}
	f.Add(wire(wirePiece("<unk>", spUnknown), wirePiece("a", spUserDefined), wireTrainer(3, spTypeBPE)), []byte("aab"))
	f.Fuzz(func(t *testing.T, raw, input []byte) {
		tok, err := ReadSentencePiece(raw)
		if err != nil {
			return
		}
		ids := tok.AppendIDs(nil, input)
		for _, id := range ids {
			if id < 0 || int(id) >= tok.Size() {
				t.Fatalf("id %d of %d", id, tok.Size())
			}
		}
		tok.Decode(nil, ids, true)
		if e := tok.Encode(input, true); !slices.Equal(e.IDs, ids) && len(e.IDs)+len(ids) > 0 {
			t.Fatalf("with offsets %v, without %v", e.IDs, ids)
		}
	})
}
