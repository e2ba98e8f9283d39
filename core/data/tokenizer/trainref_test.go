//go:build reference

package tokenizer

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// runNode runs one of the generators; NODE_PATH names the folder with the npm packages.
func runNode(t *testing.T, args ...string) []byte {
	t.Helper()
	if os.Getenv("NODE_PATH") == "" {
		t.Skip("NODE_PATH does not say where the npm packages are")
	}
	cmd := exec.Command("node", args...)
	cmd.Dir = filepath.Join("internal", "reference")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("node %s: %v\n%s", strings.Join(args, " "), err, stderr.Bytes())
	}
	return out
}

// naturalText gathers text that every machine with Go has, and text of many languages where it is there.
func naturalText(t *testing.T, limit int) []byte {
	t.Helper()
	var text []byte
	for _, root := range []string{filepath.Join(runtime.GOROOT(), "doc"), filepath.Join(runtime.GOROOT(), "src", "net"), "/usr/share/i18n/locales", "/usr/share/perl"} {
		_ = filepath.WalkDir(root, func(path string, d os.DirEntry, err error) error {
			if err == nil && d.Type().IsRegular() && len(text) < limit {
				raw, _ := os.ReadFile(path)
				text = append(text, strings.ToValidUTF8(string(raw[:min(len(raw), 200000)]), "?")...)
			}
			return nil
		})
	}
	return text[:min(len(text), limit)]
}

// TestMergesAreTheReferences: the Rust trainer, on the same lines, learns the same merges in the same order.
func TestMergesAreTheReferences(t *testing.T) {
	text := []byte(strings.ToValidUTF8(string(naturalText(t, 2<<20)), "?"))
	file := filepath.Join(t.TempDir(), "text")
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
	lines := func(fn func([]byte) error) error {
		for line := range bytes.Lines(text) {
			if err := fn(line); err != nil {
				return err
			}
		}
		return nil
	}
	for _, test := range []struct{ kind, pattern string }{{"bpe", "gpt2"}, {"bpe", "cl100k"}, {"bpe", "o200k"}, {"char-bpe", "gpt2"}} {
		t.Run(test.kind+" "+test.pattern, func(t *testing.T) {
			out := filepath.Join(t.TempDir(), "tokenizer.json")
			runNode(t, "train.js", test.kind, patterns[test.pattern], file, out)
			raw, err := os.ReadFile(out)
			if err != nil {
				t.Fatal(err)
			}
			var want struct{ Model struct{ Merges [][2]string } }
			if err := json.Unmarshal(raw, &want); err != nil {
				t.Fatal(err)
			}
			cfg := TrainConfig{Kind: test.kind, Pattern: test.pattern, Vocab: 1, MinFrequency: 1, Coverage: 1}
			if err := cfg.check(); err != nil {
				t.Fatal(err)
			}
			cfg.Vocab = 256 + 4000 + len(want.Model.Merges) // more than there are; what both have is compared
			learn := learnBytes
			if test.kind == "char-bpe" {
				learn = learnCharacters
			}
			l, err := learn(context.Background(), cfg, lines)
			if err != nil {
				t.Fatal(err)
			}
			got := l.config().Merges
			n := len(want.Model.Merges)
			if n < 15000 || len(got) < n {
				t.Fatalf("%d merges, the reference has %d", len(got), n)
			}
			for i := range n {
				if got[i] != want.Model.Merges[i] {
					t.Fatalf("merge %d of %d: got %q, want %q", i, n, got[i], want.Model.Merges[i])
				}
			}
			t.Logf("%d merges are the same", n)
		})
	}
}
