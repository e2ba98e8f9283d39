package report

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/archlab/archlab/core/record"
)

// Numbers of a paper's setting and of another are refused in one report, and each is labelled.
func TestSettingsDoNotMix(t *testing.T) {
	root := t.TempDir()
	a, b := fixture(t, root, "mixed", "c1"), fixture(t, root, "mixed", "c1")
	set := func(dir, setting string) {
		change(t, dir, func(m *record.Manifest) {
			m.Data.Corpus, m.Data.Task, m.Data.TaskChance, m.Data.Setting = "", "induction", 0.125, setting
		})
	}
	set(a, "paper")
	set(b, "scaled down: length 64 (paper 256)")
	if _, err := Build(a, b); err == nil || !strings.Contains(err.Error(), "another (scaled down: length 64 (paper 256)): their numbers do not belong in one table") {
		t.Errorf("got %v", err)
	}
	if _, err := Build(b, a); err == nil {
		t.Error("in the other order they mix")
	}
	for _, same := range []string{"paper", "changed: length 512 (paper 256)"} {
		set(a, same)
		if same != "paper" {
			set(b, "scaled down: length 64 (paper 256)")
		} else {
			set(b, same)
		}
		if _, err := Build(a, b); err != nil {
			t.Errorf("%s: %v", same, err)
		}
	}
	rep := build(t, b)
	var table bytes.Buffer
	if err := WriteTable(&table, rep); err != nil {
		t.Fatal(err)
	}
	if want := "task induction, chance 12.5 %, setting: scaled down: length 64 (paper 256)"; !strings.Contains(table.String(), want) || !strings.Contains(string(Markdown(rep)), "scaled down: length 64 (paper 256)") {
		t.Errorf("the table lacks %q:\n%s", want, table.String())
	}
}

// What archlab eval left beside a run is in its report.
func TestEvaluationsAreShown(t *testing.T) {
	dir := fixture(t, t.TempDir(), "evals", "c1")
	if err := os.Mkdir(filepath.Join(dir, "evals"), 0o755); err != nil {
		t.Fatal(err)
	}
	half := 0.05
	for name, x := range map[string]record.Judged{
		"choice": {Model: "solid", Seed: 1, Text: &record.TextScore{Items: 7, Chance: 0.25, Measures: []record.Measure{{Name: "acc", Value: 0.625, StdErr: &half, Low: 0.5, High: 0.7}, {Name: "bpb", Value: 1.5}}}},
		"long":   {Model: "solid", Seed: 1, Context: 12, Positions: []record.PositionLoss{{From: 0, To: 1, Loss: 2, Count: 3, Bytes: 6}, {From: 8, To: 16, Loss: 1, Count: 3, Bytes: 6}, {From: 16, To: 32, Loss: 1, Count: 3, Bytes: 6}}},
		"task":   {Model: "solid", Seed: 1, Tasks: []record.TaskScore{{Task: "parity", Parameter: "length", Length: 77, T: 78, Unit: "answer", Items: 9, Accuracy: 0.875, Chance: 0.5, Setting: "paper"}}},
	} {
		path := filepath.Join(dir, "evals", name+".json")
		if err := record.WriteJSON(path, record.Evaluation{Format: 1, Suite: name, Time: time.Now(), Models: []record.Judged{x}, Notes: []string{"a note on " + name}}); err != nil {
			t.Fatal(err)
		}
	}
	rep := build(t, dir)
	page, err := HTML(rep)
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{"HTML": string(page), "Markdown": string(Markdown(rep))} {
		for _, want := range []string{"Suite choice", "0.6250", "0.0500", "0.2500", "Suite long", "in part", "1.4427", "Suite task", "length 77", "87.5 %", "a note on task"} {
			if !strings.Contains(text, want) {
				t.Errorf("%s lacks %q", name, want)
			}
		}
	}
	if err := record.WriteFile(filepath.Join(dir, "evals", "later.json"), []byte(`{"format": 2}`)); err != nil {
		t.Fatal(err)
	}
	if _, err := Build(dir); err == nil || !strings.Contains(err.Error(), "format 2") {
		t.Errorf("another format: got %v", err)
	}
}
