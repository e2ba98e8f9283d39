package kernel

import (
	"math"
	"unsafe"
)

// Products with weights of 8-bit integers. Dimensions: Y [M,N] = X [M,K] · W [K,N].
//
// W is quantized once, by column: W[k,n] ≈ scale[n]·q[k,n] with q an integer in [-127,127];
// X on every product, by row. Integers are added up exactly, so that all instruction sets
// agree to the last bit and rows do not depend on each other.

const (
	quadStep  = 32      // K is filled up with zeros to a multiple of this: a vector of bytes
	int8MaxK  = 1 << 16 // sums of 255·127 stay below 2^31
	int8Block = 256     // words of a panel that a tile runs through
	int8Rows  = 96      // rows of X in a piece
	int8Wide  = 4       // panels in a piece, at most
	fewRows   = 4       // rows that do not pay for spreading a panel

	// Multiply-adds that one thread does sooner than it wakes another, by tiles and by rows.
	smallInt8    = 1 << 22
	smallInt8Row = 1 << 17
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

// int8Kernels are the inner kernels of products with bytes.
type int8Kernels struct {
	// absMax returns the bits of the greatest magnitude.
	absMax func(x []float32) uint32
	// quantize8 sets dst to the bytes of src·inv.
	quantize8 func(dst []int8, src []float32, inv float32)
	// quads is the number of bytes along K in a word of the tile: 4, or 2 that are widened.
	quads int
	// unsigned: row and tile take X plus 128, and the sums lack what biases say.
	unsigned bool
	// row sets sums to the product of x with a panel of quads.
	row func(sums *[panelWidth]int32, x, panel []int8)
	// spread makes words of n quads of each column of a panel; nil if the tile takes quads.
	spread func(dst []float32, panel []int8, n int)
	// widen makes words of bytes, likewise.
	widen func(dst []float32, x []int8)
	// tile adds to sums [m,32], ld apart, or sets them unless load, the product of m rows of n
	// words, lda apart, with n rows of a panel of words; nil: row does everything.
	tile func(m, n int, a []float32, lda int, b []float32, sums []float32, ld int, load bool)
	// scale sets dst, rows of n floats ld apart, to (sum - bias)·row·column; n is of whole panels.
	scale func(dst []float32, ld int, sums []float32, n int, bias []int32, column, row []float32)
}

// GemmInt8 sets y [m,N] = x·W for x [m,K] of FP32. Every row of x is quantized to
// integers in [-127,127], each element off by at most half of the row's greatest magnitude
// over 127. A row that holds NaN or an infinity gives NaN.
func GemmInt8(p *Pool, m int, y []float32, ldy int, x []float32, ldx int, w *Int8Weights) {
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
	format := rowFormat{quads: active.int8.quads, unsigned: active.int8.unsigned}
	if active.int8.tile == nil || m <= fewRows {
		format.quads = 4
	}
	rows := newQuantizedRows(p, m, w.K, x, ldx, format)
	t := gemmInt8{m: m, y: y, ldy: ldy, w: w, x: rows}
	t.panels = (w.N + panelWidth - 1) / panelWidth
	t.height = min(m, int8Rows)
	t.rows = (m + t.height - 1) / t.height
	t.wide = max(1, min(int8Wide, t.panels*t.rows/(4*p.Threads())))
	launch(p, &gemmInt8Jobs, t, t.rows*((t.panels+t.wide-1)/t.wide), 1)
	rows.release()
}

type gemmInt8 struct {
	m      int
	y      []float32
	ldy    int
	w      *Int8Weights
	x      quantizedRows
	panels int
	height int // rows of a piece
	wide   int // panels of a piece
	rows   int // pieces one above the other
}

var gemmInt8Jobs jobs[gemmInt8]

// run computes pieces of Y.
func (t *gemmInt8) run(lo, hi int) {
	kernels, w := active.int8, t.w
	sums := scratch.take(t.height * t.wide * panelWidth)
	var block *buffer
	few := t.m <= fewRows || kernels.tile == nil
	if kernels.spread != nil && !few {
		block = scratch.take(int8Block * panelWidth)
	}
	for piece := lo; piece < hi; piece++ {
		panel0, i0 := piece/t.rows*t.wide, piece%t.rows*t.height
		m, wide := min(t.height, t.m-i0), min(t.wide, t.panels-panel0)
		ld := wide * panelWidth
		for j := range wide {
			if few {
				t.few(i0, m, panel0+j, sums.f[j*panelWidth:], ld)
			} else {
				t.many(i0, m, panel0+j, sums.f[j*panelWidth:], ld, block)
			}
		}
		j0 := panel0 * panelWidth
		bias, column, row := noBias[:], w.scale[j0:], t.x.scale[i0:i0+m]
		if kernels.unsigned {
			bias = w.bias[j0:]
		}
		if n := w.N - j0; n < ld {
			kernels.scale(sums.f, ld, sums.f, ld, bias, column, row)
			for i := range m {
				copy(t.y[(i0+i)*t.ldy+j0:][:n], sums.f[i*ld:])
			}
			continue
		}
		kernels.scale(t.y[i0*t.ldy+j0:], t.ldy, sums.f, ld, bias, column, row)
	}
	if block != nil {
		scratch.put(block)
	}
	scratch.put(sums)
}

// panel returns the bytes of panel j.
func (q *Int8Weights) panel(j int) []int8 {
	size := panelWidth * fill(q.K)
	return q.panels[j*size:][:size]
}

// few sets sums of m rows from i0 and panel j row by row.
func (t *gemmInt8) few(i0, m, j int, sums []float32, ld int) {
	for i := range m {
		active.int8.row((*[panelWidth]int32)(unsafe.Pointer(&sums[i*ld : i*ld+panelWidth][0])), t.x.row8(i0+i), t.w.panel(j))
	}
}

// many is few by tiles.
func (t *gemmInt8) many(i0, m, j int, sums []float32, ld int, block *buffer) {
	kernels, panel := active.int8, t.w.panel(j)
	words := fill(t.w.K) / kernels.quads
	for at := 0; at < words; at += int8Block {
		n := min(int8Block, words-at)
		rest := panel[at*kernels.quads*panelWidth:]
		b := floatsOf(rest)
		if block != nil {
			b = block.f
			kernels.spread(b, rest, n*kernels.quads/4)
		}
		kernels.tile(m, n, t.x.words[i0*t.x.ld+at:], t.x.ld, b, sums, ld, at > 0)
	}
}

var noBias [int8Wide * panelWidth]int32

// floatsOf and bytesOf see memory as words and as bytes.
func floatsOf(x []int8) []float32 {
	return unsafe.Slice((*float32)(unsafe.Pointer(unsafe.SliceData(x))), len(x)/4)
}

func bytesOf(x []float32) []int8 {
	return unsafe.Slice((*int8)(unsafe.Pointer(unsafe.SliceData(x))), 4*len(x))
}

// A rowFormat is what a tile or row takes of X.
type rowFormat struct {
	quads    int  // bytes in a word: 4, or 2 that are widened
	unsigned bool // plus 128
	groups   bool // with what the zero of 4-bit weights takes away
}

// quantizedRows are the rows of X as integers.
type quantizedRows struct {
	rowFormat
	words  []float32 // [M,ld]
	ld     int
	k      int       // filled up
	scale  []float32 // [M]
	zeros  []int32   // [K/32,M], for groups
	memory *buffer
}

// row8 returns row i, of quads.
func (r *quantizedRows) row8(i int) []int8 { return bytesOf(r.words[i*r.ld:])[:r.k] }

func (r *quantizedRows) release() { scratch.put(r.memory) }

func newQuantizedRows(p *Pool, m, k int, x []float32, ldx int, format rowFormat) quantizedRows {
	r := quantizedRows{rowFormat: format, k: fill(k)}
	// Rows an odd number of cache lines apart do not meet in the same sets.
	r.ld = ((r.k/r.quads+15)/16 | 1) * 16
	zeros := 0
	if r.groups {
		zeros = m * (r.k / int4Group)
	}
	r.memory = scratch.take(m*(r.ld+1) + zeros)
	r.words, r.scale, r.zeros = r.memory.f[:m*r.ld], r.memory.f[m*r.ld:][:m], int32sOf(r.memory.f[m*(r.ld+1):])
	launch(p, &quantizeRowsJobs, quantizeRows{r, m, x, ldx, k}, m, grainFor(2*k))
	return r
}

type quantizeRows struct {
	quantizedRows
	m    int
	x    []float32
	ldx  int
	kOfX int
}

var quantizeRowsJobs jobs[quantizeRows]

func (t *quantizeRows) run(lo, hi int) {
	kernels := active.int8
	var narrow *buffer
	if t.quads == 2 {
		narrow = scratch.take(t.k / 4)
	}
	for i := lo; i < hi; i++ {
		x, words := t.x[i*t.ldx:][:t.kOfX], t.words[i*t.ld:][:t.ld]
		inv, scale := int8Scale(kernels.absMax(x))
		t.scale[i] = scale
		bytes := bytesOf(words)
		if narrow != nil {
			bytes = bytesOf(narrow.f)
		}
		bytes = bytes[:t.k]
		if inv == 0 {
			clear(bytes)
		} else {
			kernels.quantize8(bytes[:len(x)], x, inv)
			clear(bytes[len(x):])
		}
		if t.unsigned {
			for i, b := range words[:t.k/4] {
				words[i] = math.Float32frombits(math.Float32bits(b) ^ 0x80808080)
			}
		}
		if t.groups {
			active.int4.zeros(t.zeros[i:], t.m, bytes)
		}
		if narrow != nil {
			kernels.widen(words, bytes)
		}
	}
	if narrow != nil {
		scratch.put(narrow)
	}
}

// The plain forms.

var genericInt8 = int8Kernels{
	absMax:    absMaxGeneric,
	quantize8: quantize8Generic,
	row:       int8RowGeneric,
	scale:     scaleSumsGeneric,
}

func absMaxGeneric(x []float32) uint32 {
	top := uint32(0)
	for _, v := range x {
		top = max(top, math.Float32bits(v)&math.MaxInt32)
	}
	return top
}

func quantize8Generic(dst []int8, src []float32, inv float32) {
	for i := range dst {
		dst[i] = int8(math.RoundToEven(float64(src[i] * inv)))
	}
}

func int8RowGeneric(sums *[panelWidth]int32, x, panel []int8) {
	clear(sums[:])
	for k := 0; k < len(x); k += 4 {
		x0, x1, x2, x3 := int32(x[k]), int32(x[k+1]), int32(x[k+2]), int32(x[k+3])
		quads := panel[k*panelWidth:][:4*panelWidth]
		for j := range sums {
			w := quads[4*j:][:4]
			sums[j] += x0*int32(w[0]) + x1*int32(w[1]) + x2*int32(w[2]) + x3*int32(w[3])
		}
	}
}

func scaleSumsGeneric(dst []float32, ld int, sums []float32, n int, bias []int32, column, row []float32) {
	for i, r := range row {
		for j, s := range sums[i*n:][:n] {
			dst[i*ld+j] = float32(int32(math.Float32bits(s))-bias[j]) * r * column[j]
		}
	}
}
