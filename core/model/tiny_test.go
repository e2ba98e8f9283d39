package model

import (
	"context"
	"encoding/json"
	"testing"

	"github.com/archlab/archlab/core/engine"
	"github.com/archlab/archlab/core/family"
	"github.com/archlab/archlab/core/nn"
	"gorgonia.org/gorgonia"
)

// tinyConfig is a small model with one of everything: a convolution (fixed state), attention (state that grows, with a
// window or without), ops of Gorgonia's own, extra heads, an auxiliary loss and a buffer.
type tinyConfig struct {
	Width    int     `json:"width" doc:"D" min:"4" max:"256"`
	Heads    int     `json:"heads" doc:"H" min:"1" max:"16"`
	Window   int     `json:"window" min:"0"`
	Conv     int     `json:"conv" min:"0" max:"8"`
	Attend   bool    `json:"attend"`
	Learned  bool    `json:"learned" doc:"learned positions"`
	Stock    bool    `json:"stock" doc:"a layer of Gorgonia's own ops"`
	Extra    int     `json:"extra" min:"0" max:"3" doc:"draft heads"`
	Replay   bool    `json:"replay" doc:"draft heads read the tokens in between"`
	Aux      float64 `json:"aux" min:"0"`
	Buffer   bool    `json:"buffer"`
	Trip     bool    `json:"trip" doc:"an op that calls tripped"`
	Act      string  `json:"act" enum:"gelu,silu"`
	Schedule []int   `json:"schedule"`
}

func tinyFamily() family.Family {
	return Family(Spec[tinyConfig]{
		Description: family.Description{
			Name: "tiny", Version: "1.0.0", Summary: "a test double with one of everything",
			Capabilities: family.Capabilities{Decode: true, DraftHeads: true},
			Knob:         family.Knob{Field: "width", Min: 8, Max: 64, Step: 8},
		},
		Default:  tinyConfig{Width: 16, Heads: 2, Conv: 3, Attend: true, Act: "gelu"},
		Presets:  []Preset[tinyConfig]{{Name: "wide", Summary: "twice as wide", Apply: func(c *tinyConfig) { c.Width = 32 }}},
		Examples: []string{`{}`, `{"window":5,"conv":0}`, `{"stock":true,"aux":0.1,"buffer":true,"extra":1}`},
		Plain:    `{"aux":0,"buffer":false}`,
		New: func(c tinyConfig, vocab, context int) (Architecture, error) {
			if c.Width%c.Heads != 0 {
				return nil, family.Errorf(family.InvalidConfig, "heads", "width %d is not divisible by heads %d", c.Width, c.Heads)
			}
			return &tiny{c, vocab, context}, nil
		},
	})
}

type tiny struct {
	tinyConfig
	vocab, context int
}

func (m *tiny) DraftHeads() int       { return m.Extra }
func (m *tiny) DraftsByReplay() bool  { return m.Replay }
func (m *tiny) dims() (d, k, ctx int) { return m.Width, m.Width / m.Heads, max(1, m.context) }

func (m *tiny) Forward(g *nn.Graph) nn.Output {
	d, k, ctx := m.dims()
	table := g.Param("embed", nn.Normal(0.3), m.vocab, d)
	x := nn.Embedding(table, g.Tokens())
	if m.Learned {
		x = nn.Add(x, g.Positions(g.Param("positions", nn.Normal(0.3).Lookup(), ctx, d)))
	}
	norm := nn.Norm{Kind: "rmsnorm"}
	if m.Conv > 0 {
		x = nn.Residual(g, "norm1", norm, x, func(x *nn.Node) *nn.Node { return g.ShortConv("conv", x, m.Conv, true) })
	}
	if m.Attend {
		a := nn.SelfAttention{
			AttentionConfig: nn.AttentionConfig{Heads: m.Heads, KVHeads: 1, Width: k, Window: m.Window},
			Theta:           100, Init: nn.Normal(0.3), Out: nn.Normal(0.3),
		}
		x = nn.Residual(g, "norm2", norm, x, func(x *nn.Node) *nn.Node { return a.Forward(g, "attention", x) })
	}
	if m.Trip {
		x = nn.Apply(trip{}, x.Shape(), x)
	}
	up := g.Linear("up", x, 2*d, nn.Normal(0.3), true)
	if m.Act == "silu" {
		up = nn.SiLU(up)
	} else {
		up = nn.GELU(up)
	}
	out := nn.Output{}
	var bias *nn.Node
	if m.Buffer {
		bias = g.Param("usage", nn.Constant(0).Buffer(), d)
		out.Updates = []nn.Update{{Param: "usage", Signal: g.Param("norm.gain", nn.Constant(1), d), Apply: func(w, s []float32) {
			for i := range w {
				w[i] += 1e-3 * s[i]
			}
		}}}
	}
	x = nn.Add(x, nn.Linear(up, g.Param("down", nn.Normal(0.3), d, 2*d), bias))
	if m.Stock {
		x = m.stock(g, x, &out)
	}
	out.Hidden, out.Projection = norm.Forward(g, "norm", x), table
	if m.Extra > 0 && (g.Mode() == nn.Training || g.Mode() == nn.Drafting) {
		g.TrainingOnly(func() { m.heads(g, x, table, &out) })
	}
	return out
}

// heads predict later tokens from x, each by a layer on top of the last one's.
func (m *tiny) heads(g *nn.Graph, x, table *nn.Node, out *nn.Output) {
	for i := range m.Extra {
		name := []string{"head1", "head2", "head3"}[i]
		if m.Replay {
			x = nn.Add(x, nn.Embedding(table, g.ShiftedTokens(i+1)))
		}
		x = nn.Add(x, g.Linear(name, x, m.Width, nn.Normal(0.3), false))
		out.Heads = append(out.Heads, nn.Head{Name: name, Offset: i + 1, Hidden: x, Projection: table, Weight: 0.5})
	}
}

// stock is a layer of Gorgonia's own ops: x + tanh(x w) * scale, and an auxiliary loss on w.
func (m *tiny) stock(g *nn.Graph, x *nn.Node, out *nn.Output) *nn.Node {
	w := g.Param("stock", nn.Normal(0.3), m.Width, m.Width)
	h := gorgonia.Must(gorgonia.Mul(x, w))
	h = gorgonia.Must(gorgonia.Tanh(h))
	h = gorgonia.Must(gorgonia.HadamardProd(h, gorgonia.NewConstant(float32(0.5))))
	if m.Aux > 0 && g.Mode() == nn.Training {
		sq := gorgonia.Must(gorgonia.Mean(gorgonia.Must(gorgonia.Square(w))))
		out.Aux = append(out.Aux, nn.AuxLoss{Name: "size", Node: sq, Coefficient: float32(m.Aux)})
		out.Metrics = append(out.Metrics, nn.Metric{Name: "square", Node: sq})
	}
	return nn.Add(x, h)
}

func (m *tiny) Costs(t int) family.Cost {
	d, k, _ := m.dims()
	c := nn.Sum(nn.CostEmbedding(d), nn.CostLinear(d, 2*d, true), nn.CostActivation(2*d), nn.CostLinear(2*d, d, false),
		nn.CostResidual(d), nn.CostNorm(d), nn.CostLoss(d, m.vocab))
	if m.Buffer {
		c = nn.Sum(c, nn.CostRow(float64(d), 0))
	}
	if m.Learned {
		c = nn.Sum(c, nn.CostRow(float64(d), float64(d)), nn.CostRow(0, float64(d)))
	}
	if m.Conv > 0 {
		c = nn.Sum(c, nn.CostNorm(d), nn.CostConv(d, m.Conv, false), nn.CostRow(0, float64(d)), nn.CostResidual(d))
	}
	if m.Attend {
		a := nn.SelfAttention{AttentionConfig: nn.AttentionConfig{Heads: m.Heads, KVHeads: 1, Width: k, Window: m.Window}, Theta: 100}
		c = nn.Sum(c, nn.CostNorm(d), a.Cost(d, t), nn.CostResidual(d))
	}
	if m.Stock {
		c = nn.Sum(c, nn.CostLinear(d, d, false), nn.CostRow(2*float64(d), 6*float64(d)), nn.CostResidual(d))
	}
	train := c.Forward + c.Backward
	if m.Extra > 0 {
		heads := nn.Sum(nn.CostLinear(d, d, false), nn.CostResidual(d), nn.CostLoss(d, m.vocab))
		train += float64(m.Extra) * (heads.Forward + heads.Backward)
	}
	return family.Cost{TrainFLOPs: train, PrefillFLOPs: c.Forward, DecodeFLOPs: c.Decode, StateBytes: 4 * int64(c.State)}
}

// tripped is called by models with a trip while they run, after their stateful ops.
var tripped func()

type trip struct{ nn.NoLayout }

func (trip) Name() string { return "trip" }

func (trip) Bind(b engine.Binding) (engine.Kernel, error) {
	return func(r *engine.Run) {
		copy(b.Out.F32, b.In[0].F32)
		tripped()
	}, nil
}

func (trip) Grad(_ gorgonia.Nodes, _, grad *nn.Node) gorgonia.Nodes { return gorgonia.Nodes{grad} }

// build makes a tiny model.
func build(t testing.TB, config string, threads int) *lm {
	t.Helper()
	m, _, err := tinyFamily().Build(context.Background(), family.BuildRequest{
		Config: json.RawMessage(config), Vocab: 23, Context: 600, Seed: 1, Threads: threads,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { m.Release(context.Background()) })
	return m.(*lm)
}
