package nn_test

import (
	"fmt"
	"math"
	"testing"

	"github.com/archlab/archlab/core/kernel"
	"github.com/archlab/archlab/core/nn"
	"github.com/archlab/archlab/core/nn/nntest"
)

func TestEmbedding(t *testing.T) {
	const v, d = 5, 3
	ids := []int32{4, 0, 0, -1, 2, 4}
	nntest.Case{
		Segments: nntest.Segments(len(ids)),
		Ints:     map[string][]int32{"tokens": ids},
		Params:   []nntest.Tensor{{Name: "table", Shape: []int{v, d}}},
		Build:    func(g *nn.Graph, p nntest.Nodes) *nn.Node { return nn.Embedding(p["table"], g.Tokens()) },
		Reference: func(v nntest.Values) []float64 {
			y := make([]float64, len(ids)*d)
			for i, id := range ids {
				if id >= 0 {
					copy(y[i*d:(i+1)*d], v.F["table"][int(id)*d:])
				}
			}
			return y
		},
	}.Check(t)
}

func TestShiftedTokens(t *testing.T) {
	const d = 2
	ids := []int32{1, 2, 3, 0, 4, 4, 1}
	for k, want := range map[int][]int32{
		1: {2, 3, 0, -1, -1, 1, -1},
		2: {3, 0, -1, -1, -1, -1, -1},
		9: {-1, -1, -1, -1, -1, -1, -1},
	} {
		nntest.Case{
			Segments: nntest.Segments(4, 1, 2),
			Ints:     map[string][]int32{"tokens": ids},
			Params:   []nntest.Tensor{{Name: "table", Shape: []int{5, d}}},
			Build:    func(g *nn.Graph, p nntest.Nodes) *nn.Node { return nn.Embedding(p["table"], g.ShiftedTokens(k)) },
			Reference: func(v nntest.Values) []float64 {
				y := make([]float64, len(want)*d)
				for i, id := range want {
					if id >= 0 {
						copy(y[i*d:(i+1)*d], v.F["table"][int(id)*d:])
					}
				}
				return y
			},
		}.Check(t)
	}
}

func TestPositions(t *testing.T) {
	const limit, d = 6, 3
	nntest.Case{
		Segments: []kernel.Segment{{Start: 0, Len: 4}, {Start: 4, Len: 1}, {Start: 5, Len: 3, Pos: 3}},
		Params:   []nntest.Tensor{{Name: "table", Shape: []int{limit, d}}},
		Build: func(g *nn.Graph, p nntest.Nodes) *nn.Node {
			y := g.Positions(p["table"])
			if g.Limit() != limit {
				t.Errorf("limit %d, want %d", g.Limit(), limit)
			}
			return y
		},
		Reference: func(v nntest.Values) (y []float64) {
			for _, s := range v.Segments {
				for i := range s.Len {
					y = append(y, v.F["table"][(s.Pos+i)*d:(s.Pos+i+1)*d]...)
				}
			}
			return y
		},
	}.Check(t)
}

// rotate is the rotary embedding of heads·k columns of each row.
func rotate(x []float64, width, heads, k int, segs []kernel.Segment, theta float64) []float64 {
	y := append([]float64(nil), x...)
	for _, s := range segs {
		for i := range s.Len {
			for h := range heads {
				for j := range k / 2 {
					a := (s.Start+i)*width + h*k + j
					b := a + k/2
					sin, cos := math.Sincos(float64(s.Pos+i) * math.Pow(theta, -2*float64(j)/float64(k)))
					y[a], y[b] = x[a]*cos-x[b]*sin, x[b]*cos+x[a]*sin
				}
			}
		}
	}
	return y
}

func TestRotary(t *testing.T) {
	const width, heads, k, theta = 16, 3, 4, 100
	nntest.Case{
		Segments: []kernel.Segment{{Start: 0, Len: 5}, {Start: 5, Len: 1}, {Start: 6, Len: 3, Pos: 40}},
		Params:   []nntest.Tensor{nntest.Rows("x", width)},
		Build:    func(g *nn.Graph, p nntest.Nodes) *nn.Node { return nn.Rotary(p["x"], heads, k, theta) },
		Reference: func(v nntest.Values) []float64 {
			return rotate(v.F["x"], width, heads, k, v.Segments, theta)
		},
	}.Check(t)
}

// attend is causal attention by its definition.
func attend(qkv []float64, c nn.AttentionConfig, segs []kernel.Segment) (out []float64) {
	width := (c.Heads + 2*c.KVHeads) * c.Width
	head := func(row, h int) []float64 { return qkv[row*width+h*c.Width:][:c.Width] }
	for _, s := range segs {
		for i := range s.Len {
			for h := range c.Heads {
				kv := h / (c.Heads / c.KVHeads)
				from := 0
				if c.Window > 0 {
					from = max(0, i-c.Window+1)
				}
				y, sum := make([]float64, c.Width), 0.0
				for j := from; j <= i; j++ {
					dot := 0.0
					for e, q := range head(s.Start+i, h) {
						dot += q * head(s.Start+j, c.Heads+kv)[e]
					}
					w := math.Exp(dot / math.Sqrt(float64(c.Width)))
					sum += w
					for e, v := range head(s.Start+j, c.Heads+c.KVHeads+kv) {
						y[e] += w * v
					}
				}
				for _, e := range y {
					out = append(out, e/sum)
				}
			}
		}
	}
	return out
}

func TestAttention(t *testing.T) {
	for _, c := range []nn.AttentionConfig{
		{Heads: 1, KVHeads: 1, Width: 3},
		{Heads: 4, KVHeads: 4, Width: 2},
		{Heads: 4, KVHeads: 2, Width: 5},
		{Heads: 3, KVHeads: 1, Width: 4},
		{Heads: 2, KVHeads: 1, Width: 4, Window: 1},
		{Heads: 2, KVHeads: 2, Width: 4, Window: 5},
	} {
		t.Run(fmt.Sprintf("%+v", c), func(t *testing.T) {
			nntest.Case{
				Segments: nntest.Segments(11, 1, 70, 2), // 70: more than one block of keys
				Params:   []nntest.Tensor{nntest.Rows("qkv", (c.Heads+2*c.KVHeads)*c.Width)},
				Build: func(g *nn.Graph, p nntest.Nodes) *nn.Node {
					return g.Attention("attention", p["qkv"], c)
				},
				Reference: func(v nntest.Values) []float64 { return attend(v.F["qkv"], c, v.Segments) },
				Elements:  20,
			}.Check(t)
		})
	}
}

// convolve is the causal depthwise convolution by its definition.
func convolve(x, w, bias []float64, d, width int, segs []kernel.Segment) []float64 {
	y := make([]float64, len(x))
	for _, s := range segs {
		for i := range s.Len {
			for c := range d {
				at := (s.Start+i)*d + c
				if bias != nil {
					y[at] = bias[c]
				}
				for j := range width {
					if from := i - (width - 1) + j; from >= 0 {
						y[at] += w[c*width+j] * x[(s.Start+from)*d+c]
					}
				}
			}
		}
	}
	return y
}

func TestCausalConv(t *testing.T) {
	for _, width := range []int{1, 2, 4} {
		for form := range 4 {
			bias, silu := form%2 == 1, form >= 2
			const d = 5
			c := nntest.Case{
				Segments: nntest.Segments(9, 1, 2),
				Params:   []nntest.Tensor{nntest.Rows("x", d), {Name: "w", Shape: []int{d, width}}},
				Build: func(g *nn.Graph, p nntest.Nodes) *nn.Node {
					if silu {
						return g.CausalConvSiLU("conv", p["x"], p["w"], p["bias"])
					}
					return g.CausalConv("conv", p["x"], p["w"], p["bias"])
				},
				Reference: func(v nntest.Values) []float64 {
					y := convolve(v.F["x"], v.F["w"], v.F["bias"], d, width, v.Segments)
					for i, x := range y {
						if silu {
							y[i] = x / (1 + math.Exp(-x))
						}
					}
					return y
				},
			}
			if bias {
				c.Params = append(c.Params, nntest.Tensor{Name: "bias", Shape: []int{d}})
			}
			c.Check(t)
		}
	}
}
