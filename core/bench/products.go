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
	WeightBytes float64 `json:"weight_bytes"` // that a product reads of B
}

// Case is a product with the code that runs it.
type Case struct {
	Product
	// Prepare makes the matrices and answers what multiplies them once.
	Prepare func(pool *kernel.Pool) func()
}

// operations is what one product takes, a multiply-add counting as two.
func (p Product) operations() float64 { return 2 * float64(p.M) * float64(p.N) * float64(p.K) }

func (c Case) probe(pool *kernel.Pool) func(n int) float64 {
	run := c.Prepare(pool)
	work := c.operations()
	return func(n int) float64 {
		for range n {
			run()
		}
		return work * float64(n)
	}
}

// Cases are the shapes that training and decoding of small language models meet: y = x·wᵀ is NT, dx = dy·w is NN,
// dw = dyᵀ·x is TN. The fourth form completes the set. Narrower weights are those of quantized inference.
func Cases() []Case {
	type shape struct {
		name    string
		m, n, k int
	}
	cube := shape{"512^3", 512, 512, 512}
	model := []shape{
		{"tokens 2048: 256->1024", 2048, 1024, 256},
		{"tokens 2048: 128->384", 2048, 384, 128},
		{"tokens 2048: 1024->256", 2048, 256, 1024},
	}
	eight := shape{"8 rows: 256->1024", 8, 1024, 256}
	var out []Case
	add := func(s shape, weights, form string) {
		out = append(out, caseOf(s.name, weights, form, s.m, s.n, s.k))
	}
	for _, s := range append([]shape{cube}, model...) {
		for _, form := range []string{"NN", "NT", "TN", "TT"} {
			add(s, "fp32", form)
		}
	}
	for _, s := range model { // all tokens add up to the gradient of the weights
		add(shape{"gradient of " + s.name, s.n, s.k, s.m}, "fp32", "TN")
	}
	for _, form := range []string{"NN", "NT"} {
		add(eight, "fp32", form)
	}
	for _, s := range model {
		for _, form := range []string{"NN", "NT", "TN"} {
			add(s, "bf16", form)
		}
		add(shape{"gradient of " + s.name, s.n, s.k, s.m}, "bf16", "TN")
		add(s, "int8", "NN")
		add(s, "int4", "NN")
	}
	add(shape{"tokens 64: 256->1024", 64, 1024, 256}, "int8", "NN")
	add(shape{"tokens 64: 256->1024", 64, 1024, 256}, "int4", "NN")
	for _, s := range []shape{{"1 row: 256->1024", 1, 1024, 256}, {"1 row: 768->2048", 1, 2048, 768}, {"1 row: 768->32000", 1, 32000, 768}} {
		for _, weights := range []string{"fp32", "int8", "int4"} {
			add(s, weights, "NN")
		}
	}
	return out
}

// caseOf is the product of FP32 activations, or of BF16 ones for BF16 weights.
func caseOf(name, weights, form string, m, n, k int) Case {
	c := Case{Product: Product{Name: name, Arithmetic: weights, Weights: weights, Form: form, M: m, N: n, K: k}}
	bits := map[string]int{"fp32": 32, "bf16": 16, "int8": 8, "int4": 4}[weights]
	c.WeightBytes = float64(n*k*bits) / 8
	switch weights {
	case "int8":
		c.WeightBytes += 4 * float64(n) // a scale for each column
		c.Prepare = func(pool *kernel.Pool) func() {
			w, x, y := kernel.QuantizeInt8(pool, false, k, n, filled(k*n), n), filled(m*k), make([]float32, m*n)
			return func() { kernel.GemmInt8(pool, m, y, n, x, k, w) }
		}
	case "int4":
		c.Arithmetic = "int8"
		c.WeightBytes += 2 * float64(n*k) / 32 // a scale of FP16 for each 32 of a column
		c.Prepare = func(pool *kernel.Pool) func() {
			w, x, y := kernel.QuantizeInt4(pool, false, k, n, filled(k*n), n), filled(m*k), make([]float32, m*n)
			return func() { kernel.GemmInt4(pool, m, y, n, x, k, w) }
		}
	case "bf16":
		c.Prepare = func(pool *kernel.Pool) func() {
			return product(pool, form, m, n, k, kernel.GemmBF16[float32, float32, float32])
		}
	default:
		c.Prepare = func(pool *kernel.Pool) func() { return product(pool, form, m, n, k, kernel.Gemm) }
	}
	if m == 1 {
		c.Level = levelOf(c.WeightBytes)
	}
	return c
}

// product prepares matrices stored in a form. BF16 products round FP32 matrices on the way, which their time includes.
func product(pool *kernel.Pool, form string, m, n, k int, multiply func(p *kernel.Pool, tA, tB bool, m, n, k int, a []float32, lda int, b []float32, ldb int, beta float32, c []float32, ldc int)) func() {
	a, b, c := filled(m*k), filled(k*n), make([]float32, m*n)
	tA, tB := form[0] == 'T', form[1] == 'T'
	lda, ldb := k, n
	if tA {
		lda = m
	}
	if tB {
		ldb = k
	}
	return func() { multiply(pool, tA, tB, m, n, k, a, lda, b, ldb, 0, c, n) }
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
