package engine

import "github.com/archlab/archlab/core/kernel"

// widen sets y from 16-bit values.
func (p Precision) widen(pool *kernel.Pool, y []float32, x []uint16) {
	if p == BF16 {
		kernel.WidenBF16(pool, y[:len(x)], x)
	} else {
		kernel.WidenFP16(pool, y[:len(x)], x)
	}
}

// round sets y to the nearest 16-bit values, ties to even.
func (p Precision) round(pool *kernel.Pool, y []uint16, x []float32) {
	if p == BF16 {
		kernel.NarrowBF16(pool, y, x[:len(y)])
	} else {
		kernel.NarrowFP16(pool, y, x[:len(y)])
	}
}
