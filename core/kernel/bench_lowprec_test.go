package kernel

import (
	"fmt"
	"testing"
)

// lowShapes are M, N, K of language models' products, many rows and few.
var lowShapes = [][3]int{
	{2048, 1024, 256}, {2048, 384, 128}, {2048, 256, 1024}, {64, 1024, 1024}, {8, 1024, 256},
}

// BenchmarkPeaks is what the machine does at best on registers.
func BenchmarkPeaks(b *testing.B) {
	for a := FP32Arithmetic; a <= INT8Arithmetic; a++ {
		b.Run(a.String(), func(b *testing.B) {
			eachPool(b, func(b *testing.B, p *Pool) {
				ops := 0.0
				for b.Loop() {
					ops = Peak(p, a, 1<<14)
				}
				gflops(b, ops)
			})
		})
	}
}

func BenchmarkGemmLowPrecision(b *testing.B) {
	for _, s := range lowShapes {
		m, n, k := s[0], s[1], s[2]
		r := source(1)
		x, w, y := normals(r, m*k, 1), normals(r, k*n, 1), make([]float32, m*n)
		xh, wh := halvesOfFloats(x), halvesOfFloats(w)
		w8, w4 := QuantizeInt8(nil, false, k, n, w, n), QuantizeInt4(nil, false, k, n, w, n)
		for _, c := range []struct {
			name string
			run  func(p *Pool)
		}{
			{"fp32", func(p *Pool) { Gemm(p, false, false, m, n, k, x, k, w, n, 0, y, n) }},
			{"bf16", func(p *Pool) { GemmBF16(p, false, false, m, n, k, xh, k, wh, n, 0, y, n) }},
			{"bf16 from fp32", func(p *Pool) { GemmBF16(p, false, false, m, n, k, x, k, w, n, 0, y, n) }},
			{"int8", func(p *Pool) { GemmInt8(p, m, y, n, x, k, w8) }},
			{"int4", func(p *Pool) { GemmInt4(p, m, y, n, x, k, w4) }},
		} {
			b.Run(fmt.Sprintf("%dx%dx%d,%s", m, n, k, c.name), func(b *testing.B) {
				eachPool(b, func(b *testing.B, p *Pool) {
					b.ReportAllocs()
					for b.Loop() {
						c.run(p)
					}
					gflops(b, 2*float64(m)*float64(n)*float64(k))
				})
			})
		}
	}
}

// BenchmarkMatVec reads weights of sizes that live in different levels; read is what the
// machine reads of as many bytes of FP32 at best.
func BenchmarkMatVec(b *testing.B) {
	for _, s := range [][2]int{{1024, 256}, {2048, 768}, {32000, 768}} {
		n, k := s[0], s[1]
		r := source(1)
		x, w, y := normals(r, k, 1), normals(r, k*n, 1), make([]float32, n)
		wh := halvesOfFloats(w)
		w8, w4 := QuantizeInt8(nil, false, k, n, w, n), QuantizeInt4(nil, false, k, n, w, n)
		for _, c := range []struct {
			name  string
			bytes int
			run   func(p *Pool)
		}{
			{"fp32", 4 * n * k, func(p *Pool) { Gemm(p, false, false, 1, n, k, x, k, w, n, 0, y, n) }},
			{"bf16", 2 * n * k, func(p *Pool) { GemmBF16(p, false, false, 1, n, k, x, k, wh, n, 0, y, n) }},
			{"int8", w8.Bytes(), func(p *Pool) { GemmInt8(p, 1, y, n, x, k, w8) }},
			{"int4", w4.Bytes(), func(p *Pool) { GemmInt4(p, 1, y, n, x, k, w4) }},
		} {
			b.Run(fmt.Sprintf("%dx%d,read as much as %s", n, k, c.name), func(b *testing.B) {
				floats := normals(r, c.bytes/4, 1) // memory that was never written is one page of zeros
				eachPool(b, func(b *testing.B, p *Pool) {
					bytes := 0.0
					for b.Loop() {
						_, bytes = Read(p, floats, 4)
					}
					b.ReportMetric(bytes*float64(b.N)/b.Elapsed().Seconds()/1e9, "GB/s")
				})
			})
			b.Run(fmt.Sprintf("%dx%d,%s", n, k, c.name), func(b *testing.B) {
				eachPool(b, func(b *testing.B, p *Pool) {
					b.ReportAllocs()
					for b.Loop() {
						c.run(p)
					}
					b.ReportMetric(float64(c.bytes)*float64(b.N)/b.Elapsed().Seconds()/1e9, "GB/s")
				})
			})
		}
	}
}
