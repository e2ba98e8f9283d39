package task

import (
	"fmt"
	"slices"
	"strings"

	"github.com/archlab/archlab/core/data"
	"github.com/archlab/archlab/core/data/internal/rng"
)

// additionKind is addition of two numbers as text, for test-time compute: a sampled answer can be checked exactly. With work the carries
// are written out:
//
//	prompt      47+85=
//	completion  7+5+0=12,4+8+1=13:132
//
// The completion then has one column for each digit of the longer operand, lowest first: digit+digit+carry=sum in two digits, a missing
// digit written 0. Columns are joined by commas, and the answer follows a colon. Without work the completion is the answer alone. Answers have
// no leading zeros; reversed ones are written lowest digit first. The tokens are those of data.Bytes: EOD, prompt, completion, EOD. The
// completion and the EOD after it are scored.
//
// The number of digits of each operand is uniform in [min_digits,max_digits], the digits uniform without a leading zero. a+b and b+a
// belong to the same split.
//
// The paper preset is the reverse format of Lee et al. 2023, section 3, with 10000 examples of up to 3 digits; theirs are 100, 900 and 9000
// sums of 1, 2 and 3 digits between dollar signs.
var additionKind = Kind{
	Name: "addition", Suite: "arithmetic", Summary: "addition of two numbers as text, with or without the carries written out",
	Source:      "Lee et al. 2023, Teaching Arithmetic to Small Transformers (arXiv:2307.03381), reverse format; carries after Nye et al. 2021, Show Your Work (arXiv:2112.00114)",
	Unpublished: "numbers of digits are drawn uniformly, and EOD stands for the delimiter $",
	Examples:    10_000,
	Params: []Param{
		{Key: "min_digits", Doc: "fewest digits of an operand", Min: 1, Max: maxDigits, Paper: 1, CPU: 1},
		{Key: "max_digits", Doc: "most digits of an operand", Min: 1, Max: maxDigits, Size: true, Paper: 3, CPU: 3},
		{Key: "work", Doc: "write the carries out before the answer", Switch: true, CPU: 1},
		{Key: "reversed", Doc: "write the answer's lowest digit first", Switch: true, Paper: 1},
	},
	Whole: true, Scale: "max_digits", Floor: "min_digits",
	open: func(v Values) (*design, error) {
		lo, hi := v.int("min_digits"), v.int("max_digits")
		if lo > hi {
			return nil, configError("max_digits", "got %d to %d digits, want min_digits <= max_digits", lo, hi)
		}
		f := sumFormat{work: v["work"] != 0, reversed: v["reversed"] != 0}
		problem := func(r *rng.Source) (string, uint64) {
			x, y := operand(r, lo, hi), operand(r, lo, hi)
			return x + "+" + y + "=", hashPair(x, y)
		}
		d := &design{
			length: 3*hi + 4, vocab: data.Bytes{}.Vocab(), answers: byteAnswers("0123456789"),
			draw: func(e *Example, r *rng.Source) uint64 {
				prompt, hash := problem(r)
				completion, _ := f.solve(prompt)
				putText(e, prompt, completion)
				return hash
			},
			text: &textDesign{prompt: problem, solve: f.solve, answer: f.answer, verify: f.verify},
		}
		if f.work {
			d.length, d.answers = 12*hi+4, byteAnswers("0123456789+=,:")
		}
		return d, nil
	},
}

// sumFormat is how a completion is written.
type sumFormat struct{ work, reversed bool }

const maxDigits = 64

func operand(r *rng.Source, lo, hi int) string {
	d := make([]byte, lo+r.Intn(hi-lo+1))
	for i := range d {
		if i == 0 && len(d) > 1 {
			d[i] = byte('1' + r.Intn(9))
		} else {
			d[i] = byte('0' + r.Intn(10))
		}
	}
	return string(d)
}

func hashPair(x, y string) uint64 {
	if x > y {
		x, y = y, x
	}
	var ids []int32
	for _, c := range x + "+" + y {
		ids = append(ids, c)
	}
	return hashTokens(ids)
}

// parse splits a prompt into its operands.
func parse(prompt string) (x, y string, err error) {
	body, ok := strings.CutSuffix(prompt, "=")
	x, y, plus := strings.Cut(body, "+")
	if !ok || !plus || !isNumber(x) || !isNumber(y) {
		return "", "", &data.Error{Kind: data.ErrFormat, Where: "prompt", Message: fmt.Sprintf("got %.40q, want two numbers as in \"47+85=\"", prompt)}
	}
	return x, y, nil
}

func isNumber(s string) bool {
	if s == "" || len(s) > 1 && s[0] == '0' {
		return false
	}
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return true
}

// solve is the full completion of a prompt.
func (f sumFormat) solve(prompt string) (string, error) {
	x, y, err := parse(prompt)
	if err != nil {
		return "", err
	}
	n := max(len(x), len(y))
	digit := func(s string, i int) int {
		if i >= len(s) {
			return 0
		}
		return int(s[len(s)-1-i] - '0')
	}
	var work strings.Builder
	answer := make([]byte, n+1)
	carry := 0
	for i := range n {
		if i > 0 {
			work.WriteByte(',')
		}
		dx, dy := digit(x, i), digit(y, i)
		sum := dx + dy + carry
		fmt.Fprintf(&work, "%d+%d+%d=%02d", dx, dy, carry, sum)
		answer[n-i] = byte('0' + sum%10)
		carry = sum / 10
	}
	answer[0] = byte('0' + carry)
	text := strings.TrimLeft(string(answer), "0")
	if text == "" {
		text = "0"
	}
	if f.reversed {
		text = backwards(text)
	}
	if !f.work {
		return text, nil
	}
	return work.String() + ":" + text, nil
}

// answer is the number that a completion ends with, highest digit first, for votes; ok is false and answer "" where there is none. The work
// before the colon is not read.
func (f sumFormat) answer(completion string) (answer string, ok bool) {
	answer, ok = completion, true
	if f.work {
		_, answer, ok = strings.Cut(completion, ":")
	}
	if f.reversed {
		answer = backwards(answer)
	}
	if !ok || !isNumber(answer) {
		return "", false
	}
	return answer, true
}

// verify says whether a completion (the text before EOD) ends in the right answer to the prompt. A wrong prompt has no right answer.
func (f sumFormat) verify(prompt, completion string) bool {
	got, ok := f.answer(completion)
	solution, err := f.solve(prompt)
	want, _ := f.answer(solution)
	return ok && err == nil && got == want
}

// backwards reverses the bytes of s.
func backwards(s string) string {
	b := []byte(s)
	slices.Reverse(b)
	return string(b)
}
