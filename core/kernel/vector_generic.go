package kernel

// The plain forms of the vector kernels, and their definitions.

var genericVectors = vectors{
	add:     addGeneric,
	mul:     mulGeneric,
	mulAdd:  mulAdd,
	addRows: addRowsGeneric,
	scale:   scaleGeneric,
	axpy:    axpy,

	activate:         activateGeneric,
	activateBackward: activateBackwardGeneric,
	siluMul:          siluMulGeneric,
	siluMulBackward:  siluMulBackwardGeneric,

	taps:      tapsGeneric,
	tapsSiLU:  tapsSiLUGeneric,
	tapsSlope: tapsSlopeGeneric,
	tapsGrad:  tapsGradGeneric,

	dot:      dot32,
	dot3:     dot3Generic,
	sum:      sumGeneric,
	laneSums: laneSums,
	sumLanes: lanes,
	finite:   finiteGeneric,
	max:      maxOf,
	sumExp:   sumExp,
	expInto:  expInto,

	scaleMul:     scaleMulGeneric,
	scaleMulAdd:  scaleMulAddGeneric,
	addSum:       addSumGeneric,
	addSquares:   addSquaresGeneric,
	shiftSquares: shiftSquaresGeneric,
	rmsBackward:  rmsBackwardGeneric,
	addScalar:    addScalarGeneric,
	linear:       linearGeneric,
	normSums:     normSumsGeneric,
	normBackward: normBackwardGeneric,
	rotate:       rotateGeneric,

	adamW: adamWGeneric,
}

func addGeneric(out, x, y []float32) {
	for i := range out {
		out[i] = x[i] + y[i]
	}
}

func addRowsGeneric(out, x []float32) {
	n := len(out)
	for row := range 4 {
		addGeneric(out, out, x[row*n:])
	}
}

func mulGeneric(out, x, y []float32) {
	for i := range out {
		out[i] = x[i] * y[i]
	}
}

func scaleGeneric(out, x []float32, s float32) {
	for i := range out {
		out[i] = s * x[i]
	}
}

// axpy adds s·x to y.
func axpy(y []float32, s float32, x []float32) {
	for i := range y {
		y[i] += s * x[i]
	}
}

// mulAdd adds x·y to out, element by element.
func mulAdd(out, x, y []float32) {
	for i := range out {
		out[i] += x[i] * y[i]
	}
}

// dot32 is the inner product, in 16 lanes so that long sums stay accurate.
func dot32(x, y []float32) float32 {
	var l [lanes]float32
	for ; len(x) >= lanes; x, y = x[lanes:], y[lanes:] {
		for j, v := range x[:lanes] {
			l[j] += v * y[j]
		}
	}
	for j, v := range x {
		l[j] += v * y[j]
	}
	return laneSum(&l)
}

func dot3Generic(x, y, z []float32) float32 {
	var l [lanes]float32
	for i, v := range x {
		l[i%lanes] += v * y[i] * z[i]
	}
	return laneSum(&l)
}

func sumGeneric(x []float32) float32 {
	var l [lanes]float32
	for i, v := range x {
		l[i%lanes] += v
	}
	return laneSum(&l)
}

func finiteGeneric(x []float32) bool {
	var bad float32
	for _, v := range x {
		bad += v - v // NaN unless v is finite
	}
	return bad == 0
}

// maxOf returns the greatest element, NaN aside; -Inf of nothing.
func maxOf(x []float32) float32 {
	top := negInf
	for _, v := range x {
		if v > top {
			top = v
		}
	}
	return top
}

// sumExp returns the sum of exp(x-shift).
func sumExp(x []float32, shift float32) float32 {
	var l [lanes]float32
	for i, v := range x {
		l[i%lanes] += exp32(v - shift)
	}
	return laneSum(&l)
}

// expInto sets y = exp(scale*x-shift) and returns the sum.
func expInto(y, x []float32, scale, shift float32) float32 {
	var l [lanes]float32
	for i := range y {
		e := exp32(scale*x[i] - shift)
		y[i] = e
		l[i%lanes] += e
	}
	return laneSum(&l)
}

// laneSum adds up lanes as a tree, in the order of the vector forms.
func laneSum(v *[lanes]float32) float32 {
	a := (v[0] + v[8]) + (v[4] + v[12])
	b := (v[1] + v[9]) + (v[5] + v[13])
	c := (v[2] + v[10]) + (v[6] + v[14])
	d := (v[3] + v[11]) + (v[7] + v[15])
	return (a + c) + (b + d)
}

func laneSums(out, x []float32) {
	for i := range out {
		out[i] = laneSum((*[lanes]float32)(x[i*lanes:]))
	}
}

func scaleMulGeneric(y, x, gain []float32, r float32) {
	for i := range y {
		y[i] = x[i] * r * gain[i]
	}
}

func scaleMulAddGeneric(y, x, gain, bias []float32, r float32) {
	for i := range y {
		y[i] = float32(x[i]*r*gain[i]) + bias[i]
	}
}

func addSumGeneric(out, x, y []float32) float32 {
	addGeneric(out, x, y)
	return sumGeneric(out)
}

func addSquaresGeneric(out, x, y []float32) float32 {
	addGeneric(out, x, y)
	return dot32(out, out)
}

func shiftSquaresGeneric(y, x []float32, s float32) float32 {
	for i := range y {
		y[i] = x[i] + s
	}
	return dot32(y, y)
}

func addScalarGeneric(y, x []float32, s float32) {
	for i := range y {
		y[i] = x[i] + s
	}
}

func linearGeneric(out, x, y []float32, sx, sy, offset float32) {
	for i := range out {
		out[i] = sx*x[i] + (sy*y[i] + offset)
	}
}

// rmsBackwardGeneric sets dx = r·(dy·gain - x·c) and adds dy·x·r to dgain.
func rmsBackwardGeneric(dgain, dx, dy, x, gain []float32, r, c float32) {
	for i := range dgain {
		g := dy[i]
		dgain[i] += g * (x[i] * r)
		dx[i] = r * (g*gain[i] - x[i]*c)
	}
}

// normSumsGeneric, with xhat = (x-mean)·rstd and g = dy·gain, adds dy·xhat to dgain
// and dy to dbias, and returns the sums of g and of g·xhat.
func normSumsGeneric(dgain, dbias, dy, x, gain []float32, mean, rstd float32) (sum, dot float32) {
	var ls, ld [lanes]float32
	for i := range dgain {
		g, xhat := dy[i], (x[i]-mean)*rstd
		dgain[i] += g * xhat
		dbias[i] += g
		g *= gain[i]
		ls[i%lanes] += g
		ld[i%lanes] += g * xhat
	}
	return laneSum(&ls), laneSum(&ld)
}

// normBackwardGeneric sets dx = rstd·(dy·gain - sum - xhat·dot).
func normBackwardGeneric(dx, dy, x, gain []float32, mean, rstd, sum, dot float32) {
	for i := range dx {
		xhat := (x[i] - mean) * rstd
		dx[i] = rstd * (dy[i]*gain[i] - sum - xhat*dot)
	}
}

func rotateGeneric(a, b, cos, sin []float32, sign float32) {
	for i, c := range cos {
		u, v, s := a[i], b[i], sign*sin[i]
		a[i] = u*c - v*s
		b[i] = v*c + u*s
	}
}
