package bench

import (
	"fmt"

	"github.com/archlab/archlab/core/kernel"
)

// Product is a matrix product C [M,N] = op(A)·op(B) and what it reaches. A is stored [M,K], or [K,M] where the form's
// first letter is T; B is stored [K,N], or [N,K] where the second one is T.
type Product struct {
	Name       string  `json:"name"`
	Arithmetic string  `json:"arithmetic"` // of the peak that it is held against
	Weights    string  `json:"weights"`    // storage of B: "fp32", "bf16", "int8", "int4"
	Form       string  `json:"form"`       // "NN", "NT", "TN", "TT"
	M          int     `json:"m"`
	N          int     `json:"n"`
	K          int     `json:"k"`
	Threads    int     `json:"threads"`
	Operations Rate    `json:"operations"` // a second, a multiply-add counting as two
	OfPeak     float64 `json:"of_peak,omitempty"`
	// Level is where B lives, for products of so few rows that reading B is what takes time, and OfBandwidth the share of
	// that level's bandwidth that reading B once comes to.
	Level       string  `json:"level,omitempty"`
	OfBandwidth float64 `json:"of_bandwidth,omitempty"`
}

// productCase is a product with the code that runs it.
type productCase struct {
	Product
	prepare func(p *kernel.Pool) func()
}

// weightBytes is what B takes in memory.
func (p Product) weightBytes() float64 {
	bits := map[string]float64{"fp32": 32, "bf16": 16, "int8": 8, "int4": 4}[p.Weights]
	return float64(p.N) * float64(p.K) * bits / 8
}

// operations is what one product takes, a multiply-add counting as two.
func (p Product) operations() float64 { return 2 * float64(p.M) * float64(p.N) * float64(p.K) }

func (c *productCase) probe(pool *kernel.Pool) func(n int) float64 {
	run := c.prepare(pool)
	work := c.operations()
	return func(n int) float64 {
		for range n {
			run()
		}
		return work * float64(n)
	}
}

// productCases are the shapes that training and decoding of small language models meet: y = x·wᵀ is NT, dx = dy·w is NN,
// dw = dyᵀ·x is TN. The fourth form completes the set.
func productCases() []productCase {
	var out []productCase
	shapes := []struct {
		name    string
		m, n, k int
	}{
		{"512^3", 512, 512, 512},
		{"tokens 2048: 256->1024", 2048, 1024, 256},
		{"tokens 2048: 128->384", 2048, 384, 128},
		{"tokens 2048: 1024->256", 2048, 256, 1024},
	}
	for _, s := range shapes {
		for _, form := range []string{"NN", "NT", "TN", "TT"} {
			out = append(out, fp32Case(s.name, form, s.m, s.n, s.k))
		}
	}
	for _, form := range []string{"NN", "NT"} {
		out = append(out, fp32Case("8 rows: 256->1024", form, 8, 1024, 256))
	}
	one := fp32Case("1 row: 256->1024", "NN", 1, 1024, 256)
	one.Level = levelOf(one.weightBytes())
	return append(out, one)
}

func fp32Case(name, form string, m, n, k int) productCase {
	c := productCase{Product: Product{Name: name, Arithmetic: "fp32", Weights: "fp32", Form: form, M: m, N: n, K: k}}
	c.prepare = func(pool *kernel.Pool) func() {
		a, b, out := filled(m*k), filled(k*n), make([]float32, m*n)
		tA, tB := form[0] == 'T', form[1] == 'T'
		lda, ldb := k, n
		if tA {
			lda = m
		}
		if tB {
			ldb = k
		}
		return func() { kernel.Gemm(pool, tA, tB, m, n, k, a, lda, b, ldb, 0, out, n) }
	}
	return c
}

// levelOf names the smallest level that holds so many bytes with room for others.
func levelOf(bytes float64) string {
	caches, _ := Caches()
	for _, c := range caches {
		if bytes <= 0.75*float64(c.Bytes) {
			return fmt.Sprintf("L%d", c.Level)
		}
	}
	return "DRAM"
}
