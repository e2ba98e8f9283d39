package kernel

import "math"

// Products with weights of 8-bit integers. Dimensions: Y [M,N] = X [M,K] · W [K,N].
//
// W is quantized once, by column: W[k,n] ≈ scale[n]·q[k,n] with q an integer in [-127,127];
// X on every product, by row. Integers are added up exactly, so that all instruction sets
// agree to the last bit and rows do not depend on each other.

const (
	quadStep = 32      // K is filled up with zeros to a multiple of this: a vector of bytes
	int8MaxK = 1 << 16 // sums of 255·127 stay below 2^31
)

// Int8Weights is a matrix W [K,N] quantized by column. A panel holds 32 columns as quads,
// [K/4,32] words of four bytes along K: what a product reads lies one after the other.
type Int8Weights struct {
	K, N   int
	panels []int8
	scale  []float32 // [N], to whole panels
	bias   []int32   // 128 times the sum of a column, to whole panels
}

// QuantizeInt8 quantizes W, stored [k,n], or [n,k] if tB. Each element is off by at most half
// of its column's scale, which is the column's greatest magnitude over 127. A column that
// holds NaN or an infinity becomes NaN.
func QuantizeInt8(p *Pool, tB bool, k, n int, w []float32, ldw int) *Int8Weights {
	checkMatrix(tB, k, n, ldw, len(w), "kernel: quantize: short w")
	if k > int8MaxK {
		panic("kernel: quantize: k is above 65536")
	}
	panels := (n + panelWidth - 1) / panelWidth
	q := &Int8Weights{
		K: k, N: n, panels: make([]int8, panels*panelWidth*fill(k)),
		scale: make([]float32, panels*panelWidth), bias: make([]int32, panels*panelWidth),
	}
	launch(p, &quantizeJobs, quantize{q, tB, w, ldw}, n, grainFor(8*k))
	return q
}

// Bytes is the memory that a product reads of the weights.
func (q *Int8Weights) Bytes() int { return len(q.panels) + 4*len(q.scale) }

// At returns the element that stands for W[k,n].
func (q *Int8Weights) At(k, n int) float32 {
	return q.scale[n] * float32(q.panels[n/panelWidth*panelWidth*fill(q.K)+quadAt(k, n%panelWidth)])
}

// fill is k up to whole quadSteps.
func fill(k int) int { return (k + quadStep - 1) / quadStep * quadStep }

// quadAt is the place of element k of column j within a panel of quads.
func quadAt(k, j int) int { return k/4*4*panelWidth + 4*j + k%4 }

// panel returns the bytes of panel j and of those behind it.
func (q *Int8Weights) panel(j int) []int8 { return q.panels[j*panelWidth*fill(q.K):] }

type quantize struct {
	q   *Int8Weights
	tB  bool
	w   []float32
	ldw int
}

var quantizeJobs jobs[quantize]

func (t *quantize) run(lo, hi int) {
	q := t.q
	for j := lo; j < hi; j++ {
		at, step := j, t.ldw
		if t.tB {
			at, step = j*t.ldw, 1
		}
		top := uint32(0)
		for k := range q.K {
			top = max(top, math.Float32bits(abs32(t.w[at+k*step])))
		}
		inv, scale := int8Scale(top)
		q.scale[j] = scale
		panel := q.panels[j/panelWidth*panelWidth*fill(q.K):]
		sum := int32(0)
		for k := range q.K {
			v := int8Of(t.w[at+k*step], inv)
			panel[quadAt(k, j%panelWidth)] = v
			sum += int32(v)
		}
		q.bias[j] = 128 * sum
	}
}

// int8Scale returns what numbers of up to the magnitude of the given bits are multiplied
// with to become integers up to 127, and what those are multiplied with: 0 both for
// magnitudes whose inverse is not finite, 0 and NaN if a number is not finite.
func int8Scale(top uint32) (inv, scale float32) {
	m := math.Float32frombits(top)
	switch {
	case top >= 0xff<<23:
		return 0, float32(math.NaN())
	case m < 1e-36:
		return 0, 0
	}
	return 127 / m, m / 127
}

// int8Of rounds x·inv to nearest even; NaN, times 0, is whatever it is.
func int8Of(x, inv float32) int8 {
	if inv == 0 {
		return 0
	}
	return int8(math.RoundToEven(float64(x * inv)))
}
