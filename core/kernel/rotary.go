package kernel

import "math"

// Rotary position embedding (Su et al. 2021), pairs split by halves: column i of a
// head turns with column i+k/2 by the angle pos·theta^(-2i/k).
// Dimensions: m rows of ld, of which the first heads*k columns are turned.

type rotary struct {
	x, freq []float32
	ld      int
	heads   int
	k       int
	segs    []Segment
	sign    float32
}

var rotaryJobs jobs[rotary]

// Rotary turns the first heads*k columns of each row of x [m,ld] in place by the
// row's position in its document. inverse turns back, which is also the backward
// pass.
func Rotary(p *Pool, x []float32, m, ld, heads, k int, segs []Segment, theta float64, inverse bool) {
	checkSegments(segs, m)
	if k%2 != 0 || ld < heads*k || m > 0 && len(x) < (m-1)*ld+heads*k {
		panic("kernel: rotary: wrong shape")
	}
	half := k / 2
	freq := scratch.take(half)
	for i := range freq.f {
		freq.f[i] = float32(math.Pow(theta, -2*float64(i)/float64(k)))
	}
	sign := float32(1)
	if inverse {
		sign = -1
	}
	launch(p, &rotaryJobs, rotary{x, freq.f, ld, heads, k, segs, sign}, m, grainFor(heads*k+16*k))
	scratch.put(freq)
}

func (t *rotary) run(lo, hi int) {
	half := t.k / 2
	angles := scratch.take(2 * half)
	cos, sin := angles.f[:half], angles.f[half:]
	for si := range t.segs {
		s := &t.segs[si]
		for r := max(lo, s.Start); r < min(hi, s.Start+s.Len); r++ {
			pos := float64(s.Pos + r - s.Start)
			for i, f := range t.freq {
				sn, cs := math.Sincos(pos * float64(f))
				cos[i], sin[i] = float32(cs), t.sign*float32(sn)
			}
			for h := range t.heads {
				x := t.x[r*t.ld+h*t.k:][:t.k]
				a, b := x[:half], x[half:]
				for i, c := range cos {
					u, v := a[i], b[i]
					a[i] = u*c - v*sin[i]
					b[i] = v*c + u*sin[i]
				}
			}
		}
	}
	scratch.put(angles)
}
