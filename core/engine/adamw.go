package engine

import (
	"math"

	"github.com/archlab/archlab/core/kernel"
)

// Step is what one AdamW step needs.
type Step struct {
	LearningRate, Beta1, Beta2, Epsilon, WeightDecay float64
	Clip                                             float64 // largest global gradient norm; 0 means no clipping
	LossScale                                        float64 // what the gradients are multiplied by; 0 means 1
}

// GradNorm is the global norm of the gradients: the square root of the sum of all squares, in float64, parameter by
// parameter in order.
func (p *Params) GradNorm(pool *kernel.Pool) float64 {
	sum := 0.0
	for _, x := range p.list {
		if x.Grad != nil {
			sum += kernel.SumSquares(pool, x.Grad)
		}
	}
	return math.Sqrt(sum)
}

// Update takes one AdamW step with decoupled decay (Loshchilov & Hutter 2019, algorithm 2) for gradients of the given
// global norm, without the loss scale, clipped to step.Clip. It answers the floating-point operations that it took.
func (p *Params) Update(pool *kernel.Pool, step Step, norm float64) (flops float64) {
	p.Steps++
	p.Changed()
	t := float64(p.Steps)
	a := kernel.AdamW{
		LR: float32(step.LearningRate), Beta1: float32(step.Beta1), Beta2: float32(step.Beta2), Eps: float32(step.Epsilon),
		GradScale:   1,
		Correction1: float32(1 - math.Pow(step.Beta1, t)),
		Correction2: float32(1 - math.Pow(step.Beta2, t)),
	}
	if step.Clip > 0 && norm > step.Clip {
		a.GradScale = float32(step.Clip / norm)
	}
	if step.LossScale > 0 {
		a.GradScale /= float32(step.LossScale)
	}
	for _, x := range p.list {
		if x.Grad == nil {
			continue
		}
		a.WeightDecay = 0
		if x.Decay {
			a.WeightDecay = float32(step.WeightDecay)
		}
		a.Step(pool, x.W, x.Grad, x.M, x.V)
		flops += UpdateFLOPs * float64(len(x.W))
	}
	return flops
}

// UpdateFLOPs is what GradNorm and Update cost a parameter scalar: 2 for the norm, 1 for clipping, 3 for each of the
// moments (the second has one more for the square), 2 corrections, root, sum, quotient, and 4 for step and decay.
const UpdateFLOPs = 2 + 1 + 3 + 4 + 2 + 3 + 4
