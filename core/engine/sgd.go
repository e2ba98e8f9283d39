package engine

import "github.com/archlab/archlab/core/kernel"

// sgd is gradient descent with momentum and decoupled weight decay (Loshchilov & Hutter 2019, algorithm 1). The momentum is
// the sum of gradients, each shrunk by Step.Momentum a step, as in Sutskever et al. 2013.
type sgd struct{}

func (sgd) Moments(ParamSpec) []string { return []string{"m"} }

func (sgd) Update(u *Update, x *Param) {
	u.momentum().Step(u.Pool, x.Grad, x.Moments[0])
	kernel.Descend(u.Pool, x.W, x.Grad, float32(1-u.LearningRate*u.decay(x)), float32(u.LearningRate))
}

// FLOPs: 2 for the momentum, 2 for the look ahead, and 3 for step and decay.
func (sgd) FLOPs(s ParamSpec) float64 { return (clipFLOPs + 2 + 2 + 3) * s.elements() }

func (u *Update) momentum() kernel.Momentum {
	return kernel.Momentum{Momentum: float32(u.Momentum), Nesterov: u.Nesterov, GradScale: u.GradScale}
}
