package report

import (
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"github.com/archlab/archlab/core/family"
)

// column is one column of the side-by-side table, the same in every form of the report.
type column struct {
	Head string
	Long string // what it means, for a tooltip and the Markdown legend
	cell func(Row) string
}

// Cell answers the column's text for a row.
func (c column) Cell(r Row) string { return c.cell(r) }

// columns lists the side-by-side table's columns for a report: text has bits per byte where tasks have accuracies.
func columns(rep *Report) []column {
	text, task := false, false
	for _, r := range rep.Runs {
		text = text || r.Data.Corpus != ""
		task = task || r.Data.Task != ""
	}
	half := false
	for _, r := range rep.Rows {
		half = half || narrow(r)
	}
	all := []struct {
		column
		when bool
	}{
		{column{"bits/byte", "test loss in bits over the bytes of the text itself, ± 95 % interval over seeds", func(r Row) string { return r.BPB.text(fixed) }}, text},
		{column{"perplexity", "of the test split's tokens", func(r Row) string { return r.Perplexity.plain(sig) }}, true},
		{column{"accuracy", "share of test targets that were the argmax", func(r Row) string { return r.Accuracy.text(percent) }}, true},
		{column{"sequences", "share of test sequences with every target right", func(r Row) string { return r.Sequence.plain(percent) }}, task},
		{column{"verdict", "Holm-corrected at 5 % over all comparisons of the report", func(r Row) string { return r.Verdict }}, true},
		{column{"rate", "peak learning rate, chosen on validation; the ledger below shows the others", func(r Row) string { return optional(r.LearnRate, rate) }}, len(rep.Tunings) > 0},
		{column{"params", "all weights", func(r Row) string { return count(r, r.Card.Parameters) }}, true},
		{column{"active", "weights that take part in computing one token", func(r Row) string { return count(r, r.Card.ActiveParameters) }}, true},
		{column{"FLOPs/token", "training: forward and backward, at the training context", func(r Row) string { return costOf(r, func(c family.Cost) float64 { return c.TrainFLOPs }, si) }}, true},
		{column{"state", "decoding state of one sequence at the training context, by the card", func(r Row) string {
			return costOf(r, func(c family.Cost) float64 { return float64(c.StateBytes) }, size)
		}}, true},
		{column{"trained", "tokens", func(r Row) string { return r.Tokens.plain(si) }}, true},
		{column{"FLOPs", "spent in training, by the card", func(r Row) string { return r.FLOPs.plain(si) }}, true},
		{column{"time", "of training", func(r Row) string { return r.Seconds.plain(duration) }}, true},
		{column{"tokens/s", "trained", func(r Row) string { return r.Speed.plain(si) }}, true},
		{column{"FLOP/s", "training FLOPs by the card over training seconds", func(r Row) string { return r.Rate.plain(si) }}, true},
		{column{"of peak", "the same over the FP32 peak that a multiply-add loop reaches on this machine", func(r Row) string { return r.Use.plain(percent) }}, true},
		{column{"peak memory", "of the plugin's process", func(r Row) string { return r.PeakRSS.plain(size) }}, true},
		{column{"precision", "of activations and their gradients; sums, parameters and the optimizer are float32", precision}, half},
		{column{"seeds", "finished", func(r Row) string {
			if n := len(r.Failures); n > 0 {
				return fmt.Sprintf("%d of %d", r.Seeds, r.Seeds+n)
			}
			return fmt.Sprint(r.Seeds)
		}}, true},
	}
	var out []column
	for _, c := range all {
		if c.when {
			out = append(out, c.column)
		}
	}
	return out
}

func count(r Row, n int64) string {
	if r.Control {
		return dash
	}
	return si(float64(n))
}

func costOf(r Row, of func(family.Cost) float64, format func(float64) string) string {
	if r.Cost == nil || r.Control {
		return dash
	}
	return format(of(*r.Cost))
}

// WriteTable prints the comparison for a terminal: a few columns that fit 100 characters, then the verdicts.
func WriteTable(w io.Writer, rep *Report) error {
	short := map[string]bool{"bits/byte": true, "perplexity": true, "accuracy": true, "sequences": true, "active": true, "FLOPs/token": true, "tokens/s": true, "peak memory": true, "seeds": true}
	cols := columns(rep)
	if len(rep.Runs) > 0 && rep.Runs[0].Data.Task == "" {
		short["accuracy"] = false
	}
	lines := [][]string{{"model"}}
	for _, c := range cols {
		if short[c.Head] {
			lines[0] = append(lines[0], c.Head)
		}
	}
	for _, r := range rep.Rows {
		line := []string{r.Name}
		for _, c := range cols {
			if short[c.Head] {
				line = append(line, c.Cell(r))
			}
		}
		lines = append(lines, line)
	}
	var b strings.Builder
	align(&b, lines)
	b.WriteByte('\n')
	for i, r := range rep.Runs {
		if s := setting(r.Data); s != "" && (i == 0 || s != setting(rep.Runs[i-1].Data)) {
			fmt.Fprintf(&b, "%s\n\n", s)
		}
	}
	for _, r := range rep.Rows {
		fmt.Fprintf(&b, "%s: %s\n", r.Name, r.Verdict)
	}
	for _, r := range rep.Rows {
		for _, f := range r.Failures {
			fmt.Fprintf(&b, "%s, seed %d %s: %s\n", r.Name, f.Seed, f.Status, f.Message)
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// align writes lines as columns: the first to the left, the others to the right. A line of one cell is a heading that no column makes room for.
func align(b *strings.Builder, lines [][]string) {
	width := make([]int, len(lines[0]))
	for _, l := range lines {
		for i, c := range l {
			if len(l) == 1 {
				continue
			}
			width[i] = max(width[i], utf8.RuneCountInString(c))
		}
	}
	for _, l := range lines {
		for i, c := range l {
			pad := strings.Repeat(" ", max(0, width[i]-utf8.RuneCountInString(c)))
			switch {
			case len(l) == 1:
				b.WriteString(c)
			case i == 0:
				b.WriteString(c + pad)
			default:
				b.WriteString("  " + pad + c)
			}
		}
		b.WriteByte('\n')
	}
}
