package kernel

import "math"

const ln2 = 0.693147180559945309

// Coefficients of 2^f = 1 + f·P(f) on |f| <= 1/2, fitted for the least relative
// error (2.6e-9). The leading 1 is exact because what a decay near 1 is off shows
// many times over in a state that keeps what it is given.
const (
	exp2P0 = 1.5594677029e-4
	exp2P1 = 1.3406643848e-3
	exp2P2 = 9.6176929761e-3
	exp2P3 = 5.5503105512e-2
	exp2P4 = 2.4022652783e-1
	exp2P5 = 6.9314721497e-1
)

// exp2Neg is 2^x for x below 127, at most 1.5 ulp off (1 in the vector forms) from
// -125 on; subnormal or 0 below, 0 from -127 down, NaN of NaN. The scans' decays
// are this, with A in units of log2(e), and so are attention's weights: of all that
// their steps compute beside products it is the most, and the base 2 leaves the
// least of it.
func exp2Neg(x float32) float32 {
	if x < -127 {
		x = -127
	}
	if x != x {
		return x
	}
	n := float32(math.RoundToEven(float64(x)))
	f := x - n
	p := float32(exp2P0)
	p = p*f + exp2P1
	p = p*f + exp2P2
	p = p*f + exp2P3
	p = p*f + exp2P4
	p = p*f + exp2P5
	p = p*f + 1
	return math.Float32frombits(math.Float32bits(p) + uint32(int32(n))<<23)
}
