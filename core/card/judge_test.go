package card

import (
	"encoding/json"
	"math"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/archlab/archlab/core/family"
	"github.com/archlab/archlab/core/record"
)

// made writes the records of a finished run: accuracies on test by model and seed, over 40 sequences of 10 targets. A negative one
// is a failed training.
func made(t *testing.T, name string, accuracy map[string][]float64) *Run {
	t.Helper()
	check := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	run, err := record.Create(t.TempDir(), "small", time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC))
	check(err)
	defer run.Close()
	m := record.Manifest{Name: "small", State: "finished", Archlab: "test", Config: json.RawMessage(`{"train":{"learning_rate":0.003}}`), Seeds: []uint64{1, 2},
		Data: record.Data{Task: "mqar"}, Seconds: record.RunSeconds{Total: 30}, Machine: record.Machine{CPU: "Example", Cores: 2, OS: "linux", Arch: "amd64", Go: "go1"}}
	for _, model := range []string{"wide", "narrow"} {
		m.Models = append(m.Models, record.Model{Name: model, Family: "transformer", Card: family.Card{Family: "transformer", Parameters: 12_345, Config: json.RawMessage(`{}`)}})
		for i, a := range accuracy[model] {
			seed := uint64(i + 1)
			res := record.Result{Model: model, Seed: seed, Status: "finished", Seconds: 10, Tokens: 1000}
			s := &record.Score{Split: "test", Loss: 2 - a, Accuracy: a, SequenceAccuracy: a / 2}
			for k := range 40 {
				right := int(math.Round(10 * a))
				if k%2 == 0 && right > 0 {
					right -= k % 4 / 2
				}
				if model == "narrow" && i == 1 && k == 1 {
					right++ // seeds that all give the same difference say nothing of the next
				}
				s.Sequences = append(s.Sequences, record.SequenceLoss{Loss: 10 * (2 - a), Weight: 10, Correct: right})
				s.Tokens += 10
			}
			v := *s
			v.Split, v.Accuracy, v.Tokens = "validation", 0, 1200
			res.Test, res.Validation = s, &v
			res.Lengths = []record.TaskScore{{Length: 32, Accuracy: a / 4, Loss: 7, Unit: "answer"}}
			if a < 0 {
				res.Status, res.Test, res.Failure = "failed", nil, &record.Failure{Step: 7, Kind: "not_finite", Message: "a loss was NaN"}
			}
			dir, err := run.MakeModelDir(model, seed)
			check(err)
			check(run.WriteResult(res))
			log, err := record.OpenLog(filepath.Join(dir, "metrics.jsonl"), -1)
			check(err)
			for step := 1; step <= 4; step++ {
				slow := map[string]float64{"wide": 2, "narrow": 1}[model]
				check(log.Append(record.Metric{Kind: "validation", Step: step, Seconds: slow * float64(step), Loss: 4 - float64(step)/2}))
			}
			check(log.Close())
		}
	}
	check(run.WriteConfig([]byte("name: small\n")))
	check(run.WriteManifest(m))
	out, err := ReadRun(run.Dir, name)
	check(err)
	return out
}

func parse(t *testing.T, text string) *Card {
	t.Helper()
	c, err := Parse("small.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// card makes the small card with one check and no cases.
func card(t *testing.T, check, beside string) *Card {
	t.Helper()
	head, _, _ := strings.Cut(small, "cases:")
	return parse(t, head+"checks:\n  - {that: it holds, "+check+"}\nbeside: ["+beside+"]\n")
}

func TestJudge(t *testing.T) {
	far := map[string][]float64{"wide": {0.9, 1.0}, "narrow": {0.1, 0.2}}
	near := map[string][]float64{"wide": {0.5, 0.6}, "narrow": {0.6, 0.5}}
	failed := map[string][]float64{"wide": {0.9, -1}, "narrow": {0.1, 0.2}}
	for name, c := range map[string]struct {
		check  string
		seen   map[string][]float64
		status Status
		says   string
	}{
		"above":                     {"model: wide, at_least: 0.95", far, Green, "0.95 (0.9 to 1, 2 seeds)"},
		"just below":                {"model: wide, at_least: 0.951", far, Red, "0.95 (0.9 to 1, 2 seeds)"},
		"the mean but not each":     {"model: wide, at_least: 0.95, seeds: every", far, Red, "0.95"},
		"each":                      {"model: wide, at_least: 0.9, seeds: every", far, Green, "0.95"},
		"below":                     {"model: narrow, at_most: 0.15", far, Green, "0.15"},
		"not below":                 {"model: narrow, at_most: 0.14", far, Red, "0.15"},
		"near":                      {"model: narrow, near: 0.2, within: 0.06", far, Green, "0.15"},
		"not near":                  {"model: narrow, near: 0.2, within: 0.04", far, Red, "0.15"},
		"near from above":           {"model: narrow, near: 0.1, within: 0.04", far, Red, "0.15"},
		"sequences":                 {"model: wide, measure: sequence_accuracy, at_most: 0.48", far, Green, "0.475"},
		"loss":                      {"model: wide, measure: loss, near: 1.05, within: 0.001", far, Green, "1.05"},
		"validation":                {"model: wide, split: validation, at_least: 0.1", far, Red, "0 (0 to 0"},
		"held out, by tokens":       {"model: wide, split: heldout, near: 0.2375, within: 0.0001", far, Green, "0.2375"},
		"another length":            {"model: wide, length: 32, near: 0.2375, within: 0.0001", far, Green, "0.2375"},
		"its loss":                  {"model: wide, length: 32, measure: loss, at_most: 7", far, Green, "7"},
		"a length not tested":       {"model: wide, length: 64, at_least: 0", far, Broken, "not tested at length 64"},
		"difference":                {"model: wide, over: narrow, at_least: 0.8", far, Green, "0.8 (0.8 to 0.8, 2 seeds)"},
		"decided":                   {"model: wide, over: narrow, decided: true", far, Green, "decided for wide"},
		"decided for the other":     {"model: narrow, over: wide, decided: true", far, Red, "decided for wide"},
		"decided but too small":     {"model: wide, over: narrow, decided: true, at_least: 0.9", far, Red, "decided for wide"},
		"not decided":               {"model: wide, over: narrow, decided: true", near, Red, "not distinguishable"},
		"a failed training":         {"model: wide, at_least: 0", failed, Broken, "wide seed 2 failed at step 7: not_finite: a loss was NaN"},
		"a failed other":            {"model: narrow, over: wide, at_most: 1", failed, Broken, "wide seed 2 failed"},
		"a failed one not asked of": {"model: narrow, at_most: 0.5", failed, Green, "0.15"},
		"a measure never taken":     {"model: wide, measure: bpb, at_most: 5", far, Broken, "nothing was scored"},
		"no results":                {"model: wide, at_least: 0", map[string][]float64{"narrow": {0.1, 0.2}}, Broken, "no results of wide"},
	} {
		t.Run(name, func(t *testing.T) {
			v := card(t, c.check, "").Judge([]*Run{made(t, "", c.seen)})
			if len(v.Checks) != 1 || v.Status != c.status || v.Checks[0].Status != c.status || !strings.Contains(v.Checks[0].Seen, c.says) {
				t.Errorf("got %s, %+v, want %s, %q", v.Status, v.Checks, c.status, c.says)
			}
		})
	}
}

// A check is judged in each of its cases; one red check makes the card red, one without a run breaks it.
func TestCases(t *testing.T) {
	c := parse(t, small)
	good := map[string][]float64{"wide": {0.9, 1.0}, "narrow": {0.1, 0.1}}
	a, b := made(t, "a", good), made(t, "b", good)
	if v := c.Judge([]*Run{a, b}); v.Status != Green || len(v.Checks) != 4 || v.Seconds != 60 || len(v.Runs) != 2 {
		t.Errorf("got %+v", v)
	}
	b = made(t, "b", map[string][]float64{"wide": {0.9, 0.8}, "narrow": {0.1, 0.1}})
	if v := c.Judge([]*Run{a, b}); v.Status != Red || v.Checks[0].Status != Green || v.Checks[1].Status != Red || v.Checks[1].Case != "b" {
		t.Errorf("got %+v", v)
	}
	if v := c.Judge([]*Run{a}); v.Status != Broken || v.Checks[1].Seen != "no run" {
		t.Errorf("got %+v", v)
	}
	if v := c.Fail(record.ErrNotARun); v.Status != Broken || v.Why == "" {
		t.Errorf("got %+v", v)
	}
}

// On the axis of seconds, models are compared where the fastest has ended: narrow's 4 steps took 4 seconds, wide's 8.
func TestBeside(t *testing.T) {
	c := card(t, "model: wide, at_least: 0.5", "params, loss_at_equal_seconds, accuracy, state_bytes, learning_rate, lengths")
	v := c.Judge([]*Run{made(t, "", map[string][]float64{"wide": {0.9, 1.0}, "narrow": {0.1, 0.1}})})
	var got []string
	for _, b := range v.Beside {
		for _, q := range b.Values {
			got = append(got, q.Text())
		}
	}
	if s := strings.Join(got, " "); s != "12.3K 3 0.95 - 0.003 0.2375 12.3K 2 0.1 - 0.003 0.025" {
		t.Errorf("got %s", s)
	}
}

func TestPage(t *testing.T) {
	c := parse(t, small)
	good := map[string][]float64{"wide": {0.9, 1.0}, "narrow": {0.1, 0.1}}
	v := c.Judge([]*Run{made(t, "a", good), made(t, "b", good)})
	v.Sets = []string{"train.batch=2"}
	var b strings.Builder
	if err := WritePage(&b, []Verdict{v, c.Fail(record.ErrNotARun)}, "archlab cards check", "[cards](cards)"); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"| [small](#small) | Wide models recall more. | Author 2024, Title, table 1 | scaled | **green** | 1m0s |",
		"scaled: width 8 instead of 512.", "| wide recalls | b | accuracy of wide >= 0.9 |", "changed by `train.batch=2`", "\nSeen: it is so.\n", "| wide | a | 12.3K | 10 |",
		"1m0s of runs by archlab test on Example with 2 threads, linux/amd64, go1.", "| **broken** | - |", "Broken: not a run"} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("no %q in\n%s", want, b.String())
		}
	}
}

// What was decided on one document is said to be.
func TestDecidedOnOneText(t *testing.T) {
	run := made(t, "", map[string][]float64{"wide": {0.9, 1.0}, "narrow": {0.1, 0.2}})
	run.Report.Comparisons[0].Pairs[0].Scope = "text"
	v := card(t, "model: wide, over: narrow, decided: true", "").Judge([]*Run{run})
	if got := v.Checks[0].Seen; v.Status != Green || !strings.HasSuffix(got, ", decided for wide on this text alone") {
		t.Errorf("got %s, %q", v.Status, got)
	}
}
