//go:build reference

package tokenizer

import (
	"bufio"
	"bytes"
	"crypto/sha1"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"
)

// rust is the running reference: internal/reference/live.js. NODE_PATH names the folder with the npm packages.
type rust struct {
	dir   string
	names []string
	in    io.Writer
	out   *bufio.Reader
}

func startRust(t *testing.T, texts ...string) *rust {
	t.Helper()
	if os.Getenv("NODE_PATH") == "" {
		t.Skip("NODE_PATH does not say where the npm packages are")
	}
	r := &rust{dir: t.TempDir()}
	cmd := exec.Command("node", append([]string{"internal/reference/live.js", r.dir}, texts...)...)
	answers, theirs, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.ExtraFiles = []*os.File{theirs}
	cmd.Stderr = os.Stderr
	if r.in, err = cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	theirs.Close()
	t.Cleanup(func() {
		r.in.(io.Closer).Close()
		if err := cmd.Wait(); err != nil {
			t.Error(err)
		}
	})
	r.out = bufio.NewReaderSize(answers, 1<<20)
	r.read(t, &r.names)
	return r
}

func (r *rust) read(t *testing.T, v any) {
	t.Helper()
	line, err := r.out.ReadBytes('\n')
	if err != nil {
		t.Fatalf("the reference is gone: %v", err)
	}
	if err := json.Unmarshal(line, v); err != nil {
		t.Fatal(err)
	}
}

type request struct {
	Name  string   `json:"name,omitempty"`
	File  string   `json:"file,omitempty"`
	Texts []string `json:"texts"`
	Full  bool     `json:"full"`
}

// ask sends a request, which read gets the answer to.
func (r *rust) ask(t *testing.T, q request) {
	t.Helper()
	line, err := json.Marshal(q)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.in.Write(append(line, '\n')); err != nil {
		t.Fatal(err)
	}
}

// digest is live.js's digest of what we say of a text.
func (t *Tokenizer) digest(text string) string {
	var out []byte
	list := func(ids []int32) {
		for i, id := range ids {
			if i > 0 {
				out = append(out, ',')
			}
			out = fmt.Append(out, id)
		}
		out = append(out, ';')
	}
	e := t.Encode([]byte(text), true)
	special := make([]int32, len(e.Special))
	for i, s := range e.Special {
		if s {
			special[i] = 1
		}
	}
	list(e.IDs)
	list(charOffsets(e.Offsets, text))
	list(e.Words)
	list(e.TypeIDs)
	list(special)
	plain := e.IDs
	if slices.Contains(special, 1) {
		plain = t.Encode([]byte(text), false).IDs
	}
	list(plain)
	out = append(out, t.lossy(e.IDs, false)...)
	out = append(out, ';')
	out = append(out, t.lossy(e.IDs, true)...)
	sum := sha1.Sum(out)
	if t.truncation == nil && t.padding == nil && !slices.Equal(t.AppendIDs(nil, []byte(text)), plain) {
		return "AppendIDs and Encode disagree"
	}
	return hex.EncodeToString(sum[:])
}

// differing answers how many texts we see differently, and shows the first few.
func (r *rust) differing(t *testing.T, tok *Tokenizer, q request, texts []string) int {
	t.Helper()
	const block = 50
	bad := 0
	for part := range slices.Chunk(texts, block) {
		q.Texts, q.Full = part, false
		r.ask(t, q)
		var got, want []string
		for _, s := range part { // beside the reference
			got = append(got, tok.digest(s))
		}
		r.read(t, &want)
		for i, s := range part {
			if got[i] == want[i] {
				continue
			}
			if bad++; bad > 3 {
				continue
			}
			q.Texts, q.Full = []string{s}, true
			r.ask(t, q)
			var full []answer
			r.read(t, &full)
			t.Errorf("%q:\n%s", cutString(s), strings.Join(full[0].compare(tok, s, ""), "\n"))
		}
	}
	return bad
}

// TestLive compares all tokenizers of tokenizers.js, over models that the reference learns from documents of this machine, on documents of
// this machine, each on every third one, and on random strings; and has the reference read what we write.
func TestLive(t *testing.T) {
	t.Parallel()
	documents, random := naturalDocuments(t), randomStrings(300)
	learn := filepath.Join(t.TempDir(), "learn.txt")
	var text bytes.Buffer
	for i := 0; i < len(documents); i += 2 {
		text.WriteString(documents[i])
	}
	if err := os.WriteFile(learn, text.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	r := startRust(t, learn)
	total := 0
	for i, name := range r.names {
		texts := slices.Clone(random)
		for k := i % 3; k < len(documents); k += 3 {
			texts = append(texts, documents[k])
		}
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(r.dir, nameOfFile(name))
			tok, err := Load(path)
			if err != nil {
				t.Fatal(err)
			}
			bad := r.differing(t, tok, request{Name: name}, texts)
			total += bad
			t.Logf("%d of %d documents and strings differ", bad, len(texts))
			if bad > 0 {
				t.Errorf("%d of %d documents and strings differ", bad, len(texts))
			}
			// What we write is the same tokenizer to the reference.
			var out bytes.Buffer
			if err := tok.Write(&out); err != nil {
				t.Fatal(err)
			}
			written := path + ".written"
			if err := os.WriteFile(written, out.Bytes(), 0o600); err != nil {
				t.Fatal(err)
			}
			if bad := r.differing(t, tok, request{File: written}, texts[:80]); bad > 0 {
				t.Errorf("written and read by the reference, %d of 80 strings differ", bad)
			}
		})
	}
	t.Logf("%d tokenizers, %d random strings and a third of %d documents each: %d differ", len(r.names), len(random), len(documents), total)
}

// TestLiveFiles compares tokenizers of known models. REFERENCE_FILES is a list of tokenizer.json files, separated as in PATH: they are not
// ours to keep.
func TestLiveFiles(t *testing.T) {
	t.Parallel()
	files := filepath.SplitList(os.Getenv("REFERENCE_FILES"))
	if len(files) == 0 {
		t.Skip("REFERENCE_FILES names no files")
	}
	documents := naturalDocuments(t)
	texts := append(randomStrings(200), documents...)
	r := startRust(t)
	for _, path := range files {
		t.Run(path, func(t *testing.T) {
			tok, err := Load(path)
			if err != nil {
				t.Fatal(err)
			}
			bad := r.differing(t, tok, request{File: path}, texts)
			t.Logf("%d tokens, lossless %v: %d of %d documents and strings differ", tok.Size(), tok.Lossless(), bad, len(texts))
			if bad > 0 {
				t.Fail()
			}
		})
	}
}

func nameOfFile(name string) string { return strings.ReplaceAll(name, " ", "_") + ".json" }

// naturalDocuments answers texts of this machine in many languages and formats, each up to 4 KB.
func naturalDocuments(t *testing.T) []string {
	t.Helper()
	var out []string
	for _, where := range []struct {
		root string
		most int
	}{
		{filepath.Join(goroot(t), "src"), 30}, {filepath.Join(goroot(t), "test"), 10}, {"/usr/share/doc", 20},
		{"/usr/share/i18n/locales", 30}, {"/usr/share/common-licenses", 5}, {"/usr/share/perl", 10}, {"../../..", 15},
	} {
		var paths []string
		filepath.WalkDir(where.root, func(path string, d fs.DirEntry, err error) error {
			if err == nil && d.Type().IsRegular() {
				paths = append(paths, path)
			}
			return nil
		})
		rng := rand.New(rand.NewPCG(1, 2))
		rng.Shuffle(len(paths), func(i, j int) { paths[i], paths[j] = paths[j], paths[i] })
		n := 0
		for _, path := range paths {
			raw, err := os.ReadFile(path)
			if n == where.most {
				break
			}
			if err != nil || len(raw) < 200 || bytes.IndexByte(raw, 0) >= 0 || !utf8.Valid(raw) {
				continue
			}
			if len(raw) > 4000 {
				at := rng.IntN(len(raw) - 4000)
				raw = bytes.ToValidUTF8(raw[at:at+4000], nil)
			}
			out = append(out, string(raw))
			n++
		}
	}
	if len(out) < 50 {
		t.Fatalf("only %d documents on this machine", len(out))
	}
	return out
}

// randomStrings answers strings of all that code points have to offer, rare ones more often than anybody writes them.
func randomStrings(n int) []string {
	rng := rand.New(rand.NewPCG(3, 4))
	var scripts []*unicode.RangeTable
	for _, name := range slices.Sorted(maps.Keys(unicode.Scripts)) {
		scripts = append(scripts, unicode.Scripts[name])
	}
	kinds := []func() rune{
		func() rune { return rune(rng.IntN(128)) },
		func() rune { return rune('a' + rng.IntN(26)) },
		func() rune { return []rune(" \t\n\r\u00a0\u2003\u3000\u2028\u0085\v\f")[rng.IntN(11)] },
		func() rune { return rune(0x300 + rng.IntN(0x70)) },
		func() rune { return rune(rng.IntN(0x3000)) },
		func() rune { return rune(0xac00 + rng.IntN(11172)) },
		func() rune { return rune(0x1100 + rng.IntN(256)) },
		func() rune { return rune(0x4e00 + rng.IntN(0x5200)) },
		func() rune { return rune(0x1f300 + rng.IntN(0x300)) },
		func() rune { return rune(rng.IntN(0x20000)) },
		func() rune { return rune(rng.IntN(0x110000)) },
		func() rune {
			table := scripts[rng.IntN(len(scripts))]
			if len(table.R16) > 0 {
				r := table.R16[rng.IntN(len(table.R16))]
				return rune(r.Lo) + rune(rng.IntN(int(r.Hi-r.Lo)/int(r.Stride)+1))*rune(r.Stride)
			}
			r := table.R32[rng.IntN(len(table.R32))]
			return rune(r.Lo) + rune(rng.IntN(int(r.Hi-r.Lo)/int(r.Stride)+1))*rune(r.Stride)
		},
	}
	words := []string{"'s", "'LL", "don't", "the", " the", "<mask>", "<s>", "</s>", "[MASK]", "<|endoftext|>", "foo", "Foo", "123456", "\r\n", "    ", "▁", "ﬁ", "é", "e\u0301", "İ", "Σ", "ß", "http://", "$x_1", "\ufeff", "\u200d"}
	var out []string
	for range n {
		var s strings.Builder
		only := rng.IntN(2 * len(kinds))
		for range 1 + rng.IntN(60) {
			if rng.IntN(6) == 0 {
				s.WriteString(words[rng.IntN(len(words))])
				continue
			}
			kind := rng.IntN(len(kinds))
			if only < len(kinds) && rng.IntN(3) > 0 {
				kind = only
			}
			if r := kinds[kind](); utf8.ValidRune(r) {
				s.WriteRune(r)
			}
		}
		out = append(out, s.String())
	}
	return out
}
