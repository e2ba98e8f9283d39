package task

import (
	"fmt"
	"strings"

	"github.com/archlab/archlab/core/data"
	"github.com/archlab/archlab/core/data/internal/rng"
)

// Addition is addition of two numbers with the carries written out, as text, for test-time compute: a sampled answer can be
// checked exactly.
//
//	prompt      47+85=
//	completion  7+5+0=12,4+8+1=13:132
//
// The completion has one column for each digit of the longer operand, lowest first: digit+digit+carry=sum in two digits, a missing
// digit written 0. Columns are joined by commas, and the answer follows a colon, without leading zeros. The tokens are those of
// data.Bytes: EOD, prompt, completion, EOD. The completion and the EOD after it are scored.
//
// The number of digits of each operand is uniform in [MinDigits,MaxDigits], the digits uniform without a leading zero. a+b and b+a
// belong to the same split.
type Addition struct{ cfg Config }

const maxDigits = 64

func newAddition(cfg Config) (*Addition, error) {
	if cfg.MaxDigits > maxDigits || cfg.MinDigits > cfg.MaxDigits {
		return nil, configError("max_digits", "got %d to %d digits, want 1 <= min_digits <= max_digits <= %d", cfg.MinDigits, cfg.MaxDigits, maxDigits)
	}
	return &Addition{cfg}, nil
}

// Length is the longest EOD, prompt and completion.
func (a *Addition) Length() int { return 12*a.cfg.MaxDigits + 4 }

// Info describes the task. Chance is that of a uniform guess at one character among the digits and separators.
func (a *Addition) Info() Info {
	c := a.cfg
	return Info{
		Name:          "addition",
		Source:        "archlab's own; the written-out carries follow the scratchpads of Nye et al. 2021 (arXiv:2112.00114) in spirit",
		Vocab:         data.Bytes{}.Vocab(),
		Chance:        1 / 15.0, // 10 digits, + = , : and EOD
		ContextChance: 1 / 15.0,
		Parameters:    map[string]float64{"min_digits": float64(c.MinDigits), "max_digits": float64(c.MaxDigits)},
	}
}

// Tokenizer encodes prompts and decodes completions.
func (a *Addition) Tokenizer() data.Tokenizer { return data.Bytes{} }

// Example is one problem with its solution; a short one is padded with EOD.
func (a *Addition) Example(split data.Split, seed uint64, index int) Example {
	prompt := a.Prompt(split, seed, index)
	completion, _ := Solve(prompt)
	tok := data.Bytes{}
	ids := tok.Encode(data.PromptTokens(tok, []byte(prompt)), []byte(completion))
	ids = append(ids, tok.EOD())
	e := newExample(a.Length())
	for i := range e.Tokens {
		e.Tokens[i] = tok.EOD()
		if i+1 >= len(ids) {
			continue
		}
		e.Tokens[i] = ids[i]
		if i >= len(prompt) {
			e.score(i, ids[i+1])
		}
	}
	return e
}

// Prompt is the problem of Example, as text.
func (a *Addition) Prompt(split data.Split, seed uint64, index int) string {
	var x, y string
	draw(split, seed, index, 0, func(r *rng.Source) uint64 {
		x, y = a.operands(r)
		return hashPair(x, y)
	})
	return x + "+" + y + "="
}

func (a *Addition) problem(r *rng.Source) uint64 { return hashPair(a.operands(r)) }

func (a *Addition) operands(r *rng.Source) (x, y string) {
	return a.operand(r), a.operand(r)
}

func (a *Addition) operand(r *rng.Source) string {
	d := make([]byte, a.cfg.MinDigits+r.Intn(a.cfg.MaxDigits-a.cfg.MinDigits+1))
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

// Solve is the full completion of a prompt.
func Solve(prompt string) (string, error) {
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
	return work.String() + ":" + text, nil
}

// Answer is the number that a completion ends with, for votes; ok is false and answer "" where there is none. The work before the colon is not read.
func (a *Addition) Answer(completion string) (answer string, ok bool) {
	_, answer, ok = strings.Cut(completion, ":")
	if !ok || !isNumber(answer) {
		return "", false
	}
	return answer, true
}

// Verify says whether a completion (the text before EOD) ends in the right answer to the prompt. A wrong prompt has no right answer.
func (a *Addition) Verify(prompt, completion string) bool {
	got, ok := a.Answer(completion)
	want, err := Solve(prompt)
	return ok && err == nil && got == want[strings.IndexByte(want, ':')+1:]
}
