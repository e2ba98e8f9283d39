package tokenizer

// The first two alternatives of PatternO200K are P?A*B+ and P?A+B*, each with a contraction at its end, where
//
//	P = [^\r\n\p{L}\p{N}]   A = [\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]   B = [\p{Ll}\p{Lm}\p{Lo}\p{M}]
//
// Lm, Lo and M are in A and in B, and M is in P too, which is where a regex engine goes back.
const (
	headLetters = classUpper | classLetter | classMark // A
	tailLetters = classLower | classLetter | classMark // B
)

// scanO200K is PatternO200K.
func (t *classTable) scanO200K(text []byte) int {
	c, n := t.at(text)
	if c&classNumber != 0 {
		return n + t.numbers(text[n:], 2)
	}
	if first := text[0]; first != '\r' && first != '\n' {
		from := n // behind P
		if c&letters != 0 {
			from = 0
		}
		if word := t.letters(text, from, c); word > 0 {
			return word + contraction(text[word:], true)
		}
	}
	const not = letters | classNumber | classSpace
	if c&classSpace == 0 {
		n += t.others(text[n:], not)
		return n + newlines(text[n:], true)
	}
	if text[0] == ' ' && len(text) > 1 {
		if after, m := t.at(text[1:]); after&not == 0 {
			n = 1 + m + t.others(text[1+m:], not)
			return n + newlines(text[n:], true)
		}
	}
	return t.lines(text, false)
}

// letters is P?A*B+|P?A+B*, where from is the length of P and first its class; 0 when neither matches.
func (t *classTable) letters(text []byte, from int, first class) int {
	head := from + t.run(text[from:], headLetters)
	if tail := t.run(text[head:], tailLetters); tail > 0 {
		return head + tail
	}
	// A* took all that B+ could have: it gives back down to the last code point that is in both.
	for at := head; at > from; {
		n := last(text[from:at])
		if c, _ := t.at(text[at-n:]); c&tailLetters != 0 {
			return at
		}
		at -= n
	}
	if first&classMark != 0 {
		return from // P gives the mark back, which is all that B+ then gets
	}
	if head > from {
		return head // A+, and no B
	}
	return 0
}
