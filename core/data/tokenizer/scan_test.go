package tokenizer

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/dlclark/regexp2/v2"
)

// scanned lists the patterns that have a scanner.
var scanned = []struct{ name, pattern string }{
	{"gpt2", PatternGPT2}, {"llama3", PatternLlama3}, {"cl100k", PatternCL100K}, {"qwen2", PatternQwen2}, {"o200k", PatternO200K},
}

// TestScannersAreTheirRegexes holds each scanner to a regex engine that runs the literal pattern, on random strings of what is hard:
// the words found must be the same.
func TestScannersAreTheirRegexes(t *testing.T) {
	for _, s := range scanned {
		t.Run(s.name, func(t *testing.T) {
			scan, ok := scanner(s.pattern)
			if !ok {
				t.Fatal("no scanner")
			}
			// The engine folds no long s under (?i:, as the references do; it is spelled out for it.
			re := regexp2.MustCompile(strings.ReplaceAll(s.pattern, `(?i:'s`, `(?i:'[sſ]`), regexp2.None)
			rng := rand.New(rand.NewPCG(1, 2))
			for range 3000 {
				text := hardText(rng, 1+rng.IntN(24))
				want := regexWords(t, re, text)
				got := scanWords(t, scan, []byte(text))
				if fmt.Sprintf("%q", got) != fmt.Sprintf("%q", want) {
					t.Fatalf("%q:\n got %q\nwant %q", text, got, want)
				}
			}
		})
	}
}

func regexWords(t *testing.T, re *regexp2.Regexp, text string) []string {
	t.Helper()
	var words []string
	m, err := re.FindStringMatch(text)
	for ; m != nil && err == nil; m, err = re.FindNextMatch(m) {
		words = append(words, m.String())
	}
	if err != nil {
		t.Fatal(err)
	}
	return words
}

func scanWords(t *testing.T, scan func([]byte) int, text []byte) []string {
	t.Helper()
	var words []string
	for len(text) > 0 {
		n := scan(text)
		if n <= 0 || n > len(text) {
			t.Fatalf("a word of %d bytes in %q", n, text)
		}
		words = append(words, string(text[:n]))
		text = text[n:]
	}
	return words
}

// hardPieces are what random texts are put together from: every class of code point, in one to four bytes, and what patterns name.
var hardPieces = []string{
	" ", " ", " ", "  ", "\n", "\n", "\r", "\r\n", "\t", "\v", "\f", "\u0085", "\u00a0", "\u2028", "\u3000", "\u200b", "\ufeff", "\u1680",
	"'", "'", "'s", "'S", "'ſ", "ſ", "'t", "'re", "'Re", "'rE", "'VE", "'ve", "'m", "'M", "'ll", "'lL", "'d", "'D", "'x", "'l", "’s", "K",
	"a", "b", "Z", "the", "The", "THE", "é", "É", "ß", "ǅ", "ʰ", "ª", "漢", "字", "ひらがな", "한국", "ก็", "ا", "שׁ", "अ", "Σ", "ς", "İ", "ı",
	"\u0301", "\u0300\u0323", "\u20dd", "\u0903", "e\u0301", "A\u0301", "\u200d", "👨‍👩‍👧", "🏳️‍🌈", "🇩🇪", "😀", "ﬁ", "ﬆ",
	"0", "1", "23", "456", "7890", "٣", "Ⅷ", "½", "²", "१२३४", "𝟘", "㊿",
	"!", ".", "...", "/", "//", "-", "_", "$", "€", "+", "<", "|", "©", "\x00", "\x07", "\x7f", "\u0378", "\U000e0001", "\U00020000", "\U0002fa1d", "\U0003134f",
	"\U0010ffff", "\ue000", "�", "𐐀", "𐐨", "𝒜", "\U0001e900",
}

func hardText(rng *rand.Rand, pieces int) string {
	var b strings.Builder
	for range pieces {
		b.WriteString(hardPieces[rng.IntN(len(hardPieces))])
	}
	return b.String()
}

// TestBytesThatAreNotText: each byte that is no part of UTF-8 is cut as a symbol is.
func TestBytesThatAreNotText(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	for _, s := range scanned {
		scan, _ := scanner(s.pattern)
		for range 3000 {
			var raw, stand []byte // stand has "§" where raw has a byte that does not belong
			for range 1 + rng.IntN(12) {
				if rng.IntN(3) == 0 {
					raw = append(raw, byte(0x80+rng.IntN(0x40)))
				} else {
					raw = append(raw, hardPieces[rng.IntN(len(hardPieces))]...)
				}
			}
			for i := 0; i < len(raw); {
				r, n := utf8.DecodeRune(raw[i:])
				if r == utf8.RuneError && n == 1 {
					stand = append(stand, "§"...)
				} else {
					stand = append(stand, raw[i:i+n]...)
				}
				i += n
			}
			var got, want []int // in code points
			for _, w := range scanWords(t, scan, raw) {
				got = append(got, utf8.RuneCountInString(w))
			}
			for _, w := range scanWords(t, scan, stand) {
				want = append(want, utf8.RuneCountInString(w))
			}
			if fmt.Sprint(got) != fmt.Sprint(want) {
				t.Fatalf("%s: %q: got %d, want %d", s.name, raw, got, want)
			}
		}
	}
}

// TestClassesAgreeWithUnicode: where Go's tables know a code point, the classes are theirs.
func TestClassesAgreeWithUnicode(t *testing.T) {
	table := theClasses()
	for r := rune(0); r <= unicode.MaxRune; r++ {
		want := classOther
		switch {
		case unicode.Is(unicode.White_Space, r):
			want = classSpace
		case unicode.In(r, unicode.Lu, unicode.Lt):
			want = classUpper
		case unicode.Is(unicode.Ll, r):
			want = classLower
		case unicode.In(r, unicode.Lm, unicode.Lo):
			want = classLetter
		case unicode.Is(unicode.M, r):
			want = classMark
		case unicode.Is(unicode.N, r):
			want = classNumber
		}
		if got := table.of(r); got != want && want != classOther {
			t.Fatalf("U+%04X: got class %d, Go has %d", r, got, want)
		}
	}
	for r, want := range map[rune]class{0x1c89: classUpper, 0x1c8a: classLower, 0x105c0: classLetter, 0x897: classMark, 0x10d40: classNumber, 0xfeff: classOther, 0x85: classSpace} {
		if got := table.of(r); got != want {
			t.Errorf("U+%04X: got class %d, want %d", r, got, want)
		}
	}
}

func FuzzScanners(f *testing.F) {
	f.Add([]byte("It's  a\u0301 test:\n\n 1234 ſ'ſ\xff\xf0\x9f"))
	f.Fuzz(func(t *testing.T, text []byte) {
		for _, s := range scanned {
			scan, _ := scanner(s.pattern)
			scanWords(t, scan, text)
		}
	})
}
