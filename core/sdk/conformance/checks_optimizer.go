package conformance

import (
	"context"
	"math"
	"slices"

	"github.com/archlab/archlab/core/family"
)

var optimizerChecks = []Check{
	{
		Name:    "optimizers",
		Meaning: "steps by every announced optimizer beside AdamW are what its paper says",
		Tolerance: Tolerance{0.02, "of what moves a weight most; the gradient is known to 1e-6, which Muon's quintic makes up to 500 times as much " +
			"in directions that hardly have any"},
		needs: func(s *subject) string {
			if len(s.others()) == 0 {
				return "the family announces no optimizer beside AdamW"
			}
			return ""
		},
		run: checkOptimizers,
	},
	{Name: "update-flops", Meaning: "the card's FLOPs of an update, where it states them, are those counted over a step", Tolerance: agreement, run: checkUpdateFLOPs},
}

var knownOptimizers = []string{family.AdamW, family.Muon, family.Lion, family.SGD}

// others lists the optimizers that the family announces beside AdamW.
func (s *subject) others() []string {
	var list []string
	for _, name := range knownOptimizers[1:] {
		if slices.Contains(s.desc.Capabilities.Optimizers, name) {
			list = append(list, name)
		}
	}
	return list
}

// optimizers lists all of them.
func (s *subject) optimizers() []string { return append([]string{family.AdamW}, s.others()...) }

// stepBy is a plain step by an optimizer: no decay, no clipping.
func stepBy(name string, lr float64) family.OptimizerStep {
	s := adam(lr)
	s.Name, s.Momentum, s.AdamWRate = name, 0.9, 0.5
	return s
}

func checkOptimizers(ctx context.Context, p *probe) error {
	b := p.batch(p.rng("optimizers"), rows, length)
	empty := clone(b)
	clear(empty.Weights)
	config, err := p.plain()
	if err != nil {
		return err
	}
	card, err := p.card(ctx, config)
	if err != nil {
		return err
	}
	m, err := p.plainModel(ctx)
	if err != nil {
		return err
	}
	g, err := recoverGradient(ctx, m, linearStep(), b)
	if err != nil {
		return err
	}
	matrices := map[string][]int{}
	for _, t := range card.Tensors {
		matrices[t.Name] = t.Matrices
		rows := 0
		for _, r := range t.Matrices {
			rows += r
		}
		if n := len(t.Shape); rows != 0 && (n < 2 || rows*t.Shape[n-1] != product(t.Shape)) {
			p.violation("tensor %s of shape %v: matrices of %v rows do not fill it", t.Name, t.Shape, t.Matrices)
			return nil
		}
	}
	for _, name := range p.others() {
		for _, nesterov := range []bool{false, true} {
			for _, scale := range []string{family.MatchRMS, family.Spectral} {
				if nesterov && name == family.Lion || scale == family.Spectral && name != family.Muon {
					continue
				}
				s := stepBy(name, 1e-2)
				s.Epsilon, s.WeightDecay, s.Nesterov, s.Scale = 0.01*g.largest(), 0.5, nesterov, scale
				if err := p.optimizer(ctx, s, []family.Batch{b, empty}, g, matrices); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// optimizer takes two steps, the second without a gradient, so that all it does is known in advance: decay, and what the
// first step left in the momentum.
func (p *probe) optimizer(ctx context.Context, s family.OptimizerStep, batches []family.Batch, g *gradient, matrices map[string][]int) error {
	m, err := p.plainModel(ctx)
	if err != nil {
		return err
	}
	before := g.before
	for n, b := range batches {
		if _, err := train(ctx, m, s, b); err != nil {
			return err
		}
		after, err := savedWeights(ctx, m)
		if err != nil {
			return err
		}
		for k, t := range before.tensors {
			decay := s.WeightDecay
			if s.Name == family.Muon && matrices[t.name] == nil {
				decay *= s.AdamWRate // the decay of its AdamW goes with its AdamW's rate
			}
			what := sprintf("%s, nesterov %v, scale %s, step %d", s.Name, s.Nesterov, s.Scale, n+1)
			p.moved(what, s.LearningRate, decay, before, after, k, expected(n+1, s, t, g.g[k], matrices[t.name]))
		}
		before = after
	}
	return nil
}

// expected is what a step moves the weights of a tensor by without decay, in learning rates, NaN where the gradient is too
// small for its sign to be known.
func expected(n int, s family.OptimizerStep, t span, g []float64, matrices []int) []float64 {
	out := make([]float64, len(g))
	// The momentum is a sum: g after the first step, Momentum·g after the second, which has no gradient of its own.
	share := math.Pow(s.Momentum, float64(n-1))
	if s.Nesterov {
		share *= s.Momentum
		if n == 1 {
			share++
		}
	}
	switch {
	case s.Name == family.Lion:
		for i, x := range g {
			switch {
			case x == 0:
			case math.Abs(x) < 1e-8:
				out[i] = math.NaN()
			default:
				out[i] = -math.Copysign(1, x)
			}
		}
	case s.Name == family.SGD:
		for i, x := range g {
			out[i] = -share * x
		}
	case len(matrices) == 0:
		for i, x := range g {
			out[i] = s.AdamWRate * adamMove(n, s, x)
		}
	default:
		c := t.shape[len(t.shape)-1]
		at := 0
		for _, r := range matrices {
			scale := 0.2 * math.Sqrt(float64(max(r, c)))
			if s.Scale == family.Spectral {
				scale = math.Sqrt(max(1, float64(r)/float64(c)))
			}
			for i, x := range orthogonalized(g[at:at+r*c], r, c, share) {
				out[at+i] = -scale * x
			}
			at += r * c
		}
	}
	return out
}

// orthogonalized is five steps of Newton-Schulz with Jordan's quintic on share·g [r,c], as it reads.
func orthogonalized(g []float64, r, c int, share float64) []float64 {
	k, n, at := r, c, func(i, j int) int { return i*c + j }
	if r > c { // turned
		k, n, at = c, r, func(i, j int) int { return j*c + i }
	}
	y := make([]float64, len(g))
	for i, x := range g {
		y[i] = share * x / (share*norm(g) + 1e-7)
	}
	for range 5 {
		a, b, z := make([]float64, k*k), make([]float64, k*k), make([]float64, k*n)
		for i := range k {
			for j := range k {
				for l := range n {
					a[i*k+j] += y[at(i, l)] * y[at(j, l)]
				}
			}
		}
		for i := range k {
			for j := range k {
				b[i*k+j] = -4.7750 * a[i*k+j]
				for l := range k {
					b[i*k+j] += 2.0315 * a[i*k+l] * a[l*k+j]
				}
			}
		}
		for i := range k {
			for j := range n {
				z[at(i, j)] = 3.4445 * y[at(i, j)]
				for l := range k {
					z[at(i, j)] += b[i*k+l] * y[at(l, j)]
				}
			}
		}
		y = z
	}
	return y
}

func (g *gradient) largest() float64 {
	most := 0.0
	for _, x := range g.g {
		for _, v := range x {
			most = max(most, math.Abs(v))
		}
	}
	return most
}

func product(shape []int) int {
	n := 1
	for _, d := range shape {
		n *= d
	}
	return n
}

func checkUpdateFLOPs(ctx context.Context, p *probe) error {
	p.ok()
	m, card, err := p.build(ctx)
	if err != nil {
		return err
	}
	// A rate of 0 keeps the weights, and with them what a router does, so that steps differ by their updates alone.
	one := p.batch(p.rng("update-flops"), rows, length)
	two := stack(one, one)
	step := func(name string, b family.Batch) (float64, error) {
		return counted(ctx, m, func() error { _, err := train(ctx, m, stepBy(name, 0), b); return err })
	}
	if _, err := step(family.AdamW, two); err != nil { // settles a loss scale, which a first step may have to find
		return err
	}
	base, err := step(family.AdamW, one)
	if err != nil {
		return err
	}
	twice, err := step(family.AdamW, two)
	if err != nil {
		return err
	}
	adamw, ok := card.Optimizer(family.AdamW)
	if !ok {
		return nil
	}
	// What a step costs whatever its batch is the update, and what ops compute of parameters alone: a few operations each.
	rest := 2*base - twice
	over := max(0, adamw.UpdateFLOPs-rest, rest-adamw.UpdateFLOPs-10*float64(card.Parameters))
	p.within(over/adamw.UpdateFLOPs, "adamw: the card says %.6g for an update, a step had %.6g beside what its tokens cost", adamw.UpdateFLOPs, rest)
	for _, name := range p.others() {
		cost, ok := card.Optimizer(name)
		if !ok {
			p.violation("%s is announced, and the card does not say what it costs", name)
			continue
		}
		flops, err := step(name, one)
		if err != nil {
			return err
		}
		want, got := cost.UpdateFLOPs-adamw.UpdateFLOPs, flops-base
		p.within(math.Abs(got-want)/cost.UpdateFLOPs, "%s: the card says %.6g more for an update than adamw, counted were %.6g", name, want, got)
	}
	return nil
}
