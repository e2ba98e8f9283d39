package kernel

import "math"

// attend holds attention's kernels on rows. Scores are in units of log 2 and lie in
// rows of keyBlock, of which the first n are in use, a multiple of 16.
type attend struct {
	// rows takes a block of scores of m rows into their running softmax: with top' the
	// greatest score so far, scores become 2^(score-top'), sum [m] and out [m,k] shrink
	// by 2^(top-top'), and sum takes the new weights in. Masked scores are -Inf. shrink [m]
	// is scratch.
	rows func(scores, top, sum, shrink, out []float32, m, n, k int)
	// back sets w = 2^(w-lse) and dw = w·(dw-delta), with lse and delta [m].
	back func(w, dw, lse, delta []float32, m, n int)
	// scale sets m rows of n floats of dst to those of src times by [m], or all times s
	// if by is nil. dst may be src.
	scale func(dst []float32, ldd int, src []float32, lds int, by []float32, s float32, m, n int)
}

var genericAttend = attend{rows: attendRowsGeneric, back: attendBackGeneric, scale: attendScaleGeneric}

func attendRowsGeneric(scores, top, sum, _, out []float32, m, n, k int) {
	for i := range m {
		row := scores[i*keyBlock : i*keyBlock+n]
		newTop := max(top[i], maxOf(row))
		shift := max(newTop, -math.MaxFloat32) // finite where nothing was seen yet
		shrink := exp2Neg(top[i] - shift)
		top[i] = newTop
		var l [lanes]float32
		for j, v := range row {
			w := exp2Neg(v - shift)
			row[j] = w
			l[j%lanes] += w
		}
		sum[i] = float32(sum[i]*shrink) + laneSum(&l)
		if shrink != 1 {
			scaleGeneric(out[i*k:(i+1)*k], out[i*k:], shrink)
		}
	}
}

func attendBackGeneric(w, dw, lse, delta []float32, m, n int) {
	for i := range m {
		row, grad := w[i*keyBlock:i*keyBlock+n], dw[i*keyBlock:i*keyBlock+n]
		for j, v := range row {
			v = exp2Neg(v - lse[i])
			row[j] = v
			grad[j] = v * (grad[j] - delta[i])
		}
	}
}

func attendScaleGeneric(dst []float32, ldd int, src []float32, lds int, by []float32, s float32, m, n int) {
	for i := range m {
		if by != nil {
			s = by[i]
		}
		scaleGeneric(dst[i*ldd:i*ldd+n], src[i*lds:], s)
	}
}
