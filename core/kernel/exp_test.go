package kernel

import (
	"fmt"
	"math"
	"testing"
)

func TestExp(t *testing.T) {
	p := NewPool(2)
	defer p.Close()
	forEachISA(t, func(t *testing.T) {
		for _, n := range []int{0, 1, 7, 33, 5000} {
			x := normals(source(uint64(n)), n, 2)
			y := guarded(t, n)
			Exp(p, y, x, -0.5)
			want := wide(x)
			for i, v := range want {
				want[i] = -0.5 * math.Exp(v)
			}
			expect(t, fmt.Sprintf("n=%d", n), y, want, 5e-7) // a few units of float32's last place
		}
	})
}
