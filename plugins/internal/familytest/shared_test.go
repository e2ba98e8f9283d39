package familytest_test

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/archlab/archlab/core/family"
	"github.com/archlab/archlab/core/safetensors"
	"github.com/archlab/archlab/plugins/mamba"
	"github.com/archlab/archlab/plugins/moe"
	"github.com/archlab/archlab/plugins/mtp"
	"github.com/archlab/archlab/plugins/transformer"
)

// decoders are the families that embed nn.DecoderConfig.
var decoders = map[string]family.Family{"transformer": transformer.Family(), "moe": moe.Family(), "mtp": mtp.Family()}

func build(t *testing.T, fam family.Family, req family.BuildRequest) (family.Model, family.Card) {
	t.Helper()
	m, card, err := fam.Build(context.Background(), req)
	if err != nil {
		t.Fatal(err)
	}
	if m != nil {
		t.Cleanup(func() { m.Release(context.Background()) })
	}
	return m, card
}

// resolved is the config on a card, key by key.
func resolved(t *testing.T, fam family.Family, config string) map[string]json.RawMessage {
	t.Helper()
	_, card := build(t, fam, family.BuildRequest{Config: json.RawMessage(config), Vocab: 50, Context: 64, CardOnly: true})
	var keys map[string]json.RawMessage
	if err := json.Unmarshal(card.Config, &keys); err != nil {
		t.Fatal(err)
	}
	return keys
}

// Decoders that are given the same keys share all that a transformer's config says, so that a comparison between them is about
// what they add.
func TestDecodersResolveAlike(t *testing.T) {
	for _, config := range []string{
		`{}`, `{"width":96,"layers":3}`, `{"width":136,"ff_width":256}`, `{"width":64,"mlp":"gelu","positions":"learned"}`,
		`{"width":64,"heads":4,"kv_heads":2,"conv":4,"window":9,"qk_norm":true,"ff_width":64}`,
		`{"width":48,"head_width":16,"norm":"layernorm","bias":true,"tie_embeddings":false,"rope_theta":500}`, `{"init_std":0.02}`,
	} {
		want := resolved(t, decoders["transformer"], config)
		for name, fam := range decoders {
			got := resolved(t, fam, config)
			for key, value := range want {
				if string(got[key]) != string(value) {
					t.Errorf("%s: %s resolves %s to %s, a transformer to %s", config, name, key, got[key], value)
				}
			}
		}
	}
}

func weights(t *testing.T, fam family.Family, config string, seed uint64) map[string]safetensors.Tensor {
	t.Helper()
	m, _ := build(t, fam, family.BuildRequest{Config: json.RawMessage(config), Vocab: 50, Context: 64, Seed: seed, Threads: 1})
	var file bytes.Buffer
	if err := m.Save(context.Background(), family.Weights, &file); err != nil {
		t.Fatal(err)
	}
	list, _, err := safetensors.Read(&file)
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]safetensors.Tensor{}
	for _, x := range list {
		out[x.Name] = x
	}
	return out
}

// The main path of mtp starts as the transformer of the same config and seed, and moe as it wherever it has no experts: bit for bit.
func TestDecodersStartAlike(t *testing.T) {
	for _, c := range []struct {
		family, extra string
		missing       func(name string) bool // the transformer's tensors that the family has something else for
	}{
		{"mtp", `,"form":"sequential","extra":2`, nil},
		{"mtp", `,"form":"independent","extra":2`, nil},
		{"moe", ``, func(name string) bool { return strings.Contains(name, ".mlp") }},
		{"moe", `,"dense_layers":1`, func(name string) bool { return strings.HasPrefix(name, "layers.1.mlp") }},
		{"moe", `,"dense_layers":2`, nil},
	} {
		for _, base := range []string{`"width":24,"layers":2`, `"width":32,"layers":2,"tie_embeddings":false,"positions":"learned","conv":3,"bias":true`} {
			const seed = 9
			want := weights(t, decoders["transformer"], `{`+base+`}`, seed)
			got := weights(t, decoders[c.family], `{`+base+c.extra+`}`, seed)
			same := 0
			for name, w := range want {
				if c.missing != nil && c.missing(name) {
					if _, ok := got[name]; ok {
						t.Errorf("%s %s: has %s", c.family, c.extra, name)
					}
					continue
				}
				same++
				if fmt.Sprint(got[name].Shape) != fmt.Sprint(w.Shape) || !bytes.Equal(got[name].Data, w.Data) {
					t.Errorf("%s %s%s: %s %v differs from the transformer's %v", c.family, base, c.extra, name, got[name].Shape, w.Shape)
				}
			}
			if same < 6 {
				t.Errorf("%s %s: only %d tensors compared", c.family, c.extra, same)
			}
			other := weights(t, decoders[c.family], `{`+base+c.extra+`}`, seed+1)
			if bytes.Equal(other["embed.weight"].Data, got["embed.weight"].Data) {
				t.Errorf("%s %s: another seed starts alike", c.family, c.extra)
			}
		}
	}
}

// What each family's defaults come to is written down, so that no change of one goes unseen.
func TestDefaults(t *testing.T) {
	var text strings.Builder
	for _, f := range []struct {
		name string
		fam  family.Family
	}{{"transformer", transformer.Family()}, {"mamba", mamba.Family()}, {"moe", moe.Family()}, {"mtp", mtp.Family()}} {
		d, err := f.fam.Describe(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		configs := []string{`{}`}
		for _, p := range slices.Sorted(maps.Keys(d.Presets)) {
			configs = append(configs, `{"preset":"`+p+`"}`)
		}
		for _, config := range configs {
			_, card := build(t, f.fam, family.BuildRequest{Config: json.RawMessage(config), Vocab: 512, Context: 128, CardOnly: true})
			var shown bytes.Buffer
			if err := json.Indent(&shown, card.Config, "", "  "); err != nil {
				t.Fatal(err)
			}
			fmt.Fprintf(&text, "%s %s: %d parameters, %d active\n%s\n\n", f.name, config, card.Parameters, card.ActiveParameters, &shown)
		}
	}
	const path = "testdata/defaults.txt"
	if flag.Lookup("update").Value.String() == "true" {
		if err := os.WriteFile(path, []byte(text.String()), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	got := strings.Split(text.String(), "\n")
	for i, line := range strings.Split(string(want), "\n") {
		if i >= len(got) || got[i] != line {
			t.Fatalf("line %d of %s is %q, the families say %q", i+1, path, line, append(got, "")[min(i, len(got))])
		}
	}
	if len(got) > len(strings.Split(string(want), "\n")) {
		t.Errorf("%s is shorter than what the families say", path)
	}
}
