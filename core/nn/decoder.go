package nn

import (
	"fmt"
	"math"
)

// DecoderConfig is the config of a pre-norm decoder: the keys that families built on transformer blocks share. A family
// embeds it in its own config. Zeros of derived keys are filled in by Resolve.
type DecoderConfig struct {
	Width     int     `json:"width" min:"1" max:"65536" doc:"D, columns of the residual stream"`
	Layers    int     `json:"layers" min:"1" max:"1024" doc:"L, number of blocks"`
	Heads     int     `json:"heads" min:"0" max:"4096" doc:"H, query heads; 0: the divisor of width whose even head width is nearest 32 by ratio"`
	KVHeads   int     `json:"kv_heads" min:"0" max:"4096" doc:"G, key/value heads, a divisor of heads: 1 is multi-query attention; 0: as many as heads"`
	HeadWidth int     `json:"head_width" min:"0" max:"65536" doc:"K, columns of a head; 0: width/heads"`
	MLP       string  `json:"mlp" enum:"gelu,swiglu,squared_relu" doc:"form of the feed-forward layer"`
	FFWidth   int     `json:"ff_width" min:"0" max:"1048576" doc:"F, hidden width of the feed-forward layer; 0: 4·width, for swiglu 8/3·width rounded to a multiple of 8"`
	Norm      string  `json:"norm" enum:"layernorm,rmsnorm" doc:"normalisation before every layer and at the end"`
	Positions string  `json:"positions" enum:"rotary,learned,none" doc:"how order enters: rotary angles, a learned table of the context's length, or the causal mask alone"`
	RopeTheta float64 `json:"rope_theta" min:"1" max:"1e12" doc:"base of the rotary angles"`
	Window    int     `json:"window" min:"0" max:"1073741824" doc:"a token sees itself and window-1 tokens before it; 0: all"`
	QKNorm    bool    `json:"qk_norm" doc:"RMSNorm of every query and key head"`
	Conv      int     `json:"conv" min:"0" max:"64" doc:"width of a causal depthwise convolution over queries, keys and values; 0: none"`
	Bias      bool    `json:"bias" doc:"biases in linear layers, convolutions and LayerNorm"`
	Tied      bool    `json:"tie_embeddings" doc:"the output projection is the token table"`
	InitStd   float64 `json:"init_std" min:"0" max:"10" doc:"standard deviation of initial weights, divided by sqrt(2·layers) in projections into the residual stream; 0: GPT-2's 0.02 scaled from its width to this one, 0.02·sqrt(768/width)"`
}

// headWidth is what derived heads aim at.
const headWidth = 32

// FieldError says which key of a config is wrong.
type FieldError struct {
	Field   string
	Message string
}

// Error reads "heads: width 130 is not divisible by 4".
func (e *FieldError) Error() string { return e.Field + ": " + e.Message }

func fieldError(field, format string, args ...any) error {
	return &FieldError{Field: field, Message: fmt.Sprintf(format, args...)}
}

// Resolve fills in derived keys and checks what ranges alone cannot; context is the longest sequence, 0 if unknown.
// Errors are *FieldError. Resolving twice changes nothing.
//
// How heads follow the width, so that matching can turn it in small steps: with heads and head_width at 0, heads is the
// divisor of width (and multiple of kv_heads) for which width/heads is even and nearest 32 by ratio. Then heads·head_width
// is always the width, and the number of parameters is a smooth function of it. Given heads never change: a width that
// they do not divide is an error.
func (c DecoderConfig) Resolve(context int) (DecoderConfig, error) {
	switch {
	case c.Heads == 0 && c.HeadWidth == 0:
		if c.Heads = c.deriveHeads(); c.Heads == 0 {
			return c, fieldError("heads", "no multiple of kv_heads=%d divides width %d into heads of even width", max(c.KVHeads, 1), c.Width)
		}
		c.HeadWidth = c.Width / c.Heads
	case c.HeadWidth == 0:
		if c.Width%c.Heads != 0 {
			return c, fieldError("heads", "width %d is not divisible by %d", c.Width, c.Heads)
		}
		c.HeadWidth = c.Width / c.Heads
	case c.Heads == 0:
		if c.Width%c.HeadWidth != 0 {
			return c, fieldError("head_width", "width %d is not divisible by %d", c.Width, c.HeadWidth)
		}
		c.Heads = c.Width / c.HeadWidth
	}
	if c.KVHeads == 0 {
		c.KVHeads = c.Heads
	}
	if c.Heads%c.KVHeads != 0 {
		return c, fieldError("kv_heads", "heads %d is not divisible by %d", c.Heads, c.KVHeads)
	}
	if c.Positions == "rotary" && c.HeadWidth%2 != 0 {
		return c, fieldError("head_width", "rotary positions need an even width of heads, got %d", c.HeadWidth)
	}
	if c.Positions == "learned" && context < 1 {
		return c, fieldError("positions", "learned positions need to know the context's length")
	}
	if c.FFWidth == 0 {
		c.FFWidth = 4 * c.Width
		if c.MLP == "swiglu" {
			c.FFWidth = max(8, (c.Width+1)/3*8)
		}
	}
	if c.InitStd == 0 {
		c.InitStd = 0.02 * math.Sqrt(768/float64(c.Width))
	}
	return c, nil
}

// deriveHeads answers 0 if no number of heads will do.
func (c DecoderConfig) deriveHeads() int {
	best, distance := 0, math.Inf(1)
	for h := max(c.KVHeads, 1); h <= c.Width; h += max(c.KVHeads, 1) {
		k := c.Width / h
		if c.Width%h != 0 || k%2 != 0 {
			continue
		}
		if d := math.Abs(math.Log(float64(k) / headWidth)); d < distance {
			best, distance = h, d
		}
	}
	return best
}

// Init is how matrices start.
func (c DecoderConfig) Init() Init { return Normal(c.InitStd) }

// OutInit is how matrices that write to the residual stream start, so that its variance does not grow with the number of
// layers (Radford et al. 2019, section 2.3).
func (c DecoderConfig) OutInit() Init { return Normal(c.InitStd / math.Sqrt(2*float64(c.Layers))) }

// Normalize is the norm before every layer.
func (c DecoderConfig) Normalize() Norm { return Norm{Kind: c.Norm, Bias: c.Bias} }

// Attention is the attention layer of a resolved config.
func (c DecoderConfig) Attention() SelfAttention {
	a := SelfAttention{
		AttentionConfig: AttentionConfig{Heads: c.Heads, KVHeads: c.KVHeads, Width: c.HeadWidth, Window: c.Window},
		QKNorm:          c.QKNorm,
		Conv:            c.Conv,
		Bias:            c.Bias,
		Init:            c.Init(),
		Out:             c.OutInit(),
	}
	if c.Positions == "rotary" {
		a.Theta = c.RopeTheta
	}
	return a
}

// FeedForward is the feed-forward layer of a resolved config.
func (c DecoderConfig) FeedForward() MLP {
	return MLP{Kind: c.MLP, Hidden: c.FFWidth, Bias: c.Bias, Init: c.Init(), Out: c.OutInit()}
}

// Embed looks up tokens and adds learned positions: [M,D]. Its parameters are embed.weight [V,D] and positions.weight
// [context,D].
func (c DecoderConfig) Embed(g *Graph, ids *Node, vocab, context int) *Node {
	x := Embedding(g.Param("embed.weight", c.table(), vocab, c.Width), ids)
	if c.Positions == "learned" {
		x = Add(x, g.Positions(g.Param("positions.weight", c.Init().Lookup(), context, c.Width)))
	}
	return x
}

// table is the token table; tied, it is multiplied with and so not only looked up.
func (c DecoderConfig) table() Init {
	if c.Tied {
		return c.Init()
	}
	return c.Init().Lookup()
}

// Projection is the matrix [V,D] from the last norm to logits: embed.weight or head.weight.
func (c DecoderConfig) Projection(g *Graph, vocab int) *Node {
	if c.Tied {
		return g.Param("embed.weight", c.table(), vocab, c.Width)
	}
	return g.Param("head.weight", c.Init(), vocab, c.Width)
}

// Block is one layer of attention and one feed-forward layer, each x + layer(norm(x)).
func (c DecoderConfig) Block(g *Graph, name string, x *Node) *Node {
	x = c.AttentionBlock(g, name, x)
	return Residual(g, name+".mlp_norm", c.Normalize(), x, func(x *Node) *Node {
		return c.FeedForward().Forward(g, name+".mlp", x)
	})
}

// AttentionBlock is the first half of Block, for families that put something else in place of the second.
func (c DecoderConfig) AttentionBlock(g *Graph, name string, x *Node) *Node {
	return Residual(g, name+".attention_norm", c.Normalize(), x, func(x *Node) *Node {
		return c.Attention().Forward(g, name+".attention", x)
	})
}

// BlockCost is that of Block.
func (c DecoderConfig) BlockCost(t int) Cost {
	return Sum(c.AttentionBlockCost(t), CostNorm(c.Width), c.FeedForward().Cost(c.Width), CostResidual(c.Width))
}

// AttentionBlockCost is that of AttentionBlock.
func (c DecoderConfig) AttentionBlockCost(t int) Cost {
	return Sum(CostNorm(c.Width), c.Attention().Cost(c.Width, t), CostResidual(c.Width))
}

// EdgeCost is that of Embed, the last norm and the loss on the main head.
func (c DecoderConfig) EdgeCost(vocab int) Cost {
	s := Sum(CostEmbedding(c.Width), CostNorm(c.Width), CostLoss(c.Width, vocab))
	if c.Positions == "learned" {
		s = Sum(s, CostRow(float64(c.Width), float64(c.Width)))
	}
	return s
}
