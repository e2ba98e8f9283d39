package conformance

import (
	"context"
	"math"

	"github.com/archlab/archlab/core/family"
)

var scoreChecks = []Check{
	{
		Name:      "sensitivity",
		Meaning:   "another earlier token changes later outputs by far more than the tolerances of the checks below",
		Tolerance: Tolerance{0.01, "1 / the change in nats over 100 x the widest tolerance below (1e-4): a model that ignores its context would pass them without meaning"},
		run:       checkSensitivity,
	},
	{Name: "causality", Meaning: "a later token never changes an earlier output", Tolerance: sameArithmetic, run: checkCausality},
	{Name: "batch", Meaning: "a sequence scores the same alone and among any neighbours, at any row", Tolerance: sameArithmetic, run: checkBatch},
	{Name: "padding", Meaning: "padding at the end of a row changes nothing before it, whatever its tokens and length", Tolerance: sameArithmetic, run: checkPadding},
	{Name: "starts", Meaning: "documents joined in one row score as if each stood alone", Tolerance: sameArithmetic, run: checkStarts},
	{Name: "score-weights", Meaning: "positions of weight 0 are not scored and their targets not looked at; the size of other weights does not matter", Tolerance: exact("counts wrong entries"), run: checkScoreWeights},
}

func checkSensitivity(ctx context.Context, p *probe) error {
	m, err := p.warmed(ctx)
	if err != nil {
		return err
	}
	b := p.batch(p.rng("sensitivity"), rows, length)
	want, err := score(ctx, m, b)
	if err != nil {
		return err
	}
	changed := clone(b)
	at := length / 3
	for r := range b.B {
		changed.Tokens[r*b.T+at] = p.other(b.Tokens[r*b.T+at])
	}
	got, err := score(ctx, m, changed)
	if err != nil {
		return err
	}
	most := 0.0
	for i := range want {
		if i%b.T > at {
			most = max(most, math.Abs(float64(want[i]-got[i])))
		}
	}
	// 0.01 nats of change read 1, 1 nat reads 0.01.
	p.within(1e-4/most, "other tokens at position %d move later log-probabilities by %.2g nats at most, want more than 0.01", at, most)
	return nil
}

func checkCausality(ctx context.Context, p *probe) error {
	m, err := p.warmed(ctx)
	if err != nil {
		return err
	}
	rng := p.rng("causality")
	b := p.batch(rng, rows, length)
	want, err := score(ctx, m, b)
	if err != nil {
		return err
	}
	for cut := 1; cut < b.T; cut++ {
		if p.opts.Quick && cut%3 != 1 {
			continue
		}
		changed := clone(b) // other tokens from cut on, in every row
		for i := range changed.Tokens {
			if i%b.T >= cut {
				changed.Tokens[i] = p.other(b.Tokens[i])
			}
		}
		got, err := score(ctx, m, changed)
		if err != nil {
			return err
		}
		for r := range b.B {
			lo := r * b.T
			p.close(sprintf("row %d, other tokens from position %d on, log-probabilities before it", r, cut), want[lo:lo+cut], got[lo:lo+cut])
		}
	}
	return nil
}

func checkBatch(ctx context.Context, p *probe) error {
	m, err := p.warmed(ctx)
	if err != nil {
		return err
	}
	rng := p.rng("batch")
	b := p.batch(rng, rows, length)
	together, err := score(ctx, m, b)
	if err != nil {
		return err
	}
	for r := range b.B {
		one := row(b, r)
		alone, err := score(ctx, m, one)
		if err != nil {
			return err
		}
		p.close(sprintf("row %d alone and among %d", r, b.B), alone, together[r*b.T:(r+1)*b.T])
		// The same row last, behind other neighbours, in a larger batch.
		larger := stack(p.batch(rng, rows+1, length), one)
		got, err := score(ctx, m, larger)
		if err != nil {
			return err
		}
		p.close(sprintf("row %d alone and as the last of %d", r, larger.B), alone, got[(larger.B-1)*b.T:])
	}
	return nil
}

func checkPadding(ctx context.Context, p *probe) error {
	m, err := p.warmed(ctx)
	if err != nil {
		return err
	}
	rng := p.rng("padding")
	b := p.batch(rng, rows, length)
	want, err := score(ctx, m, b)
	if err != nil {
		return err
	}
	for _, pad := range []int{1, 5} {
		for _, token := range []int32{0, int32(p.opts.Vocab - 1), -1} { // -1: random ones
			padded := family.Batch{B: b.B, T: b.T + pad}
			for r := range b.B {
				filling := p.tokens(rng, pad)
				for i := range filling {
					if token >= 0 {
						filling[i] = token
					}
				}
				lo, hi := r*b.T, (r+1)*b.T
				padded.Tokens = append(append(padded.Tokens, b.Tokens[lo:hi]...), filling...)
				padded.Targets = append(append(padded.Targets, b.Targets[lo:hi]...), make([]int32, pad)...)
				padded.Weights = append(append(padded.Weights, b.Weights[lo:hi]...), make([]float32, pad)...)
			}
			got, err := score(ctx, m, padded)
			if err != nil {
				return err
			}
			for r := range b.B {
				p.close(sprintf("row %d with %d tokens of padding (%d; -1: random)", r, pad, token),
					want[r*b.T:(r+1)*b.T], got[r*padded.T:r*padded.T+b.T])
			}
		}
	}
	return nil
}

func checkStarts(ctx context.Context, p *probe) error {
	m, err := p.warmed(ctx)
	if err != nil {
		return err
	}
	b := p.batch(p.rng("starts"), rows, length)
	for k, cuts := range [][]int{{5}, {1, 2, 7}, {length - 1}} { // the same cuts in every row but the first, which has none
		if p.opts.Quick && k != 1 {
			continue
		}
		joined := clone(b)
		if k == 2 {
			joined.Starts = []int32{0} // the start of a row is implicit: naming it changes nothing
		}
		for r := 1; r < b.B; r++ {
			for _, c := range cuts {
				joined.Starts = append(joined.Starts, int32(r*b.T+c))
			}
		}
		got, err := score(ctx, m, joined)
		if err != nil {
			return err
		}
		for r := range b.B {
			lo := 0
			for _, hi := range append(append([]int(nil), cuts...), b.T) {
				if r == 0 {
					lo, hi = 0, b.T
				}
				from, to := r*b.T+lo, r*b.T+hi
				alone := family.Batch{B: 1, T: hi - lo, Tokens: b.Tokens[from:to], Targets: b.Targets[from:to], Weights: b.Weights[from:to]}
				want, err := score(ctx, m, alone)
				if err != nil {
					return err
				}
				p.close(sprintf("row %d, document at positions %d to %d", r, lo, hi), want, got[from:to])
				lo = hi
				if r == 0 {
					break
				}
			}
		}
	}
	return nil
}

func checkScoreWeights(ctx context.Context, p *probe) error {
	m, err := p.warmed(ctx)
	if err != nil {
		return err
	}
	b := p.batch(p.rng("score-weights"), rows, length)
	want, err := score(ctx, m, b)
	if err != nil {
		return err
	}
	some := clone(b)
	for i := range some.Weights {
		switch i % 4 {
		case 0:
			some.Weights[i] = 0
			if i%8 == 0 {
				some.Targets[i] = -1 // targets are looked at only where weights are not 0
			}
		case 1:
			some.Weights[i] = -2.5
		case 2:
			some.Weights[i] = 1e-6
		}
	}
	r, err := m.Score(ctx, some)
	if err != nil {
		return err
	}
	for i := range some.Weights {
		switch got := r.LogProbs[i]; {
		case some.Weights[i] == 0 && (got != 0 || r.Correct[i]):
			p.violation("position %d has weight 0: want 0 and false, got %v and %v", i, got, r.Correct[i])
		case some.Weights[i] != 0 && math.Abs(float64(got-want[i])) > sameArithmetic.Value:
			p.violation("position %d with weight %v: want %v, got %v", i, some.Weights[i], want[i], got)
		case !(got <= 0):
			p.violation("position %d: log-probability %v is above 0", i, got)
		}
	}
	p.ok()
	return nil
}
