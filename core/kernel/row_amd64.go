package kernel

import "unsafe"

// rowArgs are the arguments of a product of one row. ldb is in bytes.
type rowArgs struct {
	y, x, b unsafe.Pointer
	n, k    int // columns; words of x
	ldb     int
}

var (
	rowsAVX2 = rowKernels{
		fp32: rowFP32Of(func(args *rowArgs) { oneRowFP32Y(args) }),
		bf16: func(y, x []float32, b []uint16, ldb int) {
			args := newRowArgs(y, x, b, ldb, len(x))
			oneRowBF16Y(&args)
		},
		order: rowOrderOf(func(args *rowArgs) { oneRowOrderY(args) }),
	}
	rowsAVX512 = rowKernels{
		fp32:  rowFP32Of(func(args *rowArgs) { oneRowFP32Z(args) }),
		bf16:  rowsAVX2.bf16,
		order: rowsAVX2.order,
	}
	rowsBF16 = rowKernels{
		fp32:  rowsAVX512.fp32,
		pairs: true,
		bf16: func(y, x []float32, b []uint16, ldb int) {
			args := newRowArgs(y, x, b, ldb, 2*len(x))
			oneRowPairsZ(&args)
		},
		order: rowOrderOf(func(args *rowArgs) { oneRowOrderZ(args) }),
	}
)

func rowFP32Of(run func(args *rowArgs)) func(y, x, b []float32, ldb int) {
	return func(y, x, b []float32, ldb int) {
		if len(y) == 0 || len(x) == 0 || len(b) < (len(x)-1)*ldb+len(y) {
			panic("kernel: row: out of range")
		}
		run(&rowArgs{unsafe.Pointer(&y[0]), unsafe.Pointer(&x[0]), unsafe.Pointer(&b[0]), len(y), len(x), 4 * ldb})
	}
}

func newRowArgs(y, x []float32, b []uint16, ldb, k int) rowArgs {
	if len(y) == 0 || len(y)%rowStep != 0 || len(x) == 0 || len(b) < (k-1)*ldb+len(y) {
		panic("kernel: row: out of range")
	}
	return rowArgs{unsafe.Pointer(&y[0]), unsafe.Pointer(&x[0]), unsafe.Pointer(&b[0]), len(y), len(x), 2 * ldb}
}

func rowOrderOf(run func(args *rowArgs)) func(dst, src []float32) {
	return func(dst, src []float32) {
		n := len(dst)
		if n == 0 || n%rowStep != 0 || len(src) < n {
			panic("kernel: row: out of range")
		}
		run(&rowArgs{y: unsafe.Pointer(&dst[0]), x: unsafe.Pointer(&src[0]), n: n})
	}
}
