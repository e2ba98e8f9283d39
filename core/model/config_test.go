package model

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/archlab/archlab/core/family"
)

type inner struct {
	Depth int     `json:"depth" min:"1" max:"9"`
	Rate  float64 `json:"rate" min:"0"`
}

type Shared struct {
	Norm string `json:"norm" enum:"rmsnorm,layernorm"`
}

type decodeConfigTest struct {
	Shared
	Width int   `json:"width" doc:"D" min:"1"`
	Tie   bool  `json:"tie"`
	Inner inner `json:"inner"`
	Sizes []int `json:"sizes"`
}

func decodeDefault() decodeConfigTest {
	return decodeConfigTest{Shared{"rmsnorm"}, 8, true, inner{2, 0.5}, []int{1}}
}

func TestDecodeConfig(t *testing.T) {
	cases := []struct{ name, raw, field, message string }{
		{"nothing", ``, "", ""},
		{"empty", `{}`, "", ""},
		{"all", `{"norm":"layernorm","width":3,"tie":false,"inner":{"depth":9},"sizes":[1,2]}`, "", ""},
		{"unknown", `{"widht":3}`, "widht", `unknown key; did you mean "width"?`},
		{"unknown and far", `{"qqqqqqq":3}`, "qqqqqqq", "unknown key, want one of norm, width, tie, inner, sizes"},
		{"unknown inside", `{"inner":{"deep":3}}`, "inner.deep", `did you mean "depth"?`},
		{"twice", `{"width":3,"width":4}`, "width", "given twice"},
		{"fraction", `{"width":1.5}`, "width", "got 1.5, want an integer"},
		{"word", `{"width":"big"}`, "width", `got "big", want an integer`},
		{"null", `{"width":null}`, "width", "got null, want an integer"},
		{"bool", `{"tie":1}`, "tie", "got 1, want true or false"},
		{"object", `{"inner":[1]}`, "inner", "got a list, want an object"},
		{"list", `{"sizes":3}`, "sizes", "got 3, want a list"},
		{"list entry", `{"sizes":[1,"x"]}`, "sizes[1]", `got "x", want an integer`},
		{"below", `{"width":0}`, "width", "got 0, want at least 1"},
		{"outside", `{"inner":{"depth":10}}`, "inner.depth", "got 10, want a number from 1 to 9"},
		{"negative", `{"inner":{"rate":-1}}`, "inner.rate", "got -1, want at least 0"},
		{"enum", `{"norm":"rmsnrom"}`, "norm", `got "rmsnrom", want one of rmsnorm, layernorm; did you mean "rmsnorm"?`},
		{"not an object", `[1]`, "", "got a list, want an object"},
		{"not JSON", `{"width":`, "width", "not JSON"},
		{"not JSON at all", `hello`, "", "not JSON"},
		{"data after", `{} {}`, "", "data follows"},
		{"overflow", `{"width":99999999999999999999}`, "width", "want an integer"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			config := decodeDefault()
			err := DecodeConfig(json.RawMessage(c.raw), &config)
			if c.message == "" {
				if err != nil {
					t.Fatalf("got %v, want no error", err)
				}
				return
			}
			var typed *family.Error
			if !errors.As(err, &typed) || typed.Code != family.InvalidConfig || typed.Field != c.field || !strings.Contains(typed.Message, c.message) {
				t.Errorf("got %v (%+v), want field %q and %q", err, typed, c.field, c.message)
			}
		})
	}
	config := decodeDefault()
	if err := DecodeConfig(json.RawMessage(`{"inner":{"depth":9},"norm":"layernorm"}`), &config); err != nil {
		t.Fatal(err)
	}
	if config.Inner != (inner{9, 0.5}) || config.Norm != "layernorm" || config.Width != 8 {
		t.Errorf("got %+v: given keys and defaults are mixed up", config)
	}
	if family.CodeOf(DecodeConfig(nil, &struct {
		A int `json:"a" min:"x"`
	}{})) != family.Internal {
		t.Error("a tag that is not a number: want an internal error")
	}
}

func FuzzDecodeConfig(f *testing.F) {
	f.Add(`{"width":3,"inner":{"depth":2,"rate":1e300},"sizes":[1,2,3]}`)
	f.Add(`{"norm":"layernorm","tie":false}`)
	f.Fuzz(func(t *testing.T, raw string) {
		config := decodeDefault()
		if DecodeConfig(json.RawMessage(raw), &config) != nil {
			return
		}
		out, err := json.Marshal(config)
		if err != nil {
			t.Fatal(err)
		}
		again := decodeDefault()
		if err := DecodeConfig(out, &again); err != nil {
			t.Fatalf("%q was taken, but not what it means: %s: %v", raw, out, err)
		}
	})
}

func TestSchema(t *testing.T) {
	got, err := Schema(decodeDefault())
	if err != nil {
		t.Fatal(err)
	}
	want := `{"$schema":"https://json-schema.org/draft/2020-12/schema","type":"object","properties":{` +
		`"norm":{"default":"rmsnorm","enum":["rmsnorm","layernorm"],"type":"string"},` +
		`"width":{"default":8,"description":"D","minimum":1,"type":"integer"},` +
		`"tie":{"default":true,"type":"boolean"},` +
		`"inner":{"type":"object","properties":{"depth":{"default":2,"maximum":9,"minimum":1,"type":"integer"},` +
		`"rate":{"default":0.5,"minimum":0,"type":"number"}},"additionalProperties":false},` +
		`"sizes":{"default":[1],"items":{"type":"integer"},"type":"array"}},"additionalProperties":false}`
	if string(got) != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestPresets(t *testing.T) {
	cases := []struct{ raw, want, message string }{
		{`{"preset":"wide"}`, `{"preset":"wide","width":32,"heads":2,`, ""},
		{`{"heads":4,"preset":"wide"}`, `{"preset":"wide","width":32,"heads":4,`, ""},
		{`{"width":64,"preset":"wide"}`, `{"preset":"wide","width":64,"heads":2,`, ""},
		{`{}`, `{"width":16,"heads":2,`, ""},
		{`{"preset":"wiede"}`, "", `got "wiede", want one of [wide]; did you mean "wide"?`},
		{`{"preset":3}`, "", "got 3, want a string"},
		{`{"preset":"wide","preset":"wide"}`, "", "given twice"},
	}
	for _, c := range cases {
		_, card, err := tinyFamily().Build(context.Background(), family.BuildRequest{Config: json.RawMessage(c.raw), Vocab: 5, Context: 8, CardOnly: true})
		if c.message != "" {
			if err == nil || !strings.Contains(err.Error(), c.message) || family.CodeOf(err) != family.InvalidConfig {
				t.Errorf("%s: got %v, want %q", c.raw, err, c.message)
			}
			continue
		}
		if err != nil || !strings.HasPrefix(string(card.Config), c.want) {
			t.Errorf("%s: got %s and %v, want %s...", c.raw, card.Config, err, c.want)
			continue
		}
		_, again, err := tinyFamily().Build(context.Background(), family.BuildRequest{Config: card.Config, Vocab: 5, Context: 8, CardOnly: true})
		if err != nil || string(again.Config) != string(card.Config) {
			t.Errorf("%s: the resolved config %s resolves to %s and %v", c.raw, card.Config, again.Config, err)
		}
	}
}

// Examples and the plain overlay stand in the schema, where a verifier finds them.
func TestSchemaHasExamples(t *testing.T) {
	d, err := tinyFamily().Describe(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	var s struct {
		Examples []json.RawMessage `json:"examples"`
		Plain    json.RawMessage   `json:"x-archlab-plain"`
	}
	if err := json.Unmarshal(d.ConfigSchema, &s); err != nil || len(s.Examples) != 3 || string(s.Plain) != `{"aux":0,"buffer":false}` {
		t.Errorf("got %d examples, plain %s and %v", len(s.Examples), s.Plain, err)
	}
	for _, x := range s.Examples {
		if _, _, err := tinyFamily().Build(context.Background(), family.BuildRequest{Config: x, Vocab: 5, Context: 8, CardOnly: true}); err != nil {
			t.Errorf("example %s: %v", x, err)
		}
	}
}
