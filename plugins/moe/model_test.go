package moe

import (
	"context"
	"encoding/json"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/archlab/archlab/core/family"
	"github.com/archlab/archlab/core/sdk/conformance"
	"github.com/archlab/archlab/plugins/internal/familytest"
)

// TestReference holds losses, gradients and the bias's rule against PyTorch, which runs every expert on every token; see
// testdata/reference.py.
func TestReference(t *testing.T) {
	familytest.Reference(t, Family(), "testdata/reference.json", func(name string, i int) float64 {
		if strings.HasSuffix(name, "norm.gain") {
			return familytest.Sine(name, i, 1, 0.2)
		}
		return familytest.Sine(name, i, 0, 0.4)
	})
}

func TestCurves(t *testing.T) {
	for name, config := range map[string]string{
		"default":  `{"width":16,"layers":2,"experts":4,"init_std":0.1}`,
		"switch":   `{"preset":"switch","width":16,"layers":2,"experts":4,"init_std":0.1}`,
		"deepseek": `{"preset":"deepseek","width":16,"layers":2,"experts":4,"segments":2,"init_std":0.1}`,
	} {
		t.Run(name, func(t *testing.T) {
			familytest.Curve(t, Family(), config, "testdata/curve-"+name+".txt")
		})
	}
}

// plain configs use every expert: the choice of some is a step, which no slope of the loss sees. What auxiliary losses and
// the bias do is held against the reference instead.
const plain = `"top_k":4,"balance_loss":0,"z_loss":0,"bias_rate":0,"capacity":0`

func TestConformance(t *testing.T) {
	conformance.Test(t, Family(), conformance.Options{
		Configs: []conformance.Config{
			{
				Name:  "softmax",
				JSON:  json.RawMessage(`{"width":16,"layers":2,"experts":4}`),
				Plain: json.RawMessage(`{` + plain + `}`),
				Bad: []conformance.BadConfig{
					{JSON: json.RawMessage(`{"top_k":5}`), Field: "top_k"},
					{JSON: json.RawMessage(`{"shared":2}`), Field: "shared"},
					{JSON: json.RawMessage(`{"dense_layers":3}`), Field: "dense_layers"},
					{JSON: json.RawMessage(`{"ff_width":7}`), Field: "ff_width"},
					{JSON: json.RawMessage(`{"top_k":1}`), Field: "normalize_gates"},
					{JSON: json.RawMessage(`{"segments":2,"shared":3}`), Field: "normalize_gates"},
					{JSON: json.RawMessage(`{"heads":3}`), Field: "heads"},
				},
			},
			{
				Name:  "deepseek",
				JSON:  json.RawMessage(`{"preset":"deepseek","width":16,"layers":2,"experts":4,"segments":2,"z_loss":0.01}`),
				Plain: json.RawMessage(`{` + plain + `}`),
			},
			{
				Name:  "capacity",
				JSON:  json.RawMessage(`{"preset":"switch","mlp":"gelu","width":16,"layers":2,"experts":4}`),
				Plain: json.RawMessage(`{` + plain + `}`),
				Skip: map[string]string{
					"loss": "a capacity drops tokens in training and not in scoring, so that the two losses differ by design",
				},
			},
		},
		Quick: true,
	})
}

// TestBalance holds the bias's rule to the paper: up where the load is below the mean, down where it is above.
func TestBalance(t *testing.T) {
	bias := []float32{0, 1, 2, 3}
	balance(0.5)(bias, []float32{1, 5, 2, 0})
	want := []float32{0.5, 0.5, 2, 3.5}
	for i, w := range want {
		if bias[i] != w {
			t.Errorf("bias[%d] is %g, want %g", i, bias[i], w)
		}
	}
}

// TestBiasBalances: a model whose loss says nothing of the load has a lower imbalance with the bias than without.
func TestBiasBalances(t *testing.T) {
	imbalance := func(rate string) float64 {
		ctx := context.Background()
		m, _, err := Family().Build(ctx, family.BuildRequest{
			Config: json.RawMessage(`{"width":16,"layers":1,"experts":8,"top_k":1,"normalize_gates":false,"gate":"sigmoid","init_std":0.3,"balance_loss":0,"z_loss":0,"bias_rate":` + rate + `}`),
			Vocab:  23, Context: 32, Seed: 3, Threads: 1,
		})
		if err != nil {
			t.Fatal(err)
		}
		defer m.Release(ctx)
		rng := rand.New(rand.NewPCG(1, 2))
		last := 0.0 // mean of the last 30 steps
		for step := range 120 {
			b := family.Batch{B: 8, T: 32}
			for range b.B * b.T {
				b.Tokens = append(b.Tokens, rng.Int32N(23))
				b.Targets = append(b.Targets, rng.Int32N(23))
				b.Weights = append(b.Weights, 1.0/256)
			}
			res, err := m.Train(ctx, family.TrainRequest{
				MicroBatches: []family.Batch{b},
				Optimizer:    family.OptimizerStep{LearningRate: 1e-3, Beta1: 0.9, Beta2: 0.95, Epsilon: 1e-8},
			})
			if err != nil {
				t.Fatal(err)
			}
			last += res.Metrics["load_max_over_mean"] / 30
			if step == 89 {
				last = 0
			}
		}
		return last
	}
	without, with := imbalance("0"), imbalance("0.003")
	if !(with < 0.8*without) {
		t.Errorf("load of the busiest expert over the mean: %.2f with the bias, %.2f without", with, without)
	}
}

// TestCostsFollowActiveExperts: with more experts of the same size, a token's compute grows by its router's row only.
func TestCostsFollowActiveExperts(t *testing.T) {
	card := func(experts string) family.Card {
		_, c, err := Family().Build(context.Background(), family.BuildRequest{
			Config: json.RawMessage(`{"width":64,"layers":2,"experts":` + experts + `}`), Vocab: 64, CardOnly: true, Lengths: []int{64},
		})
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	few, many := card("4"), card("64")
	if many.Parameters < 8*few.Parameters {
		t.Errorf("64 experts have %d parameters, 4 have %d", many.Parameters, few.Parameters)
	}
	if r := float64(many.ActiveParameters-2*64*60) / float64(few.ActiveParameters); math.Abs(r-1) > 1e-9 {
		t.Errorf("active parameters beside the router grew by %g", r)
	}
	if r := many.Costs[0].PrefillFLOPs / few.Costs[0].PrefillFLOPs; r > 1.1 {
		t.Errorf("compute grew by %g", r)
	}
}

func TestResolvedConfig(t *testing.T) {
	cases := map[string]struct {
		config                 string
		routed, chosen, hidden int
	}{
		"default":               {`{"width":48}`, 8, 2, 64},
		"default, odd division": {`{"width":40,"top_k":3}`, 8, 3, 35},
		"deepseek":              {`{"preset":"deepseek","width":48}`, 31, 7, 16},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			_, card, err := Family().Build(context.Background(), family.BuildRequest{Config: json.RawMessage(c.config), Vocab: 5, CardOnly: true})
			if err != nil {
				t.Fatal(err)
			}
			for _, x := range card.Tensors {
				if x.Name == "layers.1.moe.experts.down" && (x.Shape[0] != c.routed || x.Shape[2] != c.hidden) {
					t.Errorf("experts have shape %v, want %d of width %d", x.Shape, c.routed, c.hidden)
				}
			}
			var got Config
			if err := json.Unmarshal(card.Config, &got); err != nil {
				t.Fatal(err)
			}
			if got.chosen() != c.chosen {
				t.Errorf("a token chooses %d, want %d", got.chosen(), c.chosen)
			}
			_, again, err := Family().Build(context.Background(), family.BuildRequest{Config: card.Config, Vocab: 5, CardOnly: true})
			if err != nil {
				t.Fatal(err)
			}
			if string(again.Config) != string(card.Config) || again.Parameters != card.Parameters {
				t.Errorf("the resolved config builds %s, want %s", again.Config, card.Config)
			}
		})
	}
}

// TestEveryTensorLearns: the loss of prediction alone reaches the routers too.
func TestEveryTensorLearns(t *testing.T) {
	alone := `"balance_loss":0,"z_loss":0`
	familytest.Gradients(t, Family(), `{`+alone+`}`, nil)
	familytest.Gradients(t, Family(), `{`+alone+`,"width":16,"preset":"switch"}`, nil)
	// Gates that do not depend on the scores, which are what normalising a single one would make.
	if _, _, err := Family().Build(context.Background(), family.BuildRequest{Config: json.RawMessage(`{"top_k":1}`), Vocab: 5, CardOnly: true}); family.CodeOf(err) != family.InvalidConfig {
		t.Errorf("normalised gates of one expert: got %v, want an error", err)
	}
}
