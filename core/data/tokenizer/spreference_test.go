//go:build reference

package tokenizer

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

// python answers an interpreter that has SentencePiece.
func python(t testing.TB) string {
	t.Helper()
	for _, p := range []string{"/usr/bin/python3", "python3"} {
		if exec.Command(p, "-c", "import sentencepiece").Run() == nil {
			return p
		}
	}
	t.Skip("no python3 with the module sentencepiece (Debian: python3-sentencepiece)")
	return ""
}

// naturalTexts are documents of this machine in many languages: Go's source, manual pages, locales, copyright notices. At most so many
// bytes of each kind.
func naturalTexts(t testing.TB, most int) [][]byte {
	t.Helper()
	var out [][]byte
	goroot, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		t.Fatal(err)
	}
	for _, root := range []string{
		strings.TrimSpace(string(goroot)) + "/src", "/usr/share/man/ja", "/usr/share/man/zh_CN", "/usr/share/man/zh_TW", "/usr/share/man/ru", "/usr/share/man/ko",
		"/usr/share/man/de", "/usr/share/man/fr", "/usr/share/man/tr", "/usr/share/man/pl", "/usr/share/i18n/locales", "/usr/share/doc",
	} {
		size := 0
		filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
			if err != nil || !d.Type().IsRegular() {
				return nil
			}
			if size > most {
				return filepath.SkipAll
			}
			raw, err := os.ReadFile(path)
			if err != nil {
				return nil
			}
			if strings.HasSuffix(path, ".gz") {
				r, err := gzip.NewReader(bytes.NewReader(raw))
				if err != nil {
					return nil
				}
				if raw, err = io.ReadAll(r); err != nil {
					return nil
				}
			}
			raw = raw[:min(len(raw), 1<<16)]
			size += len(raw)
			out = append(out, raw)
			return nil
		})
	}
	if len(out) == 0 {
		t.Fatal("no documents")
	}
	return out
}

// trainingText is text of many languages, a paragraph a line, of about so many bytes.
func trainingText(t testing.TB, most int) []byte {
	t.Helper()
	var corpus []byte
	for _, doc := range naturalTexts(t, most/12) {
		corpus = append(append(corpus, bytes.ToValidUTF8(doc, nil)...), '\n')
	}
	return corpus
}

func TestSentencePieceIsTheReference(t *testing.T) {
	t.Parallel()
	interpreter := python(t)
	dir := t.TempDir()
	documents := naturalTexts(t, 100<<10)
	var lines bytes.Buffer
	for _, doc := range documents {
		line, err := json.Marshal(doc)
		if err != nil {
			t.Fatal(err)
		}
		lines.Write(append(line, '\n'))
	}
	for name, raw := range map[string][]byte{"documents.jsonl": lines.Bytes(), "corpus.txt": trainingText(t, 150<<10)} {
		if err := os.WriteFile(filepath.Join(dir, name), raw, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.Command(interpreter, "internal/reference/spm.py", "live", dir)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	var texts [][]byte
	readLines(t, filepath.Join(dir, "documents.jsonl"), func(line []byte) error {
		var text []byte
		err := json.Unmarshal(line, &text)
		texts = append(texts, text)
		return err
	})
	models, err := filepath.Glob(filepath.Join(dir, "*.model"))
	if err != nil || len(models) < 10 {
		t.Fatalf("%d models, %v", len(models), err)
	}
	for _, path := range models {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".model"), func(t *testing.T) {
			raw, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			tok, err := ReadSentencePiece(raw)
			if err != nil {
				t.Fatal(err)
			}
			i, wrong, size, tokens := 0, 0, 0, 0
			readLines(t, strings.TrimSuffix(path, ".model")+".jsonl", func(line []byte) error {
				var want struct {
					IDs     []int32
					Decoded []byte
				}
				if err := json.Unmarshal(line, &want); err != nil {
					return err
				}
				text := texts[i]
				i++
				ids := tok.AppendIDs(nil, text)
				size += len(text)
				tokens += len(ids)
				decoded := tok.Decode(nil, want.IDs, false)
				if !slices.Equal(ids, want.IDs) || !bytes.Equal(decoded, want.Decoded) {
					if wrong++; wrong <= 3 {
						at := 0
						for at < min(len(ids), len(want.IDs)) && ids[at] == want.IDs[at] {
							at++
						}
						t.Errorf("document %d, %.60q: from token %d on %q, the reference %q; decoded alike: %t", i, text, at,
							names(tok.model, ids[at:min(at+8, len(ids))]), names(tok.model, want.IDs[at:min(at+8, len(want.IDs))]),
							bytes.Equal(decoded, want.Decoded))
					}
				}
				return nil
			})
			t.Logf("%d of %d documents differ; %d bytes, %d tokens", wrong, i, size, tokens)
			if i != len(texts) {
				t.Errorf("%d answers for %d documents", i, len(texts))
			}
		})
	}
}

func readLines(t testing.TB, path string, fn func(line []byte) error) {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	s := bufio.NewScanner(f)
	s.Buffer(nil, 1<<26)
	for s.Scan() {
		if err := fn(s.Bytes()); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Err(); err != nil {
		t.Fatal(err)
	}
}

// TestTrainingIsAsGoodAsTheReferences compares the likelihood of a text under pieces found here and by SentencePiece's trainer, at equal
// vocabulary and with the same words.
func TestTrainingIsAsGoodAsTheReferences(t *testing.T) {
	t.Parallel()
	interpreter := python(t)
	dir := t.TempDir()
	corpus := trainingText(t, 1<<20)
	path := filepath.Join(dir, "corpus.txt")
	if err := os.WriteFile(path, corpus, 0o600); err != nil {
		t.Fatal(err)
	}
	script := `import sentencepiece, sys
sentencepiece.SentencePieceTrainer.train(input=sys.argv[1], model_prefix=sys.argv[1], vocab_size=8000, minloglevel=2, character_coverage=1.0,
    normalization_rule_name="identity", split_by_unicode_script=False, split_by_number=False, max_sentence_length=1 << 20, num_threads=2)`
	if out, err := exec.Command(interpreter, "-c", script, path).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	raw, err := os.ReadFile(path + ".model")
	if err != nil {
		t.Fatal(err)
	}
	model, err := parseSPModel(raw)
	if err != nil {
		t.Fatal(err)
	}
	var theirs []ScoredPiece
	for _, p := range model.pieces {
		if p.kind == spNormal {
			theirs = append(theirs, ScoredPiece{p.piece, float64(p.score)})
		}
	}
	counts := map[string]int64{}
	size := 0
	for _, w := range strings.FieldsFunc(string(corpus), func(r rune) bool { return r == ' ' || r == '\n' }) {
		counts[spSpace+w]++
		size += len(w) + 1
	}
	var words []wordCount
	for w, n := range counts {
		words = append(words, wordCount{w, n})
	}
	ours, err := trainPieces(context.Background(), words, unigramTraining{size: len(theirs)})
	if err != nil {
		t.Fatal(err)
	}
	score := func(pieces []ScoredPiece) float64 {
		u, err := NewUnigram(UnigramConfig{Pieces: pieces, UnkID: -1})
		if err != nil {
			t.Fatal(err)
		}
		total := 0.0
		for w, n := range counts {
			total -= float64(n) * u.NBest([]byte(w), 1)[0].Score
		}
		return total / float64(size)
	}
	a, b := score(ours), score(theirs)
	t.Logf("nats a byte of %d bytes with %d pieces: %.4f here, %.4f by SentencePiece's trainer", size, len(theirs), a, b)
	if a > 1.01*b {
		t.Errorf("%.4f nats a byte, SentencePiece reaches %.4f", a, b)
	}
}

// TestPrecompiledIsTheReferencesOnAllCharacters asks the Rust normalizer with SentencePiece's own rules about every character: alone, after
// a letter, before an accent, and among others at random; and about documents.
func TestPrecompiledIsTheReferencesOnAllCharacters(t *testing.T) {
	t.Parallel()
	if os.Getenv("NODE_PATH") == "" {
		t.Skip("NODE_PATH does not say where the npm packages are")
	}
	dir := t.TempDir()
	script := `import sentencepiece, sys
sentencepiece.SentencePieceTrainer.train(sentence_iterator=iter(["a b", "c d"]), model_prefix=sys.argv[1], vocab_size=8, minloglevel=2,
    normalization_rule_name=sys.argv[2], hard_vocab_limit=False)`
	rng := rand.New(rand.NewPCG(1, 2))
	var texts []string
	for c := rune(1); c <= utf8.MaxRune; c++ {
		if !utf8.ValidRune(c) {
			continue
		}
		texts = append(texts, "a"+string(c)+"\u0301 "+string(c)+"a")
	}
	random := []rune("aeo \r\n\u0301\u0302\u0308\u0345\u3099\u309aかｶﾞﾟ각가각\u200d\u200c\u0915\u094d\u0600©™①Ａ\u0f71\u0f72\u0f74ำา์🙂🏽")
	for range 20000 {
		s := make([]rune, 1+rng.IntN(8))
		for i := range s {
			s[i] = random[rng.IntN(len(random))]
			if rng.IntN(4) == 0 {
				s[i] = rune(0x20 + rng.IntN(0x3100))
			}
		}
		texts = append(texts, string(s))
	}
	for _, doc := range naturalTexts(t, 200<<10) {
		texts = append(texts, strings.ToValidUTF8(string(doc), "\ufffd"))
	}
	for _, rules := range []string{"nmt_nfkc", "nmt_nfkc_cf"} {
		t.Run(rules, func(t *testing.T) {
			path := filepath.Join(dir, rules)
			if out, err := exec.Command(python(t), "-c", script, path, rules).CombinedOutput(); err != nil {
				t.Fatalf("%v: %s", err, out)
			}
			raw, err := os.ReadFile(path + ".model")
			if err != nil {
				t.Fatal(err)
			}
			model, err := parseSPModel(raw)
			if err != nil {
				t.Fatal(err)
			}
			p, err := newPrecompiled(model.normalizer.charsmap)
			if err != nil {
				t.Fatal(err)
			}
			request, err := json.Marshal(map[string]any{"charsmap": model.normalizer.charsmap, "texts": texts})
			if err != nil {
				t.Fatal(err)
			}
			cmd := exec.Command("node", "precompiled.js")
			cmd.Dir, cmd.Stdin, cmd.Stderr = filepath.Join("internal", "reference"), bytes.NewReader(request), os.Stderr
			out, err := cmd.Output()
			if err != nil {
				t.Fatal(err)
			}
			var want []string
			if err := json.Unmarshal(out, &want); err != nil || len(want) != len(texts) {
				t.Fatalf("%d answers to %d texts, %v", len(want), len(texts), err)
			}
			wrong := 0
			for i, text := range texts {
				if got := normalized(p, text); got != want[i] {
					if wrong++; wrong <= 10 {
						t.Errorf("%+.60q: got %+.60q, the reference %+.60q", text, got, want[i])
					}
				}
			}
			t.Logf("%d of %d differ", wrong, len(texts))
		})
	}
}
