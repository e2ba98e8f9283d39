package data

import (
	"fmt"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/archlab/archlab/core/data/internal/rng"
)

// prose makes a document of n sentences of distinct words, which no published rule objects to.
func prose(seed uint64, n int) string {
	r := rng.New(seed)
	var b strings.Builder
	for i := range n {
		for j := range 9 {
			if j > 0 {
				b.WriteByte(' ')
			}
			for range 2 + r.Intn(2) {
				fmt.Fprintf(&b, "%c%c", "bcdfghjklmnprstvwz"[r.Intn(18)], "aeiou"[r.Intn(5)])
			}
		}
		b.WriteByte('.')
		if b.WriteByte(' '); i%3 == 2 {
			b.WriteByte('\n')
		}
	}
	return b.String()
}

// reasons lists the rules that a text breaks.
func brokenRules(f Filters, text string) (out []string) {
	rules := f.rules()
	broken := judge(rules, &facts{}, []byte(text))
	for i, r := range rules {
		if broken>>i&1 == 1 {
			out = append(out, r.reason)
		}
	}
	return out
}

func TestQualityRules(t *testing.T) {
	gopher, repetition := PublishedGopher, PublishedRepetition
	f := Filters{Length: &Length{MinBytes: 10, MaxBytes: 1 << 20}, Gopher: &gopher, Repetition: &repetition}
	base := prose(1, 20)
	lines := func(n int, format string) string {
		var b strings.Builder
		for i, s := range strings.SplitAfter(prose(2, n), ". ") {
			if s = strings.TrimSpace(s); s != "" {
				fmt.Fprintf(&b, format, s)
			}
			_ = i
		}
		return b.String()
	}
	sentence := strings.TrimSpace(prose(7, 1))
	for name, tt := range map[string]struct{ text, want string }{
		"prose":            {base, ""},
		"long enough":      {prose(3, 6), ""},
		"few words":        {prose(3, 5), "gopher: too few words"}, // 45
		"tiny":             {"a b c", "length: too short, gopher: too few words, gopher: short words"},
		"short words":      {strings.Repeat("a b c d e f g h i j ", 6) + prose(4, 1), "gopher: short words"},
		"long words":       {base + strings.Repeat("pneumonoultramicroscopicsilicovolcanoconiosis"+strings.Repeat("x", 300)+" ", 5), "gopher: long words"},
		"hash signs":       {base + strings.Repeat(" #", 30), "gopher: hash signs"},
		"ellipses":         {strings.ReplaceAll(base, ". ", "... "), "gopher: ellipses"},
		"one ellipsis":     {base + "...", ""},
		"bullets":          {lines(20, "- %s\n"), "gopher: bullet lines"},
		"lines break off":  {lines(20, "%s and then …\n"), "gopher: lines that break off"},
		"no letters":       {base + strings.Repeat(" 12345", 60), "gopher: words without letters"},
		"repeated line":    {base + strings.Repeat("\n"+sentence, 8), "repetition: lines"},
		"repeated par":     {base + strings.Repeat("\n\n"+sentence, 8), "repetition: paragraphs"},
		"a word too often": {strings.ReplaceAll(base, ". ", ". veryoften indeed "), "repetition: top 2-gram"},
		"five words again": {base + strings.Repeat("? one of five words", 1) + prose(9, 3) + strings.Repeat(sentence+" ", 1) + prose(5, 2) + sentence, ""},
	} {
		t.Run(name, func(t *testing.T) {
			got := strings.Join(brokenRules(f, tt.text), ", ")
			if tt.want == "" && got != "" || !strings.Contains(got, tt.want) {
				t.Errorf("breaks %q, want %q", got, tt.want)
			}
		})
	}
}

func TestParagraphs(t *testing.T) {
	for text, want := range map[string][]string{
		"":                     {""},
		"a":                    {"a"},
		"a\nb\n\nc":            {"a\nb\n", "c"},
		"a\r\nb\r\n\r\nc":      {"a\r\nb\r\n", "c"},
		"a\n \t\nb\n\u00a0\nc": {"a\n", "b\n", "c"},
		"\n\na\n\n\nb\n\n":     {"", "", "a\n", "", "b\n", ""},
	} {
		var got []string
		for p := range paragraphs([]byte(text)) {
			got = append(got, string(p))
		}
		if !slices.Equal(got, want) {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
	// The same document counts alike whatever its line ends, and whatever stands in its empty lines.
	plain := "one two\nthree\n\nfour\n\none two\nthree\n"
	for _, text := range []string{plain, strings.ReplaceAll(plain, "\n\n", "\n  \n"), strings.ReplaceAll(plain, "\n", "\r\n")} {
		var f facts
		f.of([]byte(text))
		if got := f.duplicateParagraphs(); got.all != 3 || got.units != 1 {
			t.Errorf("%q: got %+v, want 1 of 3", text, got)
		}
	}
}

// The fractions of table A1 on a text whose parts can be counted by hand.
func TestRepetitionIsCounted(t *testing.T) {
	var f facts
	f.of([]byte("aa bb cc dd ee\nxx\n\naa bb cc dd ee\nxx\n"))
	if f.runes != 37 || f.lines != 4 || f.words != 12 {
		t.Fatalf("%d characters, %d lines, %d words", f.runes, f.lines, f.words)
	}
	if got := f.duplicateLines(); got != (repeated{4, 2, 16}) {
		t.Errorf("lines %+v, want 2 of 4 with 14+2 characters", got)
	}
	if got := f.duplicateParagraphs(); got != (repeated{2, 1, 17}) {
		t.Errorf("paragraphs %+v, want 1 of 2 with 17 characters", got)
	}
	if got := f.topRunes(2); got != 8 {
		t.Errorf("top 2-gram covers %d characters, want 2 x 4", got)
	}
	// Five words and "xx" stand there again: 10+2 characters, each counted once for n = 5 and 6.
	for n, want := range map[int]int{5: 12, 6: 12, 7: 0} {
		if got := f.repeatedRunes(n); got != want {
			t.Errorf("%d-grams repeat %d characters, want %d", n, got, want)
		}
	}
	f.of([]byte("a b a b a b a"))
	if got := f.repeatedRunes(5); got != 5 { // words 3 to 7: overlapping occurrences do not count twice
		t.Errorf("overlapping 5-grams repeat %d characters, want 5", got)
	}
}

func TestFilterSettings(t *testing.T) {
	for name, f := range map[string]Filters{
		"length":        {Length: &Length{MinBytes: 5, MaxBytes: 4}},
		"gopher words":  {Gopher: &Gopher{MinWords: 5, MaxWords: 4}},
		"gopher length": {Gopher: &Gopher{MinWordLength: 5, MaxWordLength: 4}},
		"gopher share":  {Gopher: &Gopher{MaxBulletLines: 1.5}},
		"repetition":    {Repetition: &Repetition{MaxNGrams: [6]float64{0, 0, -1}}},
		"c4":            {C4: &C4{MinSentences: -1}},
		"near":          {Near: &Near{Words: 5, Hashes: 10, Bands: 3, Threshold: 0.5}},
		"threshold":     {Near: &Near{Words: 5, Hashes: 10, Bands: 5, Threshold: 1.5}},
		"decontaminate": {Decontaminate: &Decontaminate{Words: 13}},
	} {
		if err := f.Check(); err == nil {
			t.Errorf("%s: %+v is accepted", name, f)
		}
	}
	near, gram := PublishedNear, PublishedDecontaminate
	if err := (Filters{C4: &PublishedC4, Gopher: &PublishedGopher, Repetition: &PublishedRepetition, Near: &near, Decontaminate: &gram}).Check(); err != nil {
		t.Error(err)
	}
}

func TestC4(t *testing.T) {
	c := PublishedC4
	for name, tt := range map[string]struct{ page, text, reason string }{
		"kept":       {"One two three four five. Six.\nSeven eight nine ten eleven!\n", "One two three four five. Six.\nSeven eight nine ten eleven!", ""},
		"menu":       {"Home\nAbout us\nOne two three four five. And six? Seven!", "One two three four five. And six? Seven!", ""},
		"short line": {"Read on.\nOne two three four five. And six? Seven!", "One two three four five. And six? Seven!", ""},
		"breaks off": {"Read all of the story...\nOne two three four five. And six? Seven!", "One two three four five. And six? Seven!", ""},
		"phrases":    {"Please enable JavaScript in your browser.\nThis site uses cookies for that.\nOne two three four five. Six. Seven.", "One two three four five. Six. Seven.", ""},
		"citations":  {"One two[12] three four[edit] five.[citation needed] Six. Seven[1,2] a[b].", "One two three four five. Six. Seven[1,2] a[b].", ""},
		"sentences":  {"One two three four five. Six seven eight nine.", "", c4Sentences},
		"brace":      {"One two three four five. Six. Seven {.", "", c4Page},
		"lorem":      {"Lorem ipsum dolor sit amet. Six. Seven.", "", c4Page},
		"Chinese":    {"今天天气很好。我们去公园散步！你去吗？", "今天天气很好。我们去公园散步！你去吗？", ""},
		"quotes":     {"He said one two three \"four.\" And five. Six.", "He said one two three \"four.\" And five. Six.", ""},
	} {
		text, reason := c.clean(nil, []byte(tt.page))
		if string(text) != tt.text || reason != tt.reason {
			t.Errorf("%s: got %q, %q, want %q, %q", name, text, reason, tt.text, tt.reason)
		}
	}
}

func FuzzFilters(f *testing.F) {
	f.Add([]byte("One [1] two. three\n\n- 今天…\n{"))
	f.Add([]byte("\xff\xfe \x00 # ... \n\n\n"))
	near := PublishedNear
	rules := Filters{Length: &Length{MinBytes: 1}, Gopher: &PublishedGopher, Repetition: &PublishedRepetition}.rules()
	f.Fuzz(func(t *testing.T, text []byte) {
		once := strings.Clone(string(text))
		judge(rules, &facts{}, text)
		c := PublishedC4
		c.MinSentences = 0
		c.Phrases = false
		clean, reason := c.clean(nil, text)
		if reason != "" || len(clean) > len(text) {
			t.Errorf("%q became %q, %s", text, clean, reason)
		}
		words := appendWords(nil, text)
		last := int32(0)
		for _, w := range words {
			if w.from < last || w.to <= w.from || int(w.to) > len(text) {
				t.Fatalf("word %+v after %d", w, last)
			}
			last = w.to
		}
		if len(shingles(nil, words, text, near.Words)) == 0 {
			t.Error("no shingle")
		}
		if string(text) != once {
			t.Error("the text was changed")
		}
	})
}

// Every filter says what it removed, in bytes and documents, and shows it on request.
func TestFiltersReport(t *testing.T) {
	files := map[string]string{}
	for i := range 60 {
		files[fmt.Sprintf("%02d.txt", i)] = prose(uint64(i), 12)
	}
	files["60.txt"] = "too short"
	files["61.txt"] = strings.Repeat(prose(100, 1), 12)
	files["62.txt"] = files["03.txt"]
	files["63.txt"] = strings.Replace(files["04.txt"], ". ", ". Indeed, ", 1)
	gopher, repetition, near := PublishedGopher, PublishedRepetition, PublishedNear
	c, err := OpenAll(ctx, []CorpusConfig{{Kind: "text", Path: tree(t, files), DocumentBytes: -1, Shares: Shares{1, 0, 0}}},
		Filters{Gopher: &gopher, Repetition: &repetition, Exact: true, Near: &near}, 2)
	if err != nil {
		t.Fatal(err)
	}
	if c.Documents[Train] != 60 {
		t.Errorf("kept %d documents, want 60", c.Documents[Train])
	}
	// Which of two near duplicates goes is decided by their hashes.
	first, gone := "04.txt", ""
	if _, texts := documents(t, c, Train); !strings.Contains(strings.Join(texts, ""), "Indeed") {
		first = "63.txt"
	}
	gone = files[first]
	want := []Filtered{
		{Reason: "gopher: too few words", Files: 1, Bytes: 9, Examples: []Example{{"60.txt", "too short"}}},
		{Reason: "repetition: lines", Files: 1, Bytes: int64(len(files["61.txt"]))},
		{Reason: duplicateReason, Files: 1, Bytes: int64(len(files["03.txt"]))},
		{Reason: nearReason, Files: 1, Bytes: int64(len(gone))},
	}
	if len(c.Filtered) != len(want) {
		t.Fatalf("filtered %+v", c.Filtered)
	}
	for i, w := range want {
		g := c.Filtered[i]
		if i == 0 && !reflect.DeepEqual(g, w) || g.Files != w.Files || g.Bytes != w.Bytes || len(g.Examples) != 1 || i != 1 && g.Reason != w.Reason {
			t.Errorf("got %+v, want %+v", g, w)
		}
	}
	if e := c.Filtered[2].Examples[0]; e.Name != "62.txt" || !strings.HasPrefix(files["03.txt"], strings.TrimSuffix(e.Text, "…")) {
		t.Errorf("example %+v", e)
	}
}

func TestC4EditsWhatTheCorpusHolds(t *testing.T) {
	c4 := PublishedC4
	dir := tree(t, map[string]string{"a.txt": "Menu\nOne two three four five. And six? Seven!\n", "b.txt": "Menu\n"})
	c, err := OpenAll(ctx, []CorpusConfig{{Kind: "text", Path: filepath.Join(dir, "*"), DocumentBytes: -1, Shares: Shares{1, 0, 0}}}, Filters{C4: &c4}, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, texts := documents(t, c, Train); len(texts) != 1 || texts[0] != "One two three four five. And six? Seven!" {
		t.Errorf("texts %q", texts)
	}
	want := []Filtered{{Reason: c4Lines, Files: 1, Bytes: 6}, {Reason: c4Sentences, Files: 1, Bytes: 5}}
	if !reflect.DeepEqual(c.Filtered, want) {
		t.Errorf("filtered %+v, want %+v", c.Filtered, want)
	}
}
