package kernel

import "unsafe"

// A vecOp names an operation of the generated vector kernels; the generator's list
// says what each computes.
type vecOp uint8

// vecArgs are the arguments of a vector kernel.
type vecArgs struct {
	n               int
	p               [5]*float32
	s               [8]float32
	result, result2 float32 // sums; AdamW: the ninth scalar
}

// forwardOps and backwardOps are the operations of the activations.
var (
	forwardOps = [...]vecOp{
		actGELU: vecGELU, actSiLU: vecSiLU, actSquaredReLU: vecSquaredReLU,
		actSigmoid: vecSigmoid, actSoftplus: vecSoftplus,
	}
	backwardOps = [...]vecOp{
		actGELU: vecGELUBackward, actSiLU: vecSiLUBackward, actSquaredReLU: vecSquaredReLUBackward,
		actSigmoid: vecSigmoidBackward, actSoftplus: vecSoftplusBackward,
	}
)

// ptr is the address of x's first element, once x is known to hold n.
func ptr(x []float32, n int) *float32 { return unsafe.SliceData(x[:n]) }

// vectorsOf builds the table of vector kernels on top of one way to run them, with
// vectors of the given width.
func vectorsOf(run func(op vecOp, args vecArgs) (float32, float32), width int) vectors {
	// The element-by-element operations: outputs first, then inputs.
	map2 := func(op vecOp) func(out, x []float32, s float32) {
		return func(out, x []float32, s float32) {
			n := len(out)
			run(op, vecArgs{n: n, p: [5]*float32{ptr(out, n), ptr(x, n)}, s: [8]float32{s}})
		}
	}
	map3 := func(op vecOp) func(out, x, y []float32) {
		return func(out, x, y []float32) {
			n := len(out)
			run(op, vecArgs{n: n, p: [5]*float32{ptr(out, n), ptr(x, n), ptr(y, n)}})
		}
	}
	taps := func(op vecOp) func(y, bias, w, x []float32) {
		return func(y, bias, w, x []float32) {
			n := len(y)
			run(op, vecArgs{n: n, p: [5]*float32{ptr(y, n), ptr(bias, n), ptr(w, 4*n), ptr(x, 4*n)}})
		}
	}
	sum1 := func(op vecOp) func(x []float32) float32 {
		return func(x []float32) float32 {
			s, _ := run(op, vecArgs{n: len(x), p: [5]*float32{ptr(x, len(x))}})
			return s
		}
	}
	sum3 := func(op vecOp) func(out, x, y []float32) float32 {
		return func(out, x, y []float32) float32 {
			n := len(out)
			s, _ := run(op, vecArgs{n: n, p: [5]*float32{ptr(out, n), ptr(x, n), ptr(y, n)}})
			return s
		}
	}
	axpy, finite := map2(vecAxpy), sum1(vecFinite)
	return vectors{
		add:    map3(vecAdd),
		mul:    map3(vecMul),
		mulAdd: map3(vecMulAdd),
		addRows: func(out, x []float32) {
			n := len(out)
			run(vecAddRows, vecArgs{n: n, p: [5]*float32{ptr(out, n), ptr(x, n), ptr(x[n:], n), ptr(x[2*n:], n), ptr(x[3*n:], n)}})
		},
		scale: map2(vecScale),
		axpy:  func(out []float32, s float32, x []float32) { axpy(out, x, s) },

		activate: func(f activation, y, x []float32) {
			n := len(y)
			run(forwardOps[f], vecArgs{n: n, p: [5]*float32{ptr(y, n), ptr(x, n)}})
		},
		activateBackward: func(f activation, dx, dy, x []float32) {
			n := len(dx)
			run(backwardOps[f], vecArgs{n: n, p: [5]*float32{ptr(dx, n), ptr(dy, n), ptr(x, n)}})
		},
		siluMul: map3(vecSiLUMul),
		siluMulBackward: func(dx, dz, dy, x, z []float32) {
			n := len(dx)
			run(vecSiLUMulBackward, vecArgs{n: n, p: [5]*float32{ptr(dx, n), ptr(dz, n), ptr(dy, n), ptr(x, n), ptr(z, n)}})
		},

		taps:     taps(vecTaps),
		tapsSiLU: taps(vecTapsSiLU),
		tapsSlope: func(dx, dy, bias, w, x []float32) {
			n := len(dx)
			run(vecTapsSlope, vecArgs{n: n, p: [5]*float32{ptr(dx, n), ptr(bias, n), ptr(w, 4*n), ptr(x, 4*n), ptr(dy, n)}})
		},
		tapsGrad: func(sum, g, x []float32) {
			n := len(g)
			run(vecTapsGrad, vecArgs{n: n, p: [5]*float32{ptr(sum, 5*n), ptr(g, n), ptr(x, 4*n)}})
		},

		dot: func(x, y []float32) float32 {
			s, _ := run(vecDot, vecArgs{n: len(x), p: [5]*float32{ptr(x, len(x)), ptr(y, len(x))}})
			return s
		},
		dot3: func(x, y, z []float32) float32 {
			n := len(x)
			s, _ := run(vecDot3, vecArgs{n: n, p: [5]*float32{ptr(x, n), ptr(y, n), ptr(z, n)}})
			return s
		},
		sum: sum1(vecSum),
		laneSums: func(out, x []float32) {
			n := len(out) &^ (width - 1)
			if n > 0 {
				run(vecLaneSums, vecArgs{n: n, p: [5]*float32{ptr(out, n), ptr(x, n*width)}})
			}
			var last [lanes]float32
			for i := n; i < len(out); i++ {
				copy(last[:], x[i*width:(i+1)*width])
				out[i] = laneSum(&last)
			}
		},
		sumLanes: width,
		finite:   func(x []float32) bool { return finite(x) == 0 },
		max:      sum1(vecMax),
		sumExp: func(x []float32, shift float32) float32 {
			s, _ := run(vecSumExp, vecArgs{n: len(x), p: [5]*float32{ptr(x, len(x))}, s: [8]float32{shift}})
			return s
		},
		expInto: func(y, x []float32, scale, shift float32) float32 {
			n := len(y)
			s, _ := run(vecExpInto, vecArgs{n: n, p: [5]*float32{ptr(y, n), ptr(x, n)}, s: [8]float32{scale, shift}})
			return s
		},

		scaleMul: func(y, x, gain []float32, r float32) {
			n := len(y)
			run(vecScaleMul, vecArgs{n: n, p: [5]*float32{ptr(y, n), ptr(x, n), ptr(gain, n)}, s: [8]float32{r}})
		},
		scaleMulAdd: func(y, x, gain, bias []float32, r float32) {
			n := len(y)
			run(vecScaleMulAdd, vecArgs{n: n, p: [5]*float32{ptr(y, n), ptr(x, n), ptr(gain, n), ptr(bias, n)}, s: [8]float32{r}})
		},
		addSum:     sum3(vecAddSum),
		addSquares: sum3(vecAddSquares),
		shiftSquares: func(y, x []float32, s float32) float32 {
			n := len(y)
			sum, _ := run(vecShiftSquares, vecArgs{n: n, p: [5]*float32{ptr(y, n), ptr(x, n)}, s: [8]float32{s}})
			return sum
		},
		rmsBackward: func(dgain, dx, dy, x, gain []float32, r, c float32) {
			n := len(dgain)
			run(vecRMSBackward, vecArgs{n: n, p: [5]*float32{ptr(dgain, n), ptr(dx, n), ptr(dy, n), ptr(x, n), ptr(gain, n)}, s: [8]float32{r, c}})
		},
		addScalar: map2(vecAddScalar),
		linear: func(out, x, y []float32, sx, sy, offset float32) {
			n := len(out)
			run(vecLinear, vecArgs{n: n, p: [5]*float32{ptr(out, n), ptr(x, n), ptr(y, n)}, s: [8]float32{sx, sy, offset}})
		},
		normSums: func(dgain, dbias, dy, x, gain []float32, mean, rstd float32) (sum, dot float32) {
			n := len(dgain)
			return run(vecLayerNormSums, vecArgs{n: n, p: [5]*float32{ptr(dgain, n), ptr(dbias, n), ptr(dy, n), ptr(x, n), ptr(gain, n)}, s: [8]float32{mean, rstd}})
		},
		normBackward: func(dx, dy, x, gain []float32, mean, rstd, sum, dot float32) {
			n := len(dx)
			run(vecLayerNormBackward, vecArgs{n: n, p: [5]*float32{ptr(dx, n), ptr(dy, n), ptr(x, n), ptr(gain, n)}, s: [8]float32{mean, rstd, sum, dot}})
		},
		rotate: func(a, b, cos, sin []float32, sign float32) {
			n := len(cos)
			run(vecRotate, vecArgs{n: n, p: [5]*float32{ptr(a, n), ptr(b, n), ptr(cos, n), ptr(sin, n)}, s: [8]float32{sign}})
		},
		adamW: func(o *AdamW, w, g, m, v []float32) {
			n := len(w)
			run(vecAdamW, vecArgs{
				n: n, p: [5]*float32{ptr(w, n), ptr(m, n), ptr(v, n), ptr(g, n)},
				s:      [8]float32{o.GradScale, o.Beta1, 1 - o.Beta1, o.Beta2, 1 - o.Beta2, 1 / o.Correction2, o.Eps, 1 - o.LR*o.WeightDecay},
				result: o.LR / o.Correction1,
			})
		},
	}
}
