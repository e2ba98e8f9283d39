package engine

import (
	"fmt"
	"math"
	"strings"

	"github.com/archlab/archlab/core/kernel"
)

// Step is what one optimizer step needs.
type Step struct {
	Optimizer    string // one of Optimizers; empty means "adamw"
	LearningRate float64
	Beta1, Beta2 float64 // adamw, lion, muon's adamw
	Epsilon      float64 // adamw, muon's adamw
	Momentum     float64 // muon, sgd
	Nesterov     bool    // muon, sgd
	Spectral     bool    // muon: scale a matrix [r,c] by sqrt(max(1,r/c)) rather than 0.2·sqrt(max(r,c))
	AdamWRate    float64 // muon: its adamw's learning rate as a multiple of LearningRate
	WeightDecay  float64 // times the learning rate, where Param.Decay
	Clip         float64 // largest global gradient norm; 0 means no clipping
	LossScale    float64 // what the gradients are multiplied by; 0 means 1
}

// Optimizer is a rule by which gradients change weights. It has no memory of its own: what it keeps lies in Param.Moments.
type Optimizer interface {
	// Moments names what the rule keeps of a parameter: each as long as the parameter, zero before the first step.
	Moments(s ParamSpec) []string
	// Update takes one step of one parameter. The gradient is its to overwrite.
	Update(u *Update, x *Param)
	// FLOPs counts Update, with 3 an element for the gradient's norm and its clipping.
	FLOPs(s ParamSpec) float64
}

// Update is a step under way.
type Update struct {
	Step
	T         float64 // the step's number, from 1
	GradScale float32 // which takes the loss scale off the gradient and shortens it to the clip
	Pool      *kernel.Pool
}

// optimizers is the table of rules, AdamW first.
var optimizers = []struct {
	name string
	rule Optimizer
}{{"adamw", adamW{}}, {"muon", muon{}}, {"lion", lion{}}, {"sgd", sgd{}}}

// Optimizers lists the names that Step.Optimizer may have.
func Optimizers() []string {
	names := make([]string, len(optimizers))
	for i, o := range optimizers {
		names[i] = o.name
	}
	return names
}

// OptimizerOf answers the rule of that name.
func OptimizerOf(name string) (Optimizer, error) {
	for _, o := range optimizers {
		if o.name == name {
			return o.rule, nil
		}
	}
	return nil, fmt.Errorf("got %q, want one of %s", name, strings.Join(Optimizers(), ", "))
}

// OptimizerCost is what an optimizer takes for parameters: the operations of a step, and the bytes of its moments.
func OptimizerCost(o Optimizer, specs []ParamSpec) (flops float64, bytes int64) {
	for _, s := range specs {
		if s.Fixed {
			continue
		}
		x := Param{ParamSpec: s}
		flops += o.FLOPs(s)
		bytes += 4 * int64(len(o.Moments(s))) * int64(padded(x.Len()))
	}
	return flops, bytes
}

// Optimizer is the name of the optimizer whose moments there are, empty before the first step.
func (p *Params) Optimizer() string { return p.optimizer }

// Adopt makes an optimizer's moments, all zero, unless they are there already. Those of another one are forgotten, and
// with them its steps. Names that are not among Optimizers are errors.
func (p *Params) Adopt(name string) error {
	if name == p.optimizer {
		return nil
	}
	rule, err := OptimizerOf(name)
	if err != nil {
		return fmt.Errorf("engine: optimizer: %w", err)
	}
	total := 0
	for _, x := range p.list {
		if x.learns() {
			total += len(rule.Moments(x.ParamSpec)) * padded(x.Len())
		}
	}
	p.optimizer, p.Steps, p.moments = name, 0, nil // the old ones may go before the new ones come
	p.moments = alignedFloats(total)
	at := 0
	for _, x := range p.list {
		x.Moments = nil
		if !x.learns() {
			continue
		}
		n := x.Len()
		for range rule.Moments(x.ParamSpec) {
			x.Moments = append(x.Moments, p.moments[at:at+n:at+n])
			at += padded(n)
		}
	}
	return nil
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

// Update takes one step for gradients of the given global norm, without the loss scale, clipped to step.Clip, which it uses up. It answers the
// floating-point operations that it took. It panics if step.Optimizer is not among Optimizers.
func (p *Params) Update(pool *kernel.Pool, step Step, norm float64) (flops float64) {
	if step.Optimizer == "" {
		step.Optimizer = optimizers[0].name
	}
	rule, err := OptimizerOf(step.Optimizer)
	if err == nil {
		err = p.Adopt(step.Optimizer)
	}
	if err != nil {
		panic(err)
	}
	p.Steps++
	p.Changed()
	u := &p.update
	*u = Update{Step: step, T: float64(p.Steps), GradScale: 1, Pool: pool}
	if step.Clip > 0 && norm > step.Clip {
		u.GradScale = float32(step.Clip / norm)
	}
	if step.LossScale > 0 {
		u.GradScale /= float32(step.LossScale)
	}
	for _, x := range p.list {
		if x.Grad == nil {
			continue
		}
		rule.Update(u, x)
		flops += rule.FLOPs(x.ParamSpec)
	}
	return flops
}

// decay is the weight decay of a parameter.
func (u *Update) decay(x *Param) float64 {
	if x.Decay {
		return u.WeightDecay
	}
	return 0
}

// clipFLOPs is what an element of the gradient costs before its rule sees it: 2 for the norm, 1 for clipping.
const clipFLOPs = 2 + 1

func (s ParamSpec) elements() float64 {
	x := Param{ParamSpec: s}
	return float64(x.Len())
}
