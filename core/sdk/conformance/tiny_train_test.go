package conformance_test

import (
	"context"
	"fmt"
	"math"
	"time"

	"github.com/archlab/archlab/core/family"
)

func canceled(ctx context.Context) error {
	if ctx.Err() != nil {
		return family.Errorf(family.Canceled, "", "the call's context ended")
	}
	return nil
}

// usable begins a call: the caller unlocks m.mu when it answers nil.
func (m *tinyModel) usable(ctx context.Context) error {
	m.mu.Lock()
	var err error
	if m.gone && m.fault != usableAfterRelease {
		err = family.Errorf(family.NotFound, "model", "it was released")
	} else if m.fault != ignoresEndedContext {
		err = canceled(ctx)
	}
	if err != nil {
		m.mu.Unlock()
	}
	return err
}

func (m *tinyModel) check(b family.Batch) error {
	if m.fault == acceptsBadTokens {
		v := int32(m.v)
		for i := range b.Tokens {
			b.Tokens[i] = (b.Tokens[i]%v + v) % v
		}
	}
	if m.fault == lastOfContextRefused && b.T >= m.context {
		return family.Errorf(family.Internal, "batch", "index out of range")
	}
	return b.Check(m.v)
}

func (m *tinyModel) Train(ctx context.Context, req family.TrainRequest) (family.TrainResult, error) {
	var r family.TrainResult
	if err := m.usable(ctx); err != nil {
		return r, err
	}
	defer m.mu.Unlock()
	if err := m.checkStep(req); err != nil {
		return r, err
	}
	start := time.Now()
	defer func() { m.busy += time.Since(start) }()
	if m.fault != keepsCanceledGradients {
		m.clearGradients()
	}
	r.Metrics = map[string]float64{}
	for _, b := range req.MicroBatches {
		if err := canceled(ctx); err != nil && m.fault != ignoresCancel {
			if m.fault == updatesWhenCanceled {
				m.update(req.Optimizer, 1)
			}
			return r, err
		}
		m.accumulate(b, &r, 1/float64(len(req.MicroBatches)))
	}
	m.spoilGradients()
	squares := 0.0
	for _, p := range m.params {
		for _, g := range p.g {
			squares += g * g
		}
	}
	r.GradNorm = math.Sqrt(squares)
	r.Skipped = math.IsNaN(r.Total+r.GradNorm) || math.IsInf(r.Total+r.GradNorm, 0)
	if r.Skipped {
		if m.fault == trainsWhenSkipped {
			m.update(req.Optimizer, 1)
		}
		if m.fault == countsSkippedStep {
			m.steps++
		}
		m.clearGradients()
		return r, nil
	}
	clip := 1.0
	if c := req.Optimizer.Clip; c > 0 && r.GradNorm > c && m.fault != neverClips {
		clip = c / r.GradNorm
	}
	if m.fault == reportsClippedNorm {
		r.GradNorm *= clip
	}
	if m.fault == normForgetsTensor {
		for _, g := range m.params[mix].g {
			squares -= g * g
		}
		r.GradNorm = math.Sqrt(squares)
	}
	if m.fault == lossCountsAux {
		r.Loss *= 1.01
	}
	m.update(req.Optimizer, clip)
	m.clearGradients()
	return r, nil
}

func (m *tinyModel) clearGradients() {
	for _, p := range m.params {
		clear(p.g)
	}
}

func (m *tinyModel) checkStep(req family.TrainRequest) error {
	bad := func(field string, x float64) error {
		return family.Errorf(family.InvalidArgument, "optimizer."+field, "%v makes no sense", x)
	}
	s := req.Optimizer
	finite := func(x float64) bool { return x >= 0 && !math.IsInf(x, 0) }
	switch {
	case len(req.MicroBatches) == 0:
		return family.Errorf(family.InvalidArgument, "micro_batches", "got none")
	case !finite(s.LearningRate):
		return bad("learning_rate", s.LearningRate)
	case !(s.Beta1 >= 0 && s.Beta1 < 1):
		return bad("beta1", s.Beta1)
	case !(s.Beta2 >= 0 && s.Beta2 < 1):
		return bad("beta2", s.Beta2)
	case !finite(s.Epsilon):
		return bad("epsilon", s.Epsilon)
	case !finite(s.WeightDecay):
		return bad("weight_decay", s.WeightDecay)
	case !finite(s.Clip) && m.fault != acceptsBadClip:
		return bad("clip", s.Clip)
	}
	switch s.Name {
	case "", family.AdamW, family.Muon, family.Lion, family.SGD:
	default:
		if m.fault != acceptsUnknownOptimizer {
			return family.Errorf(family.InvalidArgument, "optimizer.name", "got %q", s.Name)
		}
	}
	for i, b := range req.MicroBatches {
		if err := m.check(b); err != nil {
			return fmt.Errorf("micro-batch %d: %w", i, err)
		}
	}
	return nil
}

// accumulate adds one micro-batch's loss and gradient. Auxiliary losses count by the micro-batch's share of the step.
func (m *tinyModel) accumulate(b family.Batch, r *family.TrainResult, share float64) {
	start := time.Now()
	tapes, docs := m.run(b)
	m.profile[0].calls++
	m.profile[0].took += time.Since(start)
	start = time.Now()
	rows := float64(b.B * b.T)
	if m.fault == divesByMicroBatches {
		b.Weights = append([]float32(nil), b.Weights...)
		for i := range b.Weights {
			b.Weights[i] *= float32(share)
		}
	}
	for _, doc := range docs {
		for i := doc[0]; i < doc[1]; i++ {
			t := tapes[i]
			t.dy = make([]float64, m.c.Width)
			for k := -1; k < m.c.Drafts; k++ { // -1: the main head
				j := i + k + 1
				if j >= doc[1] || b.Weights[j] == 0 && m.fault != learnsFromZeroWeights {
					continue
				}
				w, projection := float64(b.Weights[j]), m.params[out]
				if b.Weights[j] == 0 { // only a fault comes here
					logp, _ := softmax(m.logits(t.y, projection))
					m.lossBackward(t, projection, logp, b.Targets[j], 0.1)
					continue
				}
				if k >= 0 {
					w, projection = 0.3*w, m.params[out+1+k]
				}
				logp, _ := softmax(m.logits(t.y, projection))
				loss := -w * logp[b.Targets[j]]
				if r.Total += loss; k < 0 {
					r.Loss += loss
				}
				m.lossBackward(t, projection, logp, b.Targets[j], w)
			}
			for _, z := range t.z {
				r.Total += m.c.Aux * share * z * z / (rows * float64(m.c.Width))
			}
		}
		m.backward(tapes[doc[0]:doc[1]], 2*m.c.Aux*share/(rows*float64(m.c.Width)))
	}
	m.profile[1].calls++
	m.profile[1].took += time.Since(start)
}

func (m *tinyModel) Score(ctx context.Context, b family.Batch) (family.ScoreResult, error) {
	var r family.ScoreResult
	if err := m.usable(ctx); err != nil {
		return r, err
	}
	defer m.mu.Unlock()
	if err := m.check(b); err != nil {
		return r, err
	}
	start := time.Now()
	defer func() { m.busy += time.Since(start) }()
	tapes, _ := m.run(b)
	m.profile[0].calls++
	if m.fault == notSerialised { // a scratch buffer that all calls write
		m.scratch = tapes
		m.mu.Unlock()
		time.Sleep(5 * time.Millisecond)
		m.mu.Lock()
		tapes = m.scratch
	}
	r.LogProbs, r.Correct = make([]float32, len(tapes)), make([]bool, len(tapes))
	for i, t := range tapes {
		if b.Weights[i] == 0 && m.fault != scoresZeroWeights {
			continue
		}
		logp, best := softmax(m.logits(t.y, m.params[out]))
		if b.Targets[i] >= 0 {
			r.LogProbs[i], r.Correct[i] = float32(logp[b.Targets[i]]), best == int(b.Targets[i])
		}
		if m.fault == argmaxWrong {
			r.Correct[i] = i%2 == 0
		}
	}
	return r, nil
}
