package report

import (
	"fmt"
	"strings"
)

// Markdown renders the figures of the report for a README, an issue or a terminal pager.
func Markdown(rep *Report) []byte {
	var b strings.Builder
	p := func(format string, args ...any) { fmt.Fprintf(&b, format, args...) }
	p("# %s\n", rep.Title)
	for _, r := range rep.Runs {
		p("\n%s/%s, %s, %s, archlab %s", r.Name, r.ID, r.Started, r.State, r.Archlab)
		if r.Description != "" {
			p("  \n%s", r.Description)
		}
		what := "corpus " + r.Data.Corpus
		if r.Data.Corpus == "" {
			what = "task " + r.Data.Task
		}
		if r.Data.Setting != "" {
			what += " (" + r.Data.Setting + ")"
		}
		p("  \n%s, tokenizer %s with %d tokens, model seeds %s, %s with %d cores, %s in all\n", what, r.Data.Tokenizer, r.Data.Vocab, seedList(r.Seeds), r.Machine.CPU, r.Machine.Cores, duration(r.Seconds.Total))
		for _, n := range r.Data.Notes {
			p("\n- %s", n)
		}
		if len(r.Data.Notes) > 0 {
			p("\n")
		}
		if r.Overhead != nil {
			p("\nRPC and harness cost %s of the training loops' time.\n", percent(*r.Overhead))
		}
	}
	p("\n")
	for _, s := range headline(rep) {
		p("%s  \n", s)
	}
	for _, n := range rep.Notes {
		p("\n> %s\n", n)
	}
	p("\n## Side by side\n\n")
	cols := columns(rep)
	head := []string{"model"}
	for _, c := range cols {
		head = append(head, c.Head)
	}
	var lines [][]string
	for _, r := range rep.Rows {
		name := r.Name
		if r.Control {
			name += " (control)"
		}
		line := []string{name}
		for _, c := range cols {
			line = append(line, c.Cell(r))
		}
		lines = append(lines, line)
	}
	grid(&b, head, lines)
	p("\n")
	for _, c := range cols {
		p("- %s: %s\n", c.Head, c.Long)
	}
	verdicts := func(level string, list []Comparison, family Correction) {
		for _, c := range list {
			p("\n%s Which differences are real: %s\n\n", level, c.Metric)
			lines = nil
			for _, q := range c.Pairs {
				v := q.text(func(s string) string { return "**" + s + "**" })
				lines = append(lines, []string{q.A + " – " + q.B, optional(q.Difference, signed), q.interval(), optional(q.P, pvalue), optional(q.Detectable, fixed), fmt.Sprint(q.Seeds), fmt.Sprint(q.Items), q.Test, v})
			}
			grid(&b, []string{"a – b", "difference", "95 % interval", "p (Holm)", "detectable", "seeds", "items", "test", "verdict"}, lines)
		}
		if family.Comparisons > 0 {
			p("\n%s\n", family.text())
		}
	}
	verdicts("##", rep.Comparisons, rep.Correction)
	section := func(title string, head []string, of func(Row) [][]string) {
		var lines [][]string
		for _, r := range rep.Rows {
			for _, l := range of(r) {
				lines = append(lines, append([]string{r.Name}, l...))
			}
		}
		if len(lines) > 0 {
			p("\n## %s\n\n", title)
			grid(&b, append([]string{"model"}, head...), lines)
		}
	}
	for _, t := range rep.Tunings {
		p("\n## Learning rates tried\n\n%s\n\n", t.text())
		head, lines, chosen := t.grid()
		for i, m := range t.Models {
			if chosen[i] >= 0 {
				lines[i][chosen[i]] = "**" + lines[i][chosen[i]] + "**"
			}
			lines[i] = append([]string{m.Model}, lines[i]...)
		}
		grid(&b, append([]string{"validation loss"}, head...), lines)
		p("\nThe best validation loss to expect of so many rates of the grid, picked at random, each with all tuning seeds:\n\n")
		head, lines = t.budget()
		grid(&b, append([]string{"rates"}, head...), lines)
		lines = nil
		for _, m := range t.Models {
			for _, x := range m.Trials {
				lines = append(lines, append([]string{m.Model}, x.cells()...))
			}
		}
		p("\n")
		grid(&b, append([]string{"model"}, trialHead...), lines)
	}
	section("Learning curves", []string{"step", "tokens", "FLOPs", "time", "validation loss", "bits/byte", "accuracy"}, func(r Row) (l [][]string) {
		for _, c := range r.Curves {
			if c.Seed != r.Curves[0].Seed {
				continue // one seed shows the course; report.json and curves.csv hold all
			}
			for _, x := range c.Validation {
				l = append(l, []string{fmt.Sprint(x.Step), si(float64(x.Tokens)), si(x.FLOPs), duration(x.Seconds), fixed(x.Loss), optional(x.BPB, fixed), optional(x.Accuracy, percent)})
			}
		}
		return l
	})
	section("Loss by position", []string{"positions", "loss"}, func(r Row) (l [][]string) {
		for _, x := range r.Positions {
			l = append(l, []string{fmt.Sprintf("%d–%d", x.From, x.To-1), fixed(x.Loss)})
		}
		return l
	})
	section("Decoding", []string{"context", "tokens/s", "state measured", "state by card", "FLOPs a token by card"}, func(r Row) (l [][]string) {
		for _, x := range r.Decode {
			l = append(l, []string{fmt.Sprint(x.T), si(x.TokensPerSecond), size(x.StateBytes), size(float64(x.CardStateBytes)), si(x.CardFLOPs)})
		}
		return l
	})
	section("Accuracy against length", TaskHead, func(r Row) (l [][]string) {
		for _, x := range r.Lengths {
			l = append(l, x.Cells())
		}
		return l
	})
	for _, x := range rep.Evals {
		p("\n## Suite %s, measured after training\n\n", x.Title())
		grid(&b, x.Head, x.Lines)
		for _, n := range x.Notes {
			p("\n> %s\n", n)
		}
		verdicts("###", x.Comparisons, x.Correction)
	}
	section("Test-time compute", []string{"task", "strategy", "samples", "accuracy", "95 % interval", "tokens", "FLOPs", "time a problem"}, func(r Row) (l [][]string) {
		for _, x := range r.TTC {
			l = append(l, []string{x.Task, x.Strategy, fmt.Sprint(x.Samples), percent(x.Accuracy), percent(x.Low) + " to " + percent(x.High), si(x.Tokens), si(x.FLOPs), duration(x.Seconds)})
		}
		return l
	})
	section("Forward, backward, update", []string{"part of the training loop", "share"}, func(r Row) (l [][]string) {
		if r.Split != nil {
			for _, s := range r.Split.parts() {
				l = append(l, []string{s.Op, percent(s.Percent / 100)})
			}
		}
		return l
	})
	section("Where the time went", []string{"op", "share"}, func(r Row) (l [][]string) {
		for _, s := range opShares(&Report{Rows: []Row{r}}) {
			for _, o := range s.Ops {
				l = append(l, []string{o.Op, percent(o.Percent / 100)})
			}
		}
		return l
	})
	section("Model cards", []string{"family", "params", "active", "looked up", "length", "training FLOPs a token", "prefill", "decode", "state"}, func(r Row) (l [][]string) {
		for _, c := range r.Card.Costs {
			if !r.Control {
				l = append(l, []string{r.Family, si(float64(r.Card.Parameters)), si(float64(r.Card.ActiveParameters)), si(float64(r.Card.Embedding)), fmt.Sprint(c.T), si(c.TrainFLOPs), si(c.PrefillFLOPs), si(c.DecodeFLOPs), size(float64(c.StateBytes))})
			}
		}
		return l
	})
	section("Failures", []string{"seed", "status", "step", "what happened"}, func(r Row) (l [][]string) {
		for _, x := range r.Failures {
			l = append(l, []string{fmt.Sprint(x.Seed), x.Status, fmt.Sprint(x.Step), x.Message})
		}
		return l
	})
	return []byte(b.String())
}

// grid writes a Markdown table.
func grid(b *strings.Builder, head []string, lines [][]string) {
	row := func(cells []string) {
		for _, c := range cells {
			b.WriteString("| " + strings.NewReplacer("|", "\\|", "\n", " ").Replace(c) + " ")
		}
		b.WriteString("|\n")
	}
	row(head)
	b.WriteString(strings.Repeat("| --- ", len(head)) + "|\n")
	for _, l := range lines {
		row(l)
	}
}
