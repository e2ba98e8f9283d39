package kernel

import "math"

// The elementary functions that all paths share. The assembly evaluates the same
// polynomials in the same order, with fused multiply-adds where this file rounds
// twice; the tests state the error of each in units in the last place.

const (
	log2e    = 1.44269504088896341
	ln2Hi    = 0.693359375 // 10 bits: n*ln2Hi is exact for |n| < 2^14
	ln2Lo    = -2.12194440054690583e-4
	expFloor = -87.3    // at and below this exp is 0: subnormal numbers are slow
	expTiny  = 1.22e-38 // a little above e^expFloor
	expCeil  = 89       // above this exp is +Inf
)

// Coefficients of exp(r) = 1 + r + r²·P(r) on |r| <= ln2/2 (Cephes, expf).
const (
	expP0 = 1.9875691500e-4
	expP1 = 1.3981999507e-3
	expP2 = 8.3334519073e-3
	expP3 = 4.1665795894e-2
	expP4 = 1.6666665459e-1
	expP5 = 5.0000001201e-1
)

// exp32 is e^x: at most 1.2 ulp off (1 in the vector forms), 0 where it would be below 1.22e-38 (x < -87.3),
// +Inf above 88.7, NaN of NaN.
func exp32(x float32) float32 {
	if x < expFloor {
		x = expFloor
	}
	if x > expCeil {
		x = expCeil
	}
	if x != x {
		return x
	}
	n := float32(math.RoundToEven(float64(x * log2e)))
	r := x - n*ln2Hi
	r -= n * ln2Lo
	p := float32(expP0)
	p = p*r + expP1
	p = p*r + expP2
	p = p*r + expP3
	p = p*r + expP4
	p = p*r + expP5
	p = p*r + 1
	p = p*r + 1
	i := int32(n)
	h := i >> 1 // in two factors: n may be 128
	p = p * pow2(h) * pow2(i-h)
	if p <= expTiny {
		return 0
	}
	return p
}

// pow2 is 2^n for -126 <= n <= 127.
func pow2(n int32) float32 { return math.Float32frombits(uint32(n+127) << 23) }

// sigmoid32 is 1/(1+e^-x).
func sigmoid32(x float32) float32 { return 1 / (1 + exp32(-x)) }

// softplus32 is log(1+e^x) = max(x,0) + log1p(e^-|x|), with
// log1p(y) = 2·atanh(y/(2+y)) by its series: s = y/(2+y) is at most 1/3.
func softplus32(x float32) float32 {
	y := exp32(-abs32(x))
	s := y / (2 + y)
	q := s * s
	p := float32(atanhC8)
	p = p*q + atanhC7
	p = p*q + atanhC6
	p = p*q + atanhC5
	p = p*q + atanhC4
	p = p*q + atanhC3
	p = p*q + atanhC2
	p = p*q + atanhC1
	l := 2 * (s + s*q*p)
	if x > 0 {
		l += x
	}
	if x != x {
		return x
	}
	return l
}

// atanh(s) = s + s³·(1/3 + s²/5 + ...).
const (
	atanhC1 = 1.0 / 3
	atanhC2 = 1.0 / 5
	atanhC3 = 1.0 / 7
	atanhC4 = 1.0 / 9
	atanhC5 = 1.0 / 11
	atanhC6 = 1.0 / 13
	atanhC7 = 1.0 / 15
	atanhC8 = 1.0 / 17
)

func abs32(x float32) float32 { return math.Float32frombits(math.Float32bits(x) &^ (1 << 31)) }

func sqrt32(x float32) float32 { return float32(math.Sqrt(float64(x))) }

func log32(x float32) float32 { return float32(math.Log(float64(x))) }
