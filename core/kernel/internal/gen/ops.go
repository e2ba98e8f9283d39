package main

import "math"

const (
	twoGeluC = 2 * 0.7978845608028654
	geluA    = 0.044715
)

// vecOps lists the vector operations. Pointers and scalars are those that
// vector_amd64.go passes.
var vecOps = []vecOp{
	{name: "Add", outs: 1, ins: []int{1, 2}, body: func(v vec) []int { v.f("VADDPS", 1, 0, 0); return []int{0} }},
	// p0 += p1, then p2, p3 and p4
	{name: "AddRows", outs: 1, ins: []int{0, 1, 2, 3, 4}, body: func(v vec) []int {
		for row := 1; row <= 4; row++ {
			v.f("VADDPS", row, 0, 0)
		}
		return []int{0}
	}},
	{name: "Mul", outs: 1, ins: []int{1, 2}, body: func(v vec) []int { v.f("VMULPS", 1, 0, 0); return []int{0} }},
	{name: "Scale", outs: 1, ins: []int{1}, body: func(v vec) []int {
		v.scalar(0, 1)
		v.f("VMULPS", 1, 0, 0)
		return []int{0}
	}},
	// p0 += s·p1
	{name: "Axpy", outs: 1, ins: []int{0, 1}, body: func(v vec) []int {
		v.scalar(0, 2)
		v.f("VFMADD231PS", 2, 1, 0)
		return []int{0}
	}},
	// p0 += p1·p2
	{name: "MulAdd", outs: 1, ins: []int{0, 1, 2}, body: func(v vec) []int { v.f("VFMADD231PS", 2, 1, 0); return []int{0} }},

	{name: "GELU", outs: 1, ins: []int{1}, body: func(v vec) []int {
		v.geluInner(0, 1, 2)
		v.sigmoid(v.r(1), v.r(1), v.r(3), v.r(4), v.r(5))
		v.f("VMULPS", 1, 0, 0)
		return []int{0}
	}},
	{name: "SiLU", outs: 1, ins: []int{1}, body: func(v vec) []int {
		v.sigmoid(v.r(1), v.r(0), v.r(3), v.r(4), v.r(5))
		v.f("VMULPS", 1, 0, 0)
		return []int{0}
	}},
	{name: "SquaredReLU", outs: 1, ins: []int{1}, body: func(v vec) []int {
		v.relu(0, 1)
		v.f("VMULPS", 0, 0, 0)
		return []int{0}
	}},
	{name: "Sigmoid", outs: 1, ins: []int{1}, body: func(v vec) []int {
		v.sigmoid(v.r(0), v.r(0), v.r(3), v.r(4), v.r(5))
		return []int{0}
	}},
	{name: "Softplus", outs: 1, ins: []int{1}, body: softplus},

	// Backward: p0 = p1 (dy) times the derivative at p2 (x).
	{name: "GELUBackward", outs: 1, ins: []int{1, 2}, body: func(v vec) []int {
		v.geluInner(1, 2, 6) // 6 = x²
		v.sigmoid(v.r(2), v.r(2), v.r(3), v.r(4), v.r(5))
		v.f("VMULPS", 2, 1, 3) // x·s
		v.op("VMOVUPS %s, %s", v.c(1), v.r(4))
		v.f("VSUBPS", 2, 4, 4)
		v.f("VMULPS", 4, 3, 3) // x·s·(1-s)
		v.fc("VMULPS", 3*geluA, 6, 6)
		v.fc("VADDPS", 1, 6, 6)
		v.fc("VMULPS", twoGeluC, 6, 6)
		v.f("VFMADD213PS", 2, 6, 3) // s + that·2c(1+3a·x²)
		v.f("VMULPS", 3, 0, 0)
		return []int{0}
	}},
	{name: "SiLUBackward", outs: 1, ins: []int{1, 2}, body: func(v vec) []int {
		v.sigmoid(v.r(2), v.r(1), v.r(3), v.r(4), v.r(5))
		v.siluSlope(1, 2, 3, 4)
		v.f("VMULPS", 3, 0, 0)
		return []int{0}
	}},
	{name: "SquaredReLUBackward", outs: 1, ins: []int{1, 2}, body: func(v vec) []int {
		v.relu(1, 2)
		v.f("VADDPS", 1, 1, 1)
		v.f("VMULPS", 1, 0, 0)
		return []int{0}
	}},
	{name: "SigmoidBackward", outs: 1, ins: []int{1, 2}, body: func(v vec) []int {
		v.sigmoid(v.r(1), v.r(1), v.r(3), v.r(4), v.r(5))
		v.op("VMOVUPS %s, %s", v.c(1), v.r(3))
		v.f("VSUBPS", 1, 3, 3)
		v.f("VMULPS", 3, 1, 1)
		v.f("VMULPS", 1, 0, 0)
		return []int{0}
	}},
	{name: "SoftplusBackward", outs: 1, ins: []int{1, 2}, body: func(v vec) []int {
		v.sigmoid(v.r(1), v.r(1), v.r(3), v.r(4), v.r(5))
		v.f("VMULPS", 1, 0, 0)
		return []int{0}
	}},

	// p0 = p1·silu(p2)
	{name: "SiLUMul", outs: 1, ins: []int{1, 2}, body: func(v vec) []int {
		v.sigmoid(v.r(2), v.r(1), v.r(3), v.r(4), v.r(5))
		v.f("VMULPS", 2, 1, 1)
		v.f("VMULPS", 1, 0, 0)
		return []int{0}
	}},
	// p0 = p2·silu(p4), p1 = p2·p3·silu'(p4)
	{name: "SiLUMulBackward", outs: 2, ins: []int{2, 3, 4}, body: func(v vec) []int {
		v.sigmoid(v.r(3), v.r(2), v.r(4), v.r(5), v.r(6))
		v.siluSlope(2, 3, 4, 5)
		v.f("VMULPS", 0, 1, 1)
		v.f("VMULPS", 4, 1, 1)
		v.f("VMULPS", 3, 2, 2)
		v.f("VMULPS", 2, 0, 0)
		return []int{0, 1}
	}},

	// RMSNorm: p0 = p1·s·p2
	{name: "ScaleMul", outs: 1, ins: []int{1, 2}, body: func(v vec) []int {
		v.scalar(0, 2)
		v.f("VMULPS", 2, 0, 0)
		v.f("VMULPS", 1, 0, 0)
		return []int{0}
	}},
	// p0 = p1·s0·p2 + p3
	{name: "ScaleMulAdd", outs: 1, ins: []int{1, 2, 3}, body: func(v vec) []int {
		v.scalar(0, 3)
		v.f("VMULPS", 3, 0, 0)
		v.f("VMULPS", 1, 0, 0)
		v.f("VADDPS", 2, 0, 0)
		return []int{0}
	}},
	// RMSNorm backward: p0 (dgain) += p2·p3·r; p1 = r·(p2·p4 - p3·c), with r = s0 and
	// c = s1
	{name: "RMSBackward", outs: 2, ins: []int{0, 2, 3, 4}, body: func(v vec) []int {
		v.scalar(0, 5)
		v.scalar(1, 6)
		v.f("VMULPS", 5, 2, 7)
		v.f("VFMADD231PS", 7, 1, 0)
		v.f("VMULPS", 2, 6, 6)
		v.f("VFMSUB231PS", 3, 1, 6)
		v.f("VMULPS", 5, 6, 6)
		return []int{0, 6}
	}},
	// LayerNorm: p0 = p1 - s
	{name: "AddScalar", outs: 1, ins: []int{1}, body: func(v vec) []int {
		v.scalar(0, 1)
		v.f("VADDPS", 1, 0, 0)
		return []int{0}
	}},
	// p0 = s0·p1 + s1·p2 + s2
	{name: "Linear", outs: 1, ins: []int{1, 2}, body: func(v vec) []int {
		v.scalar(0, 2)
		v.scalar(1, 3)
		v.scalar(2, 4)
		v.f("VFMADD231PS", 3, 1, 4)
		v.f("VFMADD231PS", 2, 0, 4)
		return []int{4}
	}},
	// AdamW: p0 = w, p1 = m, p2 = v, p3 = g; scalars as in adamWAVX.
	{name: "AdamW", outs: 3, ins: []int{0, 1, 2, 3}, body: func(v vec) []int {
		v.scalar(0, 4)
		v.f("VMULPS", 4, 3, 3) // g·GradScale
		v.scalar(1, 4)
		v.scalar(2, 5)
		v.f("VMULPS", 4, 1, 1)
		v.f("VFMADD231PS", 5, 3, 1) // m
		v.flush(1, 4)
		v.f("VMULPS", 3, 3, 3)
		v.scalar(3, 4)
		v.scalar(4, 5)
		v.f("VMULPS", 4, 2, 2)
		v.f("VFMADD231PS", 5, 3, 2) // v
		v.flush(2, 4)
		v.scalar(5, 4)
		v.f("VMULPS", 4, 2, 3)
		v.f("VSQRTPS", 3, 3)
		v.scalar(6, 4)
		v.f("VADDPS", 4, 3, 3) // sqrt(v/c2)+eps
		v.op("VBROADCASTSS %d(DI), %s", argResult, v.r(4))
		v.f("VMULPS", 4, 1, 4) // LR/c1·m
		v.f("VDIVPS", 3, 4, 4)
		v.scalar(7, 5)
		v.f("VFMSUB213PS", 4, 5, 0) // keep·w - that
		return []int{0, 1, 2}
	}},

	// Rotary: p0 and p1 turn by the angles with cosines p2 and sines s0·p3.
	{name: "Rotate", outs: 2, ins: []int{0, 1, 2, 3}, body: func(v vec) []int {
		v.scalar(0, 4)
		v.f("VMULPS", 4, 3, 3)
		v.f("VMULPS", 3, 1, 4) // b·sin
		v.f("VMULPS", 3, 0, 5) // a·sin
		v.f("VFMSUB213PS", 4, 2, 0)
		v.f("VFMADD213PS", 5, 2, 1)
		return []int{0, 1}
	}},
	{name: "LaneSums", outs: 2, custom: laneSums},

	{name: "Dot", ins: []int{0, 1}, start: sumStart,
		reduce: func(v vec, masked bool) { v.f("VFMADD231PS", 0, 1, 12) }, finish: sumFinish},
	{name: "Dot3", ins: []int{0, 1, 2}, start: sumStart,
		reduce: func(v vec, masked bool) {
			v.f("VMULPS", 1, 0, 0)
			v.f("VFMADD231PS", 0, 2, 12)
		}, finish: sumFinish},
	{name: "Sum", ins: []int{0}, start: sumStart,
		reduce: func(v vec, masked bool) { v.f("VADDPS", 0, 12, 12) }, finish: sumFinish},
	// p0 = p1+p2, and the sum of p0 or of its squares.
	{name: "AddSum", outs: 1, ins: []int{1, 2}, start: sumStart,
		body:   func(v vec) []int { v.f("VADDPS", 1, 0, 0); return []int{0} },
		reduce: func(v vec, masked bool) { v.f("VADDPS", 0, 12, 12) }, finish: sumFinish},
	{name: "AddSquares", outs: 1, ins: []int{1, 2}, start: sumStart,
		body:   func(v vec) []int { v.f("VADDPS", 1, 0, 0); return []int{0} },
		reduce: func(v vec, masked bool) { v.f("VFMADD231PS", 0, 0, 12) }, finish: sumFinish},
	// p0 = p1+s0, and the sum of its squares.
	{name: "ShiftSquares", outs: 1, ins: []int{1}, start: sumStart,
		body: func(v vec) []int {
			v.scalar(0, 1)
			v.f("VADDPS", 1, 0, 0)
			return []int{0}
		},
		reduce: func(v vec, masked bool) {
			if masked {
				v.keep(v.r(0))
			}
			v.f("VFMADD231PS", 0, 0, 12)
		}, finish: sumFinish},
	// The sum of x-x: NaN unless all are finite.
	{name: "Finite", ins: []int{0}, start: sumStart,
		reduce: func(v vec, masked bool) {
			v.f("VSUBPS", 0, 0, 0)
			v.f("VADDPS", 0, 12, 12)
		}, finish: sumFinish},
	{name: "Max", ins: []int{0},
		start: func(v vec) { v.op("VMOVUPS %s, %s", v.c(math.Inf(-1)), v.r(12)) },
		reduce: func(v vec, masked bool) {
			// The accumulator is the second source: it wins over NaN.
			if !masked {
				v.f("VMAXPS", 12, 0, 12)
			} else if v.reg == "Z" {
				v.op("VMAXPS Z12, Z0, K1, Z12")
			} else {
				v.f("VMAXPS", 12, 0, 0)
				v.op("VBLENDVPS Y15, Y0, Y12, Y12")
			}
		},
		finish: func(v vec) {
			v.maxLanes(12, 0)
			v.op("VMOVSS X12, %d(DI)", argResult)
		}},
	// The sum of exp(p0-s0).
	{name: "SumExp", ins: []int{0}, start: sumStart,
		reduce: func(v vec, masked bool) {
			v.scalar(0, 1)
			v.f("VSUBPS", 1, 0, 0)
			v.expNegative(v.r(0), v.r(1), v.r(2), v.r(3))
			if masked {
				v.keep(v.r(0))
			}
			v.f("VADDPS", 0, 12, 12)
		}, finish: sumFinish},
	// p0 = exp(s0·p1-s1), and the sum.
	{name: "ExpInto", outs: 1, ins: []int{1}, start: sumStart,
		body: func(v vec) []int {
			v.scalar(0, 1)
			v.scalar(1, 2)
			v.f("VFMSUB213PS", 2, 1, 0)
			v.exp(v.r(0), v.r(1), v.r(2), v.r(3))
			return []int{0}
		},
		reduce: func(v vec, masked bool) {
			if masked {
				v.keep(v.r(0))
			}
			v.f("VADDPS", 0, 12, 12)
		}, finish: sumFinish},
	// LayerNorm backward, first pass: with xhat = (p3-mean)·rstd (s0, s1) and
	// g = p2·p4: p0 (dgain) += p2·xhat, p1 (dbias) += p2; sums of g and g·xhat.
	{name: "LayerNormSums", outs: 2, ins: []int{0, 1, 2, 3, 4}, start: sumStart,
		body: func(v vec) []int {
			v.scalar(0, 5)
			v.scalar(1, 6)
			v.f("VSUBPS", 5, 3, 3)
			v.f("VMULPS", 6, 3, 3)
			v.f("VFMADD231PS", 3, 2, 0)
			v.f("VADDPS", 2, 1, 1)
			v.f("VMULPS", 4, 2, 2)
			return []int{0, 1}
		},
		// Masked lanes: p2 and p4 were loaded as 0, and so is g.
		reduce: func(v vec, masked bool) {
			v.f("VADDPS", 2, 12, 12)
			v.f("VFMADD231PS", 3, 2, 13)
		},
		finish: func(v vec) {
			sumFinish(v)
			v.sumLanes(13, 0)
			v.op("VMOVSS X13, %d(DI)", argResult2)
		}},
	// LayerNorm backward, second pass: p0 = rstd·(p1·p3 - s2 - (p2-mean)·rstd·s3)
	{name: "LayerNormBackward", outs: 1, ins: []int{1, 2, 3}, body: func(v vec) []int {
		v.scalar(0, 4)
		v.scalar(1, 5)
		v.scalar(2, 6)
		v.scalar(3, 7)
		v.f("VSUBPS", 4, 1, 1)
		v.f("VMULPS", 5, 1, 1)
		v.f("VMULPS", 2, 0, 0)
		v.f("VSUBPS", 6, 0, 0)
		v.f("VFNMADD231PS", 7, 1, 0)
		v.f("VMULPS", 5, 0, 0)
		return []int{0}
	}},
}

// flush replaces subnormal numbers by 0; NaN stays.
func (v vec) flush(x, t int) {
	const least = 1.1754943508222875e-38 // normal
	v.and(math.MaxInt32, v.r(x), v.r(t))
	if v.reg == "Z" {
		v.op("VCMPPS $5, %s, %s, K%d", v.c(least), v.r(t), 2+v.mask)
		v.op("VMOVAPS.Z %s, K%d, %s", v.r(x), 2+v.mask, v.r(x))
		return
	}
	v.op("VCMPPS $5, %s, %s, %s", v.c(least), v.r(t), v.r(t))
	v.f("VANDPS", t, x, x)
}

func sumStart(v vec) {
	v.zero(v.r(12))
	v.zero(v.r(13))
}

func sumFinish(v vec) {
	v.sumLanes(12, 0)
	v.op("VMOVSS X12, %d(DI)", argResult)
}

// geluInner sets u to 2c·x·(1+a·x²) and q to x².
func (v vec) geluInner(x, u, q int) {
	v.f("VMULPS", x, x, q)
	v.op("VMOVUPS %s, %s", v.c(1), v.r(u))
	v.fc("VFMADD231PS", geluA, q, u)
	v.f("VMULPS", x, u, u)
	v.fc("VMULPS", twoGeluC, u, u)
}

// siluSlope sets d to s + x·s·(1-s), the derivative of x·s with s = sigmoid(x).
func (v vec) siluSlope(x, s, d, t int) {
	v.op("VMOVUPS %s, %s", v.c(1), v.r(t))
	v.f("VSUBPS", s, t, t)
	v.f("VMULPS", s, x, d)
	v.f("VFMADD213PS", s, t, d)
}

func (v vec) relu(x, t int) {
	v.zero(v.r(t))
	v.f("VMAXPS", x, t, x)
}

// softplus is softplus32 in math.go.
func softplus(v vec) []int {
	// 0 = x, 1 = y = e^-|x|, 2 = s, 3 = s², 4 = polynomial
	v.and(math.MaxInt32, v.r(0), v.r(2))
	v.zero(v.r(1))
	v.f("VSUBPS", 2, 1, 1)
	v.exp(v.r(1), v.r(2), v.r(3), v.r(4))
	v.fc("VADDPS", 2, 1, 2)
	v.f("VDIVPS", 2, 1, 2)
	v.f("VMULPS", 2, 2, 3)
	v.op("VMOVUPS %s, %s", v.c(1.0/17), v.r(4))
	for _, d := range []float64{15, 13, 11, 9, 7, 5, 3} {
		v.fc("VFMADD213PS", 1/d, 3, 4)
	}
	v.f("VMULPS", 2, 3, 3)      // s³
	v.f("VFMADD213PS", 2, 3, 4) // s + s³·P
	v.f("VADDPS", 4, 4, 4)
	v.relu(0, 1)
	v.f("VADDPS", 4, 0, 0)
	return []int{0}
}
