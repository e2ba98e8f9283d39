package conformance_test

import (
	"cmp"
	"math"
	"time"

	"github.com/archlab/archlab/core/family"
)

// matrices are the rows of what Muon orthogonalises: the mixing and both matrices of the MLP.
func (p *param) matrices() []int {
	switch p.name {
	case "mix", "up", "down":
		return p.shape[:1]
	}
	return nil
}

// Operations of an update by element; Muon's orthogonalisation comes on top.
const tinyUpdate = 15

// optimizers says what updates cost.
func (m *tinyModel) optimizers() []family.OptimizerCost {
	var list []family.OptimizerCost
	for _, name := range []string{family.AdamW, family.Muon, family.Lion, family.SGD} {
		c := family.OptimizerCost{Name: name, UpdateFLOPs: m.updateFLOPs(name)}
		if m.fault == updateFLOPsOff && name == family.Lion {
			c.UpdateFLOPs *= 1.1
		}
		for _, p := range m.params {
			c.StateBytes += 8 * int64(p.n)
		}
		list = append(list, c)
	}
	return list
}

func (m *tinyModel) updateFLOPs(name string) float64 {
	flops := 0.0
	for _, p := range m.params {
		flops += tinyUpdate * float64(p.n)
		if name == family.Muon && p.matrices() != nil {
			r, c := float64(p.shape[0]), float64(p.shape[1])
			flops += 5 * (4*r*r*c + 2*r*r*r)
		}
	}
	return flops
}

// update takes a step. AdamW is Loshchilov & Hutter 2019, algorithm 2.
func (m *tinyModel) update(s family.OptimizerStep, clip float64) {
	start := time.Now()
	if name := cmp.Or(s.Name, family.AdamW); name != m.by {
		m.by, m.steps = name, 0
		for _, p := range m.params {
			clear(p.m)
			clear(p.v)
		}
	}
	m.steps++
	if m.fault == stopsLearning && m.steps > 12 {
		return
	}
	c1, c2 := 1-math.Pow(s.Beta1, float64(m.steps)), 1-math.Pow(s.Beta2, float64(m.steps))
	if m.fault == noBiasCorrection {
		c2 = math.Sqrt(c2) // right at no step, close at none
	}
	for _, p := range m.params {
		decayed := 0.0
		if len(p.shape) >= 2 || m.fault == decaysVectors {
			decayed = s.LearningRate * s.WeightDecay
		}
		rate := s.LearningRate
		move := func(i int, g float64) float64 {
			p.m[i] = float32(s.Beta1*float64(p.m[i]) + (1-s.Beta1)*g)
			p.v[i] = float32(s.Beta2*float64(p.v[i]) + (1-s.Beta2)*g*g)
			return float64(p.m[i]) / c1 / (math.Sqrt(float64(p.v[i])/c2) + s.Epsilon)
		}
		momentum := func(i int, g float64) float64 {
			p.m[i] = float32(s.Momentum*float64(p.m[i]) + g)
			if s.Nesterov {
				return g + s.Momentum*float64(p.m[i])
			}
			return float64(p.m[i])
		}
		switch {
		case m.by == family.Lion:
			move = func(i int, g float64) float64 {
				c := s.Beta1*float64(p.m[i]) + (1-s.Beta1)*g
				p.m[i] = float32(s.Beta2*float64(p.m[i]) + (1-s.Beta2)*g)
				if c == 0 || m.fault == lionKeepsSize {
					return c
				}
				return math.Copysign(1, c)
			}
		case m.by == family.SGD && m.fault == sgdForgetsMomentum:
			move = func(_ int, g float64) float64 { return g }
		case m.by == family.SGD:
			move = momentum
		case m.by == family.Muon && p.matrices() != nil:
			d := make([]float64, p.n)
			for i, g := range p.g {
				d[i] = momentum(i, g*clip)
			}
			m.orthogonalize(d, p.shape[0], p.shape[1], s.Scale == family.Spectral)
			move = func(i int, _ float64) float64 { return d[i] }
		case m.by == family.Muon:
			rate, decayed = rate*s.AdamWRate, decayed*s.AdamWRate
		}
		for i, g := range p.g {
			w := float64(p.w[i])
			step := rate * move(i, g*clip)
			p.w[i] = float32(w - decayed*w - step)
		}
	}
	m.profile[2].calls++
	m.profile[2].flops += m.updateFLOPs(m.by)
	m.profile[2].took += time.Since(start)
}

// orthogonalize is Newton-Schulz on the rows of d [r,c], whichever axis is longer, and Muon's scale.
func (m *tinyModel) orthogonalize(d []float64, r, c int, spectral bool) {
	scale, sum := 0.2*math.Sqrt(float64(max(r, c))), 0.0
	if spectral {
		scale = math.Sqrt(max(1, float64(r)/float64(c)))
	}
	if m.fault == muonForgetsScale {
		scale = 1
	}
	for _, x := range d {
		sum += x * x
	}
	for i := range d {
		d[i] /= math.Sqrt(sum) + 1e-7
	}
	for range 5 {
		if m.fault == muonKeepsDirection {
			break
		}
		a := times(d, transposed(d, r, c), r, c, r)
		b := times(a, a, r, r, r)
		for i := range b {
			b[i] = 2.0315*b[i] - 4.7750*a[i]
		}
		for i, x := range times(b, d, r, r, c) {
			d[i] = 3.4445*d[i] + x
		}
	}
	for i := range d {
		d[i] *= scale
	}
}

// times is a [n,k] times b [k,m].
func times(a, b []float64, n, k, m int) []float64 {
	out := make([]float64, n*m)
	for i := range n {
		for l := range k {
			for j := range m {
				out[i*m+j] += a[i*k+l] * b[l*m+j]
			}
		}
	}
	return out
}

func transposed(a []float64, r, c int) []float64 {
	out := make([]float64, r*c)
	for i := range r {
		for j := range c {
			out[j*r+i] = a[i*c+j]
		}
	}
	return out
}
