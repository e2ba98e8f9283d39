package kernel

// Momentum holds one step's settings of heavy-ball momentum (Polyak 1964), with Nesterov's look ahead as in Sutskever et
// al. 2013.
type Momentum struct {
	Momentum  float32
	Nesterov  bool
	GradScale float32 // multiplies the gradient first (clipping, averaging)
}

type momentum struct {
	Momentum
	g, m []float32
}

var momentumJobs jobs[momentum]

// Step takes the gradient g into the momentum m and leaves the direction of the step in g:
//
//	g' = GradScale·g;  m = Momentum·m + g';  g = g' + Momentum·m with Nesterov, else m
func (o Momentum) Step(p *Pool, g, m []float32) {
	if len(m) < len(g) {
		panic("kernel: momentum: short argument")
	}
	launch(p, &momentumJobs, momentum{o, g, m}, len(g), pieceWork/4)
}

func (t *momentum) run(lo, hi int) {
	g, m := t.g[lo:hi], t.m[lo:hi]
	active.linear(m, m, g, t.Momentum.Momentum, t.GradScale, 0)
	settle(m)
	if t.Nesterov {
		active.linear(g, g, m, t.GradScale, t.Momentum.Momentum, 0)
	} else {
		copy(g, m)
	}
}

// settle makes subnormal numbers 0, as AdamW does to its moments: one that decays would stay among them for good.
func settle(x []float32) {
	for i, v := range x {
		x[i] = normal(v)
	}
}

type descent struct {
	w, d       []float32
	keep, rate float32
}

var descentJobs jobs[descent]

// Descend sets w = keep·w - rate·d over len(w) elements.
func Descend(p *Pool, w, d []float32, keep, rate float32) {
	if len(d) < len(w) {
		panic("kernel: descend: short argument")
	}
	launch(p, &descentJobs, descent{w, d, keep, rate}, len(w), pieceWork/4)
}

func (t *descent) run(lo, hi int) {
	active.linear(t.w[lo:hi], t.w[lo:hi], t.d[lo:hi], t.keep, -t.rate, 0)
}
