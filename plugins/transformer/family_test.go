package transformer_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/archlab/archlab/core/family"
	"github.com/archlab/archlab/core/host"
	"github.com/archlab/archlab/core/sdk"
	"github.com/archlab/archlab/core/sdk/conformance"
	"github.com/archlab/archlab/plugins/internal/familytest"
	"github.com/archlab/archlab/plugins/transformer"
)

// The test binary is the plugin too.
const serveEnv = "ARCHLAB_TEST_SERVE"

func TestMain(m *testing.M) {
	if os.Getenv(serveEnv) != "" {
		sdk.Serve(transformer.Family())
		return
	}
	os.Exit(m.Run())
}

// plugin launches the family in a process of its own.
func plugin(t *testing.T) family.Family {
	t.Helper()
	h := host.New(host.Options{
		Builtins:     []string{"transformer"},
		BuiltinArgs:  func(string) []string { return nil },
		Env:          []string{serveEnv + "=1"},
		StartTimeout: time.Minute,
	})
	t.Cleanup(func() {
		if err := h.Close(); err != nil {
			t.Error(err)
		}
	})
	p, err := h.Launch(context.Background(), "transformer")
	if err != nil {
		t.Fatal(err)
	}
	return p.Family()
}

func TestConformance(t *testing.T) {
	fam := plugin(t)
	// In full on one form, quickly on all that the family shows as examples.
	conformance.Test(t, fam, conformance.Options{Configs: []conformance.Config{{
		Name: "whole",
		JSON: json.RawMessage(`{"preset":"llama","width":16,"layers":2,"heads":4,"kv_heads":2,"ff_width":24}`),
		Bad: []conformance.BadConfig{
			{JSON: json.RawMessage(`{"heads":3}`), Field: "heads"},
			{JSON: json.RawMessage(`{"kv_heads":3}`), Field: "kv_heads"},
			{JSON: json.RawMessage(`{"heads":16,"kv_heads":1}`), Field: "head_width"},
		},
	}}})
	conformance.Test(t, fam, conformance.Options{Quick: true})
	// A window with a convolution is the one form whose states forget.
	conformance.Test(t, fam, conformance.Options{Only: []string{"decode-long"}, Configs: []conformance.Config{{
		Name: "window",
		JSON: json.RawMessage(`{"width":16,"layers":2,"heads":4,"kv_heads":1,"window":5,"conv":3}`),
	}}})
}

func TestCurve(t *testing.T) {
	for name, config := range map[string]string{
		"gpt2":  `{"preset":"gpt2","width":32,"layers":2,"heads":4,"init_std":0.2}`,
		"llama": `{"preset":"llama","width":32,"layers":2,"heads":4,"kv_heads":2,"init_std":0.2}`,
	} {
		t.Run(name, func(t *testing.T) {
			familytest.Curve(t, transformer.Family(), config, "testdata/curve-"+name+".txt")
		})
	}
}

// Every figure of the card is what the ops count, for every choice of the config.
func TestCosts(t *testing.T) {
	ctx := context.Background()
	const vocab, length, rows = 31, 24, 3
	for _, extra := range []string{
		``, `,"preset":"gpt2"`, `,"preset":"llama","kv_heads":1`, `,"mlp":"squared_relu","bias":true`,
		`,"window":7`, `,"window":100`, `,"qk_norm":true`, `,"conv":4,"bias":true`, `,"positions":"none","heads":2,"head_width":6`,
	} {
		config := fmt.Sprintf(`{"width":16,"layers":2%s}`, extra)
		m, card, err := transformer.Family().Build(ctx, family.BuildRequest{Config: json.RawMessage(config), Vocab: vocab, Context: 64, Lengths: []int{length}})
		if err != nil {
			t.Fatal(err)
		}
		cost, _ := card.Cost(length)
		batch := family.Batch{B: rows, T: length}
		for i := range rows * length {
			batch.Tokens = append(batch.Tokens, int32(i%vocab))
			batch.Targets = append(batch.Targets, int32(i*i%vocab))
			batch.Weights = append(batch.Weights, 1)
		}
		// A step's cost that does not depend on its tokens: the update, and adding up the gradients of a tied table.
		fixed := 0.0
		train := func(b family.Batch) float64 {
			return counted(t, m, func() error {
				_, err := m.Train(ctx, family.TrainRequest{MicroBatches: []family.Batch{b}, Optimizer: family.OptimizerStep{LearningRate: 1e-3, Beta1: 0.9, Beta2: 0.9, Epsilon: 1e-8}})
				return err
			})
		}
		one := family.Batch{B: 1, T: length, Tokens: batch.Tokens[:length], Targets: batch.Targets[:length], Weights: batch.Weights[:length]}
		whole, single := train(batch), train(one)
		fixed = single - (whole-single)/(rows-1)
		if fixed < float64(card.Parameters) {
			t.Errorf("%s: the update took %g operations for %d parameters", config, fixed, card.Parameters)
		}
		exact(t, config+": training", (whole-fixed)/(rows*length), cost.TrainFLOPs)
		exact(t, config+": prefill", counted(t, m, func() error { _, err := m.Score(ctx, batch); return err })/(rows*length), cost.PrefillFLOPs)

		ids, err := m.Open(ctx, 1)
		if err != nil {
			t.Fatal(err)
		}
		feed := func(tokens []int32) error {
			_, err := m.Extend(ctx, family.ExtendRequest{Items: []family.ExtendItem{{State: ids[0], Tokens: tokens}}})
			return err
		}
		if err := feed(one.Tokens); err != nil {
			t.Fatal(err)
		}
		exact(t, config+": decoding", counted(t, m, func() error { return feed(one.Tokens[:1]) }), cost.DecodeFLOPs)
		if err := m.Release(ctx); err != nil {
			t.Fatal(err)
		}
	}
}

// counted runs f and answers the operations that the ops counted.
func counted(t *testing.T, m family.Model, f func() error) float64 {
	t.Helper()
	if _, err := m.Profile(context.Background(), true); err != nil {
		t.Fatal(err)
	}
	if err := f(); err != nil {
		t.Fatal(err)
	}
	p, err := m.Profile(context.Background(), false)
	if err != nil {
		t.Fatal(err)
	}
	return p.FLOPs
}

// exact allows for the rounding of float64 sums only.
func exact(t *testing.T, what string, got, want float64) {
	t.Helper()
	near(t, what, got, want, 1e-9)
}

func TestEveryTensorLearns(t *testing.T) {
	familytest.Gradients(t, transformer.Family(), `{}`, nil)
}
