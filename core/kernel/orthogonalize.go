package kernel

import "math"

// The quintic of Jordan 2024 ("Muon: An optimizer for hidden layers in neural networks"): each step maps a singular value s
// to as + bs³ + cs⁵. Five steps bring all but the smallest into about [0.7, 1.2].
const (
	newtonSchulzA     = 3.4445
	newtonSchulzB     = -4.7750
	newtonSchulzC     = 2.0315
	newtonSchulzSteps = 5
	newtonSchulzEps   = 1e-7 // added to the norm
)

// OrthogonalizeFLOPs counts Orthogonalize, a multiply-add as two.
func OrthogonalizeFLOPs(r, c int) float64 {
	k, n := float64(min(r, c)), float64(max(r, c))
	step := 2*k*k*n + 2*k*k*k + 4*k*k + 2*k*k*n
	return 3*k*n + newtonSchulzSteps*step
}

// Orthogonalize moves x [r,c] towards the nearest matrix with orthonormal rows (or columns, if there are more rows) by five
// steps of Newton-Schulz from x / (|x| + 1e-7), |x| being the Frobenius norm:
//
//	A = XXᵀ (or XᵀX);  X = (aI + bA + cA²)·X (or X·(...))
func Orthogonalize(p *Pool, x []float32, r, c int) {
	if len(x) < r*c {
		panic("kernel: orthogonalize: short argument")
	}
	n, k := r*c, min(r, c)
	x = x[:n]
	work := scratch.take(n + 2*k*k)
	from, gram, square := work.f[:n], work.f[n:n+k*k], work.f[n+k*k:]
	Scale(p, from, x, float32(1/(math.Sqrt(SumSquares(p, x))+newtonSchulzEps)))
	to := x
	for range newtonSchulzSteps { // an odd number: the last one ends in x
		if r <= c {
			Gemm(p, false, true, k, k, c, from, c, from, c, 0, gram, k)
		} else {
			Gemm(p, true, false, k, k, r, from, c, from, c, 0, gram, k)
		}
		Gemm(p, false, false, k, k, k, gram, k, gram, k, 0, square, k)
		Descend(p, square, gram, newtonSchulzC, -newtonSchulzB)
		for i := range k {
			square[i*k+i] += newtonSchulzA
		}
		if r <= c {
			Gemm(p, false, false, r, c, r, square, k, from, c, 0, to, c)
		} else {
			Gemm(p, false, false, r, c, c, from, c, square, k, 0, to, c)
		}
		from, to = to, from
	}
	scratch.put(work)
}
