package mtp

import (
	"errors"

	"github.com/archlab/archlab/core/family"
	"github.com/archlab/archlab/core/model"
	"github.com/archlab/archlab/core/nn"
)

// Config is a decoder's with extra heads that predict later tokens.
type Config struct {
	nn.DecoderConfig
	Form     string  `json:"form" doc:"independent: heads side by side on a shared trunk; sequential: modules that keep the causal chain" enum:"independent,sequential"`
	Extra    int     `json:"extra" doc:"number of tokens beyond the next that are predicted, one by each extra head" min:"1" max:"64"`
	HeadLoss float64 `json:"head_loss" doc:"weight of the extra heads' losses: of each (independent), or of their mean (sequential)" min:"0" max:"100"`
}

// defaults is a decoder in the form of LLaMA that predicts one more token as DeepSeek-V3 does. Independent heads of equal
// weight cost small models more of their main head (Gloeckle et al. 2024, figure 3), so that they are chosen by preset.
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
		Form:     "sequential",
		Extra:    1,
		HeadLoss: 0.3,
	}
}

var presets = []model.Preset[Config]{
	{
		Name:    "independent",
		Summary: "four tokens by independent heads, all losses alike (Gloeckle et al. 2024)",
		Apply:   func(c *Config) { c.Form, c.Extra, c.HeadLoss = "independent", 3, 1 },
	},
	{
		Name:    "deepseek",
		Summary: "one sequential module with a loss weight of 0.3 (DeepSeek-V3): the default",
		Apply:   func(*Config) {},
	},
}

// resolve fills in derived keys and names the key of what does not fit.
func (c Config) resolve(context int) (Config, error) {
	d, err := c.DecoderConfig.Resolve(context)
	if field := (*nn.FieldError)(nil); errors.As(err, &field) {
		return c, family.Errorf(family.InvalidConfig, field.Field, "%s", field.Message)
	}
	c.DecoderConfig = d
	return c, err
}

// headWeight is the weight of one extra head's loss.
func (c Config) headWeight() float32 {
	if c.Form == "sequential" { // DeepSeek-V3, eq. 25: λ/D Σ L_k
		return float32(c.HeadLoss / float64(c.Extra))
	}
	return float32(c.HeadLoss)
}
