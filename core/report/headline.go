package report

import (
	"fmt"
	"slices"
	"sort"
	"strings"

	"github.com/archlab/archlab/core/stats"
)

// headline says in plain sentences what the first comparison found: the ranking, what is decided and what is not.
func headline(rep *Report) []string {
	var out []string
	for k, c := range rep.Comparisons {
		decided, undecided, silent, trained, weights := 0, 0, 0, 0, 0
		for _, p := range c.Pairs {
			if p.Scope == string(stats.Weights) {
				weights++
			}
			switch {
			case p.trained():
				trained++
			case p.Decided:
				decided++
			case p.Difference != nil && p.P != nil:
				undecided++
			default:
				silent++
			}
		}
		s := fmt.Sprintf("On %s, ", c.Metric)
		switch {
		case weights > 0 && decided == 0:
			s += fmt.Sprintf("%d of %d pairs of models differ as trained; with one seed nothing can be said of their families", trained, weights)
		case decided == 0 && undecided == 0:
			s += "no pair of models can be judged"
		case decided == 0:
			s += "no two models can be told apart"
		case undecided == 0 && silent == 0 && len(c.Pairs) == 1:
			s += c.Pairs[0].Verdict + " is better"
		default:
			s += fmt.Sprintf("%d of %d pairs of models differ", decided, len(c.Pairs))
			if w := winner(c); w != "" {
				s += fmt.Sprintf("; %s is better than every other", w)
			}
		}
		if oneText := slices.ContainsFunc(c.Pairs, func(p Pair) bool { return p.Decided && p.Scope == string(stats.OneText) }); oneText {
			s += ", on this text alone: it is one document"
		}
		if silent > 0 && decided+undecided+trained > 0 {
			s += fmt.Sprintf("; %d pairs could not be judged", silent)
		}
		out = append(out, s+".")
		if k == 0 {
			if r := ranking(rep, c.HigherIsBetter); r != "" {
				out = append(out, r)
			}
		}
	}
	failed := 0
	for _, r := range rep.Rows {
		failed += len(r.Failures)
	}
	if failed > 0 {
		out = append(out, fmt.Sprintf("%d of the runs' model-and-seed pairs did not finish; they count as failures below.", failed))
	}
	return out
}

// winner answers the model that is decidedly better than every other, if there is one.
func winner(c Comparison) string {
	wins, of := map[string]int{}, map[string]int{}
	for _, p := range c.Pairs {
		of[p.A]++
		of[p.B]++
		if p.Decided {
			wins[p.Verdict]++
		}
	}
	for _, p := range c.Pairs {
		for _, name := range []string{p.A, p.B} {
			if wins[name] == of[name] {
				return name
			}
		}
	}
	return ""
}

// ranking lists the models by the headline figure, best first.
func ranking(rep *Report, higher bool) string {
	type item struct {
		name string
		v    float64
	}
	var items []item
	for _, r := range rep.Rows {
		f := r.BPB
		if higher {
			f = r.Accuracy
		}
		if f.Mean != nil {
			items = append(items, item{r.Name, *f.Mean})
		}
	}
	if len(items) < 2 {
		return ""
	}
	sort.SliceStable(items, func(i, j int) bool { return (items[i].v > items[j].v) == higher && items[i].v != items[j].v })
	parts := make([]string, len(items))
	for i, x := range items {
		v := fixed(x.v)
		if higher {
			v = percent(x.v)
		}
		parts[i] = x.name + " " + v
	}
	return "By mean: " + strings.Join(parts, ", ") + "."
}
