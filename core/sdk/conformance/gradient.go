package conformance

import (
	"context"
	"errors"
	"fmt"
	"math"

	"github.com/archlab/archlab/core/family"
)

// How a gradient is read through the contract.
//
// AdamW's first step moves a weight by -lr * g/(|g| + eps), whatever the betas, because the bias correction undoes them. With
// eps far above every |g| that is -(lr/eps) * g * (1 - |g|/eps + ...): linear in g. So one step from a fresh optimizer with
// eps = 2^20 and lr = scale * 2^20 moves every weight by -scale*g, and the difference of two saved weights files is the
// gradient that the family computed. scale is large, so that the step drowns the weight's own rounding: after the step the
// model is useless, and is thrown away.
const (
	linearEpsilon = 1 << 20
	linearScale   = 1 << 12
)

// linearStep is an optimizer step that moves every weight by -linearScale times its gradient.
func linearStep() family.OptimizerStep {
	s := adam(linearScale * linearEpsilon)
	s.Epsilon = linearEpsilon
	return s
}

// gradient is a step's recovered gradient, tensor by tensor in the file's order.
type gradient struct {
	before *weights
	g      [][]float64
	result family.TrainResult
}

// recoverGradient steps a model whose optimizer has not stepped. The model's weights are spoilt afterwards.
func recoverGradient(ctx context.Context, m family.Model, step family.OptimizerStep, batches ...family.Batch) (*gradient, error) {
	before, err := savedWeights(ctx, m)
	if err != nil {
		return nil, err
	}
	r, err := train(ctx, m, step, batches...)
	if err != nil {
		return nil, err
	}
	if r.Skipped {
		return nil, errors.New("train skipped a step whose loss and gradient are finite")
	}
	after, err := savedWeights(ctx, m)
	if err != nil {
		return nil, err
	}
	out := &gradient{before: before, result: r}
	for k, t := range before.tensors {
		if len(after.tensors) <= k || after.tensors[k].name != t.name || after.tensors[k].n != t.n {
			return nil, errors.New("two Saves of one model have different tensors")
		}
		g := make([]float64, t.n)
		for i := range g {
			g[i] = (float64(before.at(t, i)) - float64(after.at(after.tensors[k], i))) / linearScale
		}
		out.g = append(out.g, g)
	}
	if n := out.norm(); !(n > 0) || math.IsInf(n, 0) {
		return nil, fmt.Errorf("the step followed a gradient whose norm is %v: want it finite and above 0", n)
	}
	return out, nil
}

func (g *gradient) norm() float64 {
	sum := 0.0
	for _, x := range g.g {
		n := norm(x)
		sum += n * n
	}
	return math.Sqrt(sum)
}

// distance is the norm of the difference of two gradients of the same model, and the tensor that contributes most.
func (g *gradient) distance(h *gradient) (d float64, tensor string) {
	sum, most := 0.0, -1.0
	for k, x := range g.g {
		part := 0.0
		for i := range x {
			part += (x[i] - h.g[k][i]) * (x[i] - h.g[k][i])
		}
		if sum += part; part > most {
			most, tensor = part, g.before.tensors[k].name
		}
	}
	return math.Sqrt(sum), tensor
}

func norm(x []float64) float64 {
	sum := 0.0
	for _, v := range x {
		sum += v * v
	}
	return math.Sqrt(sum)
}

// objective measures the minimised total at given weights.
type objective struct {
	m     family.Model
	batch family.Batch
	total bool    // the total has auxiliary parts: ask Train with a learning rate of 0 instead of Score
	noise float64 // what float32 rounding may change
	// middle is the objective at the weights that directions start from.
	middle float64
}

func newObjective(m family.Model, b family.Batch, r family.TrainResult, logps []float32) objective {
	o := objective{m: m, batch: b, middle: r.Total}
	o.total = math.Abs(r.Total-r.Loss) > 1e-6*max(1, math.Abs(r.Loss))
	for i, w := range b.Weights {
		o.noise += math.Abs(float64(w)) * max(1, math.Abs(float64(logps[i])))
	}
	o.noise *= 4 * 0x1p-24 // a few roundings each of half a unit in the last place
	return o
}

func (o objective) at(ctx context.Context, file []byte) (float64, error) {
	if err := load(ctx, o.m, family.Weights, file); err != nil {
		return 0, err
	}
	if o.total {
		r, err := train(ctx, o.m, adam(0), o.batch)
		return r.Total, err
	}
	logps, err := score(ctx, o.m, o.batch)
	if err != nil {
		return 0, err
	}
	return loss(o.batch, logps), nil
}

// loss is the contract's sum of weight x (-log p(target)) in double precision.
func loss(b family.Batch, logps []float32) float64 {
	sum := 0.0
	for i, w := range b.Weights {
		sum -= float64(w) * float64(logps[i])
	}
	return sum
}

// direction is where weights are moved: delta[k][i] by unit length, nil for tensors that stay.
type direction struct {
	name  string
	delta [][]float64
	slope float64 // the recovered gradient along delta
	size  float64 // a step that is a few per cent of the weights it moves
}

// estimate is a central difference with what it may be off by, and what that says of the recovered slope.
type estimate struct {
	slope, doubt float64
	off          float64 // how far the recovered slope is from it, relative to the larger of both or to floor
	sharp        bool    // the doubt is small against the slope
}

// judge measures the slope of o along d and holds the recovered slope against it.
//
// The loss is measured at +-h, +-h/2, +-h/4 ... Two neighbouring central differences are extrapolated, which cancels the error of
// order h^2. What the estimate may be off by is read from what a smooth function would not do: a jump of J, as when an expert is
// swapped for another between the points, adds J/2h to one central difference and J/h to the next, so that the extrapolation is
// off by 7/3 of their difference, and it keeps the second difference from shrinking fourfold. Three steps and the middle must
// agree, so that several jumps do not pass for a slope by chance. While the slopes disagree h shrinks, since jumps stay behind
// and a wrong gradient does not, until rounding would make it worse. The answer is an estimate that agrees, or else the one of
// the smallest doubt, with three times the doubt taken off what it is off by.
func (o objective) judge(ctx context.Context, w *weights, d direction, floor, tolerance float64) (estimate, error) {
	best := estimate{doubt: math.Inf(1)}
	var first, second []float64 // central first differences, and sums of both sides less twice the middle
	for h := d.size; ; h /= 2 {
		slope, bend, err := o.central(ctx, w, d, h)
		if err != nil {
			return best, err
		}
		first, second = append(first, slope), append(second, bend)
		k := len(first) - 1
		if k < 2 {
			continue
		}
		rounding := 3 * o.noise / (2 * h) // of the extrapolation of steps 2h and h
		e := estimate{slope: (4*first[k] - first[k-1]) / 3}
		if math.IsNaN(e.slope) {
			return estimate{slope: e.slope, off: math.Inf(1), sharp: true}, nil
		}
		e.doubt = max(7./3*math.Abs(first[k]-first[k-1]), 7./3*math.Abs(first[k-1]-first[k-2]),
			math.Abs(second[k-1]-4*second[k])*7/(36*h), math.Abs(second[k-2]-4*second[k-1])*7/(72*h)) + rounding
		size := max(math.Abs(e.slope), math.Abs(d.slope), floor)
		e.sharp = e.doubt <= 0.05*size
		e.off = math.Abs(e.slope-d.slope) / size
		if e.sharp && e.off <= tolerance {
			return e, nil
		}
		if e.off > tolerance {
			e.off = max(0, e.off-3*e.doubt/size)
		}
		if e.doubt < best.doubt {
			best = e
		}
		if 2*rounding > best.doubt {
			return best, nil
		}
	}
}

// central answers the first difference of o along d, and the second difference times h^2.
func (o objective) central(ctx context.Context, w *weights, d direction, h float64) (slope, bend float64, err error) {
	var at [2]float64
	var moved [2]float64 // as float32 stores it, along delta
	for s, sign := range []float64{1, -1} {
		file := w.edited(func(t, i int, old float32) float32 {
			if d.delta[t] == nil || d.delta[t][i] == 0 {
				return old
			}
			x := float32(float64(old) + sign*h*d.delta[t][i])
			moved[s] += (float64(x) - float64(old)) * d.delta[t][i]
			return x
		})
		if at[s], err = o.at(ctx, file); err != nil {
			return 0, 0, err
		}
	}
	return (at[0] - at[1]) / (moved[0] - moved[1]), at[0] - 2*o.middle + at[1], nil
}
