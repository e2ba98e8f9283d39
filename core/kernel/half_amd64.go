package kernel

import "unsafe"

// halfArgs are the arguments of a conversion of blocks of 16 numbers.
type halfArgs struct {
	dst, src unsafe.Pointer
	blocks   int
}

type conversion uint8

const (
	widenBF16 conversion = iota
	narrowBF16
	widenFP16
	narrowFP16
)

// halvesOf builds the conversions on top of a way to run their blocks. Those of FP16 are
// instructions of F16C, which every CPU with FMA has.
func halvesOf(run func(c conversion, args halfArgs)) halves {
	widening := func(c conversion, rest func(dst []float32, src []uint16)) func(dst []float32, src []uint16) {
		return func(dst []float32, src []uint16) {
			src = src[:len(dst)]
			n := len(dst) &^ 15
			if n > 0 {
				run(c, halfArgs{unsafe.Pointer(&dst[0]), unsafe.Pointer(&src[0]), n / 16})
			}
			rest(dst[n:], src[n:])
		}
	}
	narrowing := func(c conversion, rest func(dst []uint16, src []float32)) func(dst []uint16, src []float32) {
		return func(dst []uint16, src []float32) {
			src = src[:len(dst)]
			n := len(dst) &^ 15
			if n > 0 {
				run(c, halfArgs{unsafe.Pointer(&dst[0]), unsafe.Pointer(&src[0]), n / 16})
			}
			rest(dst[n:], src[n:])
		}
	}
	return halves{
		widenBF16:  widening(widenBF16, genericHalves.widenBF16),
		narrowBF16: narrowing(narrowBF16, genericHalves.narrowBF16),
		widenFP16:  widening(widenFP16, genericHalves.widenFP16),
		narrowFP16: narrowing(narrowFP16, genericHalves.narrowFP16),
	}
}
