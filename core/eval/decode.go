package eval

import (
	"context"
	"fmt"
	"sort"
	"time"

	"github.com/archlab/archlab/core/family"
	"github.com/archlab/archlab/core/record"
)

// DecodeSteps is how many single-token steps are timed at each context length; the median step is reported, since a
// machine that does other things too disturbs a mean.
const DecodeSteps = 24

// Decode measures decoding with batch 1 after contexts of the given lengths: tokens per second through the contract, and
// the bytes of the state as the model holds it, beside the card's figures. tokens must hold at least the largest length
// plus DecodeSteps ids; lengths that the model's context cannot hold are the caller's to leave out.
func Decode(ctx context.Context, m family.Model, card family.Card, tokens []int32, lengths []int) ([]record.DecodePoint, error) {
	sorted := append([]int(nil), lengths...)
	sort.Ints(sorted)
	var out []record.DecodePoint
	for _, t := range sorted {
		if t < 1 || t+DecodeSteps > len(tokens) {
			return nil, fmt.Errorf("decode at %d tokens: have %d, want at least %d", t, len(tokens), t+DecodeSteps)
		}
		p, err := decodeAt(ctx, m, tokens, t)
		if err != nil {
			return nil, fmt.Errorf("decode at %d tokens: %w", t, err)
		}
		if c, ok := card.Cost(t); ok {
			p.CardStateBytes, p.CardFLOPs = c.StateBytes, c.DecodeFLOPs
		}
		out = append(out, p)
	}
	return out, nil
}

func decodeAt(ctx context.Context, m family.Model, tokens []int32, t int) (p record.DecodePoint, err error) {
	p.T = t
	before, err := m.Profile(ctx, false)
	if err != nil {
		return p, err
	}
	states, err := m.Open(ctx, 1)
	if err != nil {
		return p, err
	}
	defer func() {
		if e := m.Close(context.WithoutCancel(ctx), states); e != nil && err == nil {
			err = e
		}
	}()
	extend := func(feed []int32) error {
		_, err := m.Extend(ctx, family.ExtendRequest{Items: []family.ExtendItem{{State: states[0], Tokens: feed}}, TopK: 1})
		return err
	}
	if err := extend(tokens[:t]); err != nil {
		return p, err
	}
	after, err := m.Profile(ctx, false)
	if err != nil {
		return p, err
	}
	p.StateBytes = after.StateBytes - before.StateBytes
	seconds := make([]float64, DecodeSteps)
	for i := range seconds {
		start := time.Now()
		if err := extend(tokens[t+i : t+i+1]); err != nil {
			return p, err
		}
		seconds[i] = time.Since(start).Seconds()
	}
	sort.Float64s(seconds)
	p.TokensPerSecond = 1 / seconds[len(seconds)/2]
	return p, nil
}
