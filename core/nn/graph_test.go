package nn_test

import (
	"math"
	"slices"
	"testing"

	"github.com/archlab/archlab/core/nn"
)

func TestParams(t *testing.T) {
	g := nn.NewGraph(4, nn.Training)
	w := g.Param("w", nn.Normal(0.5), 40, 50)
	if g.Param("w", nn.Constant(1), 40, 50) != w {
		t.Error("the same name gave another node")
	}
	g.Param("gain", nn.Constant(1), 50)
	g.Param("table", nn.Uniform(-2, 3).Lookup(), 50, 50)
	g.Param("expert", nn.FanIn().Active(0.25).NoDecay(), 2, 64)
	g.Param("bias", nn.Constant(0).Buffer(), 3, 3)
	type facts struct {
		name          string
		decay, lookup bool
		buffer        bool
		active        float64
	}
	var got []facts
	for _, p := range g.Params() {
		got = append(got, facts{p.Name, p.Decay, p.Lookup, p.Buffer, p.Active})
	}
	want := []facts{
		{"w", true, false, false, 1},
		{"gain", false, false, false, 1},
		{"table", true, true, false, 1},
		{"expert", false, false, false, 0.25},
		{"bias", false, false, true, 1},
	}
	if !slices.Equal(got, want) {
		t.Errorf("parameters\n%v, want\n%v", got, want)
	}
}

// Initial values have the distribution asked for and depend on the seed and the name only.
func TestFill(t *testing.T) {
	fill := func(before int, name string, seed uint64, init nn.Init) []float32 {
		g := nn.NewGraph(1, nn.Training)
		for i := range before {
			g.Param(string(rune('a'+i)), nn.Normal(1), 3)
		}
		g.Param(name, init, 100, 64)
		p := g.Params()[before]
		w := make([]float32, p.Size())
		p.Fill(seed, w)
		return w
	}
	first := fill(0, "w", 1, nn.Normal(0.5))
	if !slices.Equal(first, fill(3, "w", 1, nn.Normal(0.5))) {
		t.Error("other parameters change the values")
	}
	if slices.Equal(first, fill(0, "w", 2, nn.Normal(0.5))) || slices.Equal(first, fill(0, "v", 1, nn.Normal(0.5))) {
		t.Error("the seed or the name does not change the values")
	}
	for _, c := range []struct {
		name      string
		init      nn.Init
		mean, std float64
		limit     float64
	}{
		{"normal", nn.Normal(0.5), 0, 0.5, math.Inf(1)},
		{"uniform", nn.Uniform(-1, 2), 0.5, 3 / math.Sqrt(12), 2},
		{"fan in", nn.FanIn(), 0, 0.125 / math.Sqrt(3), 0.125},
		{"constant", nn.Constant(3), 3, 0, 3},
	} {
		w := fill(0, c.name, 1, c.init)
		mean, square := 0.0, 0.0
		for _, x := range w {
			mean += float64(x) / float64(len(w))
			if math.Abs(float64(x)) > c.limit {
				t.Errorf("%s: %g is beyond %g", c.name, x, c.limit)
			}
		}
		for _, x := range w {
			square += (float64(x) - mean) * (float64(x) - mean) / float64(len(w))
		}
		// Four standard errors of a mean and of a deviation of 6400 draws.
		if math.Abs(mean-c.mean) > 4*c.std/80+1e-9 || math.Abs(math.Sqrt(square)-c.std) > 4*c.std/80/math.Sqrt2+1e-9 {
			t.Errorf("%s: mean %g, deviation %g, want %g and %g", c.name, mean, math.Sqrt(square), c.mean, c.std)
		}
	}
}

// Builders refuse shapes with the op, the axis, what they got and what they want.
func TestShapeErrors(t *testing.T) {
	g := nn.NewGraph(5, nn.Training)
	param := func(name string, shape ...int) *nn.Node { return g.Param(name, nn.Constant(0), shape...) }
	x, w, v := param("x", 5, 12), param("w", 6, 11), param("v", 7)
	for _, c := range []struct {
		want  string
		build func()
	}{
		{"linear: w has shape [6 11], want [-1 12]", func() { nn.Linear(x, w, nil) }},
		{"linear: bias has shape [7], want [6]", func() { nn.Linear(param("y", 5, 11), w, v) }},
		{"rmsnorm: gain has shape [7], want [12]", func() { nn.RMSNorm(x, v, 1) }},
		{"layernorm: gain has shape [7], want [12]", func() { nn.LayerNorm(x, v, nil, 1) }},
		{"headnorm: 12 columns are not H+2G=3+2·1 heads", func() { nn.HeadNorm(x, v, v, 3, 1, 1) }},
		{"swiglu: 2F=11 is odd", func() { nn.SwiGLU(w) }},
		{"add: y has shape [6 11], want [5 12]", func() { nn.Add(x, w) }},
		{"rotary: K=3 is odd", func() { nn.Rotary(x, 2, 3, 100) }},
		{"rotary: heads·K=4·4 exceeds the row's 12 columns", func() { nn.Rotary(x, 4, 4, 100) }},
		{"attention: H=4 is not divisible by G=3", func() { g.Attention("a", x, nn.AttentionConfig{Heads: 4, KVHeads: 3, Width: 1}) }},
		{"attention: qkv has shape [5 12], want [5 8]", func() { g.Attention("a", x, nn.AttentionConfig{Heads: 2, KVHeads: 1, Width: 2}) }},
		{"attention: window=-1 is negative", func() { g.Attention("a", x, nn.AttentionConfig{Heads: 1, KVHeads: 1, Width: 4, Window: -1}) }},
		{"causalconv: w has shape [6 11], want [12 -1]", func() { g.CausalConv("c", x, w, nil) }},
		{"columns: [3,13) of D=12", func() { nn.Columns(x, 3, 13) }},
		{"split: widths [3 4] add up to 7, want D=12", func() { nn.Split(x, 3, 4) }},
		{"concat: a part has shape [6 11], want [5 -1]", func() { nn.Concat(x, w) }},
		{"embedding: ids has shape [5 12], want [-1]", func() { nn.Embedding(w, x) }},
		{"loss: projection has shape [6 11], want [-1 12]", func() { nn.Loss(g, nn.Output{Hidden: x, Projection: w}) }},
		{"parameter x: the tied tensor has shape [5 12], want [4 12]", func() { param("x", 4, 12) }},
		{"parameter z: axis 1 has size 0, want at least 1", func() { param("z", 4, 0) }},
		{"norm: got \"rms\", want rmsnorm or layernorm", func() { nn.Norm{Kind: "rms"}.Forward(g, "n", x) }},
		{"mlp: got \"relu\", want gelu, squared_relu or swiglu", func() { nn.MLP{Kind: "relu", Hidden: 4, Init: nn.FanIn()}.Forward(g, "m", x) }},
	} {
		func() {
			defer func() {
				e, ok := recover().(*nn.ShapeError)
				if !ok || e.Error() != c.want {
					t.Errorf("got %v, want %q", e, c.want)
				}
			}()
			c.build()
			t.Errorf("%q: nothing was refused", c.want)
		}()
	}
}
