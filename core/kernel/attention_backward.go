package kernel

type attentionBackward struct {
	dqkv, dout, out, lse, qkv []float32
	segs                      []Segment
	AttentionDims
}

var attentionBackwardJobs jobs[attentionBackward]

// AttentionBackward sets dqkv [M,(H+2G)*K] from dout [M,H*K] and what Attention
// (without caches) read and returned.
func AttentionBackward(p *Pool, dqkv, dout, out, lse, qkv []float32, segs []Segment, dims AttentionDims) {
	m := dims.check(segs, qkv, out, lse)
	if len(dqkv) < m*(dims.H+2*dims.G)*dims.K || len(dout) < m*dims.H*dims.K {
		panic("kernel: attention backward: short argument")
	}
	launch(p, &attentionBackwardJobs, attentionBackward{dqkv, dout, out, lse, qkv, segs, dims}, len(segs)*dims.G, 1)
}

// run handles pairs of a segment and a kv head, with all query heads that share it.
func (t *attentionBackward) run(lo, hi int) {
	width := (t.H + 2*t.G) * t.K
	for piece := lo; piece < hi; piece++ {
		s, g := &t.segs[piece/t.G], piece%t.G
		for r := range s.Len {
			row := s.Start + r
			clear(t.dqkv[row*width+(t.H+g)*t.K:][:t.K])
			clear(t.dqkv[row*width+(t.H+t.G+g)*t.K:][:t.K])
		}
		for h := g * t.H / t.G; h < (g+1)*t.H/t.G; h++ {
			for r := range s.Len {
				row := s.Start + r
				q, dq := t.qkv[row*width+h*t.K:][:t.K], t.dqkv[row*width+h*t.K:][:t.K]
				do := t.dout[(row*t.H+h)*t.K:][:t.K]
				delta := dot32(do, t.out[(row*t.H+h)*t.K:][:t.K])
				clear(dq)
				from := 0
				if t.Window > 0 {
					from = max(0, r-t.Window+1)
				}
				for j := from; j <= r; j++ {
					at := (s.Start+j)*width + (t.H+g)*t.K
					k, v := t.qkv[at:][:t.K], t.qkv[at+t.G*t.K:][:t.K]
					prob := exp32(dot32(q, k)*t.Scale - t.lse[row*t.H+h])
					axpy(t.dqkv[at+t.G*t.K:][:t.K], prob, do)
					ds := prob * (dot32(do, v) - delta) * t.Scale
					axpy(dq, ds, k)
					axpy(t.dqkv[at:][:t.K], ds, q)
				}
			}
		}
	}
}
