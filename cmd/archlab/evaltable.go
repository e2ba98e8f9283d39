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

// writeEvaluation prints an evaluation as a table and what has to be known of it.
func writeEvaluation(w io.Writer, x record.Evaluation) error {
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	head, lines := report.EvalTable(x)
	for _, l := range append([][]string{head}, lines...) {
		fmt.Fprintln(tw, strings.Join(l, "\t"))
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
