package nn

// Layers make their parameters themselves, under the name they are given. Families share them, since families never
// import each other.

// NormEps is added to the variance by all norms.
const NormEps = 1e-5

// Norm is a layer that normalises rows: "rmsnorm" or "layernorm".
type Norm struct {
	Kind string
	Bias bool // layernorm only
}

// Forward is x [M,D] normalised, with the parameters NAME.gain and NAME.bias.
func (n Norm) Forward(g *Graph, name string, x *Node) *Node {
	d := x.Shape()[1]
	gain := g.Param(name+".gain", Constant(1), d)
	switch n.Kind {
	case "rmsnorm":
		return RMSNorm(x, gain, NormEps)
	case "layernorm":
		if n.Bias {
			return LayerNorm(x, gain, g.Param(name+".bias", Constant(0), d), NormEps)
		}
		return LayerNorm(x, gain, nil, NormEps)
	}
	Fail("norm", "got %q, want rmsnorm or layernorm", n.Kind)
	return nil
}

// Linear is the layer x wᵀ + bias to out columns, with the parameters NAME.weight [out,D] and, with bias, NAME.bias [out],
// which starts at 0.
func (g *Graph) Linear(name string, x *Node, out int, init Init, bias bool) *Node {
	if init.stack == nil {
		init = init.Stack(out)
	}
	w := g.Param(name+".weight", init, out, x.Shape()[1])
	if !bias {
		return g.Project(x, w, nil)
	}
	return g.Project(x, w, g.Param(name+".bias", Constant(0), out))
}

// ShortConv is a causal depthwise convolution of width w over all columns of x, with the parameter NAME.weight [D,w].
func (g *Graph) ShortConv(name string, x *Node, w int, bias bool) *Node {
	d := x.Shape()[1]
	weight := g.Param(name+".weight", FanIn(), d, w)
	if !bias {
		return g.CausalConv(name, x, weight, nil)
	}
	return g.CausalConv(name, x, weight, g.Param(name+".bias", Constant(0), d))
}

// MLP is a feed-forward layer of hidden width F: "gelu", "squared_relu" (one matrix up, one down) or "swiglu" (gate and
// value in one matrix up).
type MLP struct {
	Kind   string
	Hidden int
	Bias   bool
	Init   Init // of the matrix up
	Out    Init // of the matrix down, which writes to the residual stream
}

// Forward maps x [M,D] to [M,D], with the parameters NAME.up and NAME.down.
func (m MLP) Forward(g *Graph, name string, x *Node) *Node {
	d := x.Shape()[1]
	wide := m.Hidden
	if m.Kind == "swiglu" {
		wide *= 2
	}
	h := g.Linear(name+".up", x, wide, m.Init.Stack(m.Hidden), m.Bias)
	switch m.Kind {
	case "gelu":
		h = GELU(h)
	case "squared_relu":
		h = SquaredReLU(h)
	case "swiglu":
		h = SwiGLU(h)
	default:
		Fail("mlp", "got %q, want gelu, squared_relu or swiglu", m.Kind)
	}
	return g.Linear(name+".down", h, d, m.Out, m.Bias)
}

// Cost is that of Forward for a width of d.
func (m MLP) Cost(d int) Cost {
	wide, act := m.Hidden, CostActivation(m.Hidden)
	if m.Kind == "swiglu" {
		wide, act = 2*m.Hidden, CostGate(m.Hidden)
	}
	return Sum(CostLinear(d, wide, m.Bias), act, CostLinear(m.Hidden, d, m.Bias))
}
