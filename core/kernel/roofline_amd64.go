package kernel

import "unsafe"

// The loops take two steps a round on each of 10 or 24 accumulators.
var (
	peaksAVX2 = [3]peakLoop{
		FP32Arithmetic: {run: peakFP32Y, lanes: 2 * 10 * 8, one: 0x3f800000},
		INT8Arithmetic: {run: peakINT8Y, lanes: 2 * 10 * 32, one: 0x01010101},
	}
	peaksAVX512 = [3]peakLoop{
		FP32Arithmetic: {run: peakFP32Z, lanes: 2 * 24 * 16, one: 0x3f800000},
		BF16Arithmetic: {run: peakBF16Z, lanes: 2 * 24 * 32, one: 0x3f803f80, need: []string{"avx512bf16"}},
		INT8Arithmetic: {run: peakINT8Z, lanes: 2 * 24 * 64, one: 0x01010101, need: []string{"avx512vnni"}},
	}
)

// readOf builds a reader of a loop over four streams; x holds whole units.
func readOf(loop func(args *roofArgs)) func(x []float32, passes int, sums *roofSums) {
	return func(x []float32, passes int, sums *roofSums) {
		if len(x) == 0 || len(x)%readUnit != 0 {
			panic("kernel: read: not in whole units")
		}
		// A quarter of the floats, 4 bytes each.
		loop(&roofArgs{n: len(x), p: (*uint32)(unsafe.Pointer(&x[0])), sums: &sums[0], passes: passes})
	}
}
