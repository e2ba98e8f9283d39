package tokenizer

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
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
			tok, err := readSentencePiece(g.Model)
			if err != nil {
				t.Fatal(err)
			}
			for _, c := range g.Cases {
				text := []byte(normalized(tok.normalizer, string(c.Text)))
				var ids []int32
				for _, p := range tok.model.Append(nil, text) {
					ids = append(ids, p.ID)
				}
				if !slices.Equal(ids, c.IDs) {
					t.Errorf("%q (normalized %q):\n%v\nthe reference:\n%v", c.Text, text, names(tok.model, ids), names(tok.model, c.IDs))
				}
				if got := tok.decoder.append(nil, c.IDs); string(got) != string(c.Decoded) {
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
