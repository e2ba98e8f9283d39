package engine

import (
	"math"

	"github.com/archlab/archlab/core/kernel"
)

// adamW is Adam with decoupled weight decay (Loshchilov & Hutter 2019, algorithm 2).
type adamW struct{}

func (adamW) Moments(ParamSpec) []string { return []string{"m", "v"} }

func (adamW) Update(u *Update, x *Param) {
	kernel.AdamW{
		LR: float32(u.LearningRate), Beta1: float32(u.Beta1), Beta2: float32(u.Beta2), Eps: float32(u.Epsilon),
		WeightDecay: float32(u.decay(x)),
		GradScale:   u.GradScale,
		Correction1: float32(1 - math.Pow(u.Beta1, u.T)),
		Correction2: float32(1 - math.Pow(u.Beta2, u.T)),
	}.Step(u.Pool, x.W, x.Grad, x.Moments[0], x.Moments[1])
}

// FLOPs: 3 for each of the moments (the second has one more for the square), 2 corrections, root, sum, quotient, and 4
// for step and decay.
func (adamW) FLOPs(s ParamSpec) float64 {
	return (clipFLOPs + 3 + 4 + 2 + 3 + 4) * s.elements()
}
