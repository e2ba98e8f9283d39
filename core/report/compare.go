package report

import (
	"fmt"
	"math"
	"strings"

	"github.com/archlab/archlab/core/record"
	"github.com/archlab/archlab/core/stats"
)

// compareAll compares the models on the headline metric (bits per byte of text, accuracy of tasks) at the longest of eval.lengths, and on every
// strategy of test-time compute at its largest number of samples. Without across, only models of one run are compared. All comparisons
// are one family.
func compareAll(all []entry, across bool) ([]Comparison, Correction) {
	groups := [][]entry{all}
	if !across {
		groups = groups[:0]
		at := map[string]int{}
		for _, e := range all {
			i, ok := at[e.row.Run]
			if !ok {
				i = len(groups)
				at[e.row.Run] = i
				groups = append(groups, nil)
			}
			groups[i] = append(groups[i], e)
		}
	}
	var asked []question
	for _, g := range groups {
		asked = append(asked, questions(g)...)
	}
	return judge(asked)
}

// judge answers the comparisons of all questions, as one family.
func judge(asked []question) ([]Comparison, Correction) {
	metrics := make([]stats.Metric, len(asked))
	for i, q := range asked {
		metrics[i] = stats.Metric{Samples: q.samples, HigherIsBetter: q.higher}
	}
	var out []Comparison
	family := Correction{Method: "Holm", Alpha: alpha}
	for i, list := range stats.CompareAll(metrics, alpha) {
		c := Comparison{Metric: asked[i].metric, HigherIsBetter: asked[i].higher, Alpha: alpha, Pairs: []Pair{}}
		for _, p := range list {
			c.Pairs = append(c.Pairs, pairOf(p))
			if finite(p.P) != nil {
				family.Comparisons++
			}
		}
		out = append(out, c)
	}
	return out, family
}

func pairOf(p stats.Comparison) Pair {
	return Pair{
		A: p.A, B: p.B, Seeds: p.Seeds, Items: p.Items, Difference: finite(p.Difference), Low: finite(p.Low), High: finite(p.High),
		P: finite(p.Adjusted), Detectable: finite(p.Detectable), Test: p.Test, Scope: string(p.Scope), Verdict: p.Verdict, Decided: p.Decided,
	}
}

// question is a metric on which the models of a group are compared.
type question struct {
	metric  string
	higher  bool
	samples []stats.Sample
}

func questions(g []entry) []question {
	var out []question
	metric, higher, of := "accuracy on the test split", true, accuracyItems
	if len(g) > 0 && g[0].text {
		metric, higher, of = "bits per byte of the test split", false, bpbItems
	}
	out = add(out, metric, higher, g, of)
	if at := longest(g); at != nil {
		out = add(out, fmt.Sprintf("accuracy at %s %d", at.Parameter, at.Length), true, g, func(r record.Result) *stats.SeedScores { return lengthItems(r, at.Length) })
	}
	for _, k := range strategies(g) {
		metric := fmt.Sprintf("%s accuracy, %s with %d samples", k.Task, k.Strategy, k.Samples)
		if k.Samples == 1 {
			metric = strings.TrimSuffix(metric, "s")
		}
		out = add(out, metric, true, g, func(r record.Result) *stats.SeedScores {
			for _, p := range r.TTC {
				if p.Task == k.Task && p.Strategy == k.Strategy && p.Samples == k.Samples {
					return solvedItems(p)
				}
			}
			return nil
		})
	}
	return out
}

// strategies lists each strategy of test-time compute once, at its largest number of samples.
func strategies(g []entry) []TTC {
	var out []TTC
	for _, e := range g {
	next:
		for _, p := range e.row.TTC {
			for i := range out {
				if out[i].Task == p.Task && out[i].Strategy == p.Strategy {
					if p.Samples > out[i].Samples {
						out[i] = p
					}
					continue next
				}
			}
			out = append(out, p)
		}
	}
	return out
}

// add asks a question of the models that have an answer, if there are two.
func add(out []question, metric string, higher bool, g []entry, items func(record.Result) *stats.SeedScores) []question {
	var samples []stats.Sample
	any := false
	for _, e := range g {
		s := stats.Sample{Name: e.row.Name, Fixed: e.row.Control}
		for _, r := range e.results {
			if x := items(r); x != nil {
				x.Seed = r.Seed
				s.Seeds = append(s.Seeds, *x)
				any = true
			}
		}
		if len(s.Seeds) > 0 || len(e.row.Failures) > 0 {
			samples = append(samples, s)
		}
	}
	if !any || len(samples) < 2 {
		return out
	}
	return append(out, question{metric, higher, samples})
}

func bpbItems(r record.Result) *stats.SeedScores {
	if r.Test == nil || r.Test.Bytes == 0 {
		return nil
	}
	var s stats.SeedScores
	for _, q := range r.Test.Sequences {
		s.Num = append(s.Num, q.Loss/math.Ln2)
		s.Den = append(s.Den, float64(q.Bytes))
		s.Cluster = append(s.Cluster, q.Cluster)
	}
	unclustered(&s)
	return &s
}

// unclustered forgets clusters where the data have none: all zero.
func unclustered(s *stats.SeedScores) {
	for _, c := range s.Cluster {
		if c != 0 {
			return
		}
	}
	s.Cluster = nil
}

func accuracyItems(r record.Result) *stats.SeedScores {
	if r.Test == nil {
		return nil
	}
	var s stats.SeedScores
	for _, q := range r.Test.Sequences {
		s.Num = append(s.Num, float64(q.Correct))
		s.Den = append(s.Den, q.Weight)
		s.Cluster = append(s.Cluster, q.Cluster)
	}
	unclustered(&s)
	return &s
}

func solvedItems(p record.TTCPoint) *stats.SeedScores {
	s := stats.SeedScores{Num: solved(p)}
	for range s.Num {
		s.Den = append(s.Den, 1)
	}
	return &s
}

// verdict says in a few words where a row stands on the first metric: against how many models it is better, worse or
// not told apart.
func verdict(r Row, cs []Comparison) string {
	if len(r.Failures) > 0 && r.Seeds == 0 {
		return r.Failures[0].Status
	}
	var c *Comparison
	for i := range cs {
		for _, p := range cs[i].Pairs {
			if c == nil && (p.A == r.Name || p.B == r.Name) {
				c = &cs[i]
			}
		}
	}
	if c == nil {
		return "nothing to compare with"
	}
	var better, worse, same, none, ahead, behind []string
	why, text, oneText := "", "", false
	for _, p := range c.Pairs {
		other := p.A
		switch r.Name {
		case p.A:
			other = p.B
		case p.B:
		default:
			continue
		}
		oneText = oneText || p.OneText()
		switch {
		case p.Decided && p.Verdict == r.Name:
			better = append(better, other)
		case p.Decided:
			worse = append(worse, other)
		case p.trained():
			if p.ahead(c.HigherIsBetter) == r.Name {
				ahead = append(ahead, other)
			} else {
				behind = append(behind, other)
			}
		case p.Verdict == stats.NotDistinguishable:
			same = append(same, other)
		default:
			none = append(none, other)
			why = p.Verdict
		}
	}
	join := func(what string, names []string) {
		if len(names) == 0 {
			return
		}
		if text != "" {
			text += "; "
		}
		text += what + " " + list(names)
	}
	join("better than", better)
	join("worse than", worse)
	join("not distinguishable from", same)
	join("as trained better than", ahead)
	join("as trained worse than", behind)
	if len(ahead)+len(behind) > 0 {
		text += " (" + c.fewSeeds() + ": nothing is known of another)"
	}
	if oneText {
		text += onThisText
	}
	if text == "" && len(none) > 0 {
		text = why
	}
	if n := len(r.Failures); n > 0 {
		text += fmt.Sprintf(" (%d of %d seeds did not finish)", n, n+r.Seeds)
	}
	return text
}

// trained answers whether a pair of models differs as trained, which says nothing of their families.
func (p Pair) trained() bool {
	return p.Scope == string(stats.Weights) && p.P != nil && p.Verdict != stats.NotDistinguishable
}

// OneText answers whether a verdict is for these very items alone: they are one document.
func (p Pair) OneText() bool { return p.Scope == string(stats.OneText) }

// ahead answers the name of the model with the better score.
func (p Pair) ahead(higherIsBetter bool) string {
	if (*p.Difference > 0) == higherIsBetter {
		return p.A
	}
	return p.B
}

// text says a verdict with what it is limited to.
func (p Pair) text(strong func(string) string) string {
	s := p.Verdict
	if p.Decided {
		s = strong(s) + " is better"
	}
	if p.OneText() {
		s += onThisText
	}
	return s
}

func list(names []string) string {
	s := names[0]
	for i, n := range names[1:] {
		if i == len(names)-2 {
			s += " and " + n
		} else {
			s += ", " + n
		}
	}
	return s
}
