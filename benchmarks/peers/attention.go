package main

import (
	"fmt"
	"math"
	"time"

	"github.com/archlab/archlab/core/kernel"
)

// naive is attention as the formulas say, for one sequence: all scores of a head at once, by matrix products, with the
// probabilities kept for the backward pass. It is the yardstick of the kernel that never holds them.
//
// Dimensions: T rows, H heads, K head width; qkv is [T,3HK], out [T,HK].
type naive struct {
	pool    *kernel.Pool
	t, h, k int
	probs   []float32 // [H,T,T]
	dscores []float32 // [T,T]
}

func newNaive(pool *kernel.Pool, t, h, k int) *naive {
	return &naive{pool, t, h, k, make([]float32, h*t*t), make([]float32, t*t)}
}

func (a *naive) scale() float32 { return float32(1 / math.Sqrt(float64(a.k))) }

func (a *naive) forward(out, qkv []float32) {
	row, t := 3*a.h*a.k, a.t
	for h := range a.h {
		p := a.probs[h*t*t : (h+1)*t*t]
		q, k, v := qkv[h*a.k:], qkv[(a.h+h)*a.k:], qkv[(2*a.h+h)*a.k:]
		kernel.Gemm(a.pool, false, true, t, t, a.k, q, row, k, row, 0, p, t)
		for i := range t {
			s := p[i*t : (i+1)*t]
			top := float32(math.Inf(-1))
			for j := range i + 1 {
				s[j] *= a.scale()
				top = max(top, s[j])
			}
			sum := 0.0
			for j := range i + 1 {
				e := math.Exp(float64(s[j] - top))
				s[j] = float32(e)
				sum += e
			}
			r := float32(1 / sum)
			for j := range i + 1 {
				s[j] *= r
			}
			clear(s[i+1:])
		}
		kernel.Gemm(a.pool, false, false, t, a.k, t, p, t, v, row, 0, out[h*a.k:], a.h*a.k)
	}
}

func (a *naive) backward(dqkv, dout, qkv []float32) {
	row, t := 3*a.h*a.k, a.t
	for h := range a.h {
		p, dp := a.probs[h*t*t:(h+1)*t*t], a.dscores
		q, k, v := qkv[h*a.k:], qkv[(a.h+h)*a.k:], qkv[(2*a.h+h)*a.k:]
		dq, dk, dv := dqkv[h*a.k:], dqkv[(a.h+h)*a.k:], dqkv[(2*a.h+h)*a.k:]
		do := dout[h*a.k:]
		kernel.Gemm(a.pool, true, false, t, a.k, t, p, t, do, a.h*a.k, 0, dv, row)
		kernel.Gemm(a.pool, false, true, t, t, a.k, do, a.h*a.k, v, row, 0, dp, t)
		for i := range t {
			s, d := p[i*t:(i+1)*t], dp[i*t:(i+1)*t]
			sum := float32(0)
			for j := range i + 1 {
				sum += s[j] * d[j]
			}
			for j := range i + 1 {
				d[j] = s[j] * (d[j] - sum) * a.scale()
			}
			clear(d[i+1:])
		}
		kernel.Gemm(a.pool, false, false, t, a.k, t, dp, t, k, row, 0, dq, row)
		kernel.Gemm(a.pool, true, false, t, a.k, t, dp, t, q, row, 0, dk, row)
	}
}

// attentionFigure is the time of attention forward and backward by both.
type attentionFigure struct {
	T          int     `json:"t"`
	Fused      float64 `json:"fused_seconds"`
	Naive      float64 `json:"naive_seconds"`
	FusedBytes int64   `json:"fused_bytes"` // beside inputs, outputs and their gradients
	NaiveBytes int64   `json:"naive_bytes"`
	Difference float64 `json:"largest_difference"` // of outputs and gradients, relative to the largest
}

// attention holds the fused kernels against the naive ones.
func (b *bench) attention() error {
	const heads, width = 4, 64
	lengths := []int{512, 1024, 2048}
	if b.quick {
		lengths = []int{512}
	}
	pool := kernel.NewPool(b.threads)
	defer pool.Close()
	for _, t := range lengths {
		d := kernel.AttentionDims{H: heads, G: heads, K: width, Scale: float32(1 / math.Sqrt(width))}
		segs := []kernel.Segment{{Start: 0, Len: t}}
		qkv, dout := waves(3*t*heads*width, 0.37), waves(t*heads*width, 0.73)
		out, lse, dqkv := make([]float32, t*heads*width), make([]float32, t*heads), make([]float32, len(qkv))
		out2, dqkv2 := make([]float32, len(out)), make([]float32, len(dqkv))
		a := newNaive(pool, t, heads, width)
		fused := func() {
			kernel.Attention(pool, out, lse, qkv, segs, nil, d)
			kernel.AttentionBackward(pool, dqkv, dout, out, lse, qkv, segs, d)
		}
		plain := func() {
			a.forward(out2, qkv)
			a.backward(dqkv2, dout, qkv)
		}
		fused()
		plain()
		f := attentionFigure{T: t, FusedBytes: int64(4 * len(lse)), NaiveBytes: int64(4 * (len(a.probs) + len(a.dscores))), Difference: max(difference(out, out2), difference(dqkv, dqkv2))}
		var fast, slow []float64
		count, err := b.watch.rounds(max(5, b.rounds), productNap, func() error {
			fast = append(fast, timed(fused))
			slow = append(slow, timed(plain))
			return b.ctx.Err()
		})
		if err != nil {
			return err
		}
		f.Fused, f.Naive = median(pick(fast, count)), median(pick(slow, count))
		b.say("attention T=%d: fused %.1f ms, naive %.1f ms, differ by %.2g", t, 1000*f.Fused, 1000*f.Naive, f.Difference)
		b.results.Attention = append(b.results.Attention, f)
	}
	last := b.results.Attention[len(b.results.Attention)-1]
	what := fmt.Sprintf("attention, T = %d, forward and backward, ", last.T)
	b.results.bar(what+"against naive", ">= 2x", last.Naive/last.Fused, 2, "%.2fx", "")
	b.results.bar(what+"largest difference from naive, relative", "FP32 rounding (<= 1e-5)", -last.Difference, -1e-5, "%.1e", "")
	b.results.bar(what+"memory beside inputs and outputs, floats a row and head", "linear in T (<= 1)", -float64(last.FusedBytes)/4/float64(last.T*heads), -1, "%.0f", "")
	return nil
}

// waves answers n numbers within [-1,1] that do not repeat soon.
func waves(n int, step float64) []float32 {
	x := make([]float32, n)
	for i := range x {
		x[i] = float32(math.Sin(float64(i) * step))
	}
	return x
}

// difference is the largest difference of two results over the largest magnitude.
func difference(x, y []float32) float64 {
	off, top := 0.0, 0.0
	for i, v := range x {
		off, top = max(off, math.Abs(float64(v-y[i]))), max(top, math.Abs(float64(v)))
	}
	return off / top
}

func timed(f func()) float64 {
	begin := time.Now()
	f()
	return time.Since(begin).Seconds()
}
