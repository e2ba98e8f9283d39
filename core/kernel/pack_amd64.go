package kernel

import "unsafe"

// packArgs are the arguments of the copies into panels. Strides are in bytes. The generator knows the offsets.
type packArgs struct {
	dst, src  unsafe.Pointer
	k, ld     int
	panels    int
	panelStep int
}

// packOf is the copy of panels of the given width by kernel.
func packOf(width int, kernel func(args *packArgs)) func(dst []float32, step int, src []float32, ld, k, panels int) {
	return func(dst []float32, step int, src []float32, ld, k, panels int) {
		if k <= 0 || panels <= 0 {
			return
		}
		if len(src) < (k-1)*ld+panels*width || len(dst) < (panels-1)*step+k*width {
			panic("kernel: pack: out of range")
		}
		args := packArgs{unsafe.Pointer(&dst[0]), unsafe.Pointer(&src[0]), k, 4 * ld, panels, 4 * step}
		kernel(&args)
	}
}

// The copies into panels of B.
var (
	packBY = packOf(16, packY16)
	packBZ = packOf(32, packZ32)
)
