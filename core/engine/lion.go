package engine

import "github.com/archlab/archlab/core/kernel"

// lion is Lion (Chen et al. 2023, "Symbolic Discovery of Optimization Algorithms", algorithm 2): the sign of a mean of the
// gradient and its momentum. Every element moves by the learning rate, so that it wants a rate 3 to 10 times smaller than
// AdamW's and a decay that much larger (section 5).
type lion struct{}

func (lion) Moments(ParamSpec) []string { return []string{"m"} }

func (lion) Update(u *Update, x *Param) {
	kernel.Lion{
		LR: float32(u.LearningRate), Beta1: float32(u.Beta1), Beta2: float32(u.Beta2), WeightDecay: float32(u.decay(x)),
		GradScale: u.GradScale,
	}.Step(u.Pool, x.W, x.Grad, x.Moments[0])
}

// FLOPs: 3 for each of two means, the sign, and 3 for step and decay.
func (lion) FLOPs(s ParamSpec) float64 { return (clipFLOPs + 3 + 3 + 1 + 3) * s.elements() }
