package model

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/archlab/archlab/core/engine"
	"github.com/archlab/archlab/core/family"
	"github.com/archlab/archlab/core/nn"
)

// Train takes one step. Nothing changes before the update, so that a cancelled or failed call leaves the model as it was.
func (m *lm) Train(ctx context.Context, req family.TrainRequest) (family.TrainResult, error) {
	leave, err := m.work(ctx)
	if err != nil {
		return family.TrainResult{}, err
	}
	defer leave()
	batches, err := m.checkTrain(req)
	if err != nil {
		return family.TrainResult{}, err
	}
	s := trainStep{m: m, n: len(batches), scale: m.scale}
	for _, b := range batches {
		s.rows += len(b.rows)
	}
	m.params.Train()
	for {
		if err := s.gradients(ctx, batches); err != nil {
			return family.TrainResult{}, err
		}
		if !s.overflowed() {
			break
		}
		if s.overflows++; !s.scale.Halve() || m.params.Steps > 0 && s.overflows > engine.ScaleRepeats {
			break
		}
	}
	s.update(req.Optimizer)
	return s.res, nil
}

func (m *lm) checkTrain(req family.TrainRequest) ([]packed, error) {
	if len(req.MicroBatches) == 0 {
		return nil, family.Errorf(family.InvalidArgument, "micro_batches", "got none, want at least 1")
	}
	if err := checkOptimizer(req.Optimizer); err != nil {
		return nil, err
	}
	batches := make([]packed, len(req.MicroBatches))
	for i, b := range req.MicroBatches {
		err := b.Check(m.card.Vocab)
		if err == nil {
			batches[i], err = pack(b, 0, b.B, m.limit)
		}
		var typed *family.Error
		if errors.As(err, &typed) {
			return nil, family.Errorf(typed.Code, fmt.Sprintf("micro_batches[%d].%s", i, typed.Field), "%s", typed.Message)
		}
	}
	return batches, nil
}

func checkOptimizer(o family.OptimizerStep) error {
	for _, x := range []struct {
		name      string
		value     float64
		min, max  float64
		exclusive bool // of max
	}{
		{"learning_rate", o.LearningRate, 0, math.MaxFloat32, false},
		{"beta1", o.Beta1, 0, 1, true},
		{"beta2", o.Beta2, 0, 1, true},
		{"epsilon", o.Epsilon, 0, math.MaxFloat32, false},
		{"momentum", o.Momentum, 0, 1, true},
		{"adamw_rate", o.AdamWRate, 0, math.MaxFloat32, false},
		{"weight_decay", o.WeightDecay, 0, math.MaxFloat32, false},
		{"clip", o.Clip, 0, math.MaxFloat64, false},
	} {
		if !(x.value >= x.min && x.value <= x.max) || x.exclusive && x.value == x.max {
			return family.Errorf(family.InvalidArgument, "optimizer."+x.name, "got %v, want a number from %v to %v", x.value, x.min, x.max)
		}
	}
	if o.Name == family.Muon && o.AdamWRate == 0 {
		return family.Errorf(family.InvalidArgument, "optimizer.adamw_rate", "got 0, which would leave all but matrices as they are, want more: 1, or with scale spectral 0.15, is usual")
	}
	if o.Scale != "" && o.Scale != family.MatchRMS && o.Scale != family.Spectral {
		return family.Errorf(family.InvalidArgument, "optimizer.scale", "got %q, want %q or %q", o.Scale, family.MatchRMS, family.Spectral)
	}
	if _, err := engine.OptimizerOf(cmp.Or(o.Name, family.AdamW)); err != nil {
		return family.Errorf(family.InvalidArgument, "optimizer.name", "%v", err)
	}
	return nil
}

// trainStep is one step under way.
type trainStep struct {
	m       *lm
	n       int // micro-batches
	rows    int // in all of them
	res     family.TrainResult
	updates []nn.Update
	signals [][]float32 // of each update, summed over micro-batches

	scale     engine.LossScale // FP16: as it will be after the step
	used      float64          // the scale of the gradients
	overflows int              // scales that were too large for this step
	norm      time.Duration    // spent on the gradient's norm
}

// gradients runs forward and backward of all micro-batches.
func (s *trainStep) gradients(ctx context.Context, batches []packed) error {
	seconds := s.res.Seconds
	s.res, s.signals = family.TrainResult{Metrics: map[string]float64{}, Seconds: seconds}, nil
	for i := range batches {
		if err := s.micro(ctx, i, &batches[i]); err != nil {
			return err
		}
	}
	if err := ctx.Err(); err != nil {
		return canceled(err)
	}
	start := time.Now()
	s.res.GradNorm = s.m.params.GradNorm(s.m.pool)
	if s.m.scaled() {
		s.used = s.scale.Scale
		s.res.GradNorm /= s.used
	}
	s.norm += time.Since(start)
	return nil
}

// overflowed says that the loss is a number and its scaled gradient is not: a smaller scale may help, and the same step is
// then computed again with it, so that no batch is lost for a scale.
func (s *trainStep) overflowed() bool {
	return s.m.scaled() && finite(s.res.Loss) && finite(s.res.Total) && !finite(s.res.GradNorm)
}

// micro runs forward and backward of micro-batch i and adds up what it answers.
func (s *trainStep) micro(ctx context.Context, i int, b *packed) error {
	m := s.m
	if len(b.rows) == 0 { // nothing is predicted
		m.params.Zero()
		m.params.Sum(m.pool, i, s.n)
		return nil
	}
	p, err := m.plan(nn.Training, b.batch.B*b.batch.T, b.batch.T)
	if err == nil && p.MixesRows() && len(b.rows) < p.Capacity() {
		p, err = m.plan(nn.Training, len(b.rows), b.batch.T)
	}
	if err != nil {
		return err
	}
	b.fill(p)
	share := float64(len(b.rows)) / float64(s.rows)
	if x, ok := p.Input(nn.Share); ok {
		x.F32[0] = float32(share)
	}
	if x, ok := p.Input(nn.LossScale); ok {
		x.F32[0] = float32(s.scale.Scale)
	}
	r := engine.Run{Rows: len(b.rows), Segments: b.segs}
	if err := m.run(ctx, p.Plan, &r); err != nil {
		return err
	}
	start := time.Now()
	m.params.Sum(m.pool, i, s.n)
	s.collect(p, share)
	m.usage.trained(p.Plan, r.FLOPs)
	forward, backward := p.Seconds()
	s.res.Seconds.Forward += forward
	s.res.Seconds.Backward += backward + time.Since(start).Seconds()
	return nil
}

// collect adds the losses, metrics and update signals of a run with its share of the step's rows.
func (s *trainStep) collect(p *plan, share float64) {
	head := func(i int) float64 { return float64(p.loss[i][0]) + float64(p.loss[i][1]) }
	s.res.Loss += head(0)
	s.res.Total += head(0)
	for i, h := range p.out.Heads {
		s.res.Metrics["loss_"+h.Name] += head(i + 1)
		s.res.Total += float64(h.Weight) * head(i+1)
	}
	for i, a := range p.out.Aux {
		x := float64(p.aux[i][0]) * share
		s.res.Metrics[a.Name] += x
		s.res.Total += float64(a.Coefficient) * x
	}
	for i, x := range p.out.Metrics {
		s.res.Metrics[x.Name] += float64(p.metric[i][0]) * share
	}
	if s.signals == nil {
		s.updates = p.out.Updates
		s.signals = make([][]float32, len(s.updates))
	}
	for i, b := range p.update {
		if s.signals[i] == nil {
			s.signals[i] = make([]float32, len(b.F32))
		}
		for j, x := range b.F32 {
			s.signals[i][j] += x
		}
	}
}

// update takes the optimizer step unless something is not finite.
func (s *trainStep) update(o family.OptimizerStep) {
	m := s.m
	start := time.Now()
	var flops, bytes float64
	name := cmp.Or(o.Name, family.AdamW)
	if m.scaled() {
		s.res.Metrics[scaleMetric], s.res.Metrics[overflowMetric] = s.used, float64(s.overflows)
	}
	if s.res.Skipped = !finite(s.res.Total) || !finite(s.res.Loss) || !finite(s.res.GradNorm); !s.res.Skipped {
		step := engine.Step{
			Optimizer: name, LearningRate: o.LearningRate, Beta1: o.Beta1, Beta2: o.Beta2, Epsilon: o.Epsilon,
			Momentum: o.Momentum, Nesterov: o.Nesterov, Spectral: o.Scale == family.Spectral, AdamWRate: o.AdamWRate,
			WeightDecay: o.WeightDecay, Clip: o.Clip,
		}
		if m.scaled() {
			step.LossScale = s.used
			s.scale.Held()
		}
		flops = m.params.Update(m.pool, step, s.res.GradNorm)
		for i, u := range s.updates {
			u.Apply(m.params.Get(u.Param).W, s.signals[i])
		}
		m.params.Changed()
		// The norm reads the gradients; the update reads everything and writes everything but them.
		bytes = 2 * float64(m.params.Bytes())
	}
	m.scale = s.scale // smaller after an overflow, though the step was skipped: the next one does not begin there again
	took := time.Since(start) + s.norm
	s.res.Seconds.Update = took.Seconds()
	m.usage.flops += flops
	m.usage.ops.Add(engine.OpStat{Op: name, Calls: 1, Nanoseconds: int64(took), FLOPs: flops, Bytes: bytes})
}

func finite(x float64) bool { return x-x == 0 }
