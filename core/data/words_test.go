package data

import (
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"
)

func words(text string) (out []string) {
	for len(text) > 0 {
		n := nextWord([]byte(text))
		out = append(out, text[:n])
		text = text[n:]
	}
	return out
}

func TestNextWord(t *testing.T) {
	// The expected words follow from the published pattern, alternative by alternative.
	tests := map[string]struct{ text, want string }{
		"prose":              {"Hello world, it's 2024!", "Hello| world|,| it|'s| 2024|!"},
		"contractions":       {"we'll they've I'd you're don't I'm", "we|'ll| they|'ve| I|'d| you|'re| don|'t| I|'m"},
		"upper case is not":  {"IT'S", "IT|'|S"},
		"quote after other":  {"\"'s", "\"'|s"},
		"quote after space":  {" 's", " '|s"},
		"prefix contraction": {"'straße", "'s|traße"},
		"spaces":             {"a   b", "a|  | b"},
		"space at end":       {"a  ", "a|  "},
		"one space at end":   {"a ", "a| "},
		"tabs":               {"if x {\n\t\treturn", "if| x| {|\n\t|\t|return"},
		"line ends":          {"a\n\n\nb", "a|\n\n|\n|b"},
		"newline, space":     {"a\n b", "a|\n| b"},
		"space, newline":     {"a \nb", "a| |\n|b"},
		"digits":             {"x1y22", "x|1|y|22"},
		"letters":            {"naïve Ünïcode 日本語", "naïve| Ünïcode| 日本語"},
		"numbers":            {"Ⅷ½², ٣", "Ⅷ½²|,| ٣"},
		"combining mark":     {"e\u0301x", "e|\u0301|x"},
		"nbsp":               {"a\u00a0b", "a|\u00a0|b"},
		"ideographic space":  {"a\u3000\u3000b", "a|\u3000|\u3000|b"},
		"emoji":              {"hi 😀😀!", "hi| 😀😀!"},
		"invalid":            {"a\xff\xfeb", "a|\xff\xfe|b"},
		"underscore":         {"foo_bar", "foo|_|bar"},
		"zero width joiner":  {"a\u200db", "a|\u200d|b"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if got := strings.Join(words(tt.text), "|"); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

const spaces = `\t\n\v\f\r \x{85}\x{a0}\x{1680}\x{2000}-\x{200a}\x{2028}\x{2029}\x{202f}\x{205f}\x{3000}`

// The pattern in Go's syntax but for its look-ahead, with White_Space written out.
var (
	beforeSpace = regexp.MustCompile(`^(?:'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^` + spaces + `\p{L}\p{N}]+)`)
	onlySpace   = regexp.MustCompile(`^[` + spaces + `]+`)
)

// referenceWord backtracks over \s+(?!\S) as a regular-expression engine would.
func referenceWord(text string) string {
	if w := beforeSpace.FindString(text); w != "" {
		return w
	}
	run := onlySpace.FindString(text)
	for w := run; w != ""; {
		if w == text || onlySpace.MatchString(text[len(w):]) {
			return w
		}
		_, n := utf8.DecodeLastRuneInString(w)
		w = w[:len(w)-n]
	}
	return run
}

func FuzzNextWord(f *testing.F) {
	for _, s := range []string{"it's  a\n\n\ttest", "\u00a0 \u3000x", " \xff", "'ll've", "½ Ⅷ٣", "a\u0301\u200d \u2028\u2029"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		for rest := text; rest != ""; {
			n := nextWord([]byte(rest))
			if want := referenceWord(rest); rest[:n] != want {
				t.Fatalf("in %q: got %q, want %q", text, rest[:n], want)
			}
			rest = rest[n:]
		}
	})
}
