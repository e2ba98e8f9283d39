package model

import (
	"context"

	"github.com/archlab/archlab/core/engine"
	"github.com/archlab/archlab/core/family"
	"github.com/archlab/archlab/core/nn"
)

// scoreRows is the number of packed rows that one run scores at most, unless a single sequence is longer.
const scoreRows = 2048

// Score judges a batch, some sequences at a time.
func (m *lm) Score(ctx context.Context, b family.Batch) (family.ScoreResult, error) {
	leave, err := m.work(ctx)
	if err != nil {
		return family.ScoreResult{}, err
	}
	defer leave()
	if err := b.Check(m.card.Vocab); err != nil {
		return family.ScoreResult{}, err
	}
	group := max(1, scoreRows/b.T)
	var groups []packed
	for from := 0; from < b.B; from += group {
		p, err := pack(b, from, min(b.B, from+group), m.limit)
		if err != nil {
			return family.ScoreResult{}, err
		}
		if len(p.rows) > 0 {
			groups = append(groups, p)
		}
	}
	res := family.ScoreResult{LogProbs: make([]float32, b.B*b.T), Correct: make([]bool, b.B*b.T)}
	for i := range groups {
		g := &groups[i]
		p, err := m.plan(nn.Scoring, capacity(len(g.rows)), b.T)
		if err != nil {
			return family.ScoreResult{}, err
		}
		g.fill(p)
		if err := m.run(ctx, p.Plan, &engine.Run{Rows: len(g.rows), Segments: g.segs}); err != nil {
			return family.ScoreResult{}, err
		}
		for j, at := range g.rows {
			res.LogProbs[at], res.Correct[at] = p.logp[j], p.right[j] != 0
		}
	}
	return res, nil
}
