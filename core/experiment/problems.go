package experiment

import (
	"fmt"
	"sort"
	"strings"
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

// nearest answers the candidate closest to s by edit distance, if one is close enough to be meant.
func nearest(s string, candidates []string) (string, bool) {
	best, dist := "", 1<<30
	for _, c := range candidates {
		if d := distance(strings.ToLower(s), strings.ToLower(c)); d < dist {
			best, dist = c, d
		}
	}
	return best, best != "" && dist <= max(1, (len(s)+2)/3) && dist < max(len(s), len(best))
}

// distance is the number of insertions, deletions, substitutions and swaps of neighbours that turn a into b (optimal
// string alignment).
func distance(a, b string) int {
	if len(a) > 64 || len(b) > 64 {
		return 1 << 20
	}
	var d [66][66]int
	for i := 0; i <= len(a); i++ {
		for j := 0; j <= len(b); j++ {
			switch {
			case i == 0:
				d[i][j] = j
				continue
			case j == 0:
				d[i][j] = i
				continue
			}
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			d[i][j] = min(d[i-1][j]+1, d[i][j-1]+1, d[i-1][j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				d[i][j] = min(d[i][j], d[i-2][j-2]+1)
			}
		}
	}
	return d[len(a)][len(b)]
}

// Nearest answers the candidate that s probably meant.
func Nearest(s string, candidates []string) (string, bool) { return nearest(s, candidates) }
