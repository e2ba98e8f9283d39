// Package moe is the family of mixture-of-experts decoders (GShard, https://arxiv.org/abs/2006.16668; Switch Transformer,
// https://arxiv.org/abs/2101.03961; DeepSeekMoE, https://arxiv.org/abs/2401.06066): a transformer whose feed-forward layers
// are many experts, of which a router picks a few for every token.
//
// Dimensions: M packed rows, D width, E routed experts, K of them chosen by a token, F hidden width of an expert, V
// vocabulary.
package moe

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
			Name:    "moe",
			Version: "0.1.0",
			Summary: "Mixture-of-experts transformer: routed and shared experts, balanced by a loss or by a bias.",
			Papers: []family.Paper{
				{Title: "GShard: Scaling Giant Models with Conditional Computation and Automatic Sharding", URL: "https://arxiv.org/abs/2006.16668"},
				{Title: "Switch Transformers: Scaling to Trillion Parameter Models with Simple and Efficient Sparsity", URL: "https://arxiv.org/abs/2101.03961"},
				{Title: "ST-MoE: Designing Stable and Transferable Sparse Expert Models", URL: "https://arxiv.org/abs/2202.08906"},
				{Title: "MegaBlocks: Efficient Sparse Training with Mixture-of-Experts", URL: "https://arxiv.org/abs/2211.15841"},
				{Title: "DeepSeekMoE: Towards Ultimate Expert Specialization in Mixture-of-Experts Language Models", URL: "https://arxiv.org/abs/2401.06066"},
				{Title: "Auxiliary-Loss-Free Load Balancing Strategy for Mixture-of-Experts", URL: "https://arxiv.org/abs/2408.15664"},
				{Title: "DeepSeek-V3 Technical Report", URL: "https://arxiv.org/abs/2412.19437"},
			},
			Capabilities: family.Capabilities{Decode: true},
			Knob:         family.Knob{Field: "width", Min: 8, Max: 65536, Step: 8},
		},
		Default: defaults(),
		Presets: presets,
		Examples: []string{
			`{"width":16,"layers":2,"experts":4}`,
			`{"preset":"deepseek","width":16,"layers":2,"experts":4,"segments":2}`,
		},
		// Choosing all experts: the choice of some is a step, which no slope of the loss sees.
		Plain: `{"top_k":4,"balance_loss":0,"z_loss":0,"bias_rate":0}`,
		New:   newModel,
	})
}

func newModel(c Config, vocab, context int) (model.Architecture, error) {
	c, err := c.resolve(context)
	if err != nil {
		return nil, err
	}
	return &moe{Config: c, vocab: vocab, context: context}, nil
}

type moe struct {
	Config
	vocab, context int
}

// Resolve answers the config with derived values.
func (m *moe) Resolve() any { return m.Config }

// Forward is a pre-norm decoder with experts after every attention layer but those of the first, dense blocks.
func (m *moe) Forward(g *nn.Graph) nn.Output {
	x := m.Embed(g, g.Tokens(), m.vocab, m.context) // [M,D]
	var routings []nn.Routing
	var out nn.Output
	for i := range m.Layers {
		name := fmt.Sprintf("layers.%d", i)
		if i < m.DenseLayers {
			x = m.Block(g, name, x)
			continue
		}
		x = m.AttentionBlock(g, name, x)
		x = nn.Residual(g, name+".moe_norm", m.Normalize(), x, func(x *nn.Node) *nn.Node {
			y, r, update := m.experts(g, name+".moe", x)
			routings = append(routings, r)
			out.Updates = append(out.Updates, update...)
			return y
		})
	}
	out.Hidden = m.Normalize().Forward(g, "norm", x)
	out.Projection = m.Projection(g, m.vocab)
	if g.Mode() == nn.Training && len(routings) > 0 {
		m.watch(&out, routings)
	}
	return out
}

// experts is one layer: y = Σ_shared FFN(x) + Σ_routed g_i FFN_i(x) (DeepSeekMoE, eq. 9-11), with the fine-grained experts
// of eq. 6-8 when segments is above 1.
func (m *moe) experts(g *nn.Graph, name string, x *nn.Node) (*nn.Node, nn.Routing, []nn.Update) {
	d, e, f := m.Width, m.routed(), m.pieceWidth()
	logits := g.Linear(name+".router", x, e, m.Init(), false) // [M,E]
	var bias *nn.Node
	var updates []nn.Update
	if m.BiasRate > 0 {
		bias = g.Param(name+".router.bias", nn.Constant(0).Buffer(), e)
	}
	r := g.Route(logits, bias, m.router())
	if bias != nil {
		updates = append(updates, nn.Update{Param: name + ".router.bias", Signal: r.Load(), Apply: balance(float32(m.BiasRate))})
	}
	wide := f
	if m.MLP == "swiglu" {
		wide = 2 * f
	}
	share := float64(m.chosen()) / float64(e)
	up := g.Param(name+".experts.up", m.Init().Active(share).Stack(f), e, wide, d)
	down := g.Param(name+".experts.down", m.OutInit().Active(share).Stack(d), e, d, f)
	y := nn.Experts(x, r, m.MLP, up, down)
	if m.Shared > 0 {
		// One layer of s·F hidden columns is the sum of s experts of F.
		y = nn.Add(y, m.shared().Forward(g, name+".shared", x))
	}
	return y, r, updates
}

func (m *moe) shared() nn.MLP {
	mlp := m.FeedForward()
	mlp.Hidden = m.Shared * m.pieceWidth()
	return mlp
}

// balance moves the bias of every expert by the rate, up where fewer tokens than the mean chose it and down where more did
// (Wang et al. 2024, algorithm 1; DeepSeek-V3, section 2.1.2).
func balance(rate float32) func(bias, load []float32) {
	return func(bias, load []float32) {
		mean := 0.0
		for _, n := range load {
			mean += float64(n) / float64(len(load))
		}
		for e, n := range load {
			switch n := float64(n); {
			case n < mean:
				bias[e] += rate
			case n > mean:
				bias[e] -= rate
			}
		}
	}
}

// watch adds the auxiliary losses, averaged over the layers, and the metrics.
func (m *moe) watch(out *nn.Output, routings []nn.Routing) {
	mean := func(value func(nn.Routing) *nn.Node) *nn.Node {
		nodes := make([]*nn.Node, len(routings))
		for i, r := range routings {
			nodes[i] = value(r)
		}
		return nn.Mean(nodes...)
	}
	if m.BalanceLoss > 0 { // Switch Transformer, eq. 4
		out.Aux = append(out.Aux, nn.AuxLoss{Name: "balance_loss", Node: mean(nn.Routing.BalanceLoss), Coefficient: float32(m.BalanceLoss)})
	}
	if m.ZLoss > 0 { // ST-MoE, eq. 5
		out.Aux = append(out.Aux, nn.AuxLoss{Name: "z_loss", Node: mean(nn.Routing.ZLoss), Coefficient: float32(m.ZLoss)})
	}
	out.Metrics = append(out.Metrics,
		nn.Metric{Name: "load_max_over_mean", Node: mean(nn.Routing.Imbalance)},
		nn.Metric{Name: "router_entropy", Node: mean(nn.Routing.Entropy)},
		nn.Metric{Name: "dropped", Node: mean(nn.Routing.Dropped)},
	)
}

// Costs adds up the pieces of Forward. Experts cost what the chosen ones cost; with a capacity, training may cost less, by
// what is dropped.
func (m *moe) Costs(t int) family.Cost {
	moe := nn.Sum(m.AttentionBlockCost(t), nn.CostNorm(m.Width), m.expertsCost(), nn.CostResidual(m.Width))
	c := nn.Sum(m.EdgeCost(m.vocab), m.BlockCost(t).Times(m.DenseLayers), moe.Times(m.Layers-m.DenseLayers))
	return family.Cost{
		TrainFLOPs:   c.Forward + c.Backward + m.auxCost().Times(m.Layers-m.DenseLayers).Forward,
		PrefillFLOPs: c.Forward,
		DecodeFLOPs:  c.Decode,
		StateBytes:   4 * int64(c.State),
	}
}

func (m *moe) expertsCost() nn.Cost {
	e, k, f := m.routed(), m.chosen(), m.pieceWidth()
	c := nn.Sum(
		nn.CostLinear(m.Width, e, false),
		nn.CostRow(nn.RouteFLOPs(1, e, k), nn.RouteBackwardFLOPs(1, e, k)),
		nn.CostRow(nn.ExpertsFLOPs(k, m.Width, f, m.MLP), nn.ExpertsBackwardFLOPs(k, m.Width, f, m.MLP)),
		nn.CostRow(0, float64(m.Width)), // the router's and the experts' gradients of x meet
	)
	if m.Shared > 0 {
		c = nn.Sum(c, m.shared().Cost(m.Width), nn.CostResidual(m.Width))
	}
	return c
}

// auxCost is that of the auxiliary losses, forward and backward together.
func (m *moe) auxCost() nn.Cost {
	e, flops := m.routed(), 0.0
	if m.BalanceLoss > 0 {
		flops += 3*nn.BalanceLossFLOPs(1, e) + float64(e)
	}
	if m.ZLoss > 0 {
		flops += 3*nn.ZLossFLOPs(1, e) + float64(e)
	}
	return nn.Cost{Forward: flops}
}
