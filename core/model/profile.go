package model

import (
	"context"
	"time"

	"github.com/archlab/archlab/core/engine"
	"github.com/archlab/archlab/core/family"
	"github.com/archlab/archlab/core/kernel"
)

// usage adds up what calls took since the last reset.
type usage struct {
	ops   engine.Stats
	flops float64
	busy  time.Duration
	arena int64 // of the largest plan ever
	again family.Recomputation
}

// trained adds a run of a training plan.
func (u *usage) trained(p *engine.Plan, flops float64) {
	forward, backward := p.Seconds()
	x := p.Again()
	u.again.Seconds, u.again.FLOPs = u.again.Seconds+x.Seconds, u.again.FLOPs+x.FLOPs
	u.again.PassSeconds, u.again.PassFLOPs = u.again.PassSeconds+forward+backward, u.again.PassFLOPs+flops
}

// Profile reports the books. StateBytes counts what open states hold of their tokens: fixed parts, and areas that grow
// by the tokens in them (at most the window's), which is the card's figure. Spare room in the areas, the tokens
// themselves and the snapshots that make Rewind fast are not counted.
func (m *lm) Profile(ctx context.Context, reset bool) (family.Profile, error) {
	if err := m.enter(ctx); err != nil {
		return family.Profile{}, err
	}
	defer m.leave()
	for _, p := range m.plans.plans {
		p.Profile(m.usage.ops, true)
	}
	res := family.Profile{
		FLOPs:       m.usage.flops,
		ArenaBytes:  m.usage.arena,
		WeightBytes: m.params.Bytes(),
		PeakRSS:     peakRSS(),
		BusySeconds: m.usage.busy.Seconds(),
		Features:    kernel.Features(),
	}
	if m.blocks {
		again := m.usage.again
		res.Recomputation = &again
	}
	for _, o := range m.usage.ops.List() {
		res.Ops = append(res.Ops, family.OpProfile(o))
	}
	for _, s := range m.decoder.states {
		res.StateBytes += s.bytes(m.decoder.slots)
	}
	if reset {
		m.usage.ops, m.usage.flops, m.usage.busy = engine.Stats{}, 0, 0
		m.usage.again = family.Recomputation{ArenaBytes: m.usage.again.ArenaBytes, KeptArenaBytes: m.usage.again.KeptArenaBytes}
	}
	return res, nil
}
