package kernel

import "unsafe"

// attendArgs are the arguments of attention's row kernels. The generator knows the
// offsets.
type attendArgs struct {
	scores, grads *float32 // rows of keyBlock
	top, sum, out *float32
	rows, n, k    int
	shrink        *float32
}

// attendScaleArgs are the arguments of scale. step and the leading dimensions are in
// bytes.
type attendScaleArgs struct {
	dst, src, by   *float32
	step, ldd, lds int
	rows, n        int
	s              float32
}

// attendOf builds the table of attention's row kernels, in vectors of 16 floats if
// wide and of 8 otherwise. Its calls are direct, so that args need not escape.
func attendOf(wide bool) attend {
	return attend{
		rows: func(scores, top, sum, shrink, out []float32, m, n, k int) {
			args := attendArgs{rows: m, n: n, k: k, scores: scorePtr(scores, m, n), top: ptr(top, m), sum: ptr(sum, m), shrink: ptr(shrink, m), out: ptr(out, m*k)}
			if wide {
				attendRowsZ(&args)
			} else {
				attendRowsY(&args)
			}
		},
		back: func(w, dw, lse, delta []float32, m, n int) {
			args := attendArgs{rows: m, n: n, scores: scorePtr(w, m, n), grads: scorePtr(dw, m, n), top: ptr(lse, m), sum: ptr(delta, m)}
			if wide {
				attendBackZ(&args)
			} else {
				attendBackY(&args)
			}
		},
		scale: func(dst []float32, ldd int, src []float32, lds int, by []float32, s float32, m, n int) {
			if m < 1 || n < 1 || len(dst) < (m-1)*ldd+n || len(src) < (m-1)*lds+n || by != nil && len(by) < m {
				panic("kernel: scale rows: out of range")
			}
			args := attendScaleArgs{dst: &dst[0], src: &src[0], ldd: 4 * ldd, lds: 4 * lds, rows: m, n: n, s: s}
			args.by = &args.s
			if by != nil {
				args.by, args.step = &by[0], 4
			}
			if wide {
				attendScaleZ(&args)
			} else {
				attendScaleY(&args)
			}
		},
	}
}

// scorePtr is the address of m rows of n scores.
func scorePtr(scores []float32, m, n int) *float32 {
	if m < 1 || n < 16 || n > keyBlock || n%16 != 0 {
		panic("kernel: attention: wrong block")
	}
	return unsafe.SliceData(scores[:(m-1)*keyBlock+n])
}
