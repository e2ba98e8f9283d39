// Package mamba is the family of selective state-space models: Mamba (https://arxiv.org/abs/2312.00752), Mamba-2
// (https://arxiv.org/abs/2405.21060) and, as a baseline, a linear time-invariant model of the same shape.
//
// Dimensions: M rows, D model width, I inner width (expand·D), N state size, R rank of the step, H heads of P channels, G
// groups of heads, W taps of the convolution, V vocabulary.
package mamba

import (
	"fmt"
	"math"
	"math/rand/v2"

	"github.com/archlab/archlab/core/family"
	"github.com/archlab/archlab/core/model"
	"github.com/archlab/archlab/core/nn"
)

// Family describes and builds the models.
func Family() family.Family {
	return model.Family(model.Spec[Config]{
		Description: family.Description{
			Name:    "mamba",
			Version: "0.1.0",
			Summary: "Selective state-space models: Mamba, Mamba-2 and a linear time-invariant baseline.",
			Papers: []family.Paper{
				{Title: "Mamba: Linear-Time Sequence Modeling with Selective State Spaces", URL: "https://arxiv.org/abs/2312.00752"},
				{Title: "Transformers are SSMs: Generalized Models and Efficient Algorithms Through Structured State Space Duality", URL: "https://arxiv.org/abs/2405.21060"},
				{Title: "On the Parameterization and Initialization of Diagonal State Space Models", URL: "https://arxiv.org/abs/2206.11893"},
			},
			Capabilities: family.Capabilities{Decode: true},
			Knob:         family.Knob{Field: "width", Min: 16, Max: 8192, Step: 8},
		},
		Default: defaults,
		Presets: []model.Preset[Config]{
			{Name: "mamba", Summary: "Mamba with the paper's sizes of state, convolution and expansion", Apply: func(*Config) {}},
			{Name: "mamba2", Summary: "Mamba-2: heads with one decay each, state size 64, a norm before the output projection",
				Apply: func(c *Config) { c.Variant = "mamba2" }},
			{Name: "time-invariant", Summary: "Mamba's block around a time-invariant diagonal state-space model (S4D-real)",
				Apply: func(c *Config) { c.Selective = false }},
		},
		Examples: []string{
			`{"width":16,"layers":2,"state":3}`,
			`{"variant":"mamba2","width":16,"layers":2,"state":3,"head_width":8,"groups":2}`,
			`{"selective":false,"width":16,"layers":2,"state":3}`,
		},
		New: newModel,
	})
}

func newModel(c Config, vocab, _ int) (model.Architecture, error) {
	c, err := c.resolve()
	if err != nil {
		return nil, err
	}
	return &mamba{Config: c, vocab: vocab}, nil
}

type mamba struct {
	Config
	vocab int
}

// Resolve answers the config with derived values.
func (m *mamba) Resolve() any { return m.Config }

// Forward is embedding, pre-norm residual blocks, norm and projection.
func (m *mamba) Forward(g *nn.Graph) nn.Output {
	table := nn.Normal(0.02)
	if !m.Tied {
		table = table.Lookup()
	}
	embedding := g.Param("embed.weight", table, m.vocab, m.Width)
	x := nn.Embedding(embedding, g.Tokens()) // [M,D]
	for i := range m.Layers {
		name := fmt.Sprintf("layers.%d", i)
		b := mixer{Graph: g, Config: m.Config, name: name + ".mixer"}
		x = nn.Residual(g, name+".norm", norm, x, b.forward)
	}
	x = norm.Forward(g, "norm", x)
	projection := embedding
	if !m.Tied {
		projection = g.Param("head.weight", nn.FanIn(), m.vocab, m.Width)
	}
	return nn.Output{Hidden: x, Projection: projection}
}

var norm = nn.Norm{Kind: "rmsnorm"}

// mixer makes one layer.
type mixer struct {
	*nn.Graph
	Config
	name string
}

func (b *mixer) forward(x *nn.Node) *nn.Node {
	if b.Variant == "mamba2" {
		return b.mamba2(x)
	}
	return b.mamba(x)
}

// mamba is the block of figure 3 of the Mamba paper with the scan of algorithm 2 (selective) or 1 (not).
func (b *mixer) mamba(x *nn.Node) *nn.Node {
	u := b.conv("conv", b.linear("in_proj", x, b.inner())) // [M,I]
	gate := b.linear("gate_proj", x, b.inner())            // [M,I]
	if b.Selective {
		return b.project(b.selective(u, gate))
	}
	return b.project(nn.GateSiLU(b.invariant(u), gate))
}

// selective is algorithm 2: s_B and s_C are projections to N, s_Δ is one to R, spread over the channels by another, and τ_Δ
// is the softplus. The scan discretises A by eq. 4, exp(ΔA), and B by its first-order form ΔB, as the authors' code does; it
// ends in the gate of figure 3.
func (b *mixer) selective(u, gate *nn.Node) *nn.Node {
	inner, n, r := b.inner(), b.State, b.StepRank
	parts := nn.Split(b.linear("x_proj", u, r, n, n), r, n, n)
	step := b.Project(parts[0], b.stepWeight(r, inner), nil)
	return b.SelectiveScan(b.name+".scan", u, step, b.realA(), parts[1], parts[2], b.skip(inner), b.stepBias(inner), gate)
}

// invariant is algorithm 1: step, B and C are parameters, the same for every token.
func (b *mixer) invariant(u *nn.Node) *nn.Node {
	inner, n := b.inner(), b.State
	dt := b.StepSize(b.stepBias(inner))
	bs := b.Param(b.name+".B", nn.Constant(1).NoDecay(), inner, n)
	cs := b.Param(b.name+".C", nn.Normal(1).NoDecay(), inner, n)
	return b.InvariantScan(b.name+".scan", u, dt, b.realA(), bs, cs, b.skip(inner))
}

// mamba2 is the block of figure 6 (right) of the Mamba-2 paper: all inputs of the scan are projected from the block's input,
// and a norm precedes the last projection.
func (b *mixer) mamba2(x *nn.Node) *nn.Node {
	inner, heads, gn := b.inner(), b.heads(), b.Groups*b.State
	u := b.conv("conv", b.linear("in_proj", x, inner))                        // [M,HP]
	bc := nn.Split(b.conv("bc_conv", b.linear("bc_proj", x, gn, gn)), gn, gn) // [M,GN] each
	dt, gate := b.step(x, heads), b.linear("gate_proj", x, inner)             // [M,H], [M,HP]
	y := b.SSD(b.name+".scan", u, dt, b.scalarA(), bc[0], bc[1], b.skip(heads), b.Groups)
	return b.project(norm.Forward(b.Graph, b.name+".norm", nn.GateSiLU(y, gate)))
}

// linear is a projection of x to the given numbers of columns, side by side.
func (b *mixer) linear(name string, x *nn.Node, columns ...int) *nn.Node {
	all := 0
	for _, n := range columns {
		all += n
	}
	return b.Linear(b.name+"."+name, x, all, nn.FanIn().Stack(columns...), false)
}

// step is softplus(x wᵀ + bias): n steps above 0.
func (b *mixer) step(x *nn.Node, n int) *nn.Node {
	return nn.Softplus(b.Project(x, b.stepWeight(x.Shape()[1], n), b.stepBias(n)))
}

// stepWeight projects to n steps.
func (b *mixer) stepWeight(in, n int) *nn.Node {
	return b.Param(b.name+".dt_proj.weight", nn.FanIn().Stack(n), n, in)
}

// conv is the causal depthwise convolution over time with its activation.
func (b *mixer) conv(name string, x *nn.Node) *nn.Node {
	d, bound := x.Shape()[1], 1/math.Sqrt(float64(b.Conv))
	name = b.name + "." + name
	w := b.Param(name+".weight", nn.FanIn(), d, b.Conv)
	bias := b.Param(name+".bias", nn.Uniform(-bound, bound), d)
	return b.CausalConvSiLU(name, x, w, bias)
}

// project is the output projection. Its initial values shrink with the depth, as GPT-2's do.
func (b *mixer) project(y *nn.Node) *nn.Node {
	bound := 1 / math.Sqrt(float64(b.inner()*b.Layers))
	return b.Linear(b.name+".out_proj", y, b.Width, nn.Uniform(-bound, bound), false)
}

// skip is D of the papers: one for every channel or head, initially 1.
func (b *mixer) skip(n int) *nn.Node {
	return b.Param(b.name+".D", nn.Constant(1), n)
}

// realA is A [I,N] with A_n = -(n+1) at first: S4D-Real (Gu et al. 2022; Mamba, section 3.6).
func (b *mixer) realA() *nn.Node {
	init := nn.InitFunc(func(_ *rand.Rand, shape []int, w []float32) {
		for i := range w {
			w[i] = float32(math.Log(float64(i%shape[1] + 1)))
		}
	})
	return b.Decay(b.Param(b.name+".A_log", init.NoDecay(), b.inner(), b.State))
}

// scalarA is A [H], at first uniform in [-16,-1].
func (b *mixer) scalarA() *nn.Node {
	init := nn.InitFunc(func(rng *rand.Rand, _ []int, w []float32) {
		for i := range w {
			w[i] = float32(math.Log(1 + 15*rng.Float64()))
		}
	})
	return b.Decay(b.Param(b.name+".A_log", init.NoDecay(), b.heads()))
}

// stepBias is the bias under the softplus of the step, at first the softplus's inverse of a step drawn log-uniformly from
// [0.001, 0.1] (Mamba, section 3.6). Having one axis, it has no weight decay, and nor has D.
func (b *mixer) stepBias(n int) *nn.Node {
	init := nn.InitFunc(func(rng *rand.Rand, _ []int, w []float32) {
		lo, hi := math.Log(0.001), math.Log(0.1)
		for i := range w {
			dt := math.Exp(lo + (hi-lo)*rng.Float64())
			w[i] = float32(dt + math.Log(-math.Expm1(-dt)))
		}
	})
	return b.Param(b.name+".dt_bias", init.NoDecay(), n)
}
