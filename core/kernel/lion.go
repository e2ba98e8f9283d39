package kernel

import "math"

// Lion holds one step's settings of Lion (Chen et al. 2023, algorithm 2).
type Lion struct {
	LR, Beta1, Beta2, WeightDecay float32
	GradScale                     float32 // multiplies the gradient first (clipping, averaging)
}

type lion struct {
	Lion
	w, g, m []float32
}

var lionJobs jobs[lion]

// Step updates the weights w and the momentum m from the gradient g:
//
//	g' = GradScale·g;  c = β1·m + (1-β1)·g';  w -= LR·( sign(c) + WeightDecay·w );  m = β2·m + (1-β2)·g'
//
// The sign of 0 is 0.
func (o Lion) Step(p *Pool, w, g, m []float32) {
	n := len(w)
	if len(g) < n || len(m) < n {
		panic("kernel: lion: short argument")
	}
	launch(p, &lionJobs, lion{o, w, g, m}, n, pieceWork/4)
}

func (t *lion) run(lo, hi int) {
	const block = 256
	room := scratch.take(block)
	keep := 1 - t.LR*t.WeightDecay
	for ; lo < hi; lo += block {
		n := min(block, hi-lo)
		w, g, m, c := t.w[lo:lo+n], t.g[lo:lo+n], t.m[lo:lo+n], room.f[:n]
		active.linear(c, m, g, t.Beta1, (1-t.Beta1)*t.GradScale, 0)
		active.linear(m, m, g, t.Beta2, (1-t.Beta2)*t.GradScale, 0)
		settle(m)
		for i, x := range c {
			c[i] = signTimes(t.LR, x)
		}
		active.linear(w, w, c, keep, -1, 0)
	}
	scratch.put(room)
}

// signTimes is rate·sign(x), without a branch that would be guessed wrong every other time. x is not NaN.
func signTimes(rate, x float32) float32 {
	bits := math.Float32bits(x)
	some := -int32(bits&0x7fffffff) >> 31 // all ones unless x is 0
	return math.Float32frombits((math.Float32bits(rate) | bits&0x80000000) & uint32(some))
}
