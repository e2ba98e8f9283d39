package experiment

import (
	"fmt"
	"sort"
	"strings"

	"github.com/archlab/archlab/core/spell"
)

// Problem is one thing that is wrong with an experiment.
type Problem struct {
	File    string `json:"file"`
	Line    int    `json:"line,omitempty"` // from 1; 0 when it is in no line, e.g. of a --set
	Column  int    `json:"column,omitempty"`
	Path    string `json:"path,omitempty"` // key path, e.g. "train.learning_rate"
	Message string `json:"message"`
	Hint    string `json:"hint,omitempty"`
}

// Error reads like "quickstart.yaml:12:3: train.batch: got -4, want at least 1".
func (p Problem) Error() string {
	s := p.File
	if p.Line > 0 {
		s += fmt.Sprintf(":%d:%d", p.Line, p.Column)
	}
	if p.Path != "" {
		s += ": " + p.Path
	}
	s += ": " + p.Message
	if p.Hint != "" {
		s += "; " + p.Hint
	}
	return s
}

// Problems is everything that is wrong, in the order of the file.
type Problems []Problem

// Error joins the problems by newlines.
func (ps Problems) Error() string {
	lines := make([]string, len(ps))
	for i, p := range ps {
		lines[i] = p.Error()
	}
	return strings.Join(lines, "\n")
}

// sorted orders problems by line and column; those without a line come last, as they were found.
func (ps Problems) sorted() Problems {
	key := func(p Problem) (int, int) {
		if p.Line == 0 {
			return 1 << 30, 0
		}
		return p.Line, p.Column
	}
	sort.SliceStable(ps, func(i, j int) bool {
		a, b := key(ps[i])
		c, d := key(ps[j])
		return a < c || a == c && b < d
	})
	return ps
}

// Nearest answers the candidate that s probably meant.
func Nearest(s string, candidates []string) (string, bool) { return spell.Nearest(s, candidates) }
