package card

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/archlab/archlab/core/experiment"
)

// small is a card that is right.
const small = `name: small
claim: Wide models recall more.
paper: {cite: "Author 2024, Title", url: "https://example.org", where: table 1, setting: large, result: 0.9 against 0.1}
setting: scaled
scaled: [width 8 instead of 512]
experiment:
  data:
    task: {name: mqar, vocab: 128, length: 16, pairs: 2}
  models:
    - {name: wide, family: transformer, config: {width: 8}}
    - {name: narrow, family: transformer, config: {width: 2}}
  train: {budget: {tokens: 1K}, batch: 4}
  seeds: {model: [1, 2]}
  eval: {lengths: [32, 64]}
cases:
  - {name: a, set: [data.task.pairs=2]}
  - {name: b, set: [data.task.pairs=4]}
checks:
  - {that: wide recalls, model: wide, at_least: 0.9}
  - {that: it is better, model: wide, over: narrow, decided: true, cases: [b]}
  - {that: about so, model: narrow, near: 0.1, within: 0.05, seeds: every, cases: [a]}
beside: [params, seconds]
notes: ["Seen: it is so."]
`

func TestParse(t *testing.T) {
	c, err := Parse("small.yaml", []byte(small))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []struct {
		name  string
		pairs float64
	}{{"a", 2}, {"b", 4}} {
		f, err := c.For(want.name)
		if err != nil {
			t.Fatal(err)
		}
		if f.Name != "small-"+want.name || f.Data.Task.Settings["pairs"] != want.pairs || f.Data.Context != 16 || len(f.Models) != 2 {
			t.Errorf("case %s: got %s with %v pairs", want.name, f.Name, f.Data.Task.Settings["pairs"])
		}
	}
	f, err := c.For("a", "train.batch=2", "data.task.pairs=1")
	if err != nil || f.Train.Batch != 2 || f.Data.Task.Settings["pairs"] != 1 {
		t.Errorf("overrides come after those of the case: %v %+v", err, f.Data.Task)
	}
	if f, err := c.For("a"); err != nil || f.Data.Task.Settings["pairs"] != 2 {
		t.Error("an override of one experiment reached another")
	}
	if got := c.Checks[0].Expected(); got != "accuracy of wide >= 0.9" {
		t.Error(got)
	}
	if got := c.Checks[1].Expected(); got != "accuracy of wide - narrow decided for wide" {
		t.Error(got)
	}
	if got := c.Checks[2].Expected(); got != "accuracy of narrow 0.1 within 0.05, every seed" {
		t.Error(got)
	}
}

// Every mistake is told with the line of its key, experiments and overrides included.
func TestProblems(t *testing.T) {
	for name, c := range map[string]struct {
		old, new string
		want     string
	}{
		"unknown key":             {"setting: scaled", "seting: scaled", `small.yaml:4:1: seting: unknown key; did you mean "setting"?`},
		"no such setting":         {"setting: scaled", "setting: scale", `small.yaml:4:10: setting: got "scale", want one of faithful, scaled; did you mean "scaled"?`},
		"scaled in nothing":       {"scaled: [width 8 instead of 512]\n", "", `small.yaml:4:10: setting: a scaled card says under the key "scaled" in what it is not the paper's`},
		"faithful but scaled":     {"setting: scaled", "setting: faithful", `small.yaml:5:9: scaled: a faithful card is the paper's own setting; write setting: scaled`},
		"bad name":                {"name: small", "name: ../small", `small.yaml:1:7: name: got "../small", want letters`},
		"a name of an experiment": {"  seeds:", "  name: x y\n  seeds:", ""},
		"in the experiment":       {"batch: 4}", "bacth: 4}", `small.yaml:12:33: train.bacth: unknown key; did you mean "batch"?`},
		"beyond a range":          {"length: 16", "length: 15", `small.yaml:8:44: data.task.length: got 15, want an even number`},
		"in an override":          {"data.task.pairs=4", "data.task.pears=4", `data.task.pears: unknown key`},
		"two cases of a name":     {"{name: b", "{name: a", `two cases are named "a"`},
		"unknown case":            {"cases: [b]", "cases: [c]", `small.yaml:20:76: checks[1].cases[0]: there is no case "c"`},
		"unknown model":           {"model: narrow, near", "model: narow, near", `checks[2].model: there is no model "narow"; did you mean "narrow"?`},
		"unknown other":           {"over: narrow", "over: tiny", `checks[1].over: there is no model "tiny"`},
		"nothing expected":        {"model: wide, at_least: 0.9", "model: wide", `checks[0].that: nothing is expected`},
		"two bounds":              {"at_least: 0.9", "at_least: 0.9, at_most: 1", `checks[0].at_most: got at_least and at_most, want one of`},
		"near without within":     {", within: 0.05", "", `checks[2].within: near and within go together`},
		"decided alone":           {"over: narrow, decided", "decided", `checks[1].decided: a difference is decided`},
		"one seed":                {"[1, 2]}", "[1]}", `checks[1].decided: the experiment has one seed`},
		"itself":                  {"over: narrow", "over: wide", `checks[1].over: a model has no difference from itself`},
		"decided on validation":   {"decided: true", "decided: true, split: validation", `checks[1].split: reports compare on the test split`},
		"another length":          {"at_least: 0.9", "at_least: 0.9, length: 48", `checks[0].length: got 48, want one of eval.lengths, which are [32 64]`},
		"a length decided":        {"decided: true", "decided: true, length: 32", `checks[1].length: other lengths have an accuracy and a loss on the test split`},
		"not a number":            {"at_least: 0.9", "at_least: much", `small.yaml:19:49: checks[0].at_least: got "much", want a number`},
		"two documents":           {"notes: [\"Seen: it is so.\"]\n", "---\nname: x\n", `a file holds one card`},
	} {
		t.Run(name, func(t *testing.T) {
			if !strings.Contains(small, c.old) {
				t.Fatalf("the card has no %q", c.old)
			}
			_, err := Parse("small.yaml", []byte(strings.Replace(small, c.old, c.new, 1)))
			if c.want == "" && name == "a name of an experiment" {
				if err != nil {
					t.Fatalf("the card's name takes the place of the experiment's: %v", err)
				}
				return
			}
			if _, ok := experiment.IsProblems(err); !ok || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v\nwant %s", err, c.want)
			}
		})
	}
}

func TestFind(t *testing.T) {
	dir := t.TempDir()
	if _, _, err := Find(dir); err == nil {
		t.Error("an empty directory has cards")
	}
	write := func(name, text string) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write("small.yaml", small)
	write("twin.yaml", small)
	write("wrong.yaml", "name: 1")
	cards, broken, err := Find(dir)
	if err != nil || len(cards) != 1 || len(broken) != 2 {
		t.Fatalf("got %d cards, %v, %v", len(cards), broken, err)
	}
	if e := broken[filepath.Join(dir, "twin.yaml")]; e == nil || !strings.Contains(e.Error(), "has the name \"small\" as well") {
		t.Error(e)
	}
}

func TestIs(t *testing.T) {
	for text, want := range map[string]bool{small: true, "name: x\ndata: {}": false, "experiment: 1\nchecks: 2": true, "": false, "[": false, "- experiment": false} {
		if Is([]byte(text)) != want {
			t.Errorf("%.20q: want %v", text, want)
		}
	}
}

// The cards that are kept here can be read.
func TestKeptCards(t *testing.T) {
	dir := filepath.Join("..", "..", "benchmarks", "cards")
	cards, broken, err := Find(dir)
	if err != nil || len(broken) > 0 {
		t.Fatal(err, broken)
	}
	for _, c := range cards {
		if want := c.Name + ".yaml"; filepath.Base(c.Path()) != want {
			t.Errorf("%s holds the card %s", c.Path(), c.Name)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add(small, "a")
	f.Add("name: x\nexperiment: &a {models: *a}", "")
	f.Add(strings.Replace(small, "pairs=4", "pairs=[", 1), "b")
	f.Add(strings.Replace(small, "experiment:", "experiment: {}\nexperiments:", 1), "")
	f.Fuzz(func(t *testing.T, text, name string) {
		c, err := Parse("x.yaml", []byte(text))
		if err != nil {
			if ps, ok := experiment.IsProblems(err); !ok || len(ps) == 0 {
				t.Fatalf("%v is not a list of problems", err)
			}
			return
		}
		for _, n := range append(c.CaseNames(), name) {
			if _, err := c.For(n); err != nil && n != name {
				t.Fatalf("case %q of a card that was found right: %v", n, err)
			}
		}
		if v := c.Judge(nil); v.Status != Broken {
			t.Fatalf("without runs: %s", v.Status)
		}
	})
}
