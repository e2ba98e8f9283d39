package report

import (
	"fmt"
	"io"
	"strings"

	"github.com/archlab/archlab/core/record"
	"github.com/archlab/archlab/core/stats"
)

// Judged is an evaluation with its verdicts.
type Judged struct {
	record.Evaluation
	Comparisons []Comparison `json:"comparisons,omitempty"`
	Correction  Correction   `json:"correction"`
}

// JudgeEvaluation compares the models of an evaluation on everything in it that has items: right answers of a task at each setting, right
// answers to questions. All comparisons are one family.
func JudgeEvaluation(x record.Evaluation) Judged {
	var order []string // of what was measured
	samples := map[string][]stats.Sample{}
	add := func(what, model string, s stats.SeedScores) {
		list, ok := samples[what]
		if !ok {
			order = append(order, what)
		}
		for i := range list {
			if list[i].Name == model {
				list[i].Seeds = append(list[i].Seeds, s)
				return
			}
		}
		samples[what] = append(list, stats.Sample{Name: model, Seeds: []stats.SeedScores{s}})
	}
	for _, m := range x.Models {
		for _, t := range m.Tasks {
			s := stats.SeedScores{Seed: m.Seed}
			for i, right := range t.Right {
				s.Num, s.Den = append(s.Num, float64(right)), append(s.Den, float64(t.Of[i]))
			}
			if len(s.Num) > 0 {
				what := t.Task + " accuracy"
				if t.Parameter != "" {
					what += fmt.Sprintf(", %s %d", t.Parameter, t.Length)
				}
				add(what, m.Model, s)
			}
		}
		if m.Text != nil {
			if s := solvedItems(record.TTCPoint{Solved: m.Text.Correct}); len(s.Num) > 0 {
				s.Seed = m.Seed
				add(x.Suite+" acc", m.Model, *s)
			}
		}
	}
	var asked []question
	for _, what := range order {
		if len(samples[what]) > 1 {
			asked = append(asked, question{what, true, samples[what]})
		}
	}
	out := Judged{Evaluation: x}
	out.Comparisons, out.Correction = judge(asked)
	return out
}

// WriteVerdicts prints comparisons for a terminal, one pair a line, and what the family is; nothing where there are none.
func WriteVerdicts(w io.Writer, list []Comparison, family Correction) error {
	lines := [][]string{{"a – b", "difference", "95 % interval", "p (Holm)", "detectable", "seeds", "items", "verdict"}}
	var b strings.Builder
	for _, c := range list {
		lines = append(lines, []string{c.Metric})
		for _, p := range c.Pairs {
			lines = append(lines, []string{"  " + p.A + " – " + p.B, optional(p.Difference, signed), p.interval(), optional(p.P, pvalue), optional(p.Detectable, fixed),
				fmt.Sprint(p.Seeds), fmt.Sprint(p.Items), p.text(func(s string) string { return s })})
		}
	}
	if len(lines) == 1 {
		return nil
	}
	align(&b, lines)
	_, err := fmt.Fprintf(w, "\n%s\n%s\n%s\n", b.String(), strings.Join(tests(list), "; "), family.text())
	return err
}

// tests lists each test with the pairs it judged.
func tests(list []Comparison) []string {
	n := map[string]int{}
	var order []string
	for _, c := range list {
		for _, p := range c.Pairs {
			if p.Test == "" {
				continue
			}
			if n[p.Test] == 0 {
				order = append(order, p.Test)
			}
			n[p.Test]++
		}
	}
	for i, t := range order {
		order[i] = fmt.Sprintf("%d by %s", n[t], t)
	}
	return order
}
