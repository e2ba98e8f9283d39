package transformer

import (
	"errors"

	"github.com/archlab/archlab/core/family"
	"github.com/archlab/archlab/core/model"
	"github.com/archlab/archlab/core/nn"
)

// Config holds the keys of a transformer; see nn.DecoderConfig for each.
type Config struct {
	nn.DecoderConfig
}

// defaults is a small decoder in today's usual form: the preset llama with tied embeddings.
func defaults() Config {
	return Config{nn.DecoderConfig{
		Width:     128,
		Layers:    4,
		MLP:       "swiglu",
		Norm:      "rmsnorm",
		Positions: "rotary",
		RopeTheta: 10000,
		Tied:      true,
	}}
}

var presets = []model.Preset[Config]{
	{
		Name:    "gpt2",
		Summary: "GPT-2's form: LayerNorm, GELU, learned positions, biases, tied embeddings",
		Apply: func(c *Config) {
			c.Norm, c.MLP, c.Positions, c.Bias, c.Tied = "layernorm", "gelu", "learned", true, true
		},
	},
	{
		Name:    "llama",
		Summary: "LLaMA's form: RMSNorm, SwiGLU, rotary positions, no biases, untied embeddings",
		Apply: func(c *Config) {
			c.Norm, c.MLP, c.Positions, c.Bias, c.Tied = "rmsnorm", "swiglu", "rotary", false, false
		},
	},
}

// resolve fills in derived keys and names the key of what is wrong.
func (c Config) resolve(context int) (Config, error) {
	d, err := c.DecoderConfig.Resolve(context)
	var field *nn.FieldError
	if errors.As(err, &field) {
		return c, family.Errorf(family.InvalidConfig, field.Field, "%s", field.Message)
	}
	return Config{d}, err
}
