package kernel

import "math"

// Products with weights of 4 bits. Dimensions: Y [M,N] = X [M,K] · W [K,N].
//
// W is quantized once, in groups of 32 along K: W[k,n] ≈ scale·(q-8) with q in [1,15] and a
// scale of FP16 for each group of a column, 4.5 bits a weight. X is quantized on every product,
// by row, like GemmInt8's. Integers of a group are added up exactly; the groups' sums, times
// their scales, are one chain of additions in FP32 in ascending order.

const (
	int4Group = 32
	quads4    = int4Group / 4
)

// Int4Weights is a matrix W [K,N] quantized in groups. A panel holds 32 columns: for each
// group four rows of 32 words, whose bytes' low halves are four weights along K and whose
// high halves the next four.
type Int4Weights struct {
	K, N    int
	nibbles []uint8
	scales  []uint16 // [N/32, K/32, 32] FP16
}

// QuantizeInt4 quantizes W, stored [k,n], or [n,k] if tB. Each element is off by at most half
// of its group's scale, which is the group's greatest magnitude over 7, or by 2.1e-7 in
// groups so small that FP16 has no scale for them. A group that holds NaN, an infinity or
// numbers above 458000 becomes NaN.
func QuantizeInt4(p *Pool, tB bool, k, n int, w []float32, ldw int) *Int4Weights {
	checkMatrix(tB, k, n, ldw, len(w), "kernel: quantize: short w")
	if k > int8MaxK {
		panic("kernel: quantize: k is above 65536")
	}
	panels, groups := (n+panelWidth-1)/panelWidth, (k+int4Group-1)/int4Group
	q := &Int4Weights{
		K: k, N: n, nibbles: make([]uint8, panels*groups*panelWidth*int4Group/2),
		scales: make([]uint16, panels*groups*panelWidth),
	}
	// By panels: columns of one share no bytes, but cache lines.
	launch(p, &quantize4Jobs, quantize4{q, tB, w, ldw}, panels, 1)
	return q
}

// Bytes is the memory that a product reads of the weights.
func (q *Int4Weights) Bytes() int { return len(q.nibbles) + 2*len(q.scales) }

// At returns the element that stands for W[k,n].
func (q *Int4Weights) At(k, n int) float32 {
	at, shift := q.place(k, n)
	return float32OfFP16(q.scales[q.scaleAt(k, n)]) * float32(int(q.nibbles[at]>>shift&15)-8)
}

func (q *Int4Weights) groups() int { return (q.K + int4Group - 1) / int4Group }

// place is the byte that holds W[k,n], and the shift within it.
func (q *Int4Weights) place(k, n int) (at, shift int) {
	row := (n/panelWidth*q.groups()+k/int4Group)*quads4/2 + k%int4Group/8
	return (row*panelWidth+n%panelWidth)*4 + k%4, k % 8 / 4 * 4
}

func (q *Int4Weights) scaleAt(k, n int) int {
	return (n/panelWidth*q.groups()+k/int4Group)*panelWidth + n%panelWidth
}

// panel returns the weights and scales from group g of panel j on.
func (q *Int4Weights) panel(j, g int) (nibbles []uint8, scales []uint16) {
	at := j*q.groups() + g
	return q.nibbles[at*panelWidth*int4Group/2:], q.scales[at*panelWidth:]
}

type quantize4 struct {
	q   *Int4Weights
	tB  bool
	w   []float32
	ldw int
}

var quantize4Jobs jobs[quantize4]

func (t *quantize4) run(lo, hi int) {
	q := t.q
	for j := lo * panelWidth; j < min(hi*panelWidth, q.N); j++ {
		at, step := j, t.ldw
		if t.tB {
			at, step = j*t.ldw, 1
		}
		for k0 := 0; k0 < q.K; k0 += int4Group {
			end := min(k0+int4Group, q.K)
			top := uint32(0)
			for k := k0; k < end; k++ {
				top = max(top, math.Float32bits(abs32(t.w[at+k*step])))
			}
			scale := fp16OfFloat32(math.Float32frombits(top) / 7)
			if scale&0x7c00 == 0x7c00 {
				scale = 0x7e00
			}
			q.scales[q.scaleAt(k0, j)] = scale
			d := float32OfFP16(scale)
			for k := k0; k < end; k++ {
				v := 0.0
				if d > 0 {
					v = max(-7, min(7, math.RoundToEven(float64(t.w[at+k*step]/d))))
				}
				b, shift := q.place(k, j)
				q.nibbles[b] |= uint8(int(v)+8) << shift
			}
		}
	}
}
