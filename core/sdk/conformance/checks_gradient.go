package conformance

import (
	"context"
	"math"
	"math/rand/v2"
	"sort"

	"github.com/archlab/archlab/core/family"
)

var gradientChecks = []Check{
	{
		Name:    "gradient",
		Meaning: "the gradient that a step follows is the slope of the minimised total, for every tensor",
		Tolerance: Tolerance{0.02, "of the slope; extrapolated central differences of a float32 loss resolve a few tenths of a per cent where the slope is not tiny; " +
			"a missing or wrong term changes it by far more"},
		half: &Tolerance{0.05, "of the gradient's norm, or of a tensor's where that is a tenth of it; measured against the gradient in fp32 at the same weights, since a loss of rounded activations " +
			"is a staircase that has no slope. Each of a few tens of roundings is worth up to 0.4 % in bf16; a missing or wrong term changes a tensor by all of it"},
		run: checkGradient,
	},
	{
		Name:      "grad-norm",
		Meaning:   "the reported GradNorm is the norm of the gradient that the step followed",
		Tolerance: Tolerance{1e-3, "relative; the gradient is recovered to 1e-6, the norm is a sum of squares in float32 or better"},
		run:       checkGradNorm,
	},
	{
		Name:      "micro-batches",
		Meaning:   "micro-batches give the same loss and gradient as one batch of all their rows",
		Tolerance: Tolerance{1e-4, "of the gradient's norm; float32 sums in another order"},
		run:       checkMicroBatches,
	},
	{
		Name:      "clipping",
		Meaning:   "a gradient above Clip is scaled to it, one below is left alone, and GradNorm is that before clipping",
		Tolerance: Tolerance{1e-3, "relative, of the gradient followed; one float32 factor and the norm's rounding"},
		run:       checkClipping,
	},
	{
		Name:      "loss",
		Meaning:   "Train's loss is the weighted sum of Score's -log p before the update, for weights of any sign and size",
		Tolerance: Tolerance{1e-5, "of the sum of |weight x log p|; float32 log-probabilities"},
		run:       checkLoss,
	},
}

// gradientBatch has documents inside a row, weights of several sizes and signs, and a padded end.
func (p *probe) gradientBatch(rng *rand.Rand) family.Batch {
	b := p.batch(rng, 2, 16)
	b.Starts = []int32{5}
	for i := range b.Weights {
		b.Weights[i] = []float32{0.25, 0.125, 0, 0.3, -0.05}[i%5]
	}
	b.Weights[len(b.Weights)-1] = 0
	return b
}

func checkGradient(ctx context.Context, p *probe) error {
	if p.opts.Precision != family.FP32 {
		return checkRoundedGradient(ctx, p)
	}
	m, err := p.plainModel(ctx)
	if err != nil {
		return err
	}
	rng := p.rng("gradient")
	b := p.gradientBatch(rng)
	logps, err := score(ctx, m, b)
	if err != nil {
		return err
	}
	g, err := recoverGradient(ctx, m, linearStep(), b)
	if err != nil {
		return err
	}
	total := g.norm()
	o := newObjective(m, b, g.result, logps)
	if o.total {
		p.note("the minimised total has parts besides the loss: slopes are those of the total that Train reports")
	}
	blurred, all := 0, g.directions(rng, p.opts.Quick)
	for _, d := range all {
		e, err := o.judge(ctx, g.before, d, 1e-4*total, p.tol)
		if err != nil {
			return err
		}
		p.within(e.off, "%s: want a slope of %.5g +- %.2g by central differences, got %.5g", d.name, e.slope, e.doubt, d.slope)
		// A slope that is a thousandth of the gradient's norm should be seen sharply; below that, it should not contradict.
		if !e.sharp && max(math.Abs(e.slope), math.Abs(d.slope)) > 1e-3*total {
			blurred++
		}
	}
	if blurred > 0 {
		p.note(sprintf("%d of %d slopes were blurred by jumps or rounding and only judged roughly", blurred, len(all)))
	}
	if 2*blurred > len(all) {
		p.failf("want a loss that is a smooth function of the weights, %d of %d slopes were blurred", blurred, len(all))
	}
	return nil
}

// checkRoundedGradient holds the gradient of a precision of 16 bits against that of fp32, which is held against slopes
// when fp32 is judged.
func checkRoundedGradient(ctx context.Context, p *probe) error {
	m, err := p.plainModel(ctx)
	if err != nil {
		return err
	}
	file, err := save(ctx, m, family.Weights)
	if err != nil {
		return err
	}
	config, err := p.plain()
	if err != nil {
		return err
	}
	exact, _, err := p.build(ctx, func(r *family.BuildRequest) { r.Config, r.Precision = config, family.FP32 })
	if err != nil {
		return err
	}
	if err := load(ctx, exact, family.Weights, file); err != nil {
		return err
	}
	b := p.gradientBatch(p.rng("gradient"))
	got, err := recoverGradient(ctx, m, linearStep(), b)
	if err != nil {
		return err
	}
	want, err := recoverGradient(ctx, exact, linearStep(), b)
	if err != nil {
		return err
	}
	total := want.norm()
	d, tensor := want.distance(got)
	p.within(d/total, "want the gradient of fp32, the difference is %.3g of its norm, most of it in %s", d/total, tensor)
	for k, t := range want.before.tensors {
		diff := make([]float64, t.n)
		for i, x := range want.g[k] {
			diff[i] = got.g[k][i] - x
		}
		off := norm(diff) / max(norm(want.g[k]), total/10)
		p.within(off, "%s: want the gradient of fp32, the difference is %.3g of its norm", t.name, off)
	}
	return nil
}

// directions are, for every tensor, along its gradient, along random signs, and along single weights: the steepest ones and
// random ones; and random signs over all tensors.
func (g *gradient) directions(rng *rand.Rand, quick bool) []direction {
	var all []direction
	add := func(name string, fill func(k, i int) float64) {
		d := direction{name: name, delta: make([][]float64, len(g.g))}
		squares, moved, n := 0.0, 0.0, 0
		for k, t := range g.before.tensors {
			x := make([]float64, t.n)
			used := false
			for i := range x {
				if x[i] = fill(k, i); x[i] != 0 {
					squares, used, n = squares+x[i]*x[i], true, n+1
					w := float64(g.before.at(t, i))
					moved += w * w
				}
			}
			if used {
				d.delta[k] = x
			}
		}
		if squares == 0 {
			return
		}
		unit := 1 / math.Sqrt(squares)
		for k := range d.delta {
			for i := range d.delta[k] {
				d.delta[k][i] *= unit
				d.slope += d.delta[k][i] * g.g[k][i]
			}
		}
		// A tenth of the norm of the weights moved, or of weights of 0.3 where they are smaller.
		d.size = min(0.1*max(math.Sqrt(moved), 0.3*math.Sqrt(float64(n))), 2)
		all = append(all, d)
	}
	sign := func() float64 { return float64(1 - 2*rng.IntN(2)) }
	for k, t := range g.before.tensors {
		only := func(name string, fill func(i int) float64) {
			add(t.name+" "+name, func(j, i int) float64 {
				if j != k {
					return 0
				}
				return fill(i)
			})
		}
		only("along its gradient", func(i int) float64 { return g.g[k][i] })
		signs := 3
		if quick {
			signs = 1
		}
		for s := range signs {
			only(sprintf("along random signs %d", s+1), func(int) float64 { return sign() })
		}
		if quick {
			continue
		}
		for _, pick := range picks(rng, g.g[k]) {
			only(sprintf("[%d]", pick), func(i int) float64 {
				if i == pick {
					return 1
				}
				return 0
			})
		}
	}
	add("all tensors along random signs", func(int, int) float64 { return sign() })
	return all
}

// picks answers the two steepest weights and two random ones.
func picks(rng *rand.Rand, g []float64) []int {
	index := make([]int, len(g))
	for i := range index {
		index[i] = i
	}
	sort.SliceStable(index, func(a, b int) bool { return math.Abs(g[index[a]]) > math.Abs(g[index[b]]) })
	out := append([]int(nil), index[:min(2, len(index))]...)
	for range min(2, len(index)-len(out)) {
		out = append(out, index[rng.IntN(len(index))])
	}
	return out
}

func checkGradNorm(ctx context.Context, p *probe) error {
	m, err := p.plainModel(ctx)
	if err != nil {
		return err
	}
	g, err := recoverGradient(ctx, m, linearStep(), p.gradientBatch(p.rng("grad-norm")))
	if err != nil {
		return err
	}
	want := g.norm()
	p.within(math.Abs(g.result.GradNorm-want)/want, "want GradNorm %.7g, the norm of the gradient followed, got %.7g", want, g.result.GradNorm)
	return nil
}

func checkMicroBatches(ctx context.Context, p *probe) error {
	rng := p.rng("micro-batches")
	all := p.batch(rng, rows, length)
	for i := range all.Weights {
		all.Weights[i] = []float32{0.2, 0.1, 0, -0.05}[i%4]
	}
	var parts []family.Batch
	for r := range all.B {
		parts = append(parts, row(all, r))
	}
	m, err := p.plainModel(ctx)
	if err != nil {
		return err
	}
	want, err := recoverGradient(ctx, m, linearStep(), all)
	if err != nil {
		return err
	}
	if m, err = p.plainModel(ctx); err != nil {
		return err
	}
	got, err := recoverGradient(ctx, m, linearStep(), parts...)
	if err != nil {
		return err
	}
	off := math.Abs(got.result.Loss-want.result.Loss) / max(1, math.Abs(want.result.Loss))
	p.within(off, "loss of %d micro-batches: want %.7g as in one batch, got %.7g", len(parts), want.result.Loss, got.result.Loss)
	// Extra heads' losses add up over micro-batches as the main one does; a load-balancing loss, say, need not.
	if math.Abs(got.result.Total-want.result.Total) > 1e-5*max(1, math.Abs(want.result.Total)) {
		p.note("gradients not compared: the config has auxiliary losses that do not add up over micro-batches; give a plain config")
		return nil
	}
	d, tensor := want.distance(got)
	p.within(d/want.norm(), "gradient of %d micro-batches: want that of one batch, the difference is %.3g of its norm, most of it in %s", len(parts), d/want.norm(), tensor)
	return nil
}

func checkClipping(ctx context.Context, p *probe) error {
	b := p.batch(p.rng("clipping"), rows, length)
	run := func(clip float64) (*gradient, error) {
		m, err := p.plainModel(ctx)
		if err != nil {
			return nil, err
		}
		step := linearStep()
		step.Clip = clip
		return recoverGradient(ctx, m, step, b)
	}
	free, err := run(0)
	if err != nil {
		return err
	}
	n := free.norm()
	for _, share := range []float64{0.3, 3} {
		got, err := run(share * n)
		if err != nil {
			return err
		}
		want := min(share, 1)
		// Compare with the free gradient scaled: direction and length at once.
		diff, tensor := scaled(free, want).distance(got)
		p.within(diff/(want*n), "Clip at %g x the norm: want the gradient times %g, the difference is %.3g of it, most of it in %s", share, want, diff/(want*n), tensor)
		off := math.Abs(got.result.GradNorm-free.result.GradNorm) / free.result.GradNorm
		p.within(off, "Clip at %g x the norm: want GradNorm %.7g as without clipping, got %.7g", share, free.result.GradNorm, got.result.GradNorm)
	}
	return nil
}

func scaled(g *gradient, by float64) *gradient {
	out := &gradient{before: g.before}
	for _, x := range g.g {
		y := make([]float64, len(x))
		for i := range x {
			y[i] = by * x[i]
		}
		out.g = append(out.g, y)
	}
	return out
}

func checkLoss(ctx context.Context, p *probe) error {
	m, err := p.warmModel(ctx)
	if err != nil {
		return err
	}
	rng := p.rng("loss")
	for _, weights := range [][]float32{{1}, {0.5, 0, 2}, {1, -1, 0.25, -3}, {0, 0, 0, 0, 0, 0, 1e3}} {
		b := p.batch(rng, rows, length)
		for i := range b.Weights {
			b.Weights[i] = weights[i%len(weights)]
		}
		logps, err := score(ctx, m, b)
		if err != nil {
			return err
		}
		r, err := train(ctx, m, adam(1e-3), b)
		if err != nil {
			return err
		}
		want, size := loss(b, logps), 0.0
		for i, w := range b.Weights {
			size += math.Abs(float64(w) * float64(logps[i]))
		}
		p.within(math.Abs(r.Loss-want)/size, "weights %v in turn: want a loss of %.8g, got %.8g", weights, want, r.Loss)
	}
	return nil
}
