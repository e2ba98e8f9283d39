package main

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/archlab/archlab/core/data/task"
	"github.com/archlab/archlab/core/record"
	"github.com/archlab/archlab/core/report"
)

// writeEvaluation prints an evaluation as a table: tasks with seeds averaged, text one line a seed.
func writeEvaluation(w io.Writer, x record.Evaluation) error {
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	line := func(cells ...string) { fmt.Fprintln(tw, strings.Join(cells, "\t")) }
	var order []string
	tasks := map[string][][]record.TaskScore{}
	for _, m := range x.Models {
		if len(m.Tasks) > 0 {
			if tasks[m.Model] == nil {
				order = append(order, m.Model)
			}
			tasks[m.Model] = append(tasks[m.Model], m.Tasks)
		}
	}
	if len(order) > 0 {
		line(append([]string{"model"}, report.TaskHead...)...)
	}
	for _, name := range order {
		for _, s := range report.OverSeeds(tasks[name]) {
			line(append([]string{name}, s.Cells()...)...)
		}
	}
	for i, m := range x.Models {
		if m.Text == nil {
			continue
		}
		if i == 0 {
			line("model", "seed", "measure", "value", "standard error", "95 % interval", "items", "guessing")
		}
		for _, v := range m.Text.Measures {
			stdErr, chance := "–", "–"
			if v.StdErr != nil {
				stdErr = fmt.Sprintf("%.4f", *v.StdErr)
			}
			if v.Name == "acc" && m.Text.Chance > 0 {
				chance = fmt.Sprintf("%.4f", m.Text.Chance)
			}
			line(m.Model, fmt.Sprint(m.Seed), v.Name, fmt.Sprintf("%.4f", v.Value), stdErr, fmt.Sprintf("%.4f to %.4f", v.Low, v.High), fmt.Sprint(m.Text.Items), chance)
		}
	}
	head := true
	for _, m := range x.Models {
		for _, p := range m.Positions {
			if head {
				line("model", "seed", "positions", "beyond training", "bits a byte", "nats a token", "tokens")
				head = false
			}
			where, beyond := fmt.Sprintf("%d–%d", p.From, p.To-1), "no"
			if p.To-p.From == 1 {
				where = fmt.Sprint(p.From)
			}
			switch {
			case p.From >= m.Context:
				beyond = "yes"
			case p.To > m.Context:
				beyond = "in part"
			}
			line(m.Model, fmt.Sprint(m.Seed), where, beyond, fmt.Sprintf("%.4f", p.BPB()), fmt.Sprintf("%.4f", p.Loss), fmt.Sprint(p.Count))
		}
	}
	if err := tw.Flush(); err != nil {
		return err
	}
	for _, m := range x.Models {
		if m.Text != nil && m.Text.Cut > 0 {
			fmt.Fprintf(w, "\n%s seed %d: %d contexts lost their beginning, since the model does not hold them\n", m.Model, m.Seed, m.Text.Cut)
		}
	}
	for _, n := range x.Notes {
		fmt.Fprintf(w, "\n%s\n", n)
	}
	return nil
}

// taskFingerprint is what checkpoints of a task's models say of their tokens.
func taskFingerprint(t task.Task) string {
	if v, ok := t.(task.Verifiable); ok {
		return v.Tokenizer().Fingerprint()
	}
	return "task " + t.Info().Name
}
