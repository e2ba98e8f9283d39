package kernel

import "testing"

// In caches of a few kilobytes products are cut into several pieces each way, and K into several blocks.
func TestProductsInSmallCaches(t *testing.T) {
	was := caches
	defer func() { caches = was }()
	caches.l1, caches.l2 = 8<<10, 16<<10
	p := NewPool(3)
	defer p.Close()
	const m, n, k = 131, 210, 530
	forEachPrecision(t, func(t *testing.T) {
		q := newQuantizedProduct(m, make([]float32, m*n), n, make([]float32, m*k), k, k, n)
		if q.cut(3, k/2, 4, panelWidth); q.down < 2 || q.block >= k/2 {
			t.Errorf("a quantized product is cut into %d pieces down and blocks of %d words: too large to see the cutting", q.down, q.block)
		}
		checkGemmInt8(t, p, m, n, k, 5)
		checkGemmInt4(t, p, m, n, k, 5)
		for mode := range 16 {
			checkGemmBF16(t, p, mode, m, n, k)
		}
	})
	forEachISA(t, func(t *testing.T) {
		for _, tA := range []bool{false, true} {
			g := gemm{tA: tA, m: m, n: n, k: k}
			if g.cut(3); g.down < 2 || g.down*g.across < 3 || g.block >= k {
				t.Errorf("tA=%v: a product is cut %d down, %d across and in blocks of %d: too large to see the cutting", tA, g.down, g.across, g.block)
			}
		}
		for mode := range 4 {
			checkGemm(t, p, mode&1 != 0, mode&2 != 0, m, n, k, 3, float32(mode&1))
		}
		checkExpertRows(t, p, []int{60, 0, 131, 7}, 90, gated(130))
	})
}
