package eval

import (
	"bytes"
	"context"
	"slices"
	"strings"

	"github.com/archlab/archlab/core/family"
)

// Speller is an Encoder that turns tokens back into text; tokenizers of core/data are spellers.
type Speller interface {
	Encoder
	Decode(dst []byte, ids []int32) []byte
}

// Decoder is the part of a model that decodes.
type Decoder interface {
	Open(ctx context.Context, n int) ([]family.StateID, error)
	Extend(ctx context.Context, req family.ExtendRequest) (family.ExtendResult, error)
	Close(ctx context.Context, states []family.StateID) error
}

// beyond is the bytes after an answer that decide whether it ended there: "," and a digit.
const beyond = 2

// WrittenTokens is the most tokens that Written feeds a model for a problem.
func WrittenTokens(tok Encoder, c Continuation) int {
	return 1 + len(tok.Encode(nil, []byte(c.Context))) + limit(c.Text)
}

// limit is how many tokens may be written before an answer must stand: a token spells a byte or more, but for special ones.
func limit(answer string) int { return len(answer) + beyond }

// Written answers for each problem whether greedy decoding after its context writes its text and ends there. A model that was not trained on a task has no token
// that ends an answer. A text counts as ended before the end of the document and before whatever does not continue it: an answer that ends in a digit is
// continued by a digit, and by a point or comma with a digit behind, so that "12" is not right where the model writes "123" or "12.5".
//
// The written text is what its tokens spell after the context's, and is held against what the tokenizer makes of the right text there; some change blanks and case.
func Written(ctx context.Context, m Decoder, tok Speller, list []Continuation) ([]bool, error) {
	out := make([]bool, len(list))
	order := make([]int, len(list))
	prompts := make([][]int32, len(list))
	for i, c := range list {
		order[i], prompts[i] = i, tok.Encode([]int32{tok.EOD()}, []byte(c.Context))
	}
	slices.SortStableFunc(order, func(a, b int) int { return len(prompts[a]) - len(prompts[b]) })
	for from := 0; from < len(order); {
		to, tokens := from, 0
		for to < len(order) && (to == from || tokens+len(prompts[order[to]]) <= batchTokens) {
			tokens += len(prompts[order[to]])
			to++
		}
		group := make([]*writing, 0, to-from)
		for _, i := range order[from:to] {
			group = append(group, newWriting(tok, prompts[i], list[i]))
		}
		if err := write(ctx, m, tok, group); err != nil {
			return nil, err
		}
		for k, i := range order[from:to] {
			out[i] = group[k].right
		}
		from = to
	}
	return out, nil
}

// writing is one answer while it is written.
type writing struct {
	state   family.StateID
	tokens  []int32 // EOD, the context, and what was written
	spelt   int     // bytes that EOD and the context spell
	want    string
	last    int // tokens at which it has to stand
	right   bool
	decided bool
}

func newWriting(tok Speller, prompt []int32, c Continuation) *writing {
	w := &writing{tokens: slices.Clone(prompt), want: c.Text, last: len(prompt) + limit(c.Text)}
	before := tok.Decode(nil, prompt)
	w.spelt = len(before)
	if after, ok := bytes.CutPrefix(tok.Decode(nil, tok.Encode([]int32{tok.EOD()}, []byte(c.Context+c.Text))), before); ok {
		w.want = string(after)
	}
	return w
}

// take appends a token and decides where the text so far does.
func (w *writing) take(tok Speller, id int32) {
	w.tokens = append(w.tokens, id)
	text := tok.Decode(nil, w.tokens)
	written := string(text[min(w.spelt, len(text)):])
	ended := id == tok.EOD() || len(w.tokens) >= w.last
	rest, ok := strings.CutPrefix(written, w.want)
	switch {
	case ok:
		w.right, w.decided = stops(w.want, rest, ended)
	default:
		w.decided = ended || !strings.HasPrefix(w.want, written)
	}
}

// stops says whether an answer is at its end before rest, as far as rest tells; ended says that nothing follows it.
func stops(answer, rest string, ended bool) (yes, known bool) {
	digit := func(s string, at int) bool { return at < len(s) && s[at] >= '0' && s[at] <= '9' }
	switch {
	case answer == "" || !digit(answer, len(answer)-1):
		return true, true
	case rest == "" || len(rest) == 1 && strings.Contains(".,", rest):
		return ended, ended
	case digit(rest, 0), strings.Contains(".,", rest[:1]) && digit(rest, 1):
		return false, true
	}
	return true, true
}

// write decodes a group greedily, in lockstep, until each is decided.
func write(ctx context.Context, m Decoder, tok Speller, group []*writing) (err error) {
	states, err := m.Open(ctx, len(group))
	if err != nil {
		return err
	}
	defer func() {
		if e := m.Close(context.WithoutCancel(ctx), states); e != nil && err == nil {
			err = e
		}
	}()
	live := make([]*writing, len(group))
	items := make([]family.ExtendItem, len(group))
	for i, w := range group {
		w.state = states[i]
		live[i], items[i] = w, family.ExtendItem{State: w.state, Tokens: w.tokens}
	}
	for len(live) > 0 {
		r, err := m.Extend(ctx, family.ExtendRequest{Items: items, TopK: 1})
		if err != nil {
			return err
		}
		if r.Rows != len(items) || r.Width != 1 || len(r.IDs) != len(items) {
			return family.Errorf(family.Internal, "extend", "got %d rows of %d ids, want %d of 1", r.Rows, r.Width, len(items))
		}
		for i, w := range live {
			w.take(tok, r.IDs[i])
		}
		live = slices.DeleteFunc(live, func(w *writing) bool { return w.decided })
		items = items[:0]
		for _, w := range live {
			items = append(items, family.ExtendItem{State: w.state, Tokens: w.tokens[len(w.tokens)-1:]})
		}
	}
	return nil
}
