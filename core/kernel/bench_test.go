package kernel

import (
	"fmt"
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
}

// eachPool runs f with one thread and with two.
func eachPool(b *testing.B, f func(b *testing.B, p *Pool)) {
	for _, threads := range []int{1, 2} {
		b.Run(fmt.Sprintf("threads=%d", threads), func(b *testing.B) {
			p := NewPool(threads)
			defer p.Close()
			b.ReportAllocs()
			f(b, p)
		})
	}
}

func tokens(b *testing.B, m int) {
	b.ReportMetric(float64(m)*float64(b.N)/b.Elapsed().Seconds(), "tokens/s")
}

// Eight sequences of 256 tokens, width 256: the sizes that small models train at.
const (
	benchRows = 2048
	benchSeq  = 256
)

func benchSegments() []Segment {
	var n []int
	for range benchRows / benchSeq {
		n = append(n, benchSeq)
	}
	return segments(n...)
}

func BenchmarkScan(b *testing.B) {
	for _, c := range []struct {
		name  string
		shape scanShape
	}{
		{"mamba,D=512,N=16", ScanDims{512, 16}.shape()},
		{"ssd,H=8,P=64,N=64", SSDDims{8, 64, 1, 64}.shape()},
	} {
		s := c.shape
		in := scanInputs(s, benchRows)
		segs := benchSegments()
		y, saved := make([]float32, benchRows*s.h*s.p), make([]float32, s.saved(benchRows, len(segs)))
		var grads [][]float32
		for _, x := range in {
			grads = append(grads, make([]float32, len(x)))
		}
		work := make([]float32, s.backwardScratch(benchRows, len(segs)))
		b.Run(c.name+",forward", func(b *testing.B) {
			eachPool(b, func(b *testing.B, p *Pool) {
				for b.Loop() {
					runScan(p, y, in, segs, nil, saved, benchRows, s)
				}
				tokens(b, benchRows)
			})
		})
		b.Run(c.name+",backward", func(b *testing.B) {
			eachPool(b, func(b *testing.B, p *Pool) {
				for b.Loop() {
					runScanBackward(p, grads, y, in, segs, saved, benchRows, s, work)
				}
				tokens(b, benchRows)
			})
		})
	}
}

func BenchmarkRows(b *testing.B) {
	const d, v = 256, 4096
	r := source(1)
	x, y, dy, dx := normals(r, benchRows*d, 1), make([]float32, benchRows*d), normals(r, benchRows*d, 1), make([]float32, benchRows*d)
	gain, dgain, rstd, mean := normals(r, d, 1), make([]float32, d), make([]float32, benchRows), make([]float32, benchRows)
	logits, targets, logp := normals(r, 512*v, 1), make([]int32, 512), make([]float32, 512)
	weights := normals(r, 1<<20, 1)
	g, m1, m2 := normals(r, 1<<20, 1), make([]float32, 1<<20), make([]float32, 1<<20)
	w, dw := normals(r, d*4, 1), make([]float32, d*4)
	segs := benchSegments()
	o := AdamW{LR: 1e-3, Beta1: 0.9, Beta2: 0.99, Eps: 1e-8, WeightDecay: 0.1, GradScale: 1, Correction1: 0.1, Correction2: 0.01}
	for _, c := range []struct {
		name string
		rows int
		run  func(p *Pool)
	}{
		{"rmsnorm", benchRows, func(p *Pool) { RMSNorm(p, y, rstd, x, gain, benchRows, d, 1e-5) }},
		{"rmsnorm backward", benchRows, func(p *Pool) { RMSNormBackward(p, dx, dgain, dy, x, gain, rstd, benchRows, d) }},
		{"layernorm", benchRows, func(p *Pool) { LayerNorm(p, y, mean, rstd, x, gain, nil, benchRows, d, 1e-5) }},
		{"layernorm backward", benchRows, func(p *Pool) { LayerNormBackward(p, dx, dgain, nil, dy, x, gain, mean, rstd, benchRows, d) }},
		{"rotary", benchRows, func(p *Pool) { Rotary(p, x, x, benchRows, d, 8, 32, segs, 1e4, false) }},
		{"gelu", benchRows, func(p *Pool) { GELU(p, y, x) }},
		{"gelu backward", benchRows, func(p *Pool) { GELUBackward(p, dx, dy, x) }},
		{"swiglu", benchRows, func(p *Pool) { SwiGLU(p, y, x, benchRows, d/2) }},
		{"conv", benchRows, func(p *Pool) { CausalConv(p, y, x, w, gain, benchRows, segs, nil, ConvDims{d, 4, true}) }},
		{"conv backward", benchRows, func(p *Pool) {
			CausalConvBackward(p, dx, dw, dgain, dy, x, w, gain, benchRows, segs, ConvDims{d, 4, true})
		}},
		{"softmax loss V=4096", 512, func(p *Pool) { SoftmaxLoss(p, logits, v, targets, nil, logp, nil, 512, v, true, 1) }},
		{"adamw 1M", 1, func(p *Pool) { o.Step(p, weights, g, m1, m2) }},
		{"sum squares 1M", 1, func(p *Pool) { SumSquares(p, g) }},
	} {
		b.Run(c.name, func(b *testing.B) {
			eachPool(b, func(b *testing.B, p *Pool) {
				for b.Loop() {
					c.run(p)
				}
				tokens(b, c.rows)
			})
		})
	}
}

// BenchmarkPeak is what one thread could do at best: a tile whose operands stay in
// the first-level cache.
func BenchmarkPeak(b *testing.B) {
	was := active
	defer func() { active = was }()
	for i := range isas {
		if !runs(&isas[i]) {
			continue
		}
		active = &isas[i]
		b.Run(active.name, func(b *testing.B) {
			const m, n, k = 84, 32, 100 // multiples of both tiles
			x, y, z := make([]float32, m), make([]float32, n), make([]float32, m*n)
			for b.Loop() {
				active.tile(m, n, k*100, x, 1, 0, y, 0, z, n, false)
			}
			gflops(b, 2*m*n*k*100)
		})
	}
}

// BenchmarkSubnormal is the time of subnormal numbers beside that of normal ones.
func BenchmarkSubnormal(b *testing.B) {
	const n = 1 << 16
	w, g, m1, m2 := normals(source(1), n, 1), make([]float32, n), make([]float32, n), make([]float32, n)
	x, y, z := normals(source(2), n, 1), make([]float32, n), make([]float32, n)
	scan := ScanDims{64, 16}.shape()
	const rows = 256
	in := scanInputs(scan, rows)
	out := make([]float32, rows*64)
	saved := make([]float32, scan.saved(rows, 1))
	o := AdamW{LR: 1e-3, Beta1: 0.9, Beta2: 0.99, Eps: 1e-8, WeightDecay: 0.1, GradScale: 1, Correction1: 1, Correction2: 1}
	for _, size := range []float32{1, 1e-39} {
		b.Run(fmt.Sprintf("gemm of %g", size), func(b *testing.B) {
			setAll(y, size)
			for b.Loop() {
				Gemm(nil, false, false, 256, 256, 256, x, 256, y, 256, 0, z, 256)
			}
		})
		b.Run(fmt.Sprintf("scan of %g", size), func(b *testing.B) {
			setAll(in[0], size)
			for b.Loop() {
				runScan(nil, out, in, segments(rows), nil, saved, rows, scan)
			}
		})
		b.Run(fmt.Sprintf("adamw from moments of %g", size), func(b *testing.B) {
			setAll(m1, size)
			setAll(m2, size)
			for b.Loop() {
				o.Step(nil, w, g, m1, m2)
			}
		})
	}
}
