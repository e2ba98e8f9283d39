package main

import (
	"fmt"
	"strings"
	"time"

	measure "github.com/archlab/archlab/core/bench"
	"github.com/archlab/archlab/core/kernel"
)

// product is one matrix product by everybody who can do it, in operations a second.
type product struct {
	measure.Product
	Ours     float64 `json:"ours"`
	OpenBLAS float64 `json:"openblas,omitempty"`
	OneDNN   float64 `json:"onednn,omitempty"` // weights packed beforehand
	PeakRate float64 `json:"peak"`             // of registers, in the same turns
	// The share of what reading as many bytes as the weights have comes to, in the same turns: what a virtual machine has of
	// the last-level cache is not what the CPU says, and so Level may be wrong.
	OfReading float64 `json:"of_reading,omitempty"`
}

// products measures the machine, and then each product in turns with OpenBLAS and oneDNN.
func (b *bench) products() error {
	var blas, dnn *worker
	bin, err := b.compile("gcc", "openblas.c", "-O2", "-L", openMP, "-lopenblas")
	if err == nil {
		blas, err = start(b.ctx, b.dir, environment(), bin)
	}
	if err != nil {
		b.results.note("OpenBLAS: %v", err)
	} else {
		defer blas.close()
	}
	if bin, err = b.compile("g++", "onednn.cpp", "-O2", "-fopenmp", "-ldnnl"); err == nil {
		dnn, err = start(b.ctx, b.dir, environment(), bin)
	}
	if err != nil {
		b.results.note("oneDNN: %v", err)
	} else {
		defer dnn.close()
		b.results.OneDNN = dnn.ready.Version
	}
	counts := []int{1}
	if b.threads > 1 {
		counts = append(counts, b.threads)
	}
	for _, threads := range counts {
		pool := kernel.NewPool(threads)
		for _, c := range measure.Cases() {
			p, err := b.product(c, threads, pool, blas, dnn)
			if err != nil {
				pool.Close()
				return err
			}
			b.results.Products = append(b.results.Products, p)
			b.say("%-24s %s %s %d threads: %6.1f Gop/s, %4.1f %% of peak; OpenBLAS %.1f, oneDNN %.1f", p.Name, p.Form, p.Weights, threads, p.Ours/1e9, 100*p.OfPeak, p.OpenBLAS/1e9, p.OneDNN/1e9)
		}
		pool.Close()
	}
	b.productBars()
	return nil
}

// product measures one case in turns.
func (b *bench) product(c measure.Case, threads int, pool *kernel.Pool, blas, dnn *worker) (product, error) {
	p := product{Product: c.Product}
	p.Threads = threads
	run := c.Prepare(pool)
	work := 2 * float64(c.M) * float64(c.N) * float64(c.K)
	repetitions := max(1, int(0.012*60e9*float64(threads)/work)) // some 12 ms at a middling rate
	arithmetic := map[string]kernel.Arithmetic{"fp32": kernel.FP32Arithmetic, "bf16": kernel.BF16Arithmetic, "int8": kernel.INT8Arithmetic}[c.Arithmetic]
	var read []float32
	if c.Level != "" {
		read = make([]float32, int(c.WeightBytes)/4)
		for i := range read {
			read[i] = 1
		}
	}
	run()
	var own, peak, other, packed, bandwidth []float64
	// ask lets a peer multiply; one that cannot is left out of this product.
	ask := func(name string, w **worker, to *[]float64, what string) {
		a, err := (*w).ask("%d %s %d %d %d %d", threads, what, c.M, c.N, c.K, repetitions)
		if err != nil || a.Rate <= 0 {
			b.results.note("%s has no figure for %s %s, %d threads: %v", name, c.Name, c.Form, threads, err)
			*w, *to = nil, nil
			return
		}
		*to = append(*to, a.Rate)
	}
	count, err := b.watch.rounds(max(5, b.rounds), productNap, func() error {
		settle()
		peak = append(peak, peakOf(pool, arithmetic))
		begin := time.Now()
		for range repetitions {
			run()
		}
		own = append(own, work*float64(repetitions)/time.Since(begin).Seconds())
		if c.Level != "" {
			_, once := kernel.Read(pool, read, 1)
			passes := max(1, int(50e9*0.008/max(1, once)))
			begin = time.Now()
			_, bytes := kernel.Read(pool, read, passes)
			bandwidth = append(bandwidth, bytes/time.Since(begin).Seconds())
		}
		if blas != nil && c.Weights == "fp32" {
			ask("OpenBLAS", &blas, &other, c.Form)
		}
		settle()
		if dnn != nil && c.Weights != "int4" && c.Form == "NN" {
			ask("oneDNN", &dnn, &packed, c.Weights)
			settle()
		}
		return b.ctx.Err()
	})
	if err != nil {
		return p, err
	}
	set := func(to *float64, x []float64) {
		if len(x) > 0 {
			*to = median(pick(x, count))
		}
	}
	set(&p.Ours, own)
	set(&p.OpenBLAS, other)
	set(&p.OneDNN, packed)
	set(&p.PeakRate, peak)
	p.OfPeak = ratio(p.Ours, p.PeakRate)
	if len(bandwidth) > 0 {
		read := p.Ours / work * p.WeightBytes
		p.OfReading = ratio(read, median(pick(bandwidth, count)))
		p.OfBandwidth = ratio(read, b.results.Machine.Bandwidth(c.Level, threads))
	}
	return p, nil
}

// least is the product for which of is smallest, among those that it applies to.
func (r *results) least(applies func(p product) bool, of func(p product) float64) (product, float64, bool) {
	var at product
	value, found := 0.0, false
	for _, p := range r.Products {
		if !applies(p) {
			continue
		}
		if v := of(p); v > 0 && (!found || v < value) {
			at, value, found = p, v, true
		}
	}
	return at, value, found
}

// productBars judges by the worst case of each kind.
func (b *bench) productBars() {
	r := &b.results
	judge := func(what, want string, least float64, format, missing string, applies func(p product) bool, of func(p product) float64) {
		at, v, ok := r.least(applies, of)
		if ok {
			what += fmt.Sprintf(" (worst: %s %s, %d threads)", at.Name, at.Form, at.Threads)
		}
		r.bar(what, want, v, least, format, missing)
	}
	large := func(weights string) func(p product) bool {
		return func(p product) bool { return p.Weights == weights && p.M >= 64 }
	}
	ofPeak := func(p product) float64 { return p.OfPeak }
	judge("FP32 product, all shapes, forms and threads, of FP32 peak", ">= 92 %", 0.92, "percent", "", large("fp32"), ofPeak)
	judge("FP32 product against OpenBLAS", ">= 1x", 1, "%.2fx", "OpenBLAS is not installed", large("fp32"), func(p product) float64 { return ratio(p.Ours, p.OpenBLAS) })
	judge("FP32 product of eight rows, of FP32 peak", ">= 80 %", 0.8, "percent", "", func(p product) bool { return p.Weights == "fp32" && p.M == 8 }, ofPeak)
	noBF16 := "this CPU has no BF16 dot product"
	judge("BF16 product, packing and conversion included, of BF16 peak", ">= 75 %", 0.75, "percent", noBF16, large("bf16"), ofPeak)
	bySingle := func(p product) float64 {
		for _, q := range r.Products {
			if q.Weights == "fp32" && q.Name == p.Name && q.Form == p.Form && q.Threads == p.Threads {
				return ratio(p.Ours, q.Ours)
			}
		}
		return 0
	}
	if r.Machine.Peak("bf16", 1) > 0 {
		judge("BF16 product against our own FP32", ">= 1.6x", 1.6, "%.2fx", "", large("bf16"), bySingle)
	} else {
		_, v, _ := r.least(large("bf16"), bySingle)
		r.beside("BF16 product against our own FP32", ">= 1.6x", v, "%.2fx", noBF16)
	}
	judge("INT8 product, M >= 64, of INT8 peak", ">= 60 %", 0.6, "percent", "no such kernel", large("int8"), ofPeak)
	judge("4-bit product, M >= 64, of INT8 peak", ">= 60 %", 0.6, "percent", "no such kernel", large("int4"), ofPeak)
	for _, w := range []string{"int8", "int4"} {
		row := func(p product) bool { return p.Weights == w && p.M == 1 }
		name := strings.ToUpper(w) + " matrix-vector product, weights read of "
		judge(name+"the level's bandwidth", ">= 85 %", 0.85, "percent", "no such kernel", row, func(p product) float64 { return p.OfBandwidth })
		judge(name+"what reading as many bytes reaches in the same turns", ">= 85 %", 0.85, "percent", "no such kernel", row, func(p product) float64 { return p.OfReading })
	}
}
