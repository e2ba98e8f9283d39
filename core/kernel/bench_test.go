package kernel

import (
	"fmt"
	"runtime"
	"testing"
)

func gflops(b *testing.B, flops float64) {
	b.ReportMetric(flops*float64(b.N)/b.Elapsed().Seconds()/1e9, "GFLOP/s")
}

func BenchmarkGemm(b *testing.B) {
	for _, c := range []struct {
		m, n, k int
		tA, tB  bool
	}{
		{2048, 256, 1024, false, false},
		{2048, 1024, 256, false, false},
		{2048, 256, 256, false, false},
		{2048, 256, 256, false, true},
		{256, 256, 2048, true, false},
		{2048, 128, 128, false, false},
		{512, 4096, 128, false, true},
		{1024, 1024, 1024, false, false},
		{1, 1024, 256, false, false},
		{1, 1024, 256, false, true},
		{8, 1024, 256, false, false},
		{8, 1024, 256, false, true},
	} {
		for _, threads := range []int{1, 2} {
			b.Run(fmt.Sprintf("m=%d,n=%d,k=%d,tA=%v,tB=%v,threads=%d", c.m, c.n, c.k, c.tA, c.tB, threads), func(b *testing.B) {
				r := source(1)
				x, y, z := normals(r, c.m*c.k, 1), normals(r, c.k*c.n, 1), make([]float32, c.m*c.n)
				lda, ldb := c.k, c.n
				if c.tA {
					lda = c.m
				}
				if c.tB {
					ldb = c.k
				}
				p := NewPool(threads)
				defer p.Close()
				b.ReportAllocs()
				for b.Loop() {
					Gemm(p, c.tA, c.tB, c.m, c.n, c.k, x, lda, y, ldb, 0, z, c.n)
				}
				gflops(b, 2*float64(c.m)*float64(c.n)*float64(c.k))
			})
		}
	}
	runtime.KeepAlive(b)
}
