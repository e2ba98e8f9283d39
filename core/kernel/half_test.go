package kernel

import (
	"math"
	"testing"
)

const canary16 = 0xa5c3

// guarded16 is guarded for 16-bit numbers.
func guarded16(t testing.TB, n int) []uint16 {
	const pad = 37
	all := make([]uint16, n+2*pad)
	for i := range all {
		all[i] = canary16
	}
	t.Cleanup(func() {
		for i := range pad {
			if all[i] != canary16 || all[n+pad+i] != canary16 {
				t.Errorf("wrote outside a buffer of %d halves", n)
				return
			}
		}
	})
	return all[pad : pad+n : pad+n]
}

func guardedCopy16(t testing.TB, x []uint16) []uint16 {
	y := guarded16(t, len(x))
	copy(y, x)
	return y
}

// A halfFormat describes a 16-bit format by its parameters alone: a second definition,
// which shares nothing with the bit arithmetic under test.
type halfFormat struct {
	name        string
	bits, emin  int // of fraction; least exponent of a normal number
	widen       func(p *Pool, dst []float32, src []uint16)
	narrow      func(p *Pool, dst []uint16, src []float32)
	quietsWiden bool
}

var halfFormats = []halfFormat{
	{"bf16", 7, -126, WidenBF16, NarrowBF16, false},
	{"fp16", 10, -14, WidenFP16, NarrowFP16, true},
}

// value is what h stands for: NaN, an infinity or a number.
func (f halfFormat) value(h uint16) float64 {
	exps := 1<<(15-f.bits) - 1
	sign, exp, frac := 1.0, int(h&0x7fff)>>f.bits, int(h)&(1<<f.bits-1)
	if h>>15 != 0 {
		sign = math.Copysign(1, -1)
	}
	switch {
	case exp == exps && frac != 0:
		return math.NaN()
	case exp == exps:
		return math.Inf(int(sign))
	case exp == 0:
		return sign * math.Ldexp(float64(frac), f.emin-f.bits)
	}
	return sign * math.Ldexp(float64(frac+1<<f.bits), exp-1+f.emin-f.bits)
}

// nearest rounds |x| finite to the format: the fraction as an integer, ties to even.
func (f halfFormat) nearest(x float32) float64 {
	_, exp := math.Frexp(float64(x))
	unit := max(exp-1, f.emin) - f.bits
	r := math.Ldexp(math.RoundToEven(math.Ldexp(float64(x), -unit)), unit)
	if limit := math.Ldexp(1, 2-f.emin); math.Abs(r) >= limit {
		return math.Copysign(math.Inf(1), r)
	}
	return r
}

// Every 16-bit pattern, widened and narrowed again.
func TestWidenAll(t *testing.T) {
	forEachISA(t, func(t *testing.T) {
		for _, f := range halfFormats {
			src := make([]uint16, 1<<16)
			for i := range src {
				src[i] = uint16(i)
			}
			x, back := guarded(t, len(src)), guarded16(t, len(src))
			f.widen(nil, x, src)
			f.narrow(nil, back, x)
			for i, h := range src {
				want, got := f.value(h), float64(x[i])
				if want != want {
					if got == got || back[i] != h|1<<(f.bits-1) {
						t.Fatalf("%s: NaN %04x becomes %g and then %04x", f.name, h, got, back[i])
					}
					if bits := math.Float32bits(x[i]); f.quietsWiden && bits&(1<<22) == 0 {
						t.Fatalf("%s: NaN %04x becomes the signalling %08x", f.name, h, bits)
					}
					continue
				}
				if math.Float64bits(got) != math.Float64bits(want) || back[i] != h {
					t.Fatalf("%s: %04x becomes %g and then %04x, want %g", f.name, h, got, back[i], want)
				}
			}
		}
	})
}

// The floats at, below and above the middle between neighbours, of both signs, and all
// exponents with irregular fractions.
func TestNarrow(t *testing.T) {
	var x []float32
	for h := uint32(0); h < 1<<15; h += 3 {
		for _, f := range halfFormats {
			a, b := f.value(uint16(h)), f.value(uint16(h+1))
			if mid := float32((a + b) / 2); !math.IsInf(b, 0) && mid == mid {
				x = append(x, mid, math.Nextafter32(mid, 0), -math.Nextafter32(mid, float32(math.Inf(1))))
			}
		}
		x = append(x, math.Float32frombits(h<<16|h*2654435761>>16), math.Float32frombits(1<<31|h<<16|h*40503&0xffff))
	}
	x = append(x, 65504, 65519.996, 65520, -65520, 65536, 3.3895313e38, 3.3961776e38, math.MaxFloat32, -math.MaxFloat32, math.SmallestNonzeroFloat32)
	forEachISA(t, func(t *testing.T) {
		for _, f := range halfFormats {
			got, back := make([]uint16, len(x)), make([]float32, len(x))
			f.narrow(nil, got, x)
			f.widen(nil, back, got)
			for i, v := range x {
				switch {
				case v != v:
					if math.IsInf(float64(back[i]), 0) || back[i] == back[i] || math.Signbit(float64(v)) != (got[i]>>15 != 0) {
						t.Fatalf("%s: NaN %08x becomes %04x", f.name, math.Float32bits(v), got[i])
					}
				case math.IsInf(float64(v), 0):
					if back[i] != v {
						t.Fatalf("%s: %g becomes %g", f.name, v, back[i])
					}
				case math.Float64bits(float64(back[i])) != math.Float64bits(f.nearest(v)):
					t.Fatalf("%s: %g (%08x) becomes %g (%04x), want %g", f.name, v, math.Float32bits(v), back[i], got[i], f.nearest(v))
				}
			}
		}
	})
}

// All sizes, in one piece and in several, and the same bits on every instruction set.
func TestHalvesSizes(t *testing.T) {
	p := NewPool(3)
	defer p.Close()
	was := active
	defer func() { active = was }()
	for _, f := range halfFormats {
		for _, n := range append(oddSizes, 3*halfGrain+21) {
			src := normals(source(uint64(n)), n, 300)
			for i := range src {
				if i%5 == 0 {
					src[i] = math.Float32frombits(uint32(i) * 2654435761)
				}
			}
			active = &isas[0]
			want, wantBack := make([]uint16, n), make([]float32, n)
			f.narrow(nil, want, src)
			f.widen(nil, wantBack, want)
			for i := range isas {
				if !runs(&isas[i]) {
					continue
				}
				active = &isas[i]
				h, back := guarded16(t, n), guarded(t, n)
				f.narrow(p, h, guardedCopy(t, src))
				f.widen(p, back, guardedCopy16(t, h))
				for j := range want {
					if h[j] != want[j] {
						t.Fatalf("%s, %s, %d of %d: %08x becomes %04x, want %04x", active.name, f.name, j, n, math.Float32bits(src[j]), h[j], want[j])
					}
				}
				expectBits(t, active.name+" "+f.name, back, wantBack)
			}
		}
		expectPanic(t, "kernel: conversion: dst and src differ in length", func() { f.widen(nil, make([]float32, 3), make([]uint16, 4)) })
		expectPanic(t, "kernel: conversion: dst and src differ in length", func() { f.narrow(nil, make([]uint16, 3), make([]float32, 2)) })
	}
}

func TestHalvesAllocateNothing(t *testing.T) {
	p := NewPool(2)
	defer p.Close()
	x, h := make([]float32, 3*halfGrain), make([]uint16, 3*halfGrain)
	forEachISA(t, func(t *testing.T) {
		for _, f := range halfFormats {
			if n := testing.AllocsPerRun(10, func() { f.narrow(p, h, x); f.widen(p, x, h) }); n > 0 {
				t.Errorf("%s: %g allocations", f.name, n)
			}
		}
	})
}
