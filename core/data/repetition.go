package data

import "fmt"

// Repetition holds the thresholds of Rae et al. 2021, table A1: a document is left out that repeats itself more. Lines and paragraphs count as
// duplicates from their second occurrence on; paragraphs are what blank lines separate (the paper does not say; datatrove splits at two line
// ends in a row, so that a blank in an empty line joins two of its paragraphs). A threshold of 1 switches a rule off, since nothing
// repeats itself more than wholly.
type Repetition struct {
	MaxLines, MaxParagraphs         float64 // 0.30, 0.30: duplicate lines of all lines, paragraphs of all paragraphs
	MaxLineChars, MaxParagraphChars float64 // 0.20, 0.20: their characters of all characters
	// MaxTop is for n = 2, 3, 4: characters in the most frequent n-gram of words, all occurrences, of all characters; 0.20, 0.18, 0.16.
	MaxTop [3]float64
	// MaxNGrams is for n = 5 to 10: characters of words covered by n-grams that stood in the document before, each counted once, of all
	// characters; 0.15, 0.14, 0.13, 0.12, 0.11, 0.10.
	MaxNGrams [6]float64
}

// PublishedRepetition are the thresholds of the paper.
var PublishedRepetition = Repetition{MaxLines: 0.30, MaxParagraphs: 0.30, MaxLineChars: 0.20, MaxParagraphChars: 0.20,
	MaxTop: [3]float64{0.20, 0.18, 0.16}, MaxNGrams: [6]float64{0.15, 0.14, 0.13, 0.12, 0.11, 0.10}}

func (r *Repetition) check() error {
	if r == nil {
		return nil
	}
	all := map[string]float64{"max_lines": r.MaxLines, "max_paragraphs": r.MaxParagraphs, "max_line_chars": r.MaxLineChars, "max_paragraph_chars": r.MaxParagraphChars}
	for i, v := range r.MaxTop {
		all[fmt.Sprintf("max_top[%d]", i)] = v
	}
	for i, v := range r.MaxNGrams {
		all[fmt.Sprintf("max_ngrams[%d]", i)] = v
	}
	return checkFractions("repetition", all)
}

func (r *Repetition) rules() []rule {
	all := []rule{
		{"repetition: lines", func(f *facts) bool { return float64(f.duplicateLines().units) > r.MaxLines*float64(f.lines) }},
		{"repetition: paragraphs", func(f *facts) bool {
			p := f.duplicateParagraphs()
			return float64(p.units) > r.MaxParagraphs*float64(p.all)
		}},
		{"repetition: characters in lines", func(f *facts) bool { return float64(f.duplicateLines().runes) > r.MaxLineChars*float64(f.runes) }},
		{"repetition: characters in paragraphs", func(f *facts) bool {
			return float64(f.duplicateParagraphs().runes) > r.MaxParagraphChars*float64(f.runes)
		}},
	}
	for i, most := range r.MaxTop {
		all = append(all, rule{fmt.Sprintf("repetition: top %d-gram", i+2), func(f *facts) bool { return most < 1 && float64(f.topRunes(i+2)) > most*float64(f.runes) }})
	}
	for i, most := range r.MaxNGrams {
		all = append(all, rule{fmt.Sprintf("repetition: %d-grams", i+5), func(f *facts) bool { return most < 1 && float64(f.repeatedRunes(i+5)) > most*float64(f.runes) }})
	}
	return all
}
