package kernel

import (
	"math"
	"unsafe"
)

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
	// row sets sums to start plus the products of x with panels of quads: streams of them, which are read side by side,
	// panel i at apart·i, its sums at width·i.
	row func(sums []float32, width int, x []int8, start int32, panels []int8, apart, streams int)
	// split puts magnitudes in the place of x and sets signs to -1 or 0: row takes first these and then those, and starts
	// from what split returns; nil: row takes x itself.
	split func(signs, x []int8) (start int32)
	// spread makes words of n quads of each column of a panel; nil if the tile takes quads.
	spread func(dst []float32, panel []int8, n int)
	// widen makes words of bytes, likewise.
	widen func(dst []float32, x []int8)
	// tile adds to sums [m,32], or sets them unless load, the product of m rows of n words, lda apart, with n rows of a
	// panel of words, and writes FP32 of the sums to out instead, if it has a dst; nil: row does everything.
	tile func(m, n int, a []float32, lda int, b []float32, sums []float32, load bool, out scaled)
	// tileRows and tileColumns are the size of the tiles inside.
	tileRows, tileColumns int
	// scale writes FP32 of sums [m,n] to out; n is of whole panels.
	scale func(out scaled, sums []float32, n int)
}

// scaled says how sums become FP32: dst = (sum - bias)·row·column. Rows of dst are ld apart.
type scaled struct {
	dst         []float32
	ld          int
	bias        []int32 // by column
	column, row []float32
}

func (s *scaled) check(m, n int) {
	if len(s.row) < m || len(s.bias) < n || len(s.column) < n || len(s.dst) < (m-1)*s.ld+n {
		panic("kernel: scale: out of range")
	}
}

// GemmInt8 sets y [m,N] = x·W for x [m,K] of FP32. Every row of x is quantized to
// integers in [-127,127], each element off by at most half of the row's greatest magnitude
// over 127. A row that holds NaN or an infinity gives NaN.
func GemmInt8(p *Pool, m int, y []float32, ldy int, x []float32, ldx int, w *Int8Weights) {
	t := gemmInt8{newQuantizedProduct(m, y, ldy, x, ldx, w.K, w.N), w}
	if t.empty() {
		return
	}
	kernels := active.int8
	format := rowFormat{quads: kernels.quads, unsigned: kernels.unsigned}
	if kernels.tile == nil || m <= fewRows {
		p = t.alone(p, smallQuantizedRow)
		format.quads, format.split = 4, kernels.split != nil
		t.x = newQuantizedRows(p, m, w.K, x, ldx, format)
		launch(p, &gemmInt8RowJobs, gemmInt8Row{t}, t.cutRow(p.Threads()), 1)
	} else {
		p = t.alone(p, smallQuantized)
		t.x = newQuantizedRows(p, m, w.K, x, ldx, format)
		launch(p, &gemmInt8Jobs, t, t.cut(p.Threads(), fill(w.K)/kernels.quads, kernels.tileRows, kernels.tileColumns), 1)
	}
	t.x.release()
}

type gemmInt8 struct {
	quantizedProduct
	w *Int8Weights
}

var gemmInt8Jobs jobs[gemmInt8]

// run computes pieces of Y by tiles.
func (t *gemmInt8) run(lo, hi int) {
	kernels := active.int8
	sums := scratch.take(t.height * panelWidth)
	var block *buffer
	if kernels.spread != nil {
		block = scratch.take(t.block * panelWidth)
	}
	for piece := lo; piece < hi; piece++ {
		i0, m, panel0, panels := t.piece(piece)
		for j := panel0; j < panel0+panels; j++ {
			out := t.out(j, i0, m)
			whole := t.n-j*panelWidth >= panelWidth
			if !whole {
				out.dst = nil
			}
			t.panel(i0, m, j, sums.f, block, out)
			if !whole {
				t.ragged(out, sums.f, panelWidth, j, i0)
			}
		}
	}
	if block != nil {
		scratch.put(block)
	}
	scratch.put(sums)
}

// out is where FP32 of rows from i0 and columns from those of panel j on go.
func (t *gemmInt8) out(j, i0, m int) scaled {
	j0 := j * panelWidth
	out := scaled{t.y[i0*t.ldy+j0:], t.ldy, noBias, t.w.scale[j0:], t.x.scale[i0 : i0+m]}
	if active.int8.unsigned {
		out.bias = t.w.bias[j0:]
	}
	return out
}

// panel multiplies rows with a panel, block by block.
func (t *gemmInt8) panel(i0, m, j int, sums []float32, block *buffer, out scaled) {
	kernels, panel := active.int8, t.w.panel(j)
	words := fill(t.w.K) / kernels.quads
	for at := 0; at < words; at += t.block {
		n := min(t.block, words-at)
		rest := panel[at*kernels.quads*panelWidth:]
		b := floatsOf(rest)
		if block != nil {
			b = block.f
			kernels.spread(b, rest, n*kernels.quads/4)
		}
		last := scaled{}
		if at+n == words {
			last = out
		}
		kernels.tile(m, n, t.x.words[i0*t.x.ld+at:], t.x.ld, b, sums, at > 0, last)
	}
}

// ragged writes the columns that there are of sums [m,n] from panel j on, of which the last does not have all.
func (t *gemmInt8) ragged(out scaled, sums []float32, n, j, i0 int) {
	out.dst, out.ld = sums, n
	active.int8.scale(out, sums, n)
	j0 := j * panelWidth
	for i := range out.row {
		copy(t.y[(i0+i)*t.ldy+j0:(i0+i)*t.ldy+t.n], sums[i*n:])
	}
}

type gemmInt8Row struct{ gemmInt8 }

var gemmInt8RowJobs jobs[gemmInt8Row]

// run computes pieces of Y row by row, a few rows for each panel that is read.
func (t *gemmInt8Row) run(lo, hi int) {
	size := panelWidth * fill(t.w.K)
	sums := scratch.take(fewRows * t.wide * panelWidth)
	for piece := lo; piece < hi; piece++ {
		panel0 := piece * t.wide
		panels := min(t.wide, t.panels-panel0)
		n := panels * panelWidth
		for i0 := 0; i0 < t.m; i0 += fewRows {
			m := min(fewRows, t.m-i0)
			eachStream(panels, func(at, apart, streams int) {
				for i := range m {
					active.int8.row(sums.f[i*n+at*panelWidth:], apart*panelWidth, t.x.row8(i0+i), t.x.start(i0+i), t.w.panel(panel0+at), apart*size, streams)
				}
			})
			out := t.out(panel0, i0, m)
			if t.n-panel0*panelWidth < n {
				t.ragged(out, sums.f, n, panel0, i0)
				continue
			}
			active.int8.scale(out, sums.f, n)
		}
	}
	scratch.put(sums)
}

// noBias are the biases of the widest piece.
var noBias = make([]int32, rowMost())

// floatsOf and bytesOf see memory as words and as bytes.
func floatsOf(x []int8) []float32 {
	return unsafe.Slice((*float32)(unsafe.Pointer(unsafe.SliceData(x))), len(x)/4)
}

func bytesOf(x []float32) []int8 {
	return unsafe.Slice((*int8)(unsafe.Pointer(unsafe.SliceData(x))), 4*len(x))
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

func int8RowGeneric(sums []float32, width int, x []int8, _ int32, panels []int8, apart, streams int) {
	for s := range streams {
		sums, panel := int32sOf(sums[s*width:][:panelWidth]), panels[s*apart:]
		clear(sums)
		for k := 0; k < len(x); k += 4 {
			x0, x1, x2, x3 := int32(x[k]), int32(x[k+1]), int32(x[k+2]), int32(x[k+3])
			quads := panel[k*panelWidth:][:4*panelWidth]
			for j := range sums {
				w := quads[4*j:][:4]
				sums[j] += x0*int32(w[0]) + x1*int32(w[1]) + x2*int32(w[2]) + x3*int32(w[3])
			}
		}
	}
}

func scaleSumsGeneric(out scaled, sums []float32, n int) {
	for i, r := range out.row {
		for j, s := range sums[i*n:][:n] {
			out.dst[i*out.ld+j] = float32(int32(math.Float32bits(s))-out.bias[j]) * r * out.column[j]
		}
	}
}
