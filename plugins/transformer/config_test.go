package transformer_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/archlab/archlab/core/family"
	"github.com/archlab/archlab/plugins/transformer"
)

// card builds only the card.
func card(t *testing.T, config string) (family.Card, error) {
	t.Helper()
	m, c, err := transformer.Family().Build(context.Background(), family.BuildRequest{
		Config: json.RawMessage(config), Vocab: 50, Context: 64, CardOnly: true, Lengths: []int{16},
	})
	if m != nil {
		t.Error("a model in answer to CardOnly")
	}
	return c, err
}

func TestConfigErrors(t *testing.T) {
	for _, c := range []struct {
		config, want string // the error's whole text or its beginning
	}{
		{`{"width":130,"heads":4}`, "heads: width 130 is not divisible by 4"},
		{`{"width":130,"head_width":32}`, "head_width: width 130 is not divisible by 32"},
		{`{"width":127}`, "heads: no multiple of kv_heads=1 divides width 127 into heads of even width"},
		{`{"width":128,"heads":4,"kv_heads":3}`, "kv_heads: heads 4 is not divisible by 3"},
		{`{"width":12,"heads":4}`, "head_width: rotary positions need an even width of heads, got 3"},
		{`{"width":0}`, "width: got 0"},
		{`{"layers":-1}`, "layers: got -1"},
		{`{"norm":"rms"}`, `norm: got "rms"`},
		{`{"mlp":"relu"}`, `mlp: got "relu"`},
		{`{"positions":"rope"}`, `positions: got "rope"`},
		{`{"widht":64}`, `widht: unknown key; did you mean "width"?`},
		{`{"preset":"gpt3"}`, "preset: "},
		{`{"heads":"4"}`, "heads: got "},
	} {
		_, err := card(t, c.config)
		var typed *family.Error
		if !errors.As(err, &typed) || typed.Code != family.InvalidConfig || !strings.HasPrefix(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", c.config, err, c.want)
		}
	}
	_, _, err := transformer.Family().Build(context.Background(), family.BuildRequest{Config: json.RawMessage(`{"preset":"gpt2"}`), Vocab: 50, CardOnly: true})
	if err == nil || err.Error() != "positions: learned positions need to know the context's length" {
		t.Errorf("learned positions without a context: %v", err)
	}
}

// The card shows derived keys, and its config makes the same model again.
func TestResolvedConfig(t *testing.T) {
	for _, c := range []struct{ config, want string }{
		{`{"width":128}`, `"heads":4,"kv_heads":4,"head_width":32,"mlp":"swiglu","ff_width":344`},
		{`{"width":136}`, `"heads":4,"kv_heads":4,"head_width":34,"mlp":"swiglu","ff_width":360`},
		{`{"width":8}`, `"heads":1,"kv_heads":1,"head_width":8,"mlp":"swiglu","ff_width":24`},
		{`{"width":128,"heads":2,"kv_heads":1,"head_width":20,"mlp":"gelu"}`, `"heads":2,"kv_heads":1,"head_width":20,"mlp":"gelu","ff_width":512`},
		{`{"preset":"gpt2","width":96,"kv_heads":2}`, `"heads":4,"kv_heads":2,"head_width":24,"mlp":"gelu","ff_width":384`},
	} {
		first, err := card(t, c.config)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(string(first.Config), c.want) {
			t.Errorf("%s became %s, want %s", c.config, first.Config, c.want)
		}
		second, err := card(t, string(first.Config))
		if err != nil {
			t.Fatal(err)
		}
		if fmt.Sprintf("%+v", first) != fmt.Sprintf("%+v", second) {
			t.Errorf("%s: the card's config makes another card:\n%+v\n%+v", c.config, first, second)
		}
	}
}

// Turning the width by the knob's step changes the parameters smoothly: matching finds any target.
func TestKnob(t *testing.T) {
	d, err := transformer.Family().Describe(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	for _, extra := range []string{``, `,"preset":"gpt2"`, `,"heads":4,"kv_heads":2`, `,"heads":4,"preset":"llama","kv_heads":1,"qk_norm":true,"conv":4`} {
		last := 0.0
		for width := 64; width <= 640; width += d.Knob.Step {
			c, err := card(t, fmt.Sprintf(`{"width":%d%s}`, width, extra))
			if err != nil {
				t.Fatal(err)
			}
			n := float64(c.Parameters)
			// A step is at most an eighth of the width, so that a matrix grows by at most 27 %.
			if last > 0 && (n <= last || n > 1.3*last) {
				t.Errorf("width %d%s: %v parameters after %v", width, extra, n, last)
			}
			last = n
		}
	}
}

// The presets are the forms of the literature: the names and shapes of their tensors.
func TestPresets(t *testing.T) {
	for _, c := range []struct {
		config string
		want   []string
	}{
		{`{"preset":"gpt2","width":16,"layers":1,"heads":2}`, []string{
			"embed.weight [50 16]", "positions.weight [64 16]",
			"layers.0.attention_norm.gain [16]", "layers.0.attention_norm.bias [16]",
			"layers.0.attention.qkv.weight [48 16]", "layers.0.attention.qkv.bias [48]",
			"layers.0.attention.out.weight [16 16]", "layers.0.attention.out.bias [16]",
			"layers.0.mlp_norm.gain [16]", "layers.0.mlp_norm.bias [16]",
			"layers.0.mlp.up.weight [64 16]", "layers.0.mlp.up.bias [64]",
			"layers.0.mlp.down.weight [16 64]", "layers.0.mlp.down.bias [16]",
			"norm.gain [16]", "norm.bias [16]",
		}},
		{`{"preset":"llama","width":16,"layers":1,"heads":4,"kv_heads":2}`, []string{
			"embed.weight [50 16]",
			"layers.0.attention_norm.gain [16]",
			"layers.0.attention.qkv.weight [32 16]", "layers.0.attention.out.weight [16 16]",
			"layers.0.mlp_norm.gain [16]",
			"layers.0.mlp.up.weight [80 16]", "layers.0.mlp.down.weight [16 40]",
			"norm.gain [16]", "head.weight [50 16]",
		}},
	} {
		got, err := card(t, c.config)
		if err != nil {
			t.Fatal(err)
		}
		for i, x := range got.Tensors {
			if s := fmt.Sprint(x.Name, " ", x.Shape); i >= len(c.want) || s != c.want[i] {
				t.Errorf("%s: tensor %d is %s", c.config, i, s)
			}
		}
		if len(got.Tensors) != len(c.want) {
			t.Errorf("%s: %d tensors, want %d", c.config, len(got.Tensors), len(c.want))
		}
	}
}

// Tied, the token table takes part in the computation; untied, it is only looked up.
func TestEmbeddingParameters(t *testing.T) {
	for config, want := range map[string]int64{
		`{"width":16,"tie_embeddings":true}`:                        0,
		`{"width":16,"tie_embeddings":false}`:                       50 * 16,
		`{"width":16,"preset":"gpt2"}`:                              64 * 16,
		`{"width":16,"positions":"learned","tie_embeddings":false}`: (50 + 64) * 16,
	} {
		c, err := card(t, config)
		if err != nil {
			t.Fatal(err)
		}
		if c.Embedding != want || c.ActiveParameters != c.Parameters {
			t.Errorf("%s: %d embedding parameters and %d of %d active, want %d and all", config, c.Embedding, c.ActiveParameters, c.Parameters, want)
		}
	}
}

// With the published sizes, the presets have the published models' numbers of parameters, to the last one.
func TestPublishedSizes(t *testing.T) {
	for _, c := range []struct {
		name, config   string
		vocab, context int
		want           int64
	}{
		{"GPT-2", `{"preset":"gpt2","width":768,"layers":12,"heads":12}`, 50257, 1024, 124_439_808},
		{"GPT-2 medium", `{"preset":"gpt2","width":1024,"layers":24,"heads":16}`, 50257, 1024, 354_823_168},
		{"GPT-2 XL", `{"preset":"gpt2","width":1600,"layers":48,"heads":25}`, 50257, 1024, 1_557_611_200},
		{"LLaMA 7B", `{"preset":"llama","width":4096,"layers":32,"heads":32,"ff_width":11008}`, 32000, 2048, 6_738_415_616},
		{"Llama 3 8B", `{"preset":"llama","width":4096,"layers":32,"heads":32,"kv_heads":8,"ff_width":14336}`, 128256, 8192, 8_030_261_248},
	} {
		_, card, err := transformer.Family().Build(context.Background(), family.BuildRequest{
			Config: json.RawMessage(c.config), Vocab: c.vocab, Context: c.context, CardOnly: true,
		})
		if err != nil {
			t.Fatal(err)
		}
		if card.Parameters != c.want {
			t.Errorf("%s: %d parameters, want %d", c.name, card.Parameters, c.want)
		}
	}
}
