package conformance

import (
	"context"
	"math"

	"github.com/archlab/archlab/core/family"
)

// agreement is how closely a card's analytic figure must follow what was counted.
var agreement = Tolerance{0.02, "relative; the card counts by formula what the ops count as they run, so only small terms may be left out"}

var costChecks = []Check{
	{Name: "train-flops", Meaning: "the card's training FLOPs are those counted over a step", Tolerance: agreement, run: checkTrainFLOPs},
	{Name: "prefill-flops", Meaning: "the card's prefill FLOPs are those counted while scoring every position", Tolerance: agreement, run: checkPrefillFLOPs},
	{Name: "decode-flops", Meaning: "the card's decode FLOPs are those counted for one more token after T", Tolerance: agreement, needs: needsDecode, run: checkDecodeFLOPs},
	{
		Name:    "state-bytes",
		Meaning: "the card's state bytes are those of open states after T tokens, not less and at most twice as many",
		Tolerance: Tolerance{1.02, "of the card's figure; states may be allocated in powers of two, so up to as much again may be allocated and not used yet; " +
			"two per cent or 16 bytes and 8 a token are left to bookkeeping"},
		needs: needsDecode, run: checkStateBytes,
	},
	{Name: "profile", Meaning: "Profile's ops add up to its FLOPs, are sorted by time, and start again after a reset", Tolerance: exact("counts violations"), run: checkProfile},
}

// counted runs f and answers the floating-point operations that it took.
func counted(ctx context.Context, m family.Model, f func() error) (float64, error) {
	if _, err := m.Profile(ctx, true); err != nil {
		return 0, err
	}
	if err := f(); err != nil {
		return 0, err
	}
	r, err := m.Profile(ctx, false)
	return r.FLOPs, err
}

// between measures how far the card's figure lies outside [low, high], relative to it.
func (p *probe) between(what string, card, low, high float64) {
	off := max(0, low-card, card-high) / card
	if card == 0 || math.IsNaN(off) {
		off = math.Inf(1)
	}
	p.within(off, "%s: the card says %.6g a token, counted were %.6g to %.6g", what, card, low, high)
}

func checkTrainFLOPs(ctx context.Context, p *probe) error {
	m, card, err := p.build(ctx)
	if err != nil {
		return err
	}
	rng := p.rng("train-flops")
	for _, t := range costLengths {
		cost, _ := card.Cost(t)
		var flops [2]float64
		sizes := [2]int{2, 8}
		for i, b := range sizes {
			batch := p.batch(rng, b, t)
			if flops[i], err = counted(ctx, m, func() error { _, err := train(ctx, m, adam(1e-3), batch); return err }); err != nil {
				return err
			}
		}
		// A step costs so much a token, and the update once. The card spreads the update over a batch whose size it does not
		// know: from infinitely many tokens to the larger batch here, both are right.
		perToken := (flops[1] - flops[0]) / float64((sizes[1]-sizes[0])*t)
		p.between(sprintf("training at T=%d", t), cost.TrainFLOPs, perToken, flops[1]/float64(sizes[1]*t))
	}
	return nil
}

func checkPrefillFLOPs(ctx context.Context, p *probe) error {
	m, card, err := p.build(ctx)
	if err != nil {
		return err
	}
	rng := p.rng("prefill-flops")
	for _, t := range costLengths {
		cost, _ := card.Cost(t)
		b := p.batch(rng, rows, t)
		flops, err := counted(ctx, m, func() error { _, err := score(ctx, m, b); return err })
		if err != nil {
			return err
		}
		per := flops / float64(rows*t)
		p.between(sprintf("prefill at T=%d", t), cost.PrefillFLOPs, per, per)
	}
	return nil
}

func checkDecodeFLOPs(ctx context.Context, p *probe) error {
	m, card, err := p.build(ctx)
	if err != nil {
		return err
	}
	rng := p.rng("decode-flops")
	d := decoder{m, p.opts.Vocab}
	for _, t := range costLengths {
		cost, _ := card.Cost(t)
		id, err := d.fresh(ctx, p.tokens(rng, t)...)
		if err != nil {
			return err
		}
		x := p.tokens(rng, 1)
		flops, err := counted(ctx, m, func() error {
			_, err := d.extend(ctx, family.ExtendRequest{Items: []family.ExtendItem{{State: id, Tokens: x}}})
			return err
		})
		if err != nil {
			return err
		}
		p.between(sprintf("decoding after T=%d", t), cost.DecodeFLOPs, flops, flops)
	}
	return nil
}

func checkStateBytes(ctx context.Context, p *probe) error {
	m, card, err := p.build(ctx)
	if err != nil {
		return err
	}
	rng := p.rng("state-bytes")
	d := decoder{m, p.opts.Vocab}
	const n = 3
	for _, t := range costLengths {
		cost, _ := card.Cost(t)
		var ids []family.StateID
		for range n {
			id, err := d.fresh(ctx, p.tokens(rng, t)...)
			if err != nil {
				return err
			}
			ids = append(ids, id)
		}
		r, err := m.Profile(ctx, false)
		if err != nil {
			return err
		}
		got, want := float64(r.StateBytes)/n, float64(cost.StateBytes)
		slack := max(0.02*want, float64(16+8*t))
		off := max(0, got-want-slack) / max(want, 1)
		if got < want-slack {
			off = math.Inf(1)
		}
		p.within(off, "after T=%d: the card says %v bytes a state, open are %v", t, want, got)
		if err := d.close(ctx, ids...); err != nil {
			return err
		}
		if r, err = m.Profile(ctx, false); err != nil {
			return err
		}
		if r.StateBytes != 0 {
			p.failf("after all states were closed: want 0 bytes of states, got %d", r.StateBytes)
		}
	}
	return nil
}

func checkProfile(ctx context.Context, p *probe) error {
	m, card, err := p.build(ctx)
	if err != nil {
		return err
	}
	if _, err := train(ctx, m, adam(1e-3), p.batch(p.rng("profile"), rows, length)); err != nil {
		return err
	}
	r, err := m.Profile(ctx, true)
	if err != nil {
		return err
	}
	p.ok()
	sum := 0.0
	for i, op := range r.Ops {
		sum += op.FLOPs
		if op.Op == "" || op.Calls < 1 || op.FLOPs < 0 {
			p.violation("ops[%d] %+v: want a name, calls and no negative FLOPs", i, op)
		}
		if i > 0 && op.Nanoseconds > r.Ops[i-1].Nanoseconds {
			p.violation("ops[%d] %s took longer than the one before it: want them sorted", i, op.Op)
		}
	}
	if !(r.FLOPs > 0) || math.Abs(sum-r.FLOPs) > 1e-6*r.FLOPs {
		p.violation("want FLOPs above 0 that are the sum over ops %.9g, got %.9g", sum, r.FLOPs)
	}
	if want := 4 * card.Parameters; r.WeightBytes < want {
		p.violation("want at least the weights' own %d bytes, got %d", want, r.WeightBytes)
	}
	if !(r.BusySeconds > 0) {
		p.violation("want busy seconds after a step, got %v", r.BusySeconds)
	}
	if r, err = m.Profile(ctx, false); err != nil {
		return err
	}
	if r.FLOPs != 0 || r.BusySeconds != 0 {
		p.violation("after a reset: want 0 FLOPs and seconds, got %v and %v", r.FLOPs, r.BusySeconds)
	}
	return nil
}
