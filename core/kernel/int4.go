package kernel

import (
	"math"
	"unsafe"
)

// Products with weights of 4 bits. Dimensions: Y [M,N] = X [M,K] · W [K,N].
//
// W is quantized once, in groups of 32 along K: W[k,n] ≈ scale·(q-8) with q in [1,15] and a
// scale of FP16 for each group of a column, 4.5 bits a weight. X is quantized on every product,
// by row, like GemmInt8's. Integers of a group are added up exactly; the groups' sums, times
// their scales, are one chain of additions in FP32 in ascending order.

const (
	int4Group = 32
	int4Block = 32 // groups of a panel that a tile runs through
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

// int4Kernels are the inner kernels of products with 4-bit weights. Zeros are what the 8
// in a group's weights takes away: -8 times the sum of x's group.
type int4Kernels struct {
	// zeros sets every stride-th element of dst, one for each group of x.
	zeros func(dst []int32, stride int, x []int8)
	// row sets sums to the product of x with the groups of a panel.
	row func(sums *[panelWidth]float32, x []int8, zeros []int32, stride int, nibbles []uint8, scales []uint16)
	// spread makes bytes of nibbles, in the order of the tile; nil: row does everything.
	spread func(dst []float32, nibbles []uint8, groups int)
	// tile adds to sums [m,32], ld apart, the product of m rows of words, ldx apart, with
	// groups of a panel of bytes.
	tile func(m, groups int, sums []float32, ld int, x []float32, ldx int, zeros []int32, stride int, b, scales []float32)
}

// GemmInt4 sets y [m,N] = x·W for x [m,K] of FP32, whose rows are quantized as GemmInt8's.
func GemmInt4(p *Pool, m int, y []float32, ldy int, x []float32, ldx int, w *Int4Weights) {
	if m < 0 {
		panic("kernel: gemm: negative dimension")
	}
	checkMatrix(false, m, w.K, ldx, len(x), "kernel: gemm: short x")
	checkMatrix(false, m, w.N, ldy, len(y), "kernel: gemm: short y")
	if m == 0 || w.N == 0 {
		return
	}
	if w.K == 0 {
		for i := range m {
			clear(y[i*ldy:][:w.N])
		}
		return
	}
	if work := m * w.N * w.K; work <= smallInt8 && m > fewRows || work <= smallInt8Row {
		p = nil
	}
	rows := newQuantizedRows(p, m, w.K, x, ldx, rowFormat{quads: 4, groups: true})
	t := gemmInt4{m: m, y: y, ldy: ldy, w: w, x: rows, panels: (w.N + panelWidth - 1) / panelWidth}
	t.height = min(m, int8Rows)
	t.rows = (m + t.height - 1) / t.height
	t.wide = max(1, min(int8Wide, t.panels*t.rows/(4*p.Threads())))
	launch(p, &gemmInt4Jobs, t, t.rows*((t.panels+t.wide-1)/t.wide), 1)
	rows.release()
}

type gemmInt4 struct {
	m      int
	y      []float32
	ldy    int
	w      *Int4Weights
	x      quantizedRows
	panels int
	height int // rows of a piece
	wide   int // panels of a piece
	rows   int // pieces one above the other
}

var gemmInt4Jobs jobs[gemmInt4]

// run computes pieces of Y.
func (t *gemmInt4) run(lo, hi int) {
	kernels := active.int4
	sums := scratch.take(t.height * t.wide * panelWidth)
	few := t.m <= fewRows || kernels.tile == nil
	var block *buffer
	if !few {
		block = scratch.take(int4Block * (quads4 + 1) * panelWidth)
	}
	for piece := lo; piece < hi; piece++ {
		panel0, i0 := piece/t.rows*t.wide, piece%t.rows*t.height
		m, wide := min(t.height, t.m-i0), min(t.wide, t.panels-panel0)
		ld := wide * panelWidth
		for j := range wide {
			if few {
				t.few(i0, m, panel0+j, sums.f[j*panelWidth:], ld)
			} else {
				t.many(i0, m, panel0+j, sums.f[j*panelWidth:], ld, block.f)
			}
		}
		j0 := panel0 * panelWidth
		n := min(ld, t.w.N-j0)
		for i := range m {
			active.scale(t.y[(i0+i)*t.ldy+j0:][:n], sums.f[i*ld:], t.x.scale[i0+i])
		}
	}
	if block != nil {
		scratch.put(block)
	}
	scratch.put(sums)
}

// panel returns the weights and scales of panel j from group g on.
func (q *Int4Weights) panel(j, g int) (nibbles []uint8, scales []uint16) {
	groups := q.groups()
	const size = panelWidth * int4Group / 2
	return q.nibbles[(j*groups+g)*size : (j+1)*groups*size], q.scales[(j*groups+g)*panelWidth : (j+1)*groups*panelWidth]
}

// few sets sums of m rows from i0 and panel j row by row.
func (t *gemmInt4) few(i0, m, j int, sums []float32, ld int) {
	nibbles, scales := t.w.panel(j, 0)
	for i := range m {
		active.int4.row((*[panelWidth]float32)(sums[i*ld:]), t.x.row8(i0+i), t.x.zeros[i0+i:], t.m, nibbles, scales)
	}
}

// many is few by tiles.
func (t *gemmInt4) many(i0, m, j int, sums []float32, ld int, block []float32) {
	bytes, floats := block[:int4Block*quads4*panelWidth], block[int4Block*quads4*panelWidth:]
	for i := range m {
		clear(sums[i*ld:][:panelWidth])
	}
	for g := 0; g < t.w.groups(); g += int4Block {
		n := min(int4Block, t.w.groups()-g)
		nibbles, scales := t.w.panel(j, g)
		active.int4.spread(bytes, nibbles, n)
		active.widenFP16(floats[:n*panelWidth], scales)
		active.int4.tile(m, n, sums, ld, t.x.words[i0*t.x.ld+g*quads4:], t.x.ld, t.x.zeros[g*t.m+i0:], t.m, bytes, floats)
	}
}

// int32sOf sees words as integers.
func int32sOf(x []float32) []int32 {
	return unsafe.Slice((*int32)(unsafe.Pointer(unsafe.SliceData(x))), len(x))
}

// The plain forms.

var genericInt4 = int4Kernels{zeros: groupZerosGeneric, row: int4RowGeneric}

func groupZerosGeneric(dst []int32, stride int, x []int8) {
	for g := 0; g < len(x)/int4Group; g++ {
		sum := int32(0)
		for _, v := range x[g*int4Group:][:int4Group] {
			sum += int32(v)
		}
		dst[g*stride] = -8 * sum
	}
}

func int4RowGeneric(sums *[panelWidth]float32, x []int8, zeros []int32, stride int, nibbles []uint8, scales []uint16) {
	clear(sums[:])
	for g := range len(x) / int4Group {
		xs, ws := x[g*int4Group:][:int4Group], nibbles[g*panelWidth*int4Group/2:]
		for j := range sums {
			sum := zeros[g*stride]
			for t := range quads4 / 2 {
				for b, w := range ws[(t*panelWidth+j)*4:][:4] {
					sum += int32(xs[8*t+b])*int32(w&15) + int32(xs[8*t+4+b])*int32(w>>4)
				}
			}
			sums[j] += float32(float32(sum) * float32OfFP16(scales[g*panelWidth+j]))
		}
	}
}
