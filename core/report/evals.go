package report

import (
	"fmt"
	"path/filepath"
	"strings"

	"github.com/archlab/archlab/core/record"
)

// Eval is a suite that was measured on a run's checkpoints, by the experiment or by archlab eval.
type Eval struct {
	Run string `json:"run"` // the run's name/id
	Judged
	Head  []string   `json:"-"`
	Lines [][]string `json:"-"`
}

// Title names the suite, with what of it is not as by default.
func (x Eval) Title() string {
	var more []string
	if x.Asked.Preset != "" {
		more = append(more, "preset "+x.Asked.Preset)
	}
	if x.File != "" {
		more = append(more, filepath.Base(x.File))
	}
	switch c := x.Asked.Checkpoint; c {
	case "", "newest":
	case "best":
		more = append(more, "best checkpoint by validation")
	default:
		more = append(more, "checkpoint of step "+c)
	}
	if len(more) == 0 {
		return x.Suite
	}
	return x.Suite + " (" + strings.Join(more, ", ") + ")"
}

// EvalTable is an evaluation as a table: of tasks one line a model and setting, with seeds averaged; of questions and positions one a seed.
func EvalTable(x record.Evaluation) (head []string, lines [][]string) {
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
	for _, name := range order {
		head = append([]string{"model"}, TaskHead...)
		for _, s := range OverSeeds(tasks[name]) {
			lines = append(lines, append([]string{name}, s.Cells()...))
		}
	}
	for _, m := range x.Models {
		switch {
		case m.Text != nil:
			head = []string{"model", "seed", "measure", "value", "standard error", "95 % interval", "items", "chance"}
			lines = append(lines, textLines(m)...)
		case len(m.Positions) > 0:
			head = []string{"model", "seed", "positions", "beyond training", "bits/byte", "nats a token", "tokens"}
			lines = append(lines, positionLines(m)...)
		}
	}
	return head, lines
}

func textLines(m record.Judged) (out [][]string) {
	for _, v := range m.Text.Measures {
		chance := dash
		if v.Name == "acc" && m.Text.Chance > 0 {
			chance = fixed(m.Text.Chance)
		}
		out = append(out, []string{m.Model, fmt.Sprint(m.Seed), v.Name, fixed(v.Value), optional(v.StdErr, fixed), fixed(v.Low) + " to " + fixed(v.High), fmt.Sprint(m.Text.Items), chance})
	}
	return out
}

func positionLines(m record.Judged) (out [][]string) {
	for _, p := range m.Positions {
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
		out = append(out, []string{m.Model, fmt.Sprint(m.Seed), where, beyond, fixed(p.BPB()), fixed(p.Loss), fmt.Sprint(p.Count)})
	}
	return out
}
