package kernel

import "unsafe"

// wordArgs are the arguments of a pass over n blocks of bytes or words.
type wordArgs struct {
	dst, src unsafe.Pointer
	n        int
	scale    float32 // or the result
}

// spreadArgs are the arguments of spreadPairs: rows of 16 words, pitch bytes apart, and gap
// bytes from the words of the first 16 columns to those of the others.
type spreadArgs struct {
	dst, src   unsafe.Pointer
	n          int // rows of quads
	pitch, gap int
}

// scaleArgs are the arguments of scaleSums.
type scaleArgs struct {
	dst, sums, bias, column, row unsafe.Pointer
	rows, blocks                 int // of 32 columns
	skip                         int // bytes between the rows of dst
}

// dotRowArgs are the arguments of the products of one row with panels that are read side by side.
type dotRowArgs struct {
	dst, panel, x unsafe.Pointer
	n             int // quads
	width, apart  int // bytes between the streams' sums and panels
	streams       int
	start         int // of the sums
}

// packOrder undoes the order in which bytes come out of packing within 128-bit lanes.
//
//lint:ignore U1000 assembly reads it
var packOrder = [8]int32{0, 4, 1, 5, 2, 6, 3, 7}

var (
	int8AVX2 = int8Kernels{
		absMax:    absMaxAVX2,
		quantize8: quantize8AVX2,
		quads:     2,
		row:       int8RowOf(2, func(args *dotRowArgs) { int8RowY(args) }),
		split:     splitSignsAVX2,
		spread: func(dst []float32, panel []int8, n int) {
			spreadPairs(dst, panel, n, 64, 2*n*64) // two panels of 16 columns
		},
		widen:    widen8AVX2,
		tile:     int8TileOf(6, 16, 16, int8Y),
		tileRows: 6, tileColumns: 16,
		scale: scaleSumsAVX2,
	}
	int8AVX512 = int8Kernels{
		absMax:    absMaxAVX2,
		quantize8: quantize8AVX2,
		quads:     2,
		row:       int8RowOf(2, func(args *dotRowArgs) { int8RowY(args) }),
		split:     splitSignsAVX2,
		spread: func(dst []float32, panel []int8, n int) {
			spreadPairs(dst, panel, n, 128, 64)
		},
		widen:    widen8AVX2,
		tile:     int8TileOf(14, 32, 4, int8Z),
		tileRows: 14, tileColumns: 32,
		scale: scaleSumsAVX2,
	}
	int8VNNI = int8Kernels{
		absMax:    absMaxAVX2,
		quantize8: quantize8AVX2,
		quads:     4,
		unsigned:  true,
		row:       int8RowOf(1, func(args *dotRowArgs) { vnniRowZ(args) }),
		tile:      int8TileOf(14, 32, 4, vnniZ),
		tileRows:  14, tileColumns: 32,
		scale: scaleSumsAVX2,
	}
)

// int8TileOf builds a tile of panels of 32 columns from tiles of the given size that take unroll words at a time.
func int8TileOf(height, width, unroll int, run func(rows, vectors int, args *dotArgs)) func(m, n int, a []float32, lda int, b []float32, sums []float32, load bool, out scaled) {
	return func(m, n int, a []float32, lda int, b []float32, sums []float32, load bool, out scaled) {
		if m <= 0 || n <= 0 || n%unroll != 0 || len(a) < (m-1)*lda+n || len(b) < n*panelWidth || len(sums) < m*panelWidth {
			panic("kernel: tile: out of range")
		}
		args := dotArgs{k: n, rsa: 4 * lda, csa: 4, ldc: 4 * panelWidth}
		if load {
			args.load = 1
		}
		if out.dst != nil {
			out.check(m, panelWidth)
			args.ldOut = 4 * out.ld
		}
		for j := 0; j < panelWidth; j += width {
			args.b = unsafe.Pointer(&b[j*n])
			for i := 0; i < m; i += height {
				args.a, args.c = unsafe.Pointer(&a[i*lda]), unsafe.Pointer(&sums[i*panelWidth+j])
				if out.dst != nil {
					args.out, args.row = unsafe.Pointer(&out.dst[i*out.ld+j]), unsafe.Pointer(&out.row[i])
					args.bias, args.column = unsafe.Pointer(&out.bias[j]), unsafe.Pointer(&out.column[j])
				}
				run(min(height, m-i), 2, &args)
			}
		}
	}
}

func absMaxAVX2(x []float32) uint32 {
	n := len(x) &^ 31
	top := absMaxGeneric(x[n:])
	if n > 0 {
		args := wordArgs{src: unsafe.Pointer(&x[0]), n: n / 32}
		absMaxY(&args)
		top = max(top, *(*uint32)(unsafe.Pointer(&args.scale)))
	}
	return top
}

func quantize8AVX2(dst []int8, src []float32, inv float32) {
	src = src[:len(dst)]
	n := len(dst) &^ 31
	if n > 0 {
		quantize8Y(&wordArgs{unsafe.Pointer(&dst[0]), unsafe.Pointer(&src[0]), n / 32, inv})
	}
	quantize8Generic(dst[n:], src[n:], inv)
}

func widen8AVX2(dst []float32, x []int8) {
	n := len(x) / quadStep
	widen8Y(&wordArgs{dst: unsafe.Pointer(&dst[:16*n][0]), src: unsafe.Pointer(&x[:n*quadStep][0]), n: n})
}

func spreadPairs(dst []float32, panel []int8, n, pitch, gap int) {
	if len(dst) < 2*n*panelWidth || len(panel) < 4*n*panelWidth {
		panic("kernel: spread: out of range")
	}
	spreadPairsY(&spreadArgs{unsafe.Pointer(&dst[0]), unsafe.Pointer(&panel[0]), n, pitch, gap})
}

// int8RowOf builds a row of one that takes copies of x, one behind the other.
func int8RowOf(copies int, run func(args *dotRowArgs)) func(sums []float32, width int, x []int8, start int32, panels []int8, apart, streams int) {
	return func(sums []float32, width int, x []int8, start int32, panels []int8, apart, streams int) {
		k := len(x) / copies
		if k == 0 || k%quadStep != 0 || streams < 1 || len(panels) < (streams-1)*apart+k*panelWidth || len(sums) < (streams-1)*width+panelWidth {
			panic("kernel: row: out of range")
		}
		run(&dotRowArgs{
			dst: unsafe.Pointer(&sums[0]), panel: unsafe.Pointer(&panels[0]), x: unsafe.Pointer(&x[0]), n: k / 4,
			width: 4 * width, apart: apart, streams: streams, start: int(start),
		})
	}
}

func splitSignsAVX2(signs, x []int8) int32 {
	n := len(x) / quadStep
	args := wordArgs{dst: unsafe.Pointer(&signs[:n*quadStep][0]), src: unsafe.Pointer(&x[:n*quadStep][0]), n: n}
	splitSignsY(&args)
	return *(*int32)(unsafe.Pointer(&args.scale))
}

func scaleSumsAVX2(out scaled, sums []float32, n int) {
	m := len(out.row)
	if m == 0 || n == 0 {
		return
	}
	out.check(m, n)
	if n%panelWidth != 0 || len(sums) < m*n {
		panic("kernel: scale: out of range")
	}
	scaleSumsY(&scaleArgs{
		dst: unsafe.Pointer(&out.dst[0]), sums: unsafe.Pointer(&sums[0]), bias: unsafe.Pointer(&out.bias[0]),
		column: unsafe.Pointer(&out.column[0]), row: unsafe.Pointer(&out.row[0]), rows: m, blocks: n / panelWidth, skip: 4 * (out.ld - n),
	})
}
