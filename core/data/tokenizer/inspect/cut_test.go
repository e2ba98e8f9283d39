package inspect

import (
	"slices"
	"testing"
)

func TestWords(t *testing.T) {
	for name, tt := range map[string]struct {
		text string
		want []string
	}{
		"blanks and signs": {" one, two--three\n(4) ", []string{"one", "two", "three", "4"}},
		"apostrophes":      {"don't 'quoted' it’s l’", []string{"don't", "quoted", "it’s", "l"}},
		"marks":            {"na\u0131\u0308ve \u0301x e\u0301", []string{"na\u0131\u0308ve", "x", "e\u0301"}},
		"other scripts":    {"Привет, мир! 日本語。नमस्ते", []string{"Привет", "мир", "日本語", "नमस्ते"}},
		"bytes":            {"a\xffb\xe2\x82", []string{"a", "b"}},
		"none":             {" .,\n", nil},
		"to the end":       {"end", []string{"end"}},
	} {
		t.Run(name, func(t *testing.T) {
			var got []string
			words([]byte(tt.text), func(w span) { got = append(got, tt.text[w.from:w.to]) })
			if !slices.Equal(got, tt.want) {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

// spans makes consecutive ranges of the given ends.
func spans(from int, ends ...int) (out []span) {
	for _, e := range ends {
		out = append(out, span{from, e})
		from = e
	}
	return out
}

func TestCut(t *testing.T) {
	for name, tt := range map[string]struct {
		text   string
		word   span
		tokens []span
		pieces string
		seen   string // the letters that are tokens of their own, in order of appearance
	}{
		"whole":                  {"strawberry", span{0, 10}, spans(0, 10), "strawberry", ""},
		"pieces":                 {" strawberry", span{1, 11}, spans(0, 4, 6, 11), "str|aw|berry", ""},
		"letters":                {" straw", span{1, 6}, spans(0, 2, 3, 4, 5, 6), "s|t|r|a|w", "straw"},
		"some letters":           {" berry.", span{1, 6}, spans(0, 2, 4, 5, 7), "b|er|r|y", "bry"},
		"a letter within":        {"abc", span{0, 3}, spans(0, 1, 3), "a|bc", "a"},
		"bytes of letters":       {"né", span{0, 3}, spans(0, 1, 2, 3), `n|\xc3|\xa9`, "n"},
		"tokens of one place":    {"né", span{0, 3}, []span{{0, 1}, {1, 3}, {1, 3}}, "n|é|é", "n"},
		"a letter with its mark": {"e\u0301a", span{0, 4}, spans(0, 3, 4), "e\u0301|a", "e\u0301a"},
		"a mark apart":           {"e\u0301a", span{0, 4}, spans(0, 1, 3, 4), "e|\u0301|a", "a"},
		"an apostrophe":          {"I'd", span{0, 3}, spans(0, 1, 3), "I|'d", "Id"},
		"nothing":                {"ab", span{0, 2}, nil, "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			c := cutOf([]byte(tt.text), tt.word, tt.tokens)
			seen, all := "", 0
			for _, l := range c.Letters {
				for range l.Seen {
					seen += l.Letter
				}
				all += l.Count
			}
			if c.String() != tt.pieces || seen != tt.seen || all != len(letters([]byte(tt.text[tt.word.from:tt.word.to]))) {
				t.Errorf("got %s, letters seen %q of %d, want %s, %q", c, seen, all, tt.pieces, tt.seen)
			}
		})
	}
	c := cutOf([]byte("strawberry"), span{0, 10}, spans(0, 3, 5, 8, 9, 10))
	if m := c.Most(); m != (Letter{"r", 3, 1}) {
		t.Errorf("the most frequent letter: %+v", m)
	}
	if n, seen := c.Count(); n != 10 || seen != 2 {
		t.Errorf("%d letters, %d seen", n, seen)
	}
}
