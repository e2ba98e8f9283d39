package conformance

import (
	"context"
	"math"
	"slices"

	"github.com/archlab/archlab/core/family"
)

var inputChecks = []Check{
	{Name: "bad-batch", Meaning: "batches with wrong tokens, targets, weights, starts or lengths are refused by name and change nothing", Tolerance: exact("counts violations"), run: checkBadBatch},
	{Name: "bad-step", Meaning: "optimizer steps that make no sense are refused by name and change nothing", Tolerance: exact("counts violations"), run: checkBadStep},
	{Name: "bad-decode", Meaning: "wrong tokens, states and counts in decoding are refused by name, and no state of the call moves", Tolerance: exact("counts violations"), needs: needsDecode, run: checkBadDecode},
}

// badBatches are a good batch made wrong in one way, and the field at fault.
func (p *probe) badBatches() []struct {
	what, field string
	batch       family.Batch
} {
	good := p.batch(p.rng("bad-batch"), rows, length)
	v := int32(p.opts.Vocab)
	var out []struct {
		what, field string
		batch       family.Batch
	}
	add := func(what, field string, change func(*family.Batch)) {
		b := clone(good)
		change(&b)
		out = append(out, struct {
			what, field string
			batch       family.Batch
		}{what, field, b})
	}
	add("a negative token", "tokens", func(b *family.Batch) { b.Tokens[3] = -1 })
	add("a token of V", "tokens", func(b *family.Batch) { b.Tokens[len(b.Tokens)-1] = v })
	add("a negative target", "targets", func(b *family.Batch) { b.Targets[0] = -7 })
	add("a target of V", "targets", func(b *family.Batch) { b.Targets[5] = v })
	add("an infinite weight", "weights", func(b *family.Batch) { b.Weights[2] = float32(math.Inf(1)) })
	add("a weight of NaN", "weights", func(b *family.Batch) { b.Weights[2] = float32(math.NaN()) })
	add("a token too few", "tokens", func(b *family.Batch) { b.Tokens = b.Tokens[1:] })
	add("a target too many", "targets", func(b *family.Batch) { b.Targets = append(b.Targets, 0) })
	add("a weight too few", "weights", func(b *family.Batch) { b.Weights = b.Weights[1:] })
	add("no rows", "", func(b *family.Batch) { *b = family.Batch{B: 0, T: 4} })
	add("negative lengths", "", func(b *family.Batch) { b.B, b.T = -b.B, -b.T })
	add("a start beyond the end", "starts", func(b *family.Batch) { b.Starts = []int32{rows * length} })
	add("a negative start", "starts", func(b *family.Batch) { b.Starts = []int32{-1} })
	add("starts out of order", "starts", func(b *family.Batch) { b.Starts = []int32{7, 5} })
	add("a start given twice", "starts", func(b *family.Batch) { b.Starts = []int32{5, 5} })
	return out
}

// unchanged runs f on a model and demands the same weights and optimizer before and after.
func (p *probe) unchanged(ctx context.Context, m family.Model, what string, f func() error) error {
	before, err := trained(ctx, m, family.OptimizerStep{})
	if err != nil {
		return err
	}
	if err := f(); err != nil {
		return err
	}
	after, err := trained(ctx, m, family.OptimizerStep{})
	if err != nil {
		return err
	}
	p.same(what, before, after)
	return nil
}

func checkBadBatch(ctx context.Context, p *probe) error {
	m, err := p.warmModel(ctx)
	if err != nil {
		return err
	}
	good := p.batch(p.rng("bad-batch good"), rows, length)
	return p.unchanged(ctx, m, "after refused batches", func() error {
		for _, c := range p.badBatches() {
			_, err := m.Score(ctx, c.batch)
			p.refused("Score of "+c.what, err, c.field, family.InvalidArgument)
			_, err = m.Train(ctx, family.TrainRequest{MicroBatches: []family.Batch{good, c.batch}, Optimizer: adam(1e-3)})
			p.refused("Train with "+c.what+" in the second micro-batch", err, c.field, family.InvalidArgument)
		}
		return nil
	})
}

func checkBadStep(ctx context.Context, p *probe) error {
	m, err := p.warmModel(ctx)
	if err != nil {
		return err
	}
	good := p.batch(p.rng("bad-step"), rows, length)
	return p.unchanged(ctx, m, "after refused steps", func() error {
		_, err := m.Train(ctx, family.TrainRequest{Optimizer: adam(1e-3)})
		p.refused("no micro-batches", err, "", family.InvalidArgument)
		for _, c := range []struct {
			what   string
			change func(*family.OptimizerStep)
		}{
			{"a learning rate of NaN", func(s *family.OptimizerStep) { s.LearningRate = math.NaN() }},
			{"a negative learning rate", func(s *family.OptimizerStep) { s.LearningRate = -1 }},
			{"beta1 of 1", func(s *family.OptimizerStep) { s.Beta1 = 1 }},
			{"beta2 of -0.1", func(s *family.OptimizerStep) { s.Beta2 = -0.1 }},
			{"a negative epsilon", func(s *family.OptimizerStep) { s.Epsilon = -1e-8 }},
			{"a negative decay", func(s *family.OptimizerStep) { s.WeightDecay = -0.1 }},
			{"a negative clip", func(s *family.OptimizerStep) { s.Clip = -1 }},
			{"a clip of NaN", func(s *family.OptimizerStep) { s.Clip = math.NaN() }},
		} {
			step := adam(1e-3)
			c.change(&step)
			_, err := m.Train(ctx, family.TrainRequest{MicroBatches: []family.Batch{good}, Optimizer: step})
			p.refused(c.what, err, "", family.InvalidArgument)
		}
		for _, name := range append([]string{"adam", "AdamW"}, knownOptimizers[1:]...) {
			if slices.Contains(p.others(), name) {
				continue
			}
			_, err := m.Train(ctx, family.TrainRequest{MicroBatches: []family.Batch{good}, Optimizer: stepBy(name, 1e-3)})
			p.refused(sprintf("optimizer %q, which is not announced", name), err, "name", family.InvalidArgument)
		}
		return nil
	})
}

func checkBadDecode(ctx context.Context, p *probe) error {
	m, err := p.warmed(ctx)
	if err != nil {
		return err
	}
	d := decoder{m, p.opts.Vocab}
	x := p.tokens(p.rng("bad-decode"), 8)
	ids, err := d.open(ctx, 2)
	if err != nil {
		return err
	}
	for _, id := range ids {
		if _, err := d.feed(ctx, id, x[:4]); err != nil {
			return err
		}
	}
	closed, err := d.fresh(ctx, x[0])
	if err != nil {
		return err
	}
	if err := d.close(ctx, closed); err != nil {
		return err
	}
	missing := family.StateID(1<<63 + 12345)
	v := int32(p.opts.Vocab)
	good := family.ExtendItem{State: ids[0], Tokens: x[4:6]}
	for _, c := range []struct {
		what, field string
		code        family.Code
		item        family.ExtendItem
	}{
		{"a negative token", "tokens", family.InvalidArgument, family.ExtendItem{State: ids[1], Tokens: []int32{1, -1}}},
		{"a token of V", "tokens", family.InvalidArgument, family.ExtendItem{State: ids[1], Tokens: []int32{v}}},
		{"no tokens", "tokens", family.InvalidArgument, family.ExtendItem{State: ids[1]}},
		{"a state given twice", "state", family.InvalidArgument, family.ExtendItem{State: ids[0], Tokens: []int32{1}}},
		{"an unknown state", "state", family.NotFound, family.ExtendItem{State: missing, Tokens: []int32{1}}},
		{"a closed state", "state", family.NotFound, family.ExtendItem{State: closed, Tokens: []int32{1}}},
	} {
		_, err := m.Extend(ctx, family.ExtendRequest{Items: []family.ExtendItem{good, c.item}})
		p.refused("Extend of a good state and "+c.what, err, "", c.code)
		if f := fieldOf(err); err != nil && !containsField(f, c.field) && !containsField(f, c.field+"s") {
			p.violation("Extend of a good state and %s: want an error that names the field %q, got %q", c.what, c.field, f)
		}
	}
	_, err = m.Extend(ctx, family.ExtendRequest{Items: []family.ExtendItem{good}, TopK: -1})
	p.refused("a TopK of -1", err, "", family.InvalidArgument)
	_, err = m.Extend(ctx, family.ExtendRequest{Items: []family.ExtendItem{good}, Draft: -1})
	p.refused("a Draft of -1", err, "", family.InvalidArgument)
	p.refused("Rewind by one too many", m.Rewind(ctx, ids[0], 5), "", family.InvalidArgument)
	p.refused("Rewind by -1", m.Rewind(ctx, ids[0], -1), "", family.InvalidArgument)
	p.refused("Rewind of an unknown state", m.Rewind(ctx, missing, 1), "", family.NotFound)
	_, err = m.Fork(ctx, []family.StateID{ids[0], missing})
	p.refused("Fork of an unknown state", err, "", family.NotFound)
	p.refused("Close of an unknown state", m.Close(ctx, []family.StateID{ids[1], missing}), "", family.NotFound)
	_, err = m.Open(ctx, -1)
	p.refused("Open of -1 states", err, "", family.InvalidArgument)
	// Nothing has moved: both states go on where they were.
	want, err := d.whole(ctx, x)
	if err != nil {
		return err
	}
	for i, id := range ids {
		got, err := d.feed(ctx, id, x[4:])
		if err != nil {
			p.violation("state %d after refused calls: %v", i, err)
			continue
		}
		for j, w := range want[4*d.vocab:] {
			if !(math.Abs(float64(w-got[j])) <= otherOrder.Value) {
				p.violation("state %d moved in a refused call: logit %d of the next token is %v, want %v", i, j, got[j], w)
				break
			}
		}
	}
	return d.close(ctx, ids...)
}
