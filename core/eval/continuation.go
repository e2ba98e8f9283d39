package eval

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/archlab/archlab/core/family"
)

// Encoder turns text into tokens; tokenizers of core/data are encoders.
type Encoder interface {
	Vocab() int
	EOD() int32
	Encode(dst []int32, text []byte) []int32
}

// Continuation is a text whose probability after a context is asked for.
type Continuation struct{ Context, Text string }

// scoredBytes is the bytes of text that are scored: white space at the context's end is, see split.
func (c Continuation) scoredBytes() int {
	return len(c.Context) - len(strings.TrimRightFunc(c.Context, unicode.IsSpace)) + len(c.Text)
}

// Likelihood is what a model answers of a continuation.
type Likelihood struct {
	LogProb float64 // nats, summed over Tokens
	Greedy  bool    // every token is the argmax, so that greedy decoding would write the continuation
	Tokens  int
	Cut     int // tokens at the beginning of the context that the model could not hold
}

// split encodes a continuation as lm-evaluation-harness does for causal models (lm_eval/api/model.py, _encode_pair): white space at
// the end of the context goes to the continuation, both are encoded in one, and the continuation's tokens are those after as many as the context
// alone has. EOD stands before all, as documents begin in training; there it is the prefix of empty contexts alone.
//
// Where a token spans the boundary, its part before it is scored as well, or the first bytes after it are not: the count of tokens decides,
// not the count of bytes.
func split(tok Encoder, c Continuation) (tokens []int32, scored int) {
	head := strings.TrimRightFunc(c.Context, unicode.IsSpace)
	tokens = tok.Encode([]int32{tok.EOD()}, []byte(c.Context+c.Text))
	before := 0
	if head != "" {
		before = len(tok.Encode(nil, []byte(head)))
	}
	return tokens, len(tokens) - 1 - before
}

// batchTokens bounds the tokens of a batch of continuations.
const batchTokens = 4096

// Likelihoods scores continuations with a model that holds so many tokens; longer contexts lose their beginning, as in
// lm-evaluation-harness. Continuations of like lengths share a batch; the answers are in the order of the questions.
func Likelihoods(ctx context.Context, m Scorer, tok Encoder, longest int, list []Continuation) ([]Likelihood, error) {
	type item struct {
		tokens []int32 // inputs and, one further, targets
		scored int
	}
	items, order := make([]item, len(list)), make([]int, len(list))
	out := make([]Likelihood, len(list))
	for i, c := range list {
		tokens, scored := split(tok, c)
		if scored < 1 {
			return nil, fmt.Errorf("continuation %q: it adds no token to its context", c.Text)
		}
		if over := len(tokens) - 1 - longest; over > 0 {
			if scored > longest {
				return nil, fmt.Errorf("continuation %.40q: it has %d tokens, the model holds %d", c.Text, scored, longest)
			}
			tokens, out[i].Cut = tokens[over:], over
		}
		items[i], order[i] = item{tokens, scored}, i
	}
	slices.SortStableFunc(order, func(a, b int) int { return len(items[a].tokens) - len(items[b].tokens) })
	for from := 0; from < len(order); {
		to, T := from, 0
		for to < len(order) {
			n := len(items[order[to]].tokens) - 1
			if to > from && n*(to-from+1) > batchTokens {
				break
			}
			T = n
			to++
		}
		b := family.Batch{B: to - from, T: T, Tokens: make([]int32, (to-from)*T), Targets: make([]int32, (to-from)*T), Weights: make([]float32, (to-from)*T)}
		for row, i := range order[from:to] {
			x := items[i]
			n := len(x.tokens) - 1
			copy(b.Tokens[row*T:], x.tokens[:n])
			for k := n - x.scored; k < n; k++ {
				b.Targets[row*T+k], b.Weights[row*T+k] = x.tokens[k+1], 1
			}
		}
		r, err := m.Score(ctx, b)
		if err != nil {
			return nil, err
		}
		if n := b.B * b.T; len(r.LogProbs) != n || len(r.Correct) != n {
			return nil, family.Errorf(family.Internal, "score", "got %d log-probabilities and %d flags, want B*T=%d", len(r.LogProbs), len(r.Correct), n)
		}
		for row, i := range order[from:to] {
			l := &out[i]
			l.Greedy = true
			for k := row * T; k < (row+1)*T; k++ {
				if b.Weights[k] == 0 {
					continue
				}
				p := float64(r.LogProbs[k])
				if p-p != 0 || p > logSlack {
					return nil, family.Errorf(family.Internal, fmt.Sprintf("score.log_probs[%d]", k), "got %v for target %d, want a logarithm of a probability", r.LogProbs[k], b.Targets[k])
				}
				l.LogProb += p
				l.Tokens++
				l.Greedy = l.Greedy && r.Correct[k]
			}
		}
		from = to
	}
	return out, nil
}

// characters is Python's len of a text: its code points.
func characters(s string) float64 { return float64(utf8.RuneCountInString(s)) }

// Length is the number of tokens that a model is fed for a continuation.
func Length(tok Encoder, c Continuation) int {
	tokens, _ := split(tok, c)
	return len(tokens) - 1
}
