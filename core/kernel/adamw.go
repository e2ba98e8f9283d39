package kernel

// AdamW holds one step's settings of Adam with decoupled weight decay (Loshchilov
// & Hutter 2019, algorithm 2, with the decay scaled by the learning rate).
type AdamW struct {
	LR, Beta1, Beta2, Eps, WeightDecay float32
	GradScale                          float32 // multiplies the gradient first (clipping, averaging)
	Correction1, Correction2           float32 // 1-Beta1^t and 1-Beta2^t at step t = 1, 2, ...
}

type adamW struct {
	AdamW
	w, g, m, v []float32
}

var adamWJobs jobs[adamW]

// Step updates the weights w and the moments m and v from the gradient g:
//
//	g' = GradScale·g;  m = β1·m + (1-β1)·g';  v = β2·v + (1-β2)·g'²
//	w -= LR·( (m/Correction1) / (sqrt(v/Correction2)+Eps) + WeightDecay·w )
//
// Moments that decay below the normal numbers become 0: many processors take a hundred
// times as long for subnormal ones, and beside Eps they move nothing.
func (o AdamW) Step(p *Pool, w, g, m, v []float32) {
	n := len(w)
	if len(g) < n || len(m) < n || len(v) < n {
		panic("kernel: adamw: short argument")
	}
	launch(p, &adamWJobs, adamW{o, w, g, m, v}, n, pieceWork/4)
}

func (t *adamW) run(lo, hi int) {
	active.adamW(&t.AdamW, t.w[lo:hi], t.g[lo:hi], t.m[lo:hi], t.v[lo:hi])
}

func adamWGeneric(o *AdamW, w, g, m, v []float32) {
	c1, c2 := 1/o.Correction1, 1/o.Correction2
	keep := 1 - o.LR*o.WeightDecay
	for i, x := range g {
		x *= o.GradScale
		mi := o.Beta1*m[i] + (1-o.Beta1)*x
		vi := o.Beta2*v[i] + (1-o.Beta2)*(x*x)
		mi, vi = normal(mi), normal(vi)
		m[i], v[i] = mi, vi
		w[i] = keep*w[i] - o.LR*(mi*c1)/(sqrt32(vi*c2)+o.Eps)
	}
}

// normal is x, or 0 in place of a subnormal number.
func normal(x float32) float32 {
	if abs32(x) < 0x1p-126 {
		return 0
	}
	return x
}
