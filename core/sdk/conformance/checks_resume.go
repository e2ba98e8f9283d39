package conformance

import (
	"bytes"
	"context"
	"math"
	"slices"

	"github.com/archlab/archlab/core/family"
)

var resumeChecks = []Check{
	{Name: "seed", Meaning: "the same seed builds the same bits, another seed others", Tolerance: exact("counts differences; bitwise"), run: checkSeed},
	{Name: "repeat", Meaning: "the same training gives the same bits", Tolerance: exact("counts differences; bitwise"), run: checkRepeat},
	{Name: "threads", Meaning: "the number of threads changes no bit", Tolerance: exact("counts differences; bitwise"), run: checkThreads},
	{Name: "recompute", Meaning: "computing activations again, where the family can, changes no bit", Tolerance: exact("counts differences; bitwise"), needs: needsRecompute, run: checkRecompute},
	{Name: "save-load", Meaning: "a model of another seed that loads a saved one scores and saves the same bits", Tolerance: exact("counts differences; bitwise"), run: checkSaveLoad},
	{Name: "resume", Meaning: "a training saved, loaded elsewhere and continued gives the bits of one that never stopped", Tolerance: exact("counts differences; bitwise"), run: checkResume},
	{Name: "corrupt", Meaning: "damaged, truncated and foreign checkpoints are refused with code corrupt and change nothing", Tolerance: exact("counts violations"), run: checkCorrupt},
}

func checkSeed(ctx context.Context, p *probe) error {
	var files [3][]byte
	for i := range files {
		m, _, err := p.build(ctx, func(r *family.BuildRequest) {
			if i == 2 {
				otherSeed(r)
			}
		})
		if err != nil {
			return err
		}
		if files[i], err = save(ctx, m, family.Weights); err != nil {
			return err
		}
	}
	p.ok()
	if where, ok := sameWeights(files[0], files[1]); !ok {
		p.violation("two builds with one seed: %s", where)
	}
	if _, ok := sameWeights(files[0], files[2]); ok {
		p.violation("two builds with different seeds have the same weights")
	}
	return nil
}

func checkRepeat(ctx context.Context, p *probe) error {
	return p.trainTwice(ctx, "two trainings of the same batches", func(*family.BuildRequest) {})
}

func checkThreads(ctx context.Context, p *probe) error {
	return p.trainTwice(ctx, "one thread against three", func(r *family.BuildRequest) { r.Threads = 3 })
}

// trainTwice trains twins from the same weights, the second one built with a change.
func (p *probe) trainTwice(ctx context.Context, what string, change func(*family.BuildRequest)) error {
	rng := p.rng("twins")
	batches := []family.Batch{p.batch(rng, rows, length), p.batch(rng, rows, length), p.batch(rng, rows, length)}
	var outcomes [2]outcome
	for i := range outcomes {
		m, err := p.warmModel(ctx, func(r *family.BuildRequest) {
			if i == 1 {
				change(r)
			}
		})
		if err != nil {
			return err
		}
		if outcomes[i], err = trained(ctx, m, adam(3e-3), batches...); err != nil {
			return err
		}
	}
	p.same(what, outcomes[0], outcomes[1])
	return nil
}

func needsRecompute(s *subject) string {
	if !slices.Contains(s.desc.Capabilities.Recompute, family.RecomputeBlock) {
		return "the family does not announce recomputation"
	}
	return ""
}

func checkRecompute(ctx context.Context, p *probe) error {
	return p.trainTwice(ctx, "activations computed again", func(r *family.BuildRequest) { r.Recompute = family.RecomputeBlock })
}

func checkSaveLoad(ctx context.Context, p *probe) error {
	m, err := p.warmed(ctx)
	if err != nil {
		return err
	}
	first, err := save(ctx, m, family.Weights)
	if err != nil {
		return err
	}
	second, err := save(ctx, m, family.Weights)
	if err != nil {
		return err
	}
	p.ok()
	if !bytes.Equal(first, second) {
		p.violation("two Saves of one model differ")
	}
	twin, _, err := p.build(ctx, otherSeed)
	if err != nil {
		return err
	}
	if err := load(ctx, twin, family.Weights, first); err != nil {
		return err
	}
	again, err := save(ctx, twin, family.Weights)
	if err != nil {
		return err
	}
	if where, ok := sameWeights(first, again); !ok {
		p.violation("saved, loaded and saved: %s", where)
	}
	b := p.batch(p.rng("save-load"), rows, length)
	want, err := score(ctx, m, b)
	if err != nil {
		return err
	}
	got, err := score(ctx, twin, b)
	if err != nil {
		return err
	}
	p.sameBits("the loaded model's log-probability", want, got)
	return nil
}

// sameBits counts positions whose bits differ.
func (p *probe) sameBits(what string, want, got []float32) {
	for i := range want {
		if math.Float32bits(want[i]) != math.Float32bits(got[i]) {
			p.violation("%s at position %d: %v against %v", what, i, want[i], got[i])
		}
	}
	p.ok()
}

func checkResume(ctx context.Context, p *probe) error {
	rng := p.rng("resume")
	var batches []family.Batch
	for range 5 {
		batches = append(batches, p.batch(rng, rows, length))
	}
	m, err := p.warmModel(ctx)
	if err != nil {
		return err
	}
	fresh, _, err := p.build(ctx, otherSeed)
	if err != nil {
		return err
	}
	for _, name := range p.optimizers() {
		step := stepBy(name, 3e-3)
		step.WeightDecay, step.Clip = 0.1, 1
		half, err := trained(ctx, m, step, batches[:3]...)
		if err != nil {
			return err
		}
		want, err := trained(ctx, m, step, batches[3:]...)
		if err != nil {
			return err
		}
		// Into a model of another seed, and back into the old one, whose weights and optimizer have gone on.
		for i, twin := range []family.Model{fresh, m} {
			into := []string{"another model", "the same model, which had gone on"}[i]
			if err := load(ctx, twin, family.Weights, half.weights); err != nil {
				return err
			}
			if err := load(ctx, twin, family.Optimizer, half.optimizer); err != nil {
				return err
			}
			got, err := trained(ctx, twin, step, batches[3:]...)
			if err != nil {
				return err
			}
			p.same(sprintf("%s, resumed in %s", name, into), want, got)
		}
	}
	return nil
}
