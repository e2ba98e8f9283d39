package kernel

import (
	"slices"
	"testing"
)

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

// A gradient of weights does not pack B, as long as the batch, as a whole: a few pieces of some height do it for themselves.
// Where that doesn't keep all threads busy, pieces are cut as other products are.
func TestCutGradients(t *testing.T) {
	was := caches
	defer func() { caches = was }()
	caches.l1, caches.l2 = 32<<10, 512<<10
	forEachISA(t, func(t *testing.T) {
		h, w := active.tileRows, active.tileColumns
		for _, threads := range []int{2, 3, 4, 8, 16} {
			for _, s := range [][2]int{{256, 1024}, {1024, 256}, {768, 256}, {600, 100}, {128, 384}, {128, 128}, {256, 48}, {256, 8}, {8, 256}} {
				g := gemm{tA: true, m: s[0], n: s[1], k: 2048}
				g.cut(threads)
				tiles, panels := (s[0]+h-1)/h, (s[1]+w-1)/w
				pieces := g.down * g.across
				if most := max(tiles/4, 1) * max(panels/2, 1); pieces < min(threads, most) {
					t.Errorf("%v, %d threads: %d pieces, where there could be %d", s, threads, pieces, most)
				}
				if g.apart && g.down > 1 && (pieces > 4*threads || tiles < g.down*ownTiles || g.down%threads != 0) {
					t.Errorf("%v, %d threads: %d pieces down, %d across pack B for themselves", s, threads, g.down, g.across)
				}
			}
		}
		for _, s := range [][3]int{{256, 1024, 2048}, {1024, 256, 2048}, {768, 256, 2048}} {
			g := gemm{tA: true, m: s[0], n: s[1], k: s[2]}
			if g.cut(2); !g.apart {
				t.Errorf("%v: B is packed as a whole", s)
			}
		}
		short := gemm{tA: true, m: 2048, n: 1024, k: 256}
		if short.cut(2); short.apart {
			t.Error("each piece packs a B that is short")
		}
	})
}

// Pieces one above the other pack the same B, each for itself, block by block of K.
func TestGradientInPieces(t *testing.T) {
	was := caches
	defer func() { caches = was }()
	caches.l1, caches.l2 = 32<<10, 512<<10
	p := NewPool(2)
	defer p.Close()
	const m, n, k = 800, 70, 600
	forEachISA(t, func(t *testing.T) {
		g := gemm{tA: true, m: m, n: n, k: k}
		if g.cut(2); !g.apart || g.down < 2 || g.block >= k {
			t.Fatalf("%d pieces down, %d across, blocks of %d, apart: %v: not what is to be seen here", g.down, g.across, g.block, g.apart)
		}
		checkGemm(t, p, true, false, m, n, k, 5, 1)
	})
}

// The tiles pack the next panel to the last float and no further, however many there are and whatever k.
func TestTilesPackBeside(t *testing.T) {
	forEachISA(t, func(t *testing.T) {
		h, w := active.tileRows, active.tileColumns
		r := source(3)
		for _, tiles := range []int{1, 4, 5, 6, 9} {
			for _, k := range []int{1, 3, 4, 5, 6, 7, 64, 67} {
				m, ld := tiles*h-1, w+5
				a, b, c := guardedCopy(t, normals(r, tiles*k*h, 1)), guardedCopy(t, normals(r, k*w, 1)), make([]float32, m*w)
				soon := nextPanel{guardedCopy(t, normals(r, (k-1)*ld+w, 1)), ld, guarded(t, k*w)}
				want := make([]float32, k*w)
				packGeneric(w)(want, 0, soon.from, ld, k, 1)
				active.tilePanels(m, w, k, a, k*h, b, w, soon, c, w, false)
				if !slices.Equal(soon.to, want) {
					t.Fatalf("%d tiles, k = %d: the next panel is not what it should be", tiles, k)
				}
			}
		}
	})
}
