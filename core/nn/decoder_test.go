package nn_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/archlab/archlab/core/nn"
	"github.com/archlab/archlab/core/nn/nntest"
)

// decoderLoss builds the loss of a whole model.
func decoderLoss(g *nn.Graph, c nn.DecoderConfig, vocab, context int) *nn.Node {
	x := c.Embed(g, g.Tokens(), vocab, context)
	for i := range c.Layers {
		x = c.Block(g, fmt.Sprintf("layers.%d", i), x)
	}
	return nn.Loss(g, nn.Output{Hidden: c.Normalize().Forward(g, "norm", x), Projection: c.Projection(g, vocab)}).Total
}

// Whole models: gradients through everything that shares memory and gradients against central differences, and the same
// bits whatever memory is shared.
func TestDecoderGradients(t *testing.T) {
	const vocab, context = 7, 16
	gpt2 := nn.DecoderConfig{Width: 8, Layers: 2, Heads: 2, MLP: "gelu", FFWidth: 12, Norm: "layernorm", Positions: "learned", Bias: true, Tied: true, InitStd: 0.3}
	llama := nn.DecoderConfig{Width: 8, Layers: 2, Heads: 4, KVHeads: 2, MLP: "swiglu", FFWidth: 12, Norm: "rmsnorm", Positions: "rotary", RopeTheta: 100, InitStd: 0.3}
	all := llama
	all.MLP, all.KVHeads, all.Window, all.QKNorm, all.Conv, all.Bias, all.HeadWidth = "squared_relu", 1, 3, true, 3, true, 4
	none := gpt2
	none.Positions, none.Tied, none.Bias = "none", false, false
	for name, c := range map[string]nn.DecoderConfig{"gpt2": gpt2, "llama": llama, "all": all, "none": none} {
		t.Run(name, func(t *testing.T) {
			c, err := c.Resolve(context)
			if err != nil {
				t.Fatal(err)
			}
			g := nn.NewGraph(1, nn.Training)
			decoderLoss(g, c, vocab, context)
			var params []nntest.Tensor
			for _, p := range g.Params() {
				w := make([]float32, p.Size())
				p.Fill(3, w)
				i := 0
				params = append(params, nntest.Tensor{Name: p.Name, Shape: p.Shape, Values: func(rng *rand.Rand) float64 {
					i++
					return float64(w[i-1]) + 0.1*rng.NormFloat64()
				}})
			}
			const rows = 14
			tokens, targets, weights := make([]int32, rows), make([]int32, rows), make([]float32, rows)
			for i := range rows {
				tokens[i], targets[i], weights[i] = int32(3*i*i%vocab), int32((i*i+i/2)%vocab), float32(i%3)
			}
			nntest.Case{
				Segments: nntest.Segments(9, 1, 4),
				Params:   params,
				Ints:     map[string][]int32{"tokens": tokens, "targets": targets},
				Floats:   map[string][]float32{"weights": weights},
				Build:    func(g *nn.Graph, _ nntest.Nodes) *nn.Node { return decoderLoss(g, c, vocab, context) },
				Elements: 5,
				// A step of 0.01 in one weight: the third derivative takes part.
				Tolerance: 1e-2,
			}.Check(t)
		})
	}
}

func TestResolve(t *testing.T) {
	base := nn.DecoderConfig{Width: 96, Layers: 1, MLP: "gelu", Norm: "rmsnorm", Positions: "rotary", RopeTheta: 1e4}
	for _, c := range []struct {
		name                 string
		change               func(c *nn.DecoderConfig)
		heads, kv, width, ff int
		err                  string
	}{
		{"derived", func(c *nn.DecoderConfig) {}, 3, 3, 32, 384, ""},
		{"multiple of kv_heads", func(c *nn.DecoderConfig) { c.KVHeads = 2 }, 4, 2, 24, 384, ""},
		{"given heads", func(c *nn.DecoderConfig) { c.Heads = 8 }, 8, 8, 12, 384, ""},
		{"given head width", func(c *nn.DecoderConfig) { c.HeadWidth = 16 }, 6, 6, 16, 384, ""},
		{"given both", func(c *nn.DecoderConfig) { c.Heads, c.HeadWidth = 5, 10 }, 5, 5, 10, 384, ""},
		{"swiglu", func(c *nn.DecoderConfig) { c.MLP = "swiglu" }, 3, 3, 32, 256, ""},
		{"given ff_width", func(c *nn.DecoderConfig) { c.FFWidth = 5 }, 3, 3, 32, 5, ""},
		{"prime width", func(c *nn.DecoderConfig) { c.Width = 2 * 97 }, 1, 1, 194, 776, ""},
		{"heads", func(c *nn.DecoderConfig) { c.Heads = 7 }, 0, 0, 0, 0, "heads: width 96 is not divisible by 7"},
		{"head width", func(c *nn.DecoderConfig) { c.HeadWidth = 36 }, 0, 0, 0, 0, "head_width: width 96 is not divisible by 36"},
		{"kv heads", func(c *nn.DecoderConfig) { c.Heads, c.KVHeads = 4, 3 }, 0, 0, 0, 0, "kv_heads: heads 4 is not divisible by 3"},
		{"odd heads", func(c *nn.DecoderConfig) { c.Heads = 32 }, 0, 0, 0, 0, "head_width: rotary positions need an even width of heads, got 3"},
		{"odd width", func(c *nn.DecoderConfig) { c.Width = 95 }, 0, 0, 0, 0, "heads: no multiple of kv_heads=1 divides width 95 into heads of even width"},
		{"learned", func(c *nn.DecoderConfig) { c.Positions = "learned" }, 0, 0, 0, 0, "positions: learned positions need to know the context's length"},
	} {
		in := base
		c.change(&in)
		got, err := in.Resolve(0)
		if c.err != "" {
			var field *nn.FieldError
			if !errors.As(err, &field) || err.Error() != c.err {
				t.Errorf("%s: error %v, want %q", c.name, err, c.err)
			}
			continue
		}
		if err != nil || got.Heads != c.heads || got.KVHeads != c.kv || got.HeadWidth != c.width || got.FFWidth != c.ff {
			t.Errorf("%s: %+v, %v", c.name, got, err)
		}
		if again, err := got.Resolve(0); err != nil || again != got {
			t.Errorf("%s: resolved again %+v, %v, want %+v", c.name, again, err, got)
		}
	}
}
