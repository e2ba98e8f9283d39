// Package transformer is the decoder-only transformer (Vaswani et al. 2017, https://arxiv.org/abs/1706.03762) in the
// pre-norm form of GPT-2 and LLaMA, with the choices that the literature made since as config keys.
//
// Dimensions: M packed rows, D width, V vocabulary.
package transformer

import (
	"fmt"

	"github.com/archlab/archlab/core/family"
	"github.com/archlab/archlab/core/model"
	"github.com/archlab/archlab/core/nn"
)

// Family is the transformer family.
func Family() family.Family {
	return model.Family(model.Spec[Config]{
		Description: family.Description{
			Name:    "transformer",
			Version: "0.1.0",
			Summary: "Pre-norm decoder-only transformer with the choices of GPT-2, LLaMA and their successors.",
			Papers: []family.Paper{
				{Title: "Attention Is All You Need", URL: "https://arxiv.org/abs/1706.03762"},
				{Title: "Language Models are Unsupervised Multitask Learners", URL: "https://cdn.openai.com/better-language-models/language_models_are_unsupervised_multitask_learners.pdf"},
				{Title: "LLaMA: Open and Efficient Foundation Language Models", URL: "https://arxiv.org/abs/2302.13971"},
			},
			Capabilities: family.Capabilities{Decode: true},
			Knob:         family.Knob{Field: "width", Min: 8, Max: 65536, Step: 8},
		},
		Default: defaults(),
		Presets: presets,
		Examples: []string{
			`{"preset":"llama","width":16,"layers":2,"heads":4,"kv_heads":2,"ff_width":24}`,
			`{"preset":"gpt2","width":16,"layers":2,"heads":2,"ff_width":24}`,
			`{"width":16,"layers":2,"heads":4,"kv_heads":1,"mlp":"squared_relu","ff_width":24,"window":5,"qk_norm":true,"conv":3,"bias":true}`,
		},
		New: newTransformer,
	})
}

func newTransformer(c Config, vocab, context int) (model.Architecture, error) {
	c, err := c.resolve(context)
	if err != nil {
		return nil, err
	}
	return &transformer{Config: c, vocab: vocab, context: context}, nil
}

// transformer is a model with all sizes decided.
type transformer struct {
	Config
	vocab, context int
}

// Forward builds the model: embedding, blocks, norm, projection.
func (m *transformer) Forward(g *nn.Graph) nn.Output {
	attention, mlp, norm := m.Attention(), m.FeedForward(), m.Normalize()
	x := m.Embed(g, g.Tokens(), m.vocab, m.context) // [M,D]
	for i := range m.Layers {
		name := fmt.Sprintf("layers.%d", i)
		// Pre-norm residual branches (Radford et al. 2019, section 2.3): x + layer(norm(x)).
		x = nn.Residual(g, name+".attention_norm", norm, x, func(x *nn.Node) *nn.Node {
			return attention.Forward(g, name+".attention", x)
		})
		x = nn.Residual(g, name+".mlp_norm", norm, x, func(x *nn.Node) *nn.Node {
			return mlp.Forward(g, name+".mlp", x)
		})
	}
	return nn.Output{
		Hidden:     norm.Forward(g, "norm", x),
		Projection: m.Projection(g, m.vocab), // [V,D]
	}
}

// Costs adds up what the ops of Forward count.
func (m *transformer) Costs(t int) family.Cost {
	c := nn.Sum(m.EdgeCost(m.vocab), m.BlockCost(t).Times(m.Layers))
	return family.Cost{
		TrainFLOPs:   c.Forward + c.Backward,
		PrefillFLOPs: c.Forward,
		DecodeFLOPs:  c.Decode,
		StateBytes:   4 * int64(c.State),
	}
}

// Resolve answers the config with derived keys filled in.
func (m *transformer) Resolve() any { return m.Config }
