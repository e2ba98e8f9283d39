package model

import (
	"context"
	"math"

	"github.com/archlab/archlab/core/engine"
	"github.com/archlab/archlab/core/family"
	"github.com/archlab/archlab/core/kernel"
	"github.com/archlab/archlab/core/nn"
)

// counter finds out what a token costs by running the model on a few tokens, over memory that its weights share, and
// counting. What grows with a sequence is what decoding the next token takes at each position: that can be asked at any
// position, by a state that pretends to hold the tokens before. Scoring and training are then
//
//	cost of T tokens = A + B·T + C·Σ_{p<T} (decode(p) - decode(0))
//
// with A for each sequence (extra heads have no target at its end). Four short lengths determine A, B and C and test that
// they do: it is so for every op of core/nn, whose costs are a part for each row and a part for each key that a row sees.
type counter struct {
	m      *lm
	unit   int             // the shortest length tried; the others are 2, 3 and 4 times that
	decode map[int]float64 // FLOPs of one more token after as many
	area   []float32       // what all growing states share
}

// counted answers the costs of an architecture at each length.
func counted(ctx context.Context, arch Architecture, specs []nn.ParamSpec, lengths []int) ([]family.Cost, error) {
	if len(lengths) == 0 {
		return nil, nil
	}
	limit, largest := memory(), 0
	for _, s := range specs {
		largest = max(largest, s.Size())
	}
	// Weights and gradients, and as much again for gradients that are sums.
	if need := 16 * int64(largest); limit > 0 && need > limit {
		return nil, family.Errorf(family.Exhausted, "config", "counting what a token costs needs %d MiB, the machine has %d MiB; an architecture with Costs needs none", need>>20, limit>>20)
	}
	c := counter{decode: map[int]float64{}, unit: max(2, draftHeads(arch)+1), m: &lm{
		arch: arch, specs: specs, memory: limit, params: engine.NewSketch(paramList(specs)), pool: kernel.NewPool(1),
		usage: usage{ops: engine.Stats{}},
	}}
	defer c.m.pool.Close()
	if err := c.m.learnSlots(); err != nil {
		return nil, err
	}
	prefill, err := c.fit(ctx, nn.Scoring)
	if err != nil {
		return nil, err
	}
	train, err := c.fit(ctx, nn.Training)
	if err != nil {
		return nil, err
	}
	var out []family.Cost
	for _, t := range lengths {
		held := state{tokens: make([]int32, t)}
		x := family.Cost{T: t, StateBytes: held.bytes(c.m.decoder.slots)}
		if x.TrainFLOPs, err = c.per(ctx, train, t); err != nil {
			return nil, err
		}
		if x.PrefillFLOPs, err = c.per(ctx, prefill, t); err != nil {
			return nil, err
		}
		if x.DecodeFLOPs, err = c.after(ctx, t); err != nil {
			return nil, err
		}
		out = append(out, x)
	}
	return out, nil
}

// law is what a sequence costs in one mode: A, B and C above.
type law struct {
	mode                   nn.Mode
	run                    float64 // what a run costs whatever it runs on; no part of a sequence's cost
	sequence, token, grown float64
}

func (l law) at(t int, grown float64) float64 {
	return l.sequence + l.token*float64(t) + l.grown*grown
}

// per is what a token costs in a sequence of t.
func (c *counter) per(ctx context.Context, l law, t int) (float64, error) {
	if t < c.unit { // too short for some head to have a target
		x, err := c.run(ctx, l.mode, t, 1)
		return (x - l.run) / float64(t), err
	}
	grown, err := c.grown(ctx, t)
	return l.at(t, grown) / float64(t), err
}

// fit finds a mode's law from sequences of 1, 2, 3 and 4 units.
func (c *counter) fit(ctx context.Context, mode nn.Mode) (law, error) {
	l := law{mode: mode}
	one, err := c.run(ctx, mode, c.unit, 1)
	if err != nil {
		return l, err
	}
	two, err := c.run(ctx, mode, c.unit, 2)
	if err != nil {
		return l, err
	}
	l.run = 2*one - two
	var f, q [4]float64
	for i := range f {
		t := (i + 1) * c.unit
		if f[i], err = c.run(ctx, mode, t, 1); err != nil {
			return l, err
		}
		if q[i], err = c.grown(ctx, t); err != nil {
			return l, err
		}
		f[i] -= l.run
	}
	bend := func(x [4]float64) float64 { return x[0] - 2*x[1] + x[2] }
	if b := bend(q); b != 0 {
		l.grown = bend(f) / b
	}
	l.token = (f[1] - f[0] - l.grown*(q[1]-q[0])) / float64(c.unit)
	l.sequence = f[0] - l.grown*q[0] - l.token*float64(c.unit)
	for i := range f {
		t := (i + 1) * c.unit
		if got := l.at(t, q[i]); math.Abs(got-f[i]) > 1e-9*math.Abs(f[i]) {
			return l, family.Errorf(family.Internal, "lengths", "%s costs cannot be told from short sequences: %d tokens take %.0f FLOPs, expected were %.0f; the architecture must state its Costs", mode, t, f[i], got)
		}
	}
	return l, nil
}

// run counts a scoring or training run over n sequences of t tokens.
func (c *counter) run(ctx context.Context, mode nn.Mode, t, n int) (float64, error) {
	p, err := c.m.plan(mode, n*t, t)
	if err != nil {
		return 0, err
	}
	for i := range p.weights {
		p.weights[i] = 1
	}
	r := engine.Run{Rows: n * t}
	for i := range n {
		r.Segments = append(r.Segments, kernel.Segment{Start: i * t, Len: t})
	}
	return c.settled(ctx, p, r)
}

// after counts decoding one more token after t.
func (c *counter) after(ctx context.Context, t int) (float64, error) {
	if x, ok := c.decode[t]; ok {
		return x, nil
	}
	p, err := c.m.plan(nn.Decoding, 1, 0)
	if err != nil {
		return 0, err
	}
	slots := c.m.decoder.slots
	s := newState(slots)
	for i, spec := range slots {
		slot := &s.seq.Slots[i]
		slot.Base = reach(spec, t)
		for j, w := range spec.PerToken {
			slot.Areas[j] = c.room((t + 1 - slot.Base) * w)
		}
	}
	r := engine.Run{Rows: 1, Segments: []kernel.Segment{{Len: 1, Pos: t}}, States: []*engine.SequenceState{&s.seq}, Select: []int32{0}}
	x, err := c.settled(ctx, p, r)
	if err == nil {
		c.decode[t] = x
	}
	return x, err
}

func (c *counter) room(n int) []float32 {
	if len(c.area) < n {
		c.area = make([]float32, n)
	}
	return c.area[:n]
}

// settled counts a run after another, which leaves behind what is computed from weights alone.
func (c *counter) settled(ctx context.Context, p *plan, r engine.Run) (float64, error) {
	for range 2 {
		r.FLOPs = 0
		if err := c.m.run(ctx, p.Plan, &r); err != nil {
			return 0, err
		}
	}
	return r.FLOPs, nil
}

// grown is Σ_{p<t} (decode(p) - decode(0)).
func (c *counter) grown(ctx context.Context, t int) (float64, error) {
	first, err := c.after(ctx, 0)
	if err != nil {
		return 0, err
	}
	last, err := c.after(ctx, t-1)
	if err != nil {
		return 0, err
	}
	sum, err := c.sum(ctx, 0, t-1, first, last)
	return sum - first*float64(t), err
}

// sum adds up decode(p) for p in [lo,hi], whose ends are known. The costs of ops grow with every token until a window is
// full, so that their sum never bends upwards, and where its middle lies on the line between two ends it is that line.
func (c *counter) sum(ctx context.Context, lo, hi int, atLo, atHi float64) (float64, error) {
	switch hi - lo {
	case 0:
		return atLo, nil
	case 1:
		return atLo + atHi, nil
	}
	mid := lo + (hi-lo)/2
	at, err := c.after(ctx, mid)
	if err != nil {
		return 0, err
	}
	if line := atLo + (atHi-atLo)*float64(mid-lo)/float64(hi-lo); math.Abs(at-line) <= 1e-12*at {
		return (atLo + atHi) / 2 * float64(hi-lo+1), nil
	}
	left, err := c.sum(ctx, lo, mid, atLo, at)
	if err != nil {
		return 0, err
	}
	right, err := c.sum(ctx, mid, hi, at, atHi)
	return left + right - at, err
}
