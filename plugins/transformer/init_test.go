package transformer_test

import (
	"bytes"
	"context"
	"encoding/json"
	"math"
	"strings"
	"testing"

	"github.com/archlab/archlab/core/family"
	"github.com/archlab/archlab/core/safetensors"
	"github.com/archlab/archlab/plugins/transformer"
)

// Weights start as the README says.
func TestInit(t *testing.T) {
	ctx := context.Background()
	m, _, err := transformer.Family().Build(ctx, family.BuildRequest{
		Config: json.RawMessage(`{"preset":"gpt2","width":64,"layers":8,"conv":4,"qk_norm":true,"tie_embeddings":false,"init_std":0.03}`),
		Vocab:  97, Context: 50, Seed: 4,
	})
	if err != nil {
		t.Fatal(err)
	}
	defer m.Release(ctx)
	var file bytes.Buffer
	if err := m.Save(ctx, family.Weights, &file); err != nil {
		t.Fatal(err)
	}
	tensors, _, err := safetensors.Read(&file)
	if err != nil {
		t.Fatal(err)
	}
	for _, x := range tensors {
		w, err := x.Float32s()
		if err != nil {
			t.Fatal(err)
		}
		mean, std := 0.0, 0.03
		switch {
		case strings.HasSuffix(x.Name, ".gain"):
			mean, std = 1, 0
		case strings.HasSuffix(x.Name, ".bias"):
			std = 0
		case strings.HasSuffix(x.Name, "attention.out.weight"), strings.HasSuffix(x.Name, "mlp.down.weight"):
			std /= math.Sqrt(2 * 8)
		case strings.HasSuffix(x.Name, "conv.weight"):
			std = 1 / math.Sqrt(4) / math.Sqrt(3)
		}
		sum, square := 0.0, 0.0
		for _, v := range w {
			sum += float64(v)
			square += (float64(v) - mean) * (float64(v) - mean)
		}
		n := float64(len(w))
		// Four standard errors; there are some hundred tensors.
		if math.Abs(sum/n-mean) > 4*std/math.Sqrt(n) || math.Abs(math.Sqrt(square/n)-std) > 4*std/math.Sqrt(2*n) {
			t.Errorf("%s %v: mean %.4g, deviation %.4g, want %.4g and %.4g", x.Name, x.Shape, sum/n, math.Sqrt(square/n), mean, std)
		}
	}
}

// Whatever the config, Build answers a card or an error that names a key; it is never a bug of the family.
func FuzzConfig(f *testing.F) {
	for _, s := range []string{
		`{}`, `{"preset":"llama"}`, `{"width":130,"heads":4}`, `{"width":1,"positions":"none"}`, `{"heads":3,"head_width":5,"positions":"learned"}`,
		`{"kv_heads":4096}`, `{"conv":64,"window":1}`, `{"ff_width":1,"init_std":0}`, `{"width":7,"kv_heads":7,"mlp":"gelu"}`, `[1]`, `{"width":1e9}`,
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, config string) {
		_, card, err := transformer.Family().Build(context.Background(), family.BuildRequest{
			Config: json.RawMessage(config), Vocab: 5, Context: 8, CardOnly: true, Lengths: []int{1, 9},
		})
		switch {
		case err == nil:
			if len(card.Tensors) == 0 || card.Parameters < 1 || !(card.Costs[0].TrainFLOPs > 0) {
				t.Errorf("%s: card %+v", config, card)
			}
		case family.CodeOf(err) != family.InvalidConfig:
			t.Errorf("%s: %v", config, err)
		}
	})
}
