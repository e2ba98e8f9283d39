package kernel

import (
	"fmt"
	"testing"
)

// materialised is attention that writes out T x T weights: products by Gemm, softmax row
// by row. It is what Attention must beat, and its reference where the plain loops of
// attentionNaive would take too long. One query head a key head; no window.
type materialised struct {
	AttentionDims
	weights []float32 // [segments,H,T,T]
}

func (n *materialised) forward(p *Pool, out, qkv []float32, segs []Segment) {
	n.each(segs, func(w []float32, s Segment, q, k, v, o int) {
		t := s.Len
		Gemm(p, false, true, t, t, n.K, qkv[q:], n.width(), qkv[k:], n.width(), 0, w, t)
		for i := range t {
			setAll(w[i*t+i+1:(i+1)*t], negInf)
		}
		Scale(p, w, w, n.Scale)
		SoftmaxRows(p, w, w, t, t)
		Gemm(p, false, false, t, n.K, t, w, t, qkv[v:], n.width(), 0, out[o:], n.H*n.K)
	})
}

// backward needs the weights that forward left.
func (n *materialised) backward(p *Pool, dqkv, dout, qkv []float32, segs []Segment) {
	var dw []float32
	n.each(segs, func(w []float32, s Segment, q, k, v, o int) {
		t := s.Len
		if len(dw) < t*t {
			dw = make([]float32, t*t)
		}
		dw := dw[:t*t]
		Gemm(p, true, false, t, n.K, t, w, t, dout[o:], n.H*n.K, 0, dqkv[v:], n.width())
		Gemm(p, false, true, t, t, n.K, dout[o:], n.H*n.K, qkv[v:], n.width(), 0, dw, t)
		SoftmaxRowsBackward(p, dw, dw, w, t, t)
		Scale(p, dw, dw, n.Scale)
		Gemm(p, false, false, t, n.K, t, dw, t, qkv[k:], n.width(), 0, dqkv[q:], n.width())
		Gemm(p, true, false, t, n.K, t, dw, t, qkv[q:], n.width(), 0, dqkv[k:], n.width())
	})
}

func (n *materialised) width() int { return 3 * n.H * n.K }

// each calls f for every segment and head with its weights and where its queries, keys,
// values and outputs start.
func (n *materialised) each(segs []Segment, f func(w []float32, s Segment, q, k, v, o int)) {
	at := 0
	for _, s := range segs {
		for h := range n.H {
			q := s.Start*n.width() + h*n.K
			size := s.Len * s.Len
			if len(n.weights) < at+size {
				n.weights = append(n.weights, make([]float32, at+size-len(n.weights))...)
			}
			f(n.weights[at:at+size], s, q, q+n.H*n.K, q+2*n.H*n.K, (s.Start*n.H+h)*n.K)
			at += size
		}
	}
}

// Long sequences, against the form that materialises the weights.
func TestAttentionLong(t *testing.T) {
	p := NewPool(2)
	defer p.Close()
	forEachISA(t, func(t *testing.T) {
		if active.name == "generic" {
			t.Skip("too slow for so many keys")
		}
		d := AttentionDims{H: 2, G: 2, K: 24, Scale: 0.2}
		segs := segments(1031)
		m := segmentRows(segs)
		r := source(12)
		qkv, dout := normals(r, m*3*d.H*d.K, 1), normals(r, m*d.H*d.K, 1)
		out, lse, dqkv := guarded(t, len(dout)), guarded(t, m*d.H), guarded(t, len(qkv))
		Attention(p, out, lse, qkv, segs, nil, d)
		AttentionBackward(p, dqkv, dout, out, lse, qkv, segs, d)
		n := materialised{AttentionDims: d}
		want, dwant := make([]float32, len(out)), make([]float32, len(qkv))
		n.forward(p, want, qkv, segs)
		n.backward(p, dwant, dout, qkv, segs)
		// Both are float32: they differ by the rounding of sums of up to 1031 terms.
		expect(t, "out", out, wide(want), 3e-6)
		expect(t, "dqkv", dqkv, wide(dwant), 2e-5)
	})
}

func BenchmarkAttention(b *testing.B) {
	for _, c := range []struct {
		name        string
		seqs, t     int
		heads, k    int
		againstSelf bool // run the form that materialises the weights too
	}{
		{"b", 8, 256, 4, 64, false},
		{"c", 16, 256, 4, 32, false},
		{"long", 1, 2048, 4, 64, true},
	} {
		d := AttentionDims{H: c.heads, G: c.heads, K: c.k, Scale: 0.18}
		r := source(1)
		var lengths []int
		for range c.seqs {
			lengths = append(lengths, c.t)
		}
		segs, m := segments(lengths...), c.seqs*c.t
		qkv := normals(r, m*3*d.H*d.K, 1)
		out, lse := make([]float32, m*d.H*d.K), make([]float32, m*d.H)
		dout, dqkv := normals(r, len(out), 1), make([]float32, len(qkv))
		// Two products of T·(T+1)/2 by K in the forward pass, five in the backward.
		flops := float64(m) * float64(c.t+1) * float64(d.H*d.K)
		n := materialised{AttentionDims: d}
		for _, form := range []struct {
			name  string
			flops float64
			run   func(p *Pool)
			skip  bool
		}{
			{"forward", 2 * flops, func(p *Pool) { Attention(p, out, lse, qkv, segs, nil, d) }, false},
			{"backward", 5 * flops, func(p *Pool) { AttentionBackward(p, dqkv, dout, out, lse, qkv, segs, d) }, false},
			{"materialised forward", 2 * flops, func(p *Pool) { n.forward(p, out, qkv, segs) }, !c.againstSelf},
			{"materialised backward", 5 * flops, func(p *Pool) { n.backward(p, dqkv, dout, qkv, segs) }, !c.againstSelf},
		} {
			if form.skip {
				continue
			}
			b.Run(fmt.Sprintf("%s %s", c.name, form.name), func(b *testing.B) {
				eachPool(b, func(b *testing.B, p *Pool) {
					form.run(p)
					for b.Loop() {
						form.run(p)
					}
					gflops(b, form.flops)
				})
			})
		}
	}
}
