package kernel

import "unsafe"

// int4Args are the arguments of the kernels with 4-bit weights. Strides are in bytes.
type int4Args struct {
	dst, weights, scales, x, zeros unsafe.Pointer
	groups                         int
	ldx                            int
	zeroStride                     int // between a row's groups
	pitch, gap                     int // of spread bytes

	// Of rows: between the streams' sums and groups' weights; of tiles: the result unless nil.
	width, apart, streams int
	out, row              unsafe.Pointer
	ldOut                 int
}

var (
	int4AVX2 = int4Kernels{
		zeros: groupZerosAVX2,
		row:   int4RowOf(func(args *int4Args) { int4RowY(args) }),
		spread: func(dst []float32, nibbles []uint8, groups int) {
			spreadNibbles(dst, nibbles, groups, 64, groups*quads4*64) // two panels of 16 columns
		},
		tile:     int4TileOf(6, 16, int4Y),
		tileRows: 6, tileColumns: 16,
	}
	int4VNNI = int4Kernels{
		zeros: groupZerosAVX2,
		row:   int4RowOf(func(args *int4Args) { int4RowZ(args) }),
		spread: func(dst []float32, nibbles []uint8, groups int) {
			spreadNibbles(dst, nibbles, groups, 128, 64)
		},
		tile:     int4TileOf(14, 32, int4Z),
		tileRows: 14, tileColumns: 32,
	}
)

func groupZerosAVX2(dst []int32, stride int, x []int8) {
	groups := len(x) / int4Group
	if groups == 0 || len(dst) <= (groups-1)*stride {
		panic("kernel: zeros: out of range")
	}
	groupZerosY(&int4Args{x: unsafe.Pointer(&x[0]), zeros: unsafe.Pointer(&dst[0]), groups: groups, zeroStride: 4 * stride})
}

func int4RowOf(run func(args *int4Args)) func(sums []float32, width int, x []int8, zeros []int32, stride int, nibbles []uint8, scales []uint16, apart, streams int) {
	return func(sums []float32, width int, x []int8, zeros []int32, stride int, nibbles []uint8, scales []uint16, apart, streams int) {
		groups := len(x) / int4Group
		last := (streams-1)*apart + groups
		if groups == 0 || streams < 1 || len(zeros) <= (groups-1)*stride || len(nibbles) < last*panelWidth*int4Group/2 ||
			len(scales) < last*panelWidth || len(sums) < (streams-1)*width+panelWidth {
			panic("kernel: row: out of range")
		}
		run(&int4Args{
			dst: unsafe.Pointer(&sums[0]), weights: unsafe.Pointer(&nibbles[0]), scales: unsafe.Pointer(&scales[0]),
			x: unsafe.Pointer(&x[0]), zeros: unsafe.Pointer(&zeros[0]), groups: groups, zeroStride: 4 * stride,
			width: 4 * width, apart: apart, streams: streams,
		})
	}
}

func spreadNibbles(dst []float32, nibbles []uint8, groups, pitch, gap int) {
	if groups == 0 || len(dst) < groups*quads4*panelWidth || len(nibbles) < groups*panelWidth*int4Group/2 {
		panic("kernel: spread: out of range")
	}
	spreadNibblesY(&int4Args{dst: unsafe.Pointer(&dst[0]), weights: unsafe.Pointer(&nibbles[0]), groups: groups, pitch: pitch, gap: gap})
}

// int4TileOf builds a tile of panels of 32 columns from tiles of the given size.
func int4TileOf(height, width int, run func(rows int, args *int4Args)) func(m, groups int, sums, x []float32, ldx int, zeros []int32, stride int, b, scales []float32, out scaled) {
	return func(m, groups int, sums, x []float32, ldx int, zeros []int32, stride int, b, scales []float32, out scaled) {
		words := groups * quads4
		if m <= 0 || groups <= 0 || len(sums) < m*panelWidth || len(x) < (m-1)*ldx+words ||
			len(zeros) < (groups-1)*stride+m || len(b) < words*panelWidth || len(scales) < groups*panelWidth ||
			out.dst != nil && (len(out.dst) < (m-1)*out.ld+panelWidth || len(out.row) < m) {
			panic("kernel: tile: out of range")
		}
		args := int4Args{groups: groups, ldx: 4 * ldx, zeroStride: 4 * stride, ldOut: 4 * out.ld}
		for j := 0; j < panelWidth; j += width {
			args.weights, args.scales = unsafe.Pointer(&b[j*words]), unsafe.Pointer(&scales[j])
			for i := 0; i < m; i += height {
				args.dst, args.x, args.zeros = unsafe.Pointer(&sums[i*panelWidth+j]), unsafe.Pointer(&x[i*ldx]), unsafe.Pointer(&zeros[i])
				if out.dst != nil {
					args.out, args.row = unsafe.Pointer(&out.dst[i*out.ld+j]), unsafe.Pointer(&out.row[i])
				}
				run(min(height, m-i), &args)
			}
		}
	}
}
