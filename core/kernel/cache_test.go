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
		checkGemm(t, p, true, false, 90, n, k, 3, 1) // pieces down that pack B themselves
		checkExpertRows(t, p, []int{60, 0, 131, 7}, 90, gated(130))
	})
}

// A gradient of weights does not pack B, as long as the batch, as a whole: a few pieces, enough for all threads, do it for
// themselves.
func TestGradientsPackInPieces(t *testing.T) {
	was := caches
	defer func() { caches = was }()
	caches.l1, caches.l2 = 32<<10, 512<<10
	forEachISA(t, func(t *testing.T) {
		for _, threads := range []int{2, 4} {
			for _, s := range [][2]int{{256, 1024}, {1024, 256}, {768, 256}, {128, 384}, {128, 128}} {
				g := gemm{tA: true, m: s[0], n: s[1], k: 2048}
				g.cut(threads)
				if pieces := g.down * g.across; !g.own || pieces < min(threads, s[1]/active.tileColumns/2) || pieces > 4*threads || g.down > 1 && g.down%threads != 0 {
					t.Errorf("%v, %d threads: %d pieces down, %d across, own: %v", s, threads, g.down, g.across, g.own)
				}
			}
			short := gemm{tA: true, m: 2048, n: 1024, k: 256}
			if short.cut(threads); short.own {
				t.Errorf("%d threads: each piece packs a B that is short", threads)
			}
		}
	})
}
