package moe

import (
	"errors"

	"github.com/archlab/archlab/core/family"
	"github.com/archlab/archlab/core/model"
	"github.com/archlab/archlab/core/nn"
)

// Config is a decoder's with experts in place of feed-forward layers. Experts, TopK and FFWidth count before Segments cuts
// every expert.
type Config struct {
	nn.DecoderConfig
	Experts        int     `json:"experts" doc:"N, experts of a layer before segmentation" min:"1" max:"4096"`
	TopK           int     `json:"top_k" doc:"K, experts that a token uses, before segmentation" min:"1" max:"4096"`
	Segments       int     `json:"segments" doc:"m, pieces that every expert is cut into; a token then uses m·K of m·N" min:"1" max:"256"`
	Shared         int     `json:"shared" doc:"pieces that every token uses without being routed, taken from both the m·N and the m·K" min:"0" max:"4096"`
	DenseLayers    int     `json:"dense_layers" doc:"first layers that keep a dense feed-forward layer" min:"0" max:"1024"`
	Gate           string  `json:"gate" doc:"how the router scores experts: a softmax over all, or a sigmoid of each" enum:"softmax,sigmoid"`
	NormalizeGates bool    `json:"normalize_gates" doc:"divide the chosen scores by their sum; impossible with one chosen expert, whose gate would be 1 and teach the router nothing"`
	GateScale      float64 `json:"gate_scale" doc:"factor of the gates" min:"0.001" max:"1000"`
	BalanceLoss    float64 `json:"balance_loss" doc:"coefficient of the load-balancing loss; 0: none" min:"0" max:"100"`
	BiasRate       float64 `json:"bias_rate" doc:"step of the bias that balances the load without a loss; 0: no bias" min:"0" max:"1"`
	ZLoss          float64 `json:"z_loss" doc:"coefficient of the loss that keeps the router's logits small; 0: none" min:"0" max:"100"`
	Capacity       float64 `json:"capacity" doc:"in training, an expert takes at most this multiple of its fair share of tokens; 0: all of them (dropless)" min:"0" max:"4096"`
}

// defaults is a decoder in the form of LLaMA with eight experts, two for every token, as in GShard and Mixtral.
func defaults() Config {
	return Config{
		DecoderConfig: nn.DecoderConfig{
			Width:     128,
			Layers:    4,
			MLP:       "swiglu",
			Norm:      "rmsnorm",
			Positions: "rotary",
			RopeTheta: 10000,
			Tied:      true,
		},
		Experts:        8,
		TopK:           2,
		Segments:       1,
		Gate:           "softmax",
		NormalizeGates: true,
		GateScale:      1,
		BalanceLoss:    0.01,
		ZLoss:          0.001,
	}
}

var presets = []model.Preset[Config]{
	{
		Name:    "switch",
		Summary: "Switch Transformer's routing: one expert a token, its softmax score as gate, capacity 1.25",
		Apply: func(c *Config) {
			c.TopK, c.NormalizeGates, c.Capacity, c.ZLoss = 1, false, 1.25, 0
		},
	},
	{
		Name:    "mixtral",
		Summary: "Mixtral's routing: two of eight experts, dropless, with a balancing loss",
		Apply:   func(c *Config) { c.ZLoss = 0 },
	},
	{
		Name:    "deepseek",
		Summary: "DeepSeek-V3's routing: fine-grained and shared experts, sigmoid gates times 2.5, balance by bias, first layer dense",
		Apply: func(c *Config) {
			c.Segments, c.Shared, c.DenseLayers, c.Gate = 4, 1, 1, "sigmoid"
			c.GateScale = 2.5 // routed_scaling_factor of the published model
			c.BalanceLoss, c.ZLoss, c.BiasRate = 0, 0, 0.001
		},
	},
}

// resolve fills in derived keys and names the key of what does not fit.
func (c Config) resolve(context int) (Config, error) {
	refuse := func(field, format string, args ...any) (Config, error) {
		return c, family.Errorf(family.InvalidConfig, field, format, args...)
	}
	derived := c.FFWidth == 0
	d, err := c.DecoderConfig.Resolve(context)
	if field := (*nn.FieldError)(nil); errors.As(err, &field) {
		return refuse(field.Field, "%s", field.Message)
	}
	if err != nil {
		return c, err
	}
	c.DecoderConfig = d
	pieces := c.Segments * c.TopK // that a token uses
	switch {
	case c.TopK > c.Experts:
		return refuse("top_k", "got %d, want at most experts=%d", c.TopK, c.Experts)
	case c.Shared >= pieces:
		return refuse("shared", "got %d, want less than segments*top_k=%d: routed experts must remain", c.Shared, pieces)
	case c.NormalizeGates && pieces-c.Shared == 1:
		return refuse("normalize_gates", "got true with one chosen expert (segments*top_k-shared=1), want false: its gate would always be 1 and the router would learn nothing from the loss")
	case c.DenseLayers > c.Layers:
		return refuse("dense_layers", "got %d, want at most layers=%d", c.DenseLayers, c.Layers)
	case derived:
		c.FFWidth = (c.FFWidth + pieces - 1) / pieces * pieces
	case c.FFWidth%pieces != 0:
		return refuse("ff_width", "got %d, want a multiple of segments*top_k=%d: the pieces that a token uses share it", c.FFWidth, pieces)
	}
	return c, nil
}

// routed is E: the pieces that the router chooses from.
func (c Config) routed() int { return c.Segments*c.Experts - c.Shared }

// chosen is the number of routed pieces that a token uses.
func (c Config) chosen() int { return c.Segments*c.TopK - c.Shared }

// pieceWidth is F of one piece.
func (c Config) pieceWidth() int { return c.FFWidth / (c.Segments * c.TopK) }

// router is the routing of a layer.
func (c Config) router() nn.Router {
	return nn.Router{
		K:         c.chosen(),
		Sigmoid:   c.Gate == "sigmoid",
		Normalize: c.NormalizeGates,
		Scale:     float32(c.GateScale),
		Capacity:  c.Capacity,
	}
}
