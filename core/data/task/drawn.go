package task

import (
	"github.com/archlab/archlab/core/data"
	"github.com/archlab/archlab/core/data/internal/rng"
)

// drawn is a Task of a design.
type drawn struct {
	kind   *Kind
	values Values
	design *design
}

// Info implements Task.
func (t *drawn) Info() Info {
	d := t.design
	chance := 1 / float64(len(d.answers))
	return Info{
		Name: t.kind.Name, Source: t.kind.Source, Vocab: d.vocab, Chance: chance, ContextChance: max(chance, d.contextChance),
		Whole: t.kind.Whole, Parameters: t.values, kind: t.kind,
	}
}

// Length implements Task.
func (t *drawn) Length() int { return t.design.length }

// Answers implements Task.
func (t *drawn) Answers() []int32 { return t.design.answers }

// Example implements Task.
func (t *drawn) Example(split data.Split, seed uint64, index int) Example {
	e := newExample(t.design.length)
	draw(split, seed, index, 0, func(r *rng.Source) uint64 { return t.generate(split, r, &e) })
	return e
}

func (t *drawn) generate(split data.Split, r *rng.Source, e *Example) uint64 {
	clear(e.Tokens)
	clear(e.Targets)
	clear(e.Weights)
	d := t.design
	if split != data.Train && d.test != nil {
		return d.test(e, r)
	}
	problem := d.draw(e, r)
	for i := 0; d.dense && split == data.Train && i+1 < len(e.Tokens); i++ {
		e.score(i, e.Tokens[i+1])
	}
	return problem
}

// textDesign is what a task with text adds to a design.
type textDesign struct {
	prompt func(r *rng.Source) (prompt string, problem uint64)
	solve  func(prompt string) (string, error)
	answer func(completion string) (string, bool)
	verify func(prompt, completion string) bool
}

// verifiable is a task with text.
type verifiable struct{ *drawn }

// Tokenizer implements Verifiable: bytes.
func (verifiable) Tokenizer() data.Tokenizer { return data.Bytes{} }

// Prompt implements Verifiable.
func (t verifiable) Prompt(split data.Split, seed uint64, index int) (prompt string) {
	draw(split, seed, index, 0, func(r *rng.Source) (problem uint64) {
		prompt, problem = t.design.text.prompt(r)
		return problem
	})
	return prompt
}

// Solution implements Verifiable.
func (t verifiable) Solution(prompt string) (string, error) { return t.design.text.solve(prompt) }

// Answer implements Verifiable.
func (t verifiable) Answer(completion string) (string, bool) { return t.design.text.answer(completion) }

// Verify implements Verifiable.
func (t verifiable) Verify(prompt, completion string) bool {
	return t.design.text.verify(prompt, completion)
}

// putText fills an example with EOD, prompt and completion as bytes, and EOD to its end; the completion and the EOD after it are scored.
func putText(e *Example, prompt, completion string) {
	tok := data.Bytes{}
	ids := tok.Encode(data.PromptTokens(tok, []byte(prompt)), []byte(completion))
	ids = append(ids, tok.EOD())
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
}

// byteAnswers are the ids of the characters of s and of EOD.
func byteAnswers(s string) []int32 {
	tok := data.Bytes{}
	return append(tok.Encode(nil, []byte(s)), tok.EOD())
}

// between lists the ids in [from,to).
func between(from, to int) []int32 {
	out := make([]int32, to-from)
	for i := range out {
		out[i] = int32(from + i)
	}
	return out
}
