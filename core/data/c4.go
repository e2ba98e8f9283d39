package data

import (
	"bytes"
	"context"
	"unicode/utf8"
)

// C4 holds the heuristics of Raffel et al. 2020, "Exploring the Limits of Transfer Learning with a Unified Text-to-Text Transformer", section 2.2.
// Unlike other filters it edits: it takes out lines, and then leaves out pages of which too little is left. They are made for web pages in
// prose; code and verse do not survive them.
//
// One of the paper's steps is not here: the removal of three-sentence spans that occur twice, for which Near is the tool. Its list of bad words, which belongs to
// one language, is not here either: Words names one of yours. Sentence ends of other scripts count as well.
type C4 struct {
	MinLineWords int  // 5: shorter lines are taken out
	Terminal     bool // true: lines that do not end in a terminal punctuation mark are taken out
	MinSentences int  // 3: pages with fewer are left out
	Phrases      bool // true: lines on JavaScript, cookies and terms of use are taken out; pages with "lorem ipsum" or a brace are left out
	Citations    bool // true: Wikipedia's markers, [1], [edit], [citation needed], are taken out
	// Words is a file of words, one a line: pages of which what is left has any of them are left out. Empty: none.
	Words string
	words *wordList // read from it
}

// PublishedC4 is the setting of the paper.
var PublishedC4 = C4{MinLineWords: 5, Terminal: true, MinSentences: 3, Phrases: true, Citations: true}

func (c *C4) check() error {
	if c != nil && (c.MinLineWords < 0 || c.MinSentences < 0) {
		return errorf(ErrConfig, "c4", "got %d words a line and %d sentences, want at least 0", c.MinLineWords, c.MinSentences)
	}
	return nil
}

// Reasons of C4, for lines and for pages.
const (
	c4Lines     = "c4: lines taken out"
	c4Sentences = "c4: too few sentences"
	c4Page      = "c4: lorem ipsum or a brace"
	c4Words     = "c4: a word of the list"
)

var (
	linePhrases = [][]byte{[]byte("javascript"), []byte("terms of use"), []byte("privacy policy"), []byte("cookie policy"), []byte("uses cookies"),
		[]byte("use of cookies"), []byte("use cookies")}
	terminalMarks = []string{".", "!", "?", "\"", "”", "’", "。", "！", "？", "」", "』", "؟", "।", "॥", "።", "…"}
	citations     = [][]byte{[]byte("[citation needed]"), []byte("[edit]")}
)

// ready reads the list of words.
func (c C4) ready() (*C4, error) {
	if c.Words == "" {
		return &c, nil
	}
	var err error
	c.words, err = openWordList(c.Words)
	return &c, err
}

// clean answers what is left of a page, or the reason to leave it out.
func (c *C4) clean(dst, page []byte) (text []byte, reason string) {
	if c.Phrases {
		if low := bytes.ToLower(page); bytes.Contains(low, []byte("lorem ipsum")) || bytes.ContainsAny(page, "{}") {
			return nil, c4Page
		}
	}
	sentences := 0
	for line := range bytes.Lines(page) {
		kept := bytes.TrimSpace(line)
		if c.Citations {
			kept = bytes.TrimSpace(withoutCitations(kept))
		}
		if !c.keeps(kept) {
			continue
		}
		sentences += countSentences(kept)
		dst = append(append(dst, kept...), '\n')
	}
	if sentences < c.MinSentences {
		return nil, c4Sentences
	}
	if c.words != nil && c.words.in(bytes.ToLower(dst)) {
		return nil, c4Words
	}
	return bytes.TrimSuffix(dst, []byte("\n")), ""
}

func (c *C4) keeps(line []byte) bool {
	if c.Terminal {
		// "..." announces the rest of a text that is elsewhere, and is no end.
		mark := terminalMark(line)
		if mark == "" || mark == "…" || bytes.HasSuffix(line, []byte("...")) {
			return false
		}
	}
	if len(bytes.Fields(line)) < c.MinLineWords && !unspacedText(line, c.MinLineWords) {
		return false
	}
	if c.Phrases {
		low := bytes.ToLower(line)
		for _, p := range linePhrases {
			if bytes.Contains(low, p) {
				return false
			}
		}
	}
	return true
}

// unspacedText says whether a line has at least n characters of scripts that put no spaces between words.
func unspacedText(line []byte, n int) bool {
	for _, r := range string(line) {
		if unspaced(r) {
			if n--; n <= 0 {
				return true
			}
		}
	}
	return false
}

func terminalMark(line []byte) string {
	for _, m := range terminalMarks {
		if bytes.HasSuffix(line, []byte(m)) {
			return m
		}
	}
	return ""
}

// countSentences counts the runs of sentence ends that white space or the line's end follows; scripts without spaces need none. Quotes may
// stand between.
func countSentences(line []byte) (n int) {
	ended := false
	for i := 0; i < len(line); {
		r, size := utf8.DecodeRune(line[i:])
		i += size
		switch r {
		case '.', '!', '?', '؟', '।', '॥', '።', '…':
			ended = true
		case '。', '！', '？':
			n++
			ended = false
		case '"', '\'', '”', '’', ')', ']', '」', '』':
		case ' ', '\t':
			if ended {
				n++
			}
			ended = false
		default:
			ended = false
		}
	}
	if ended {
		n++
	}
	return n
}

// withoutCitations takes out [edit], [citation needed] and numbers in brackets.
func withoutCitations(line []byte) []byte {
	if bytes.IndexByte(line, '[') < 0 {
		return line
	}
	var out []byte
	for len(line) > 0 {
		i := bytes.IndexByte(line, '[')
		if i < 0 {
			break
		}
		out = append(out, line[:i]...)
		line = line[i:]
		n := citation(line)
		if n == 0 {
			out, n = append(out, '['), 1
		}
		line = line[n:]
	}
	return append(out, line...)
}

// citation answers how many bytes of a text that begins with a bracket are a marker.
func citation(text []byte) int {
	for _, c := range citations {
		if bytes.HasPrefix(text, c) {
			return len(c)
		}
	}
	n := 1
	for n < len(text) && '0' <= text[n] && text[n] <= '9' {
		n++
	}
	if n > 1 && n < len(text) && text[n] == ']' {
		return n + 1
	}
	return 0
}

// cleaned is a source after C4. What it takes out is reported as it is read.
type cleaned struct {
	source
	c4 *C4
}

func (c cleaned) reasons() []string {
	return append(c.source.reasons(), c4Lines, c4Sentences, c4Page, c4Words)
}

func (c cleaned) each(ctx context.Context, fn func(Document) error, left leftOut) error {
	var buf []byte
	return c.source.each(ctx, func(d Document) error {
		text, reason := c.c4.clean(buf[:0], d.Text)
		if reason != "" {
			left(reason, d.Name, int64(len(d.Text)))
			return nil
		}
		if len(text) < len(d.Text) {
			left(c4Lines, d.Name, int64(len(d.Text)-len(text)))
		}
		if len(text) == 0 {
			left(emptyFiles, d.Name, 0)
			return nil
		}
		buf, d.Text = text, text
		return fn(d)
	}, left)
}
