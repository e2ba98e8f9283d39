package kernel

import (
	"math"
	"unsafe"
)

// genericPeakLanes is how many multiply-adds a round of peakFP32Generic does.
const genericPeakLanes = 8

// peakFP32Generic keeps eight sums in registers.
func peakFP32Generic(args *roofArgs) {
	x, y := *(*float32)(unsafe.Pointer(args.p)), *(*float32)(unsafe.Add(unsafe.Pointer(args.p), 64))
	var a, b, c, d, e, f, g, h float32
	for range args.n {
		a += x * y
		b += x * y
		c += x * y
		d += x * y
		e += x * y
		f += x * y
		g += x * y
		h += x * y
	}
	sums := unsafe.Slice(args.sums, genericPeakLanes)
	for i, v := range []float32{a, b, c, d, e, f, g, h} {
		sums[i] = math.Float32bits(v)
	}
}

var genericPeaks = [3]peakLoop{FP32Arithmetic: {run: peakFP32Generic, lanes: genericPeakLanes, one: 0x3f800000}}

// readGeneric adds up x's words, passes times.
func readGeneric(x []float32, passes int, sums *roofSums) {
	w := unsafe.Slice((*uint32)(unsafe.Pointer(unsafe.SliceData(x))), len(x))
	var a, b, c, d uint32
	for range passes {
		for i := 0; i+4 <= len(w); i += 4 {
			a += w[i]
			b += w[i+1]
			c += w[i+2]
			d += w[i+3]
		}
	}
	clear(sums[:])
	sums[0], sums[1], sums[2], sums[3] = a, b, c, d
}
