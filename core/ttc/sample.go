// Package ttc spends test-time compute: it samples from any family through decoding states and turns samples into
// answers by greedy decoding, majority vote or best-of-n with an exact verifier. It trains nothing and sees models
// only through core/family.
//
//	tokens, err := ttc.Generate(ctx, m, prompt, ttc.Sampling{Temperature: 0.8, TopK: 40, MaxTokens: 100, Stop: eod, Seed: 1}, nil)
package ttc

import (
	"context"
	"math"
	"math/rand/v2"
	"sort"

	"github.com/archlab/archlab/core/family"
)

// Sampling says how tokens are drawn.
type Sampling struct {
	Temperature float64 // 0 is greedy: the largest logit, ties to the lowest token id
	TopK        int     // 0 draws from the whole vocabulary
	MaxTokens   int     // generated at most
	Stop        int32   // ends a sample and is not part of it; negative means never
	Seed        uint64
}

// stream is one sequence being generated.
type stream struct {
	problem int // index in its group
	state   family.StateID
	rng     *rand.Rand
	tokens  []int32
	fed     int // tokens of them that the state has seen
	done    bool
}

// source makes the random source of one stream, so that samples do not depend on how streams are batched.
func source(seed uint64, problem, sample int) *rand.Rand {
	return rand.New(rand.NewPCG(seed, uint64(problem)<<32|uint64(uint32(sample))))
}

// Generate continues a prompt and answers the new tokens. emit, if given, sees every token as it is drawn; an error of
// emit ends the generation.
func Generate(ctx context.Context, m family.Model, prompt []int32, s Sampling, emit func(token int32) error) (tokens []int32, err error) {
	states, err := m.Open(ctx, 1)
	if err != nil {
		return nil, err
	}
	defer func() { closeStates(ctx, m, states, &err) }()
	st := &stream{state: states[0], rng: source(s.Seed, 0, 0)}
	logits, width, err := feed(ctx, m, []family.ExtendItem{{State: st.state, Tokens: prompt}})
	if err != nil {
		return nil, err
	}
	for {
		st.draw(logits[:width], s)
		if st.done {
			return st.tokens, nil
		}
		next := st.tokens[len(st.tokens)-1]
		if emit != nil {
			if err := emit(next); err != nil {
				return st.tokens, err
			}
		}
		if len(st.tokens) >= s.MaxTokens {
			return st.tokens, nil
		}
		if logits, width, err = feed(ctx, m, []family.ExtendItem{{State: st.state, Tokens: []int32{next}}}); err != nil {
			return st.tokens, err
		}
	}
}

// feed extends states and answers the logits after each item's last token.
func feed(ctx context.Context, m family.Model, items []family.ExtendItem) (logits []float32, width int, err error) {
	res, err := m.Extend(ctx, family.ExtendRequest{Items: items})
	if err != nil {
		return nil, 0, err
	}
	if res.Rows != len(items) || len(res.Logits) != res.Rows*res.Width {
		return nil, 0, family.Errorf(family.Internal, "extend", "got %d rows of %d logits (%d values), want %d rows", res.Rows, res.Width, len(res.Logits), len(items))
	}
	return res.Logits, res.Width, nil
}

// closeStates closes states even when the context has ended, and keeps the first error.
func closeStates(ctx context.Context, m family.Model, states []family.StateID, err *error) {
	if e := m.Close(context.WithoutCancel(ctx), states); e != nil && *err == nil {
		*err = e
	}
}

// draw picks the next token from logits [V] and appends it, or ends the stream.
func (st *stream) draw(logits []float32, s Sampling) {
	t := pick(logits, s, st.rng)
	if t == s.Stop {
		st.done = true
		return
	}
	st.tokens = append(st.tokens, t)
}

func pick(logits []float32, s Sampling, rng *rand.Rand) int32 {
	if s.Temperature == 0 {
		best := 0
		for i, v := range logits {
			if v > logits[best] {
				best = i
			}
		}
		return int32(best)
	}
	cut := float32(math.Inf(-1))
	if s.TopK > 0 && s.TopK < len(logits) {
		sorted := append([]float32(nil), logits...)
		sort.Slice(sorted, func(i, j int) bool { return sorted[i] > sorted[j] })
		cut = sorted[s.TopK-1]
	}
	largest := logits[0]
	for _, v := range logits {
		largest = max(largest, v)
	}
	weight := func(v float32) float64 {
		if v < cut {
			return 0
		}
		return math.Exp(float64(v-largest) / s.Temperature)
	}
	total := 0.0
	for _, v := range logits {
		total += weight(v)
	}
	u := rng.Float64() * total
	last := 0
	for i, v := range logits {
		if w := weight(v); w > 0 {
			last = i
			if u -= w; u < 0 {
				break
			}
		}
	}
	return int32(last)
}
