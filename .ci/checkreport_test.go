package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/archlab/archlab/core/report"
)

// sample is a report of a model and a control with one pair, as written.
func sample(t *testing.T) (string, *report.Report) {
	t.Helper()
	rep := &report.Report{
		Title: "sample", Runs: []report.Run{{Name: "sample", ID: "1"}},
		Rows: []report.Row{
			{Name: "mine", Family: "mine", Positions: []report.Position{{From: 0, To: 8, Loss: 2}}, Curves: []report.Curve{{Seed: 1, Validation: make([]report.Point, 2)}}},
			{Name: "ngram", Control: true},
		},
		Comparisons: []report.Comparison{{Metric: "loss", Pairs: []report.Pair{{A: "mine", B: "ngram"}}}},
	}
	dir := t.TempDir()
	if err := report.Write(dir, rep); err != nil {
		t.Fatal(err)
	}
	return dir, rep
}

func TestAgree(t *testing.T) {
	edit := func(name, from, to string) func(t *testing.T, dir string) {
		return func(t *testing.T, dir string) {
			path := filepath.Join(dir, name)
			data, err := os.ReadFile(path)
			if err != nil || !strings.Contains(string(data), from) {
				t.Fatalf("%s lacks %q: %v", name, from, err)
			}
			if err := os.WriteFile(path, []byte(strings.Replace(string(data), from, to, 1)), 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
	remove := func(name string) func(t *testing.T, dir string) {
		return func(t *testing.T, dir string) {
			if err := os.Remove(filepath.Join(dir, name)); err != nil {
				t.Fatal(err)
			}
		}
	}
	for name, c := range map[string]struct {
		spoil func(t *testing.T, dir string)
		want  string // in the error; empty: none
	}{
		"as written":            {func(*testing.T, string) {}, ""},
		"no page":               {remove("report.md"), "report.md"},
		"no table":              {remove("tables/decode.csv"), "decode.csv"},
		"a model less":          {edit("report.md", "| mine |", "mine"), "report.md compares"},
		"another model":         {edit("report.md", "| mine |", "| yours |"), "report.md compares"},
		"a model's line less":   {edit("tables/models.csv", "ngram", "gram"), "models.csv has 0 lines of ngram"},
		"a model too many":      {edit("tables/positions.csv", "mine,0", "mine,0,8,2\nyours,0"), "models that report.json lacks"},
		"a point less":          {edit("tables/curves.csv", "mine,1", "ngram,1"), "curves.csv has 1 lines of mine"},
		"a pair too many":       {edit("tables/comparisons.csv", "\n", "\n"+strings.Repeat(",", 10)+"\n"), "comparisons.csv"},
		"a line with few cells": {edit("tables/models.csv", "mine,", "mine;"), "models.csv"},
	} {
		t.Run(name, func(t *testing.T) {
			dir, rep := sample(t)
			c.spoil(t, dir)
			err := agree(dir, rep)
			if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %q", err, c.want)
			}
		})
	}
}

// The width is that of the widest thing on the page, not of the screen.
func TestWidth(t *testing.T) {
	if _, err := exec.LookPath("chromium"); err != nil {
		t.Skip(err)
	}
	for name, c := range map[string]struct {
		html   string
		scroll bool
	}{
		"text":              {"<!doctype html><p>" + strings.Repeat("some words ", 40), false},
		"wide table in box": {`<!doctype html><div style="overflow-x:auto"><div style="width:900px">wide</div></div>`, false},
		"wide table":        {`<!doctype html><div style="width:900px">wide</div>`, true},
		"long word":         {"<!doctype html><p>" + strings.Repeat("word", 100), true},
		"drawn by a script": {`<!doctype html><body><script>document.body.innerHTML = "<div style='width:500px'>late</div>"</script>`, true},
		"for desks only":    {`<!doctype html><style>@media (min-width: 600px) { div { width: 900px } }</style><div>narrow</div>`, false},
	} {
		t.Run(name, func(t *testing.T) {
			page := filepath.Join(t.TempDir(), "a page.html")
			if err := os.WriteFile(page, []byte(c.html), 0o644); err != nil {
				t.Fatal(err)
			}
			got, err := width(page, phone)
			if err != nil || got > phone != c.scroll {
				t.Errorf("%d pixels wide on a screen of %d (%v), want it to scroll: %v", got, phone, err, c.scroll)
			}
		})
	}
}

func TestArguments(t *testing.T) {
	out, err := exec.Command("go", "run", ".").CombinedOutput()
	if err == nil || !strings.Contains(string(out), "usage:") || strings.Contains(string(out), "panic") {
		t.Errorf("without an argument: %v\n%s", err, out)
	}
}
