package conformance

import (
	"encoding/json"
	"slices"
	"testing"

	"github.com/archlab/archlab/core/family"
)

func TestPropertyAcceptsAndWrongs(t *testing.T) {
	cases := []struct {
		name, property string
		good, bad      []string
		wrongs         []string
	}{
		{"integer", `{"type":"integer","minimum":1,"maximum":8}`, []string{"1", "8", "2.0"}, []string{"0", "9", "1.5", `"1"`, "null", "true"}, []string{`"seven"`, "1.5", "0", "9"}},
		{"number", `{"type":"number","exclusiveMinimum":0,"exclusiveMaximum":1}`, []string{"0.5"}, []string{"0", "1", `"x"`}, []string{`"seven"`, "0", "1"}},
		{"string", `{"type":"string"}`, []string{`""`}, []string{"7", "[]"}, []string{"7"}},
		{"choice", `{"type":"string","enum":["a","b"]}`, []string{`"a"`}, []string{`"c"`, "7"}, []string{"7", `"no_such_choice"`}},
		{"switch", `{"type":"boolean"}`, []string{"true"}, []string{"1", `"true"`}, []string{`"seven"`}},
		{"two types", `{"type":["integer","null"]}`, []string{"3", "null"}, []string{`"x"`, "0.5"}, []string{`"seven"`, "1.5"}},
		{"list", `{"type":"array"}`, []string{"[1]"}, []string{"7"}, []string{`"seven"`}},
		{"anything", `{}`, []string{"1", `"x"`, "{}"}, nil, nil},
	}
	for _, c := range cases {
		var p property
		if err := json.Unmarshal([]byte(c.property), &p); err != nil {
			t.Fatal(err)
		}
		for _, v := range c.good {
			if why := p.accepts(json.RawMessage(v)); why != "" {
				t.Errorf("%s: %s refused: %s", c.name, v, why)
			}
		}
		for _, v := range c.bad {
			if p.accepts(json.RawMessage(v)) == "" {
				t.Errorf("%s: %s accepted", c.name, v)
			}
		}
		var got []string
		for _, w := range p.wrongs() {
			got = append(got, w.value)
			if p.accepts(json.RawMessage(w.value)) == "" {
				t.Errorf("%s: %s is called wrong (%s) and fits", c.name, w.value, w.what)
			}
		}
		if !slices.Equal(got, c.wrongs) {
			t.Errorf("%s: wrong values %v, want %v", c.name, got, c.wrongs)
		}
	}
}

func TestConfigsToJudge(t *testing.T) {
	d := family.Description{Knob: family.Knob{Field: "width", Min: 8}}
	cases := []struct {
		name, schema string
		opts         Options
		want         []string // JSON of each config
		plain        string   // of the first
	}{
		{"given", `{"examples":[{"a":1}],"x-archlab-plain":{"aux":0}}`, Options{Configs: []Config{{Name: "x"}, {JSON: json.RawMessage(`{"b":2}`)}}}, []string{`{}`, `{"b":2}`}, `{"aux":0}`},
		{"given with its own plain", `{"x-archlab-plain":{"aux":0}}`, Options{Configs: []Config{{Plain: json.RawMessage(`{"z":0}`)}}}, []string{`{}`}, `{"z":0}`},
		{"examples", `{"examples":[{"a":1},{"a":2}]}`, Options{}, []string{`{"a":1}`, `{"a":2}`}, ""},
		{"knob", `{}`, Options{}, []string{`{"width":8}`}, ""},
		{"broken schema", `{`, Options{}, []string{`{"width":8}`}, ""},
	}
	for _, c := range cases {
		d.ConfigSchema = json.RawMessage(c.schema)
		got := c.opts.configs(d)
		if len(got) != len(c.want) {
			t.Errorf("%s: %d configs, want %d", c.name, len(got), len(c.want))
			continue
		}
		for i := range got {
			if string(got[i].JSON) != c.want[i] {
				t.Errorf("%s: config %d is %s, want %s", c.name, i, got[i].JSON, c.want[i])
			}
		}
		if string(got[0].Plain) != c.plain {
			t.Errorf("%s: plain is %s, want %s", c.name, got[0].Plain, c.plain)
		}
	}
	if got := (Options{}).configs(family.Description{}); len(got) != 1 || string(got[0].JSON) != `{}` {
		t.Errorf("without anything: %+v, want the defaults", got)
	}
}

func TestOverlay(t *testing.T) {
	for _, c := range []struct{ base, over, want string }{
		{`{"a":1,"b":2}`, `{"b":3,"c":4}`, `{"a":1,"b":3,"c":4}`},
		{`{"a":1}`, ``, `{"a":1}`},
		{`{"a":1}`, `7`, ``},
	} {
		got, err := overlay(json.RawMessage(c.base), json.RawMessage(c.over))
		if (err != nil) != (c.want == "") || err == nil && string(got) != c.want {
			t.Errorf("%s over %s: %s, %v; want %s", c.over, c.base, got, err, c.want)
		}
	}
}

func TestContainsField(t *testing.T) {
	for _, c := range []struct {
		got, want string
		ok        bool
	}{
		{"batch.tokens[3]", "tokens", true}, {"micro_batches[1].targets", "targets", true}, {"heads", "heads", true},
		{"kv_heads", "heads", false}, {"", "heads", false}, {"block.heads", "block.heads", true},
	} {
		if containsField(c.got, c.want) != c.ok {
			t.Errorf("%q names %q: %v", c.got, c.want, !c.ok)
		}
	}
}
