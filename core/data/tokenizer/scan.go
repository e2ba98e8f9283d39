package tokenizer

// The regexes that cut text into words, as their tokenizers' files write them. What they say is done by hand-written scanners; the
// tests hold each scanner to its regex.
const (
	// PatternGPT2 is GPT-2's (Radford et al. 2019), and that of the rank files r50k and p50k.
	PatternGPT2 = `'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+`
	// PatternLlama3 is Llama 3's, which is how tiktoken spelled cl100k before white space at the end of a text became one word.
	PatternLlama3 = `(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+`
	// PatternCL100K is tiktoken's cl100k_base. Tiktoken writes \s+$, where $ is the end of the text; in the regex engine of the Rust
	// tokenizers $ is the end of any line, so that \z says it here.
	PatternCL100K = `(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s+\z|\s*[\r\n]+|\s+(?!\S)|\s+`
	// PatternQwen2 is Qwen 2's: digits one by one.
	PatternQwen2 = `(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+`
	// PatternO200K is tiktoken's o200k_base.
	PatternO200K = `[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?` +
		`|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?` +
		`|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+`
)

// patterns are the names by which users call the regexes.
var patterns = map[string]string{
	"gpt2": PatternGPT2, "r50k": PatternGPT2, "p50k": PatternGPT2,
	"cl100k": PatternCL100K, "o200k": PatternO200K, "llama3": PatternLlama3, "qwen2": PatternQwen2,
}

// scanner answers the hand-written form of a regex, if there is one: a function that says how long the first word of a text is. The
// text must not be empty. Text that is not UTF-8 is cut as if each byte that does not belong were a symbol.
func scanner(pattern string) (func(text []byte) int, bool) {
	t := theClasses()
	switch pattern {
	case PatternGPT2:
		return t.scanGPT2, true
	case PatternLlama3:
		return func(text []byte) int { return t.scanCL100K(text, 3, false) }, true
	case PatternQwen2:
		return func(text []byte) int { return t.scanCL100K(text, 1, false) }, true
	case PatternCL100K:
		return func(text []byte) int { return t.scanCL100K(text, 3, true) }, true
	case PatternO200K:
		return t.scanO200K, true
	}
	return nil, false
}

// scanGPT2 is PatternGPT2. Alternatives are tried in order.
func (t *classTable) scanGPT2(text []byte) int {
	if text[0] == '\'' {
		if n := contraction(text, false); n > 0 {
			return n
		}
	}
	at := 0
	c, n := t.at(text)
	if text[0] == ' ' && len(text) > 1 {
		at = 1
		c, n = t.at(text[1:])
	}
	switch {
	case c&letters != 0:
		return at + n + t.run(text[at+n:], letters)
	case c&classNumber != 0:
		return at + n + t.run(text[at+n:], classNumber)
	case c&classSpace == 0:
		return at + n + t.others(text[at+n:], letters|classNumber|classSpace)
	}
	return t.spaces(text, t.run(text, classSpace))
}

// spaces is \s+(?!\S)|\s+ on text that begins with run bytes of white space: the last space is given back to the word that follows,
// unless it is the only one.
func (t *classTable) spaces(text []byte, run int) int {
	if run == len(text) {
		return run
	}
	if n := last(text[:run]); n < run {
		return run - n
	}
	return run
}

// scanCL100K is PatternCL100K (atEnd), PatternLlama3, or with digits = 1 PatternQwen2.
func (t *classTable) scanCL100K(text []byte, digits int, atEnd bool) int {
	if text[0] == '\'' {
		if n := contraction(text, true); n > 0 {
			return n
		}
	}
	c, n := t.at(text)
	switch {
	case c&letters != 0:
		return n + t.run(text[n:], letters)
	case c&classNumber != 0:
		return n + t.numbers(text[n:], digits-1)
	}
	after, m := classSpace, 0 // at the end of the text nothing follows that could be taken
	if n < len(text) {
		after, m = t.at(text[n:])
	}
	if after&letters != 0 && text[0] != '\r' && text[0] != '\n' {
		return n + m + t.run(text[n+m:], letters)
	}
	const word = letters | classNumber | classSpace
	switch {
	case c&classSpace == 0:
		n += t.others(text[n:], word)
		return n + newlines(text[n:], false)
	case text[0] == ' ' && after&word == 0:
		n += m + t.others(text[n+m:], word)
		return n + newlines(text[n:], false)
	}
	return t.lines(text, atEnd)
}

// lines is \s+\z (atEnd), \s*[\r\n]+, \s+(?!\S), \s+ on text that begins with white space.
func (t *classTable) lines(text []byte, atEnd bool) int {
	run := t.run(text, classSpace)
	if atEnd && run == len(text) {
		return run
	}
	for i := run; i > 0; i-- {
		if text[i-1] == '\n' || text[i-1] == '\r' {
			return i
		}
	}
	return t.spaces(text, run)
}

// numbers answers how far at most limit numbers go.
func (t *classTable) numbers(text []byte, limit int) int {
	i := 0
	for ; limit > 0 && i < len(text); limit-- {
		c, n := t.at(text[i:])
		if c&classNumber == 0 {
			break
		}
		i += n
	}
	return i
}

// newlines is [\r\n]* or [\r\n/]*.
func newlines(text []byte, slash bool) int {
	i := 0
	for i < len(text) && (text[i] == '\n' || text[i] == '\r' || slash && text[i] == '/') {
		i++
	}
	return i
}

// contraction is the length of 's, 't, 're, 've, 'm, 'll or 'd, or 0. Without regard to case it takes capitals and the long s
// (U+017F), which folds to s.
func contraction(text []byte, fold bool) int {
	if len(text) < 2 || text[0] != '\'' {
		return 0
	}
	a, b := text[1], byte(0)
	if len(text) > 2 {
		b = text[2]
	}
	if fold {
		if a == 0xC5 && b == 0xBF {
			return 3
		}
		a, b = lower(a), lower(b)
	}
	switch a {
	case 's', 't', 'm', 'd':
		return 2
	case 'r', 'v':
		if b == 'e' {
			return 3
		}
	case 'l':
		if b == 'l' {
			return 3
		}
	}
	return 0
}

func lower(b byte) byte {
	if b >= 'A' && b <= 'Z' {
		return b + 'a' - 'A'
	}
	return b
}
