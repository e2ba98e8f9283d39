package kernel

import "math"

// Conversions between FP32 and the 16-bit formats, BF16 (8 bits of exponent, 7 of
// fraction) and FP16 (IEEE 754 binary16: 5 and 10), which are carried as uint16. All
// instruction sets give the same bits.

// halves are the conversions of an instruction set. Lengths are those of dst.
type halves struct {
	widenBF16  func(dst []float32, src []uint16)
	narrowBF16 func(dst []uint16, src []float32)
	widenFP16  func(dst []float32, src []uint16)
	narrowFP16 func(dst []uint16, src []float32)
}

var genericHalves = halves{
	widenBF16:  each16(float32OfBF16),
	narrowBF16: each32(bf16OfFloat32),
	widenFP16:  each16(float32OfFP16),
	narrowFP16: each32(fp16OfFloat32),
}

// WidenBF16 sets dst to the numbers of src, exactly.
func WidenBF16(p *Pool, dst []float32, src []uint16) {
	checkHalves(len(dst), len(src))
	launch(p, &widenJobs, widen{active.widenBF16, dst, src}, len(dst), halfGrain)
}

// NarrowBF16 rounds src to the nearest BF16, ties to even, and beyond the largest to
// infinity. NaN stays NaN and becomes quiet.
func NarrowBF16(p *Pool, dst []uint16, src []float32) {
	checkHalves(len(dst), len(src))
	launch(p, &narrowJobs, narrow{active.narrowBF16, dst, src}, len(dst), halfGrain)
}

// WidenFP16 sets dst to the numbers of src, exactly. NaN becomes quiet.
func WidenFP16(p *Pool, dst []float32, src []uint16) {
	checkHalves(len(dst), len(src))
	launch(p, &widenJobs, widen{active.widenFP16, dst, src}, len(dst), halfGrain)
}

// NarrowFP16 rounds src to the nearest FP16, ties to even: at and above 65520 to infinity,
// below 6e-5 to subnormal numbers. NaN stays NaN and becomes quiet.
func NarrowFP16(p *Pool, dst []uint16, src []float32) {
	checkHalves(len(dst), len(src))
	launch(p, &narrowJobs, narrow{active.narrowFP16, dst, src}, len(dst), halfGrain)
}

func checkHalves(dst, src int) {
	if dst != src {
		panic("kernel: conversion: dst and src differ in length")
	}
}

// halfGrain is a piece of a conversion: about a microsecond.
const halfGrain = pieceWork

type widen struct {
	f   func(dst []float32, src []uint16)
	dst []float32
	src []uint16
}

type narrow struct {
	f   func(dst []uint16, src []float32)
	dst []uint16
	src []float32
}

var (
	widenJobs  jobs[widen]
	narrowJobs jobs[narrow]
)

func (t *widen) run(lo, hi int)  { t.f(t.dst[lo:hi], t.src[lo:hi]) }
func (t *narrow) run(lo, hi int) { t.f(t.dst[lo:hi], t.src[lo:hi]) }

func each16(f func(uint16) float32) func(dst []float32, src []uint16) {
	return func(dst []float32, src []uint16) {
		for i, h := range src[:len(dst)] {
			dst[i] = f(h)
		}
	}
}

func each32(f func(float32) uint16) func(dst []uint16, src []float32) {
	return func(dst []uint16, src []float32) {
		for i, x := range src[:len(dst)] {
			dst[i] = f(x)
		}
	}
}

func float32OfBF16(h uint16) float32 { return math.Float32frombits(uint32(h) << 16) }

func bf16OfFloat32(x float32) uint16 {
	b := math.Float32bits(x)
	if x != x {
		return uint16(b>>16) | 1<<6
	}
	// Half of the last place less one, and one more if the last place is odd.
	return uint16((b + 0x7fff + b>>16&1) >> 16)
}

func float32OfFP16(h uint16) float32 {
	sign, exp, frac := uint32(h&0x8000)<<16, uint32(h>>10&0x1f), uint32(h&0x3ff)
	switch exp {
	case 0: // frac · 2^-24
		return math.Float32frombits(math.Float32bits(float32(frac)*(1.0/(1<<24))) | sign)
	case 31:
		if frac != 0 {
			frac |= 1 << 9
		}
		return math.Float32frombits(sign | 0xff<<23 | frac<<13)
	}
	return math.Float32frombits(sign | (exp+127-15)<<23 | frac<<13)
}

func fp16OfFloat32(x float32) uint16 {
	b := math.Float32bits(x)
	sign, b := uint16(b>>16&0x8000), b&math.MaxInt32
	switch {
	case b > 0xff<<23: // NaN
		return sign | 0x7e00 | uint16(b>>13&0x3ff)
	case b >= 0x477ff000: // 65520: half a place beyond the largest
		return sign | 0x7c00
	case b < 0x38800000: // 2^-14: subnormal
		// Adding 1/2 leaves units of 2^-24 in the fraction, rounded.
		return sign | uint16(math.Float32bits(math.Float32frombits(b)+0.5)&0x7ff)
	}
	b -= (127 - 15) << 23
	return sign | uint16((b+0xfff+b>>13&1)>>13)
}
