package kernel

import "unsafe"

// int4Kernels are the inner kernels of products with 4-bit weights. Zeros are what the 8
// in a group's weights takes away: -8 times the sum of x's group.
type int4Kernels struct {
	// zeros sets every stride-th element of dst, one for each group of x.
	zeros func(dst []int32, stride int, x []int8)
	// row sets sums to the products of x with the groups of panels: streams of them, which are read side by side, panel i
	// at apart·i groups, its sums at width·i.
	row func(sums []float32, width int, x []int8, zeros []int32, stride int, nibbles []uint8, scales []uint16, apart, streams int)
	// spread makes bytes of nibbles, in the order of the tile; nil: row does everything.
	spread func(dst []float32, nibbles []uint8, groups int)
	// tile adds to sums [m,32] the product of m rows of words, ldx apart, with groups of a panel of bytes, and then sets
	// out's dst, if it has one, to sum·row.
	tile func(m, groups int, sums, x []float32, ldx int, zeros []int32, stride int, b, scales []float32, out scaled)
	// tileRows and tileColumns are the size of the tiles inside.
	tileRows, tileColumns int
}

// GemmInt4 sets y [m,N] = x·W for x [m,K] of FP32, whose rows are quantized as GemmInt8's.
func GemmInt4(p *Pool, m int, y []float32, ldy int, x []float32, ldx int, w *Int4Weights) {
	t := gemmInt4{newQuantizedProduct(m, y, ldy, x, ldx, w.K, w.N), w}
	if t.empty() {
		return
	}
	kernels := active.int4
	format := rowFormat{quads: 4, groups: true}
	if kernels.tile == nil || m <= fewRows {
		p = t.alone(p, smallQuantizedRow)
		t.x = newQuantizedRows(p, m, w.K, x, ldx, format)
		launch(p, &gemmInt4RowJobs, gemmInt4Row{t}, t.cutRow(p.Threads()), 1)
	} else {
		p = t.alone(p, smallQuantized)
		t.x = newQuantizedRows(p, m, w.K, x, ldx, format)
		launch(p, &gemmInt4Jobs, t, t.cut(p.Threads(), fill(w.K)/4, kernels.tileRows, kernels.tileColumns), 1)
	}
	t.x.release()
}

type gemmInt4 struct {
	quantizedProduct
	w *Int4Weights
}

var gemmInt4Jobs jobs[gemmInt4]

// run computes pieces of Y by tiles.
func (t *gemmInt4) run(lo, hi int) {
	sums := scratch.take(t.height * panelWidth)
	block := scratch.take((t.block + t.block/quads4) * panelWidth)
	for piece := lo; piece < hi; piece++ {
		i0, m, panel0, panels := t.piece(piece)
		for j := panel0; j < panel0+panels; j++ {
			n := min(panelWidth, t.n-j*panelWidth)
			out := scaled{t.y[i0*t.ldy+j*panelWidth:], t.ldy, nil, nil, t.x.scale[i0 : i0+m]}
			if n < panelWidth {
				out.dst, out.ld = sums.f, panelWidth
			}
			t.panel(i0, m, j, sums.f, block.f, out)
			if n < panelWidth {
				for i := range m {
					copy(t.y[(i0+i)*t.ldy+j*panelWidth:][:n], sums.f[i*panelWidth:])
				}
			}
		}
	}
	scratch.put(block)
	scratch.put(sums)
}

// panel multiplies rows with a panel, block by block.
func (t *gemmInt4) panel(i0, m, j int, sums, block []float32, out scaled) {
	bytes, floats := block[:t.block*panelWidth], block[t.block*panelWidth:]
	clear(sums[:m*panelWidth])
	groups, most := t.w.groups(), t.block/quads4
	for g := 0; g < groups; g += most {
		n := min(most, groups-g)
		nibbles, scales := t.w.panel(j, g)
		active.int4.spread(bytes, nibbles, n)
		active.widenFP16(floats[:n*panelWidth], scales)
		last := scaled{}
		if g+n == groups {
			last = out
		}
		active.int4.tile(m, n, sums, t.x.words[i0*t.x.ld+g*quads4:], t.x.ld, t.x.zeros[g*t.m+i0:], t.m, bytes, floats, last)
	}
}

type gemmInt4Row struct{ gemmInt4 }

var gemmInt4RowJobs jobs[gemmInt4Row]

// run computes pieces of Y row by row, a few rows for each panel that is read.
func (t *gemmInt4Row) run(lo, hi int) {
	sums := scratch.take(fewRows * t.wide * panelWidth)
	for piece := lo; piece < hi; piece++ {
		panel0 := piece * t.wide
		panels := min(t.wide, t.panels-panel0)
		ld := panels * panelWidth
		for i0 := 0; i0 < t.m; i0 += fewRows {
			m := min(fewRows, t.m-i0)
			eachStream(panels, func(at, apart, streams int) {
				nibbles, scales := t.w.panel(panel0+at, 0)
				for i := i0; i < i0+m; i++ {
					active.int4.row(sums.f[(i-i0)*ld+at*panelWidth:], apart*panelWidth, t.x.row8(i), t.x.zeros[i:], t.m, nibbles, scales, apart*t.w.groups(), streams)
				}
			})
			j0 := panel0 * panelWidth
			for i := range m {
				active.scale(t.y[(i0+i)*t.ldy+j0:][:min(ld, t.n-j0)], sums.f[i*ld:], t.x.scale[i0+i])
			}
		}
	}
	scratch.put(sums)
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

func int4RowGeneric(sums []float32, width int, x []int8, zeros []int32, stride int, nibbles []uint8, scales []uint16, apart, streams int) {
	for s := range streams {
		sums := sums[s*width:][:panelWidth]
		clear(sums)
		for g := range len(x) / int4Group {
			at := s*apart + g
			xs, ws := x[g*int4Group:][:int4Group], nibbles[at*panelWidth*int4Group/2:]
			for j := range sums {
				sum := zeros[g*stride]
				for t := range quads4 / 2 {
					for b, w := range ws[(t*panelWidth+j)*4:][:4] {
						sum += int32(xs[8*t+b])*int32(w&15) + int32(xs[8*t+4+b])*int32(w>>4)
					}
				}
				sums[j] += float32(float32(sum) * float32OfFP16(scales[at*panelWidth+j]))
			}
		}
	}
}
