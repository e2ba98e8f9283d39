// Package mtp is the family of decoders trained to predict several tokens at once, in both published forms: independent heads
// on a shared trunk (Gloeckle et al. 2024, https://arxiv.org/abs/2404.19737) and sequential modules that keep the causal chain
// (DeepSeek-V3, https://arxiv.org/abs/2412.19437, section 2.2).
//
// The head for the next token is the model's main head. Extra head k predicts the token k after it; scoring and decoding leave the
// extra heads out unless drafts are asked for.
//
// Dimensions: M packed rows, D width, V vocabulary.
package mtp

import (
	"fmt"

	"github.com/archlab/archlab/core/family"
	"github.com/archlab/archlab/core/model"
	"github.com/archlab/archlab/core/nn"
)

// Family describes and builds the models.
func Family() family.Family {
	return model.Family(model.Spec[Config]{
		Description: family.Description{
			Name:    "mtp",
			Version: "0.1.0",
			Summary: "Transformer trained to predict several tokens at once, by independent heads or sequential modules.",
			Papers: []family.Paper{
				{Title: "Better & Faster Large Language Models via Multi-token Prediction", URL: "https://arxiv.org/abs/2404.19737"},
				{Title: "DeepSeek-V3 Technical Report", URL: "https://arxiv.org/abs/2412.19437"},
			},
			Capabilities: family.Capabilities{Decode: true, DraftHeads: true},
			Knob:         family.Knob{Field: "width", Min: 8, Max: 65536, Step: 8},
		},
		Default: defaults(),
		Presets: presets,
		Examples: []string{
			`{"preset":"independent","width":16,"layers":2,"extra":2}`,
			`{"preset":"deepseek","width":16,"layers":2,"extra":2}`,
		},
		New: newModel,
	})
}

func newModel(c Config, vocab, context int) (model.Architecture, error) {
	c, err := c.resolve(context)
	if err != nil {
		return nil, err
	}
	return &mtp{Config: c, vocab: vocab, context: context}, nil
}

type mtp struct {
	Config
	vocab, context int
}

// Resolve answers the config with derived values.
func (m *mtp) Resolve() any { return m.Config }

// DraftHeads is the number of tokens beyond the next that the model can draft.
func (m *mtp) DraftHeads() int { return m.Extra }

// DraftsByReplay says that a sequential module needs the tokens in between.
func (m *mtp) DraftsByReplay() bool { return m.Form == "sequential" }

// Forward is a pre-norm decoder. With independent heads its last block belongs to the main head, and every extra head has
// one of its own.
func (m *mtp) Forward(g *nn.Graph) nn.Output {
	trunk := m.Layers
	if m.Form == "independent" {
		trunk--
	}
	x := m.Embed(g, g.Tokens(), m.vocab, m.context) // [M,D]
	for i := range trunk {
		x = m.Block(g, layer(i), x)
	}
	shared := []*nn.Node{x} // of the heads, the main one first
	if m.Form == "independent" {
		shared = nn.Fork(x, 1+m.Extra)
		x = m.Block(g, layer(trunk), shared[0])
	}
	out := nn.Output{
		Hidden:     m.Normalize().Forward(g, "norm", x),
		Projection: m.Projection(g, m.vocab), // [V,D]
	}
	if g.Mode() != nn.Training && g.Mode() != nn.Drafting {
		return out
	}
	g.TrainingOnly(func() {
		for k := 1; k <= m.Extra; k++ {
			h := nn.Head{Name: fmt.Sprintf("token_%d", k+1), Offset: k, Projection: out.Projection, Weight: m.headWeight()}
			if m.Form == "independent" {
				h.Hidden = m.independent(g, k, shared[k])
			} else {
				h.Hidden, x = m.sequential(g, k, x)
			}
			out.Heads = append(out.Heads, h)
		}
	})
	return out
}

// independent is head k: p(x_{t+1+k} | x_{<=t}) = softmax(f_u f_{h_k} f_s(x)) with one block f_h and the shared norm and
// unembedding f_u (Gloeckle et al. 2024, eq. 2).
func (m *mtp) independent(g *nn.Graph, k int, trunk *nn.Node) *nn.Node {
	return m.Normalize().Forward(g, "norm", m.Block(g, head(k)+".layer", trunk))
}

// sequential is module k on the module before it (DeepSeek-V3, eq. 21-23): both norms, the projection of their concatenation,
// one block. The embedding is the shared one, zero where the sequence ends first. It answers the hidden state under
// the head's norm, and the one that the next module starts from.
func (m *mtp) sequential(g *nn.Graph, k int, before *nn.Node) (hidden, h *nn.Node) {
	norm, name := m.Normalize(), head(k)
	table := g.Param("embed.weight", m.Init(), m.vocab, m.Width)
	later := nn.Embedding(table, g.ShiftedTokens(k)) // Emb(t_{i+k})
	both := nn.Concat(norm.Forward(g, name+".hidden_norm", before), norm.Forward(g, name+".token_norm", later))
	h = m.Block(g, name+".layer", g.Linear(name+".projection", both, m.Width, m.Init(), false))
	return norm.Forward(g, name+".norm", h), h
}

func layer(i int) string { return fmt.Sprintf("layers.%d", i) }

func head(k int) string { return fmt.Sprintf("heads.%d", k) }

// Costs adds up the pieces of Forward. The extra heads cost in training only.
func (m *mtp) Costs(t int) family.Cost {
	c := nn.Sum(m.EdgeCost(m.vocab), m.BlockCost(t).Times(m.Layers))
	train := c.Forward + c.Backward
	for k := 1; k <= m.Extra; k++ {
		loss := nn.CostLoss(m.Width, m.vocab)
		rows := float64(max(0, t-k)) / float64(t) // that have a token to predict
		h := nn.Sum(m.BlockCost(t), nn.CostNorm(m.Width), nn.CostRow(0, float64(m.Width)))
		if m.Form == "sequential" {
			h = nn.Sum(h, nn.CostEmbedding(m.Width), nn.CostNorm(m.Width).Times(2), nn.CostLinear(2*m.Width, m.Width, false))
		}
		train += h.Forward + h.Backward + rows*(loss.Forward+loss.Backward)
	}
	return family.Cost{
		TrainFLOPs:   train,
		PrefillFLOPs: c.Forward,
		DecodeFLOPs:  c.Decode,
		StateBytes:   4 * int64(c.State),
	}
}
