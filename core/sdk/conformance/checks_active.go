package conformance

import (
	"bytes"
	"context"
	"encoding/binary"
	"math"
	"math/rand/v2"
	"slices"

	"github.com/archlab/archlab/core/family"
)

var activeChecks = []Check{{
	Name:    "active-parameters",
	Meaning: "the card's active parameters, less tables that are only looked up, are the weights that the answer to one token depends on",
	Tolerance: Tolerance{0.04, "relative; about one weight in every row of every tensor is tried, so a part smaller than a row may be missed. " +
		"Not less than what the first token of a sequence depends on (routed experts: its own), not more than what the last of several " +
		"equal tokens does (a convolution's taps need tokens before it)"},
	run: checkActive,
}}

// activeRun is the number of equal tokens in the longer sequence: more than a short convolution has taps.
const activeRun = 8

// Samples of one tensor: enough for a share of its rows, and not a sample for each row of a large table.
const (
	leastSamples = 16
	mostSamples  = 128
)

// checkActive spoils weights, one at a time, and looks whether the answers move. It trusts no count of the plugin's own: what
// an experiment matches by is what the plugin says, and what is seen here is what it does.
func checkActive(ctx context.Context, p *probe) error {
	m, card, err := p.build(ctx)
	if err != nil {
		return err
	}
	file, err := p.warmWeights(ctx)
	if err != nil {
		return err
	}
	w, err := parseWeights(file)
	if err != nil {
		return err
	}
	a := activity{m: m, w: w, batch: p.twice(p.rng("active"))}
	if err := load(ctx, m, family.Weights, file); err != nil {
		return err
	}
	if a.want, err = score(ctx, m, a.batch); err != nil {
		return err
	}
	rng := p.rng("active-samples")
	first, last := 0.0, 0.0
	for _, t := range w.tensors {
		n := samples(t.shape, t.n)
		var hits [2]int
		for i := range n {
			lo, hi := i*t.n/n, (i+1)*t.n/n
			moved, err := a.moves(ctx, t, lo+rng.IntN(hi-lo))
			if err != nil {
				return err
			}
			for k, x := range moved {
				if x {
					hits[k]++
				}
			}
		}
		first += float64(t.n*hits[0]) / float64(n)
		last += float64(t.n*hits[1]) / float64(n)
	}
	// Of a table that is only looked up, the row of the token takes part; of one of positions, another row.
	rows := 2 * float64(card.Embedding) / float64(p.opts.Vocab)
	claim := float64(card.ActiveParameters - card.Embedding)
	off := max(first-rows-claim, claim-last, 0) / max(first, last, 1)
	p.within(off, "the card says %d active parameters, %d of them only looked up; %.0f to %.0f of the others were seen to take part in one token's answer",
		card.ActiveParameters, card.Embedding, max(first-rows, 0), last)
	return nil
}

// samples is how many weights of a tensor to try: as many in each slice of its first axis, which tells experts apart.
func samples(shape []int, n int) int {
	s := 1
	if len(shape) > 0 {
		s = shape[0]
	}
	if s < leastSamples {
		s *= (leastSamples + s - 1) / s
	}
	return min(s, mostSamples, n)
}

// twice is a token as a sequence of its own, and the same token several times over as another: where nothing but the tokens
// counts, all of them take the same path through a router.
func (s *subject) twice(rng *rand.Rand) family.Batch {
	x := int32(rng.IntN(s.opts.Vocab))
	b := family.Batch{B: 1, T: 1 + activeRun, Starts: []int32{1}}
	for range b.T {
		b.Tokens, b.Targets, b.Weights = append(b.Tokens, x), append(b.Targets, s.other(x)), append(b.Weights, 1)
	}
	return b
}

// activity tries weights of a model.
type activity struct {
	m     family.Model
	w     *weights
	batch family.Batch
	want  []float32 // its scores with all weights as they are
}

// moves says whether the scores of the first token and of the last one depend on weight i of a tensor. NaN passes through
// all arithmetic, also where the weight is multiplied by 0; large values are for comparisons, which NaN fails.
func (a *activity) moves(ctx context.Context, t span, i int) (moved [2]bool, err error) {
	old := a.w.at(t, i)
	file := bytes.Clone(a.w.file)
	for _, x := range []float32{float32(math.NaN()), old + 1e3, old - 1e3} {
		binary.LittleEndian.PutUint32(file[t.offset+4*i:], math.Float32bits(x))
		if err := load(ctx, a.m, family.Weights, file); err != nil {
			return moved, err
		}
		got, err := score(ctx, a.m, a.batch)
		if err != nil {
			return moved, err
		}
		for k, at := range []int{0, len(got) - 1} {
			moved[k] = moved[k] || math.Float32bits(got[at]) != math.Float32bits(a.want[at])
		}
		if !slices.Contains(moved[:], false) {
			break
		}
	}
	return moved, nil
}
