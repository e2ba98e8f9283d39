package main

import (
	"encoding/csv"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/archlab/archlab/core/report"
)

// agree demands that report.md and the tables hold the models and the pairs that report.json holds.
func agree(dir string, rep *report.Report) error {
	page, err := os.ReadFile(filepath.Join(dir, "report.md"))
	if err != nil {
		return err
	}
	var names []string
	for _, r := range rep.Rows {
		names = append(names, r.Name)
	}
	if got := listed(string(page)); !slices.Equal(got, names) {
		return fmt.Errorf("report.md compares %q, report.json %q", got, names)
	}
	for _, t := range []struct {
		name string
		want func(report.Row) int // lines of a model
	}{
		{"models", func(report.Row) int { return 1 }},
		{"curves", func(r report.Row) (n int) {
			for _, c := range r.Curves {
				n += len(c.Train) + len(c.Validation)
			}
			return n
		}},
		{"positions", func(r report.Row) int { return len(r.Positions) }},
		{"decode", func(r report.Row) int { return len(r.Decode) }},
	} {
		lines, err := table(dir, t.name)
		if err != nil {
			return err
		}
		got := map[string]int{}
		for _, l := range lines {
			got[l[0]]++
		}
		for _, r := range rep.Rows {
			if got[r.Name] != t.want(r) {
				return fmt.Errorf("tables/%s.csv has %d lines of %s, report.json %d", t.name, got[r.Name], r.Name, t.want(r))
			}
			delete(got, r.Name)
		}
		if len(got) > 0 {
			return fmt.Errorf("tables/%s.csv has models that report.json lacks: %v", t.name, got)
		}
	}
	pairs := 0
	for _, c := range rep.Comparisons {
		pairs += len(c.Pairs)
	}
	lines, err := table(dir, "comparisons")
	if err != nil {
		return err
	}
	if len(lines) != pairs {
		return fmt.Errorf("tables/comparisons.csv has %d pairs, report.json %d", len(lines), pairs)
	}
	fmt.Printf("forms: report.md and the tables agree on %d models and %d pairs\n", len(names), pairs)
	return nil
}

// listed answers the models of the page's side-by-side table.
func listed(page string) []string {
	_, section, _ := strings.Cut(page, "\n## Side by side\n")
	section, _, _ = strings.Cut(section, "\n## ")
	var names []string
	for line := range strings.Lines(section) {
		if cells := strings.Split(line, "|"); len(cells) > 2 {
			name, _ := strings.CutSuffix(strings.TrimSpace(cells[1]), " (control)")
			names = append(names, name)
		}
	}
	return names[min(2, len(names)):] // less the head and the line below it
}

// table reads a table's lines below its head.
func table(dir, name string) ([][]string, error) {
	f, err := os.Open(filepath.Join(dir, "tables", name+".csv"))
	if err != nil {
		return nil, err
	}
	defer f.Close()
	lines, err := csv.NewReader(f).ReadAll() // which demands equally many cells a line
	if err != nil {
		return nil, fmt.Errorf("tables/%s.csv: %w", name, err)
	}
	if len(lines) == 0 {
		return nil, fmt.Errorf("tables/%s.csv is empty", name)
	}
	return lines[1:], nil
}
