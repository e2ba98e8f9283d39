package data

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestWordList(t *testing.T) {
	l, err := readWordList(strings.NewReader("\ufeffDarn\n\n heck \r\nnot nice\na$$\nété\n性\n🙈\n#1\n"), "list")
	if err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string]bool{
		"":                             false,
		"Oh darn.":                     true,
		"DARN":                         true,
		"darned":                       false,
		"darn_it":                      false,
		"heck, no":                     true,
		"hecklers and what the hec":    false,
		"this is not nice":             true,
		"this is not nicely said":      false,
		"knot nice":                    false,
		"not  nice":                    false, // as C4: the very characters
		"an a$$ here":                  true,
		"an a$$et here":                false,
		"en été":                       true,
		"étés":                         false,
		"中性的":                          true, // no spaces between words
		"x🙈y":                          false,
		"see 🙈!":                       true,
		"take #1.":                     true,
		"take #10":                     false,
		"(darn)":                       true,
		"no darnfool but darn-foolish": true,
	} {
		if got := l.in(bytes.ToLower([]byte(text))); got != want {
			t.Errorf("%q: got %v", text, got)
		}
	}
}

func TestWordListsThatAreNone(t *testing.T) {
	for text, want := range map[string]string{
		"\n \n":                            "it lists no words",
		"ok\n\xff\n":                       "line 2 is not UTF-8",
		"ok\n" + strings.Repeat("x", 1001): "line 2 has 1001 bytes",
		strings.Repeat("x", 9000):          "line 1 is no word",
	} {
		if _, err := readWordList(strings.NewReader(text), "list"); !errors.Is(err, ErrFormat) || !strings.Contains(err.Error(), want) {
			t.Errorf("%.10q: got %v, want %q", text, err, want)
		}
	}
	if _, err := openWordList(filepath.Join(t.TempDir(), "none")); !errors.Is(err, ErrNotFound) {
		t.Errorf("got %v", err)
	}
}

// FuzzWordList holds the search against the regular expression that it stands for.
func FuzzWordList(f *testing.F) {
	f.Add("darn\nnot nice", "this is Not nice")
	f.Add("a$$\n性\n🙈", "中性 a$$ 🙈")
	f.Add("_\n\u0301", "e\u0301 _")
	f.Add("ไทย\nheck", "x ภาษาไทยดี heckle")
	anywhere := regexp.MustCompile(`[\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}]`)
	f.Fuzz(func(t *testing.T, list, text string) {
		l, err := readWordList(strings.NewReader(list), "list")
		if err != nil || !utf8.ValidString(text) {
			return
		}
		low := strings.ToLower(text)
		want := false
		for _, line := range strings.Split(strings.TrimPrefix(list, "\ufeff"), "\n") {
			w := strings.ToLower(strings.TrimSpace(line))
			switch {
			case w == "":
			case anywhere.MatchString(w):
				want = want || strings.Contains(low, w)
			default:
				re := regexp.MustCompile(`(?:^|[^_\pL\pN\pM])` + regexp.QuoteMeta(w) + `(?:$|[^_\pL\pN\pM])`)
				want = want || re.MatchString(low)
			}
		}
		if got := l.in([]byte(low)); got != want {
			t.Errorf("list %q, text %q: got %v, want %v", list, text, got, want)
		}
	})
}

func TestC4LeavesOutPagesByWords(t *testing.T) {
	list := filepath.Join(t.TempDir(), "words.txt")
	if err := os.WriteFile(list, []byte("heck\n"), 0o666); err != nil {
		t.Fatal(err)
	}
	const good, bad = "One two three four five. Six seven. Eight nine.", "One two three four five. What the heck. Eight nine."
	dir := tree(t, map[string]string{"a": good, "b": bad, "c": "Oh heck\n" + good + " Ten."}) // the word is in a line that is taken out
	c4 := PublishedC4
	c4.Words = list
	cfgs := []CorpusConfig{{Kind: "text", Path: filepath.Join(dir, "*"), DocumentBytes: -1, Shares: Shares{1, 0, 0}}}
	c, err := OpenAll(ctx, cfgs, Filters{C4: &c4}, 0)
	if err != nil {
		t.Fatal(err)
	}
	removed := 0
	for _, f := range c.Filtered {
		if f.Reason == c4Words {
			removed = f.Files
		}
	}
	if names, _ := documents(t, c, Train); removed != 1 || len(names) != 2 || c4.words != nil {
		t.Errorf("removed %d, kept %q", removed, names)
	}
	c4.Words = filepath.Join(dir, "none")
	if _, err := OpenAll(ctx, cfgs, Filters{C4: &c4}, 0); !errors.Is(err, ErrNotFound) {
		t.Errorf("without its list: got %v", err)
	}
}
