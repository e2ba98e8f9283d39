package experiment

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"gopkg.in/yaml.v3"

	"github.com/archlab/archlab/core/data/task"
)

// small is the least that an experiment must say.
const small = `name: small
data:
  corpus: gosrc
models:
  - family: bigram
train:
  budget: {tokens: 1M}
`

func TestDefaults(t *testing.T) {
	f, err := Parse("small.yaml", []byte(small), nil)
	if err != nil {
		t.Fatal(err)
	}
	want := Experiment{
		Name:   "small",
		Data:   Data{Corpus: &Corpus{Name: "gosrc", Split: "content"}, Tokenizer: Tokenizer{Kind: "bytes"}, Context: 256, Boundaries: "packed", Seed: 1},
		Models: []Model{{Name: "bigram", Family: "bigram"}},
		Train: Train{Budget: Budget{Tokens: 1_000_000}, Batch: 16, MicroBatches: 1, LearningRate: 3e-3,
			Schedule:  Schedule{Kind: "cosine", Warmup: 0.05, Decay: 0.2, Final: 0.1},
			Optimizer: Optimizer{Name: "adamw", Beta1: new(0.9), Beta2: new(0.95), Epsilon: new(1e-8), WeightDecay: new(0.1), Clip: 1},
			Precision: "fp32", Recompute: "none", NotFinite: NotFinite{Skip: 3}, Validate: Validate{Every: 50, Tokens: 32_000}, Checkpoint: Checkpoint{Every: 100, Keep: 2}},
		Seeds:  Seeds{Model: []uint64{1}},
		Eval:   Eval{Tokens: 64_000, Positions: true, Decode: []int{64, 256, 1024}, Examples: 256},
		Limits: Limits{Call: Duration(5 * time.Minute)},
	}
	if !reflect.DeepEqual(f.Experiment, want) {
		t.Errorf("got  %+v\nwant %+v", f.Experiment, want)
	}
}

// What is printed reads back as the same experiment, and printing that changes nothing.
func TestResolvedReadsBack(t *testing.T) {
	texts := map[string]string{"small": small, "task": strings.Replace(small, "corpus: gosrc", "task: {name: mqar, pairs: 4}", 1),
		"everything": everything}
	for _, o := range []string{"muon", "lion", "sgd", "{name: muon, scale: spectral}", "{name: sgd, momentum: 0, nesterov: false}"} {
		texts[o] = small + "  optimizer: " + o + "\n"
	}
	paths, err := filepath.Glob("../../configs/*.yaml")
	if err != nil || len(paths) == 0 {
		t.Fatalf("no configs: %v", err)
	}
	for _, p := range paths {
		data, err := os.ReadFile(p)
		if err != nil {
			t.Fatal(err)
		}
		texts[p] = string(data)
	}
	for name, text := range texts {
		first, err := Parse(name, []byte(text), nil)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		out, err := first.YAML()
		if err != nil {
			t.Fatal(err)
		}
		second, err := Parse(name, out, nil)
		if err != nil {
			t.Errorf("%s: its resolution does not read back: %v\n%s", name, err, out)
			continue
		}
		again, err := second.YAML()
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(out, again) {
			t.Errorf("%s: printed again it differs:\n%s\n%s", name, out, again)
		}
		raw, err := first.JSON()
		if err != nil || !json.Valid(raw) {
			t.Errorf("%s: JSON %s, %v", name, raw, err)
		}
	}
}

const everything = `name: everything
description: "all keys: each with a value"
data:
  corpus: {name: text, path: "*.md", field: body, max_bytes: 64MiB}
  tokenizer: {kind: bpe, vocab: 1K}
  context: 128
  boundaries: documents
  seed: 18446744073709551615
models:
  - {name: a, family: bigram, config: {width: 8, sleep_ms: 0.5, nan_scores: false}}
  - {name: b, family: bigram, plugin: ./archlab-plugin-bigram}
controls: [ngram, table]
match: {by: train_flops, target: 2.5M, tolerance: 1.5%}
train:
  budget: {seconds: 1h30m}
  batch: 12
  micro_batches: 3
  learning_rate: 0.0004
  schedule: {kind: wsd, warmup: 2%, decay: 0.25, final: 0}
  optimizer: {beta1: 0, beta2: 0.99, epsilon: 1e-9, weight_decay: 0, clip: 0}
  precision: fp32
  not_finite: {skip: 0}
  validate: {every: 0, tokens: 1_000}
  checkpoint: {every: 0, keep: 5}
seeds: {model: [3, 18446744073709551615]}
eval: {tokens: 2M, positions: false, decode: []}
limits: {call: 1500ms, threads: 2}
`

// Every key has a description, and a default that its own rules accept.
func TestTags(t *testing.T) {
	var walk func(reflect.Type)
	walk = func(typ reflect.Type) {
		for typ.Kind() == reflect.Pointer || typ.Kind() == reflect.Slice {
			typ = typ.Elem()
		}
		if typ.Kind() != reflect.Struct || typ == reflect.TypeFor[Object]() {
			return
		}
		for i, f := range fieldsOf(typ) {
			sf := typ.Field(i)
			where := typ.Name() + "." + sf.Name
			if f.key == "" || !strings.HasSuffix(f.doc, ".") {
				t.Errorf("%s: key %q, doc %q", where, f.key, f.doc)
			}
			for _, tag := range []string{"min", "max", "over"} {
				if s, ok := sf.Tag.Lookup(tag); ok && bound(sf.Tag, tag) == nil {
					t.Errorf("%s: %s %q is no number", where, tag, s)
				}
			}
			if _, known := wants[f.unit]; !known {
				t.Errorf("%s: unknown unit %q", where, f.unit)
			}
			if f.def != "" {
				d := &decoder{at: map[string]*yaml.Node{}, origin: map[*yaml.Node]string{}}
				d.missing(reflect.New(sf.Type).Elem(), f, where)
				if len(d.problems) > 0 {
					t.Errorf("%s: default: %v", where, d.problems)
				}
			}
			walk(sf.Type)
		}
	}
	walk(reflect.TypeFor[Experiment]())
}

// Overrides meet the same decoder; a later one wins; an alias is not shared with its anchor.
func TestSet(t *testing.T) {
	text := strings.Replace(small, "- family: bigram", "- &m {name: a, family: bigram, config: {width: 4}}\n  - {name: b, family: bigram, config: {width: 6}}", 1)
	f, err := Parse("x.yaml", []byte(text), []string{"train.batch=8", "train.batch=2", "models[1].config.width=64", "models.a.config.sleep_ms=1",
		"seeds.model=[5, 6]", "data.tokenizer.kind=bpe", "data.tokenizer.vocab=300", "data.corpus.max_bytes=1MB", "match={by: params, target: 1M}", "description=a: b"})
	// "a: b" is a mapping in YAML: the one problem.
	if ps, ok := IsProblems(err); !ok || len(ps) != 1 || ps[0].Error() != "--set description=a: b: description: got a mapping, want text" {
		t.Fatalf("got %v", err)
	}
	if f.Train.Batch != 2 || f.Data.Tokenizer.Vocab != 300 || f.Data.Corpus.Name != "gosrc" || f.Data.Corpus.MaxBytes != 1e6 || f.Match.Target != 1e6 || len(f.Seeds.Model) != 2 {
		t.Errorf("got %+v", f.Experiment)
	}
	a, _ := f.Models[0].Config.JSON()
	b, _ := f.Models[1].Config.JSON()
	if string(a) != `{"width":4,"sleep_ms":1}` || string(b) != `{"width":64}` {
		t.Errorf("configs are %s and %s", a, b)
	}
	shared := strings.Replace(small, "- family: bigram", "- {name: a, family: bigram, config: &c {width: 4}}\n  - {name: b, family: bigram, config: *c}", 1)
	if f, err = Parse("x.yaml", []byte(shared), []string{"models.b.config.width=9"}); err != nil {
		t.Fatal(err)
	}
	a, _ = f.Models[0].Config.JSON()
	b, _ = f.Models[1].Config.JSON()
	if string(a) != `{"width":4}` || string(b) != `{"width":9}` {
		t.Errorf("with an alias, configs are %s and %s", a, b)
	}
}

func TestNumbers(t *testing.T) {
	cases := []struct {
		text, unit string
		want       float64
		ok         bool
	}{
		{"32K", "count", 32000, true}, {"1.5M", "count", 1.5e6, true}, {"2B", "count", 2e9, true}, {"2G", "count", 2e9, true}, {"7", "count", 7, true},
		{"1_000", "count", 1000, true}, {"2e12", "count", 2e12, true}, {"8 M", "count", 8e6, true}, {"-3", "count", -3, true},
		{"5%", "fraction", 0.05, true}, {"0.05", "fraction", 0.05, true}, {"2.5 %", "fraction", 0.025, true},
		{"8MB", "bytes", 8e6, true}, {"64KiB", "bytes", 65536, true}, {"12B", "bytes", 12, true}, {"3K", "bytes", 3000, true},
		{"5%", "count", 0, false}, {"8MB", "count", 0, false}, {"K", "count", 0, false}, {"", "count", 0, false}, {"NaN", "", 0, false}, {"inf", "", 0, false},
		{"0x10", "count", 0, false}, {"1K", "", 0, false}, {"1KK", "count", 0, false}, {"five", "count", 0, false},
	}
	for _, c := range cases {
		got, err := parseNumber(c.text, c.unit)
		if (err == nil) != c.ok || got != c.want {
			t.Errorf("parseNumber(%q, %q) = %v, %v; want %v", c.text, c.unit, got, err, c.want)
		}
	}
	for _, unit := range []string{"", "count", "fraction", "bytes"} {
		for _, v := range []float64{0, 1, 7, 1000, 1024, 32000, 1.5e6, 1e9, 123456789, 0.05, 0.0333, 1. / 3, 1e-8, 2.5e17, 65536, 2e12} {
			if s := formatNumber(v, unit); !sameNumber(s, unit, v) {
				t.Errorf("%v in %q is written %q", v, unit, s)
			}
		}
	}
}

// The schema is valid JSON, closed, and says what the tags say.
func TestSchema(t *testing.T) {
	var s struct {
		Required             []string
		AdditionalProperties bool
		Properties           map[string]map[string]any
	}
	if err := json.Unmarshal(Schema(), &s); err != nil {
		t.Fatal(err)
	}
	if want := []string{"name", "data", "models", "train"}; !reflect.DeepEqual(s.Required, want) || s.AdditionalProperties {
		t.Errorf("required %v, additional %v", s.Required, s.AdditionalProperties)
	}
	train := s.Properties["train"]["properties"].(map[string]any)
	batch := train["batch"].(map[string]any)
	number := batch["anyOf"].([]any)[0].(map[string]any)
	if batch["default"] != 16.0 || number["type"] != "integer" || number["minimum"] != 1.0 || batch["description"] != "Sequences a step." {
		t.Errorf("train.batch is %v", batch)
	}
	if got := train["precision"].(map[string]any)["enum"]; !reflect.DeepEqual(got, []any{"fp32", "bf16", "fp16"}) {
		t.Errorf("train.precision allows %v", got)
	}
}

// The schema describes each task with the settings of its own declaration, and no others.
func TestSchemaOfTasks(t *testing.T) {
	var s struct {
		Properties struct {
			Data struct {
				Properties struct {
					Task struct {
						AnyOf []struct {
							AnyOf []struct {
								Title                string
								Properties           map[string]map[string]any
								AdditionalProperties bool
							}
							Enum []string
						}
					}
				}
			}
		}
	}
	if err := json.Unmarshal(Schema(), &s); err != nil {
		t.Fatal(err)
	}
	forms := s.Properties.Data.Properties.Task.AnyOf
	if len(forms) != 2 || !reflect.DeepEqual(forms[1].Enum, task.Names()) || len(forms[0].AnyOf) != len(task.Kinds) {
		t.Fatalf("forms of data.task: %+v", forms)
	}
	for i, k := range task.Kinds {
		got := forms[0].AnyOf[i]
		if got.Title != k.Name || got.Properties["name"]["const"] != k.Name || got.AdditionalProperties {
			t.Errorf("%s: got %+v", k.Name, got)
		}
		for _, key := range append(k.Keys(), "preset", "examples") {
			if doc, _ := got.Properties[key]["description"].(string); doc == "" {
				t.Errorf("%s.%s has no description", k.Name, key)
			}
		}
		if len(got.Properties) != len(k.Keys())+3 {
			t.Errorf("%s: %d properties", k.Name, len(got.Properties))
		}
	}
}

// The paper preset brings its publication's training set, unless the file says another.
func TestPaperPresetBringsItsTrainingSet(t *testing.T) {
	for keys, want := range map[string]int{
		"{name: in_context_recall, preset: paper}":                12_800,
		"{name: in_context_recall, preset: paper, examples: 100}": 100,
		"{name: in_context_recall}":                               0,
		"{name: induction, preset: paper}":                        0, // fresh examples
		"{name: selective_copy, preset: paper}":                   0, // not said
	} {
		f, err := Parse("x.yaml", []byte(strings.Replace(small, "corpus: gosrc", "task: "+keys, 1)), nil)
		if err != nil {
			t.Errorf("%s: %v", keys, err)
			continue
		}
		if f.Data.Task.Examples != want {
			t.Errorf("%s: %d examples, want %d", keys, f.Data.Task.Examples, want)
		}
	}
}
