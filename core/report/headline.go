package report

import (
	"fmt"
	"sort"
	"strings"

	"github.com/archlab/archlab/core/stats"
)

// headline says in plain sentences what the first comparison found: the ranking, what is decided and what is not.
func headline(rep *Report) []string {
	var out []string
	for k, c := range rep.Comparisons {
		out = append(out, "On "+c.Metric+", "+found(c)+".")
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

// found says what was found on one metric: how many pairs are decided, differ as trained, cannot be told apart and could not be judged.
func found(c Comparison) string {
	decided, undecided, silent, trained, weights, oneText := 0, 0, 0, 0, 0, false
	for _, p := range c.Pairs {
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
		if p.Scope == string(stats.Weights) {
			weights++
		}
		oneText = oneText || p.OneText()
	}
	all := len(c.Pairs)
	var out []string
	switch {
	case decided == 0 && undecided == 0 && trained == 0:
		return "no pair of models can be judged"
	case decided == 1 && all == 1:
		out = append(out, c.Pairs[0].Verdict+" is better")
	case decided > 0:
		out = append(out, fmt.Sprintf("%d of %d pairs of models differ", decided, all))
		if w := winner(c); w != "" {
			out = append(out, w+" is better than every other")
		}
	case trained == 0:
		out = append(out, "no two models can be told apart")
	}
	if trained > 0 {
		out = append(out, fmt.Sprintf("%d of %d pairs of models differ as trained", trained, all))
	}
	if undecided > 0 && decided+trained > 0 {
		out = append(out, fmt.Sprintf("%d cannot be told apart", undecided))
	}
	if silent > 0 {
		out = append(out, fmt.Sprintf("%d could not be judged", silent))
	}
	if weights > 0 {
		out = append(out, "with "+c.fewSeeds()+" nothing can be said of "+map[bool]string{true: "their", false: fmt.Sprintf("the %d pairs'", weights)}[weights == all]+" families")
	}
	s := strings.Join(out, "; ")
	if oneText {
		s += onThisText
	}
	return s
}

// onThisText limits a verdict of Pair.OneText.
const onThisText = ", on this text alone: it is one document"

// fewSeeds says why nothing is known of other seeds.
func (c Comparison) fewSeeds() string {
	for _, p := range c.Pairs {
		if p.Scope == string(stats.Weights) && p.Seeds > 1 {
			return "seeds that all give the same difference"
		}
	}
	return "one seed"
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
