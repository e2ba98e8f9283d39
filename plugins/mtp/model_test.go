package mtp

import (
	"context"
	"encoding/json"
	"strings"
	"testing"

	"github.com/archlab/archlab/core/family"
	"github.com/archlab/archlab/core/sdk/conformance"
	"github.com/archlab/archlab/plugins/internal/familytest"
)

// TestReference holds every head's loss and all gradients against PyTorch; see testdata/reference.py.
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
		"independent": `{"preset":"independent","width":16,"layers":2,"extra":2,"init_std":0.1}`,
		"sequential":  `{"preset":"deepseek","width":16,"layers":2,"extra":2,"init_std":0.1}`,
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
				Name: "independent",
				JSON: json.RawMessage(`{"preset":"independent","width":16,"layers":2,"extra":2}`),
				Bad: []conformance.BadConfig{
					{JSON: json.RawMessage(`{"heads":3}`), Field: "heads"},
					{JSON: json.RawMessage(`{"extra":0}`), Field: "extra"},
				},
			},
			{
				Name: "sequential",
				JSON: json.RawMessage(`{"preset":"deepseek","width":16,"layers":2,"extra":2}`),
			},
			{
				Name: "one block, untied",
				JSON: json.RawMessage(`{"form":"independent","width":16,"layers":1,"extra":1,"tie_embeddings":false}`),
				// Without the heads' losses the total is the loss, which is how gradients over micro-batches are compared.
				Plain: json.RawMessage(`{"head_loss":0}`),
			},
		},
		Quick: true,
	})
}

// TestHeadsCostNothingOutsideTraining: beside a model with fewer extra heads, scoring, decoding and its state cost the same and
// active parameters agree, while training and the parameters do not.
func TestHeadsCostNothingOutsideTraining(t *testing.T) {
	card := func(form, extra string) family.Card {
		_, c, err := Family().Build(context.Background(), family.BuildRequest{
			Config: json.RawMessage(`{"form":"` + form + `","extra":` + extra + `}`), Vocab: 64, CardOnly: true, Lengths: []int{64},
		})
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	for _, form := range []string{"independent", "sequential"} {
		one, many := card(form, "1"), card(form, "8")
		a, b := one.Costs[0], many.Costs[0]
		if a.PrefillFLOPs != b.PrefillFLOPs || a.DecodeFLOPs != b.DecodeFLOPs || a.StateBytes != b.StateBytes || one.ActiveParameters != many.ActiveParameters {
			t.Errorf("%s: heads cost outside of training: %+v and %d active, %+v and %d active", form, a, one.ActiveParameters, b, many.ActiveParameters)
		}
		if b.TrainFLOPs <= a.TrainFLOPs || many.Parameters <= one.Parameters {
			t.Errorf("%s: heads cost nothing in training", form)
		}
		if many.DraftHeads != 8 {
			t.Errorf("%s: %d draft heads, want 8", form, many.DraftHeads)
		}
	}
}

// TestEveryTensorLearns: each head's tensors learn from its loss, and without those all others learn from the main head's.
func TestEveryTensorLearns(t *testing.T) {
	familytest.Gradients(t, Family(), `{}`, nil)
	familytest.Gradients(t, Family(), `{"head_loss":0}`, func(name string) bool { return strings.HasPrefix(name, "heads.") })
}
