package mamba

import (
	"context"
	"encoding/json"
	"math"
	"strings"
	"testing"

	"github.com/archlab/archlab/core/family"
	"github.com/archlab/archlab/core/nn"
	"github.com/archlab/archlab/core/sdk/conformance"
	"github.com/archlab/archlab/plugins/internal/familytest"
)

// TestReference holds loss and gradients of every form against PyTorch; see testdata/reference.py.
func TestReference(t *testing.T) {
	familytest.Reference(t, Family(), "testdata/reference.json", func(name string, i int) float64 {
		switch {
		case strings.HasSuffix(name, "norm.gain") || strings.HasSuffix(name, ".D"):
			return familytest.Sine(name, i, 1, 0.2)
		case strings.HasSuffix(name, "A_log"):
			return familytest.Sine(name, i, 0.4, 0.5)
		case strings.HasSuffix(name, "dt_bias"):
			return familytest.Sine(name, i, -1.5, 0.7)
		}
		return familytest.Sine(name, i, 0, 0.4)
	})
}

func TestCurves(t *testing.T) {
	for name, config := range map[string]string{
		"mamba":          `{"width":16,"layers":2,"state":4}`,
		"mamba2":         `{"preset":"mamba2","width":16,"layers":2,"state":4,"head_width":8}`,
		"time-invariant": `{"preset":"time-invariant","width":16,"layers":2,"state":4}`,
	} {
		t.Run(name, func(t *testing.T) {
			familytest.Curve(t, Family(), config, "testdata/curve-"+name+".txt")
		})
	}
}

func TestConformance(t *testing.T) {
	conformance.Test(t, Family(), conformance.Options{
		Configs: []conformance.Config{
			{
				Name: "mamba",
				JSON: json.RawMessage(`{"width":16,"layers":2,"state":3}`),
				Bad: []conformance.BadConfig{
					{JSON: json.RawMessage(`{"head_width":8}`), Field: "head_width"},
					{JSON: json.RawMessage(`{"groups":1}`), Field: "groups"},
					{JSON: json.RawMessage(`{"dt_rank":33}`), Field: "dt_rank"},
					{JSON: json.RawMessage(`{"selective":false,"dt_rank":2}`), Field: "dt_rank"},
				},
			},
			{
				Name: "mamba2",
				JSON: json.RawMessage(`{"variant":"mamba2","width":16,"layers":2,"state":3,"head_width":8,"groups":2,"tie_embeddings":false}`),
				Bad: []conformance.BadConfig{
					{JSON: json.RawMessage(`{"head_width":5}`), Field: "head_width"},
					{JSON: json.RawMessage(`{"groups":3}`), Field: "groups"},
					{JSON: json.RawMessage(`{"dt_rank":2}`), Field: "dt_rank"},
					{JSON: json.RawMessage(`{"selective":false}`), Field: "selective"},
				},
			},
			{
				Name: "time-invariant",
				JSON: json.RawMessage(`{"selective":false,"width":16,"layers":2,"state":3,"conv":2}`),
			},
		},
		Quick: true,
	})
}

// TestInitialisation holds the parameters that the scan's dynamics start from to the papers' ranges, and checks that they
// are never decayed.
func TestInitialisation(t *testing.T) {
	for _, c := range []Config{
		{Variant: "mamba", Selective: true, Width: 64, Layers: 1, Expand: 2, Conv: 4},
		{Variant: "mamba", Width: 64, Layers: 1, Expand: 2, Conv: 4},
		{Variant: "mamba2", Selective: true, Width: 64, Layers: 1, Expand: 2, Conv: 4, HeadWidth: 1},
	} {
		arch, err := newModel(c, 11, 8)
		if err != nil {
			t.Fatal(err)
		}
		g := nn.NewGraph(1, nn.Training)
		arch.Forward(g)
		seen := 0
		for _, p := range g.Params() {
			w := make([]float32, p.Size())
			p.Fill(3, w)
			check := func(what string, lo, hi float64, value func(x float64) float64) {
				seen++
				least, most := math.Inf(1), math.Inf(-1)
				for _, x := range w {
					v := value(float64(x))
					least, most = min(least, v), max(most, v)
				}
				// float32 rounds the ends of a range.
				if least < lo*(1-1e-4) || most > hi*(1+1e-4) {
					t.Errorf("%s of %v is from %g to %g, want within [%g,%g]", what, c.Variant, least, most, lo, hi)
				}
				// 128 draws reach both halves of the range.
				if middle := (lo + hi) / 2; lo < hi && c.Selective && (least > middle || most < math.Sqrt(lo*hi)) {
					t.Errorf("%s of %v is from %g to %g: no draw from [%g,%g]", what, c.Variant, least, most, lo, hi)
				}
				if p.Decay {
					t.Errorf("%s has weight decay", p.Name)
				}
			}
			switch {
			case strings.HasSuffix(p.Name, "dt_bias"):
				check("the step", 0.001, 0.1, func(x float64) float64 { return math.Log1p(math.Exp(x)) })
			case strings.HasSuffix(p.Name, ".D"):
				check("D", 1, 1, func(x float64) float64 { return x })
			case strings.HasSuffix(p.Name, "A_log") && c.Variant == "mamba":
				check("-A", 1, 16, math.Exp)
				for i, x := range w {
					if want := float64(i%16 + 1); math.Abs(math.Exp(float64(x))-want) > 1e-5*want {
						t.Errorf("-A[%d,%d] = %g, want %g", i/16, i%16, math.Exp(float64(x)), want)
						break
					}
				}
			case strings.HasSuffix(p.Name, "A_log"):
				check("-A", 1, 16, math.Exp)
			}
		}
		if seen != 3 {
			t.Errorf("%v: found %d of A_log, dt_bias and D", c.Variant, seen)
		}
	}
}

// TestStateIsConstant: decoding state and cost do not grow with the context.
func TestStateIsConstant(t *testing.T) {
	for _, preset := range []string{"mamba", "mamba2", "time-invariant"} {
		_, card, err := Family().Build(context.Background(), family.BuildRequest{
			Config: json.RawMessage(`{"preset":"` + preset + `"}`), Vocab: 64, CardOnly: true, Lengths: []int{1, 1 << 20},
		})
		if err != nil {
			t.Fatal(err)
		}
		short, _ := card.Cost(1)
		long, _ := card.Cost(1 << 20)
		if short.StateBytes != long.StateBytes || short.DecodeFLOPs != long.DecodeFLOPs {
			t.Errorf("%s: state and decoding cost grow from %+v to %+v", preset, short, long)
		}
	}
}

func TestResolvedConfig(t *testing.T) {
	cases := map[string]struct {
		config string
		want   Config
	}{
		"mamba": {`{"width":40}`, Config{Variant: "mamba", Selective: true, Width: 40, Layers: 4, Expand: 2, State: 16, Conv: 4, StepRank: 3, Tied: true}},
		"mamba2 at a width that 64 does not divide": {`{"preset":"mamba2","width":40}`,
			Config{Variant: "mamba2", Selective: true, Width: 40, Layers: 4, Expand: 2, State: 64, Conv: 4, HeadWidth: 16, Groups: 1, Tied: true}},
		"time-invariant": {`{"preset":"time-invariant"}`, Config{Variant: "mamba", Width: 128, Layers: 4, Expand: 2, State: 16, Conv: 4, Tied: true}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			_, card, err := Family().Build(context.Background(), family.BuildRequest{Config: json.RawMessage(c.config), Vocab: 5, CardOnly: true})
			if err != nil {
				t.Fatal(err)
			}
			var got Config
			if err := json.Unmarshal(card.Config, &got); err != nil {
				t.Fatal(err)
			}
			if got != c.want {
				t.Errorf("got %+v, want %+v", got, c.want)
			}
			// What a card shows builds the same model again.
			_, again, err := Family().Build(context.Background(), family.BuildRequest{Config: card.Config, Vocab: 5, CardOnly: true})
			if err != nil {
				t.Fatal(err)
			}
			if string(again.Config) != string(card.Config) || again.Parameters != card.Parameters {
				t.Errorf("the resolved config builds %s with %d parameters, want %s with %d", again.Config, again.Parameters, card.Config, card.Parameters)
			}
		})
	}
}

func TestEveryTensorLearns(t *testing.T) {
	familytest.Gradients(t, Family(), `{}`, nil)
}
