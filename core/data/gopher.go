package data

import "bytes"

// Gopher holds the quality thresholds of Rae et al. 2021, "Scaling Language Models: Methods, Analysis & Insights from Training Gopher",
// appendix A.1.1. Words are what white space separates. Of the paper's rules the one that asks for two of eight English stop words is left out,
// since it judges the language rather than the text.
//
// Scripts without spaces have few and long "words": set MinWords to 0 and MaxWordLength to 0 for them.
type Gopher struct {
	MinWords, MaxWords           int     // 50, 100000 words a document; a maximum of 0 does not bound
	MinWordLength, MaxWordLength float64 // 3, 10 characters a word in the mean; a maximum of 0 does not bound
	MaxSymbols                   float64 // 0.1: '#' a word, and ellipses a word
	MaxBulletLines               float64 // 0.9 of lines begin with a bullet
	MaxEllipsisLines             float64 // 0.3 of lines end with an ellipsis
	MinAlphabetic                float64 // 0.8 of words have a letter
}

// PublishedGopher are the thresholds of the paper.
var PublishedGopher = Gopher{MinWords: 50, MaxWords: 100_000, MinWordLength: 3, MaxWordLength: 10, MaxSymbols: 0.1, MaxBulletLines: 0.9,
	MaxEllipsisLines: 0.3, MinAlphabetic: 0.8}

func (g *Gopher) check() error {
	if g == nil {
		return nil
	}
	if g.MinWords < 0 || g.MaxWords < 0 || g.MaxWords > 0 && g.MaxWords < g.MinWords {
		return errorf(ErrConfig, "gopher", "got %d to %d words, want at least 0 and no less than the least", g.MinWords, g.MaxWords)
	}
	if !(g.MinWordLength >= 0 && g.MaxWordLength >= 0) || g.MaxWordLength > 0 && g.MaxWordLength < g.MinWordLength {
		return errorf(ErrConfig, "gopher", "got words of %v to %v characters, want at least 0 and no less than the least", g.MinWordLength, g.MaxWordLength)
	}
	if !(g.MaxSymbols >= 0) {
		return errorf(ErrConfig, "gopher.max_symbols", "got %v, want at least 0", g.MaxSymbols)
	}
	return checkFractions("gopher", map[string]float64{"max_bullet_lines": g.MaxBulletLines, "max_ellipsis_lines": g.MaxEllipsisLines, "min_alphabetic": g.MinAlphabetic})
}

func (g *Gopher) rules() []rule {
	return []rule{
		{"gopher: too few words", func(f *facts) bool { return f.words < g.MinWords }},
		{"gopher: too many words", func(f *facts) bool { return g.MaxWords > 0 && f.words > g.MaxWords }},
		{"gopher: short words", func(f *facts) bool { return float64(f.wordRunes) < g.MinWordLength*float64(f.words) }},
		{"gopher: long words", func(f *facts) bool {
			return g.MaxWordLength > 0 && float64(f.wordRunes) > g.MaxWordLength*float64(f.words)
		}},
		{"gopher: hash signs", func(f *facts) bool { return float64(f.hashes) > g.MaxSymbols*float64(f.words) }},
		{"gopher: ellipses", func(f *facts) bool { return float64(f.ellipses) > g.MaxSymbols*float64(f.words) }},
		{"gopher: bullet lines", func(f *facts) bool { return float64(f.bulletLines) > g.MaxBulletLines*float64(f.lines) }},
		{"gopher: lines that break off", func(f *facts) bool { return float64(f.ellipsisLines) > g.MaxEllipsisLines*float64(f.lines) }},
		{"gopher: words without letters", func(f *facts) bool { return float64(f.alphabetic) < g.MinAlphabetic*float64(f.words) }},
	}
}

var bullets = [][]byte{[]byte("•"), []byte("‣"), []byte("◦"), []byte("●"), []byte("▪"), []byte("*"), []byte("-"), []byte("–"), []byte("·")}

func beginsWithBullet(line []byte) bool {
	for _, b := range bullets {
		if bytes.HasPrefix(line, b) {
			return true
		}
	}
	return false
}

func endsWithEllipsis(line []byte) bool {
	return bytes.HasSuffix(line, []byte("...")) || bytes.HasSuffix(line, []byte("…"))
}
