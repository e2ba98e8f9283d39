package report

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/archlab/archlab/core/record"
)

// Write puts report.html, report.md, report.json and tables/*.csv into a directory, each atomically.
func Write(dir string, rep *Report) error {
	if err := os.MkdirAll(filepath.Join(dir, "tables"), 0o755); err != nil {
		return err
	}
	data, err := json.MarshalIndent(rep, "", " ")
	if err != nil {
		return fmt.Errorf("report.json: %w", err)
	}
	html, err := HTML(rep)
	if err != nil {
		return fmt.Errorf("report.html: %w", err)
	}
	files := []struct {
		name string
		data []byte
	}{{"report.json", append(data, '\n')}, {"report.html", html}, {"report.md", Markdown(rep)}}
	for _, t := range tables(rep) {
		var b bytes.Buffer
		if err := csv.NewWriter(&b).WriteAll(t.lines); err != nil {
			return err
		}
		files = append(files, struct {
			name string
			data []byte
		}{filepath.Join("tables", t.name+".csv"), b.Bytes()})
	}
	for _, f := range files {
		if err := record.WriteFile(filepath.Join(dir, f.name), f.data); err != nil {
			return err
		}
	}
	return nil
}

// csvTable is one file of tables/: full precision, one figure a cell, empty where there is none. Curves are thinned as in
// report.json; metrics.jsonl of the run holds every step.
type csvTable struct {
	name  string
	lines [][]string
}

func tables(rep *Report) []csvTable {
	n := func(v float64) string { return strconv.FormatFloat(v, 'g', -1, 64) }
	i := strconv.Itoa
	opt := func(v *float64) string {
		if v == nil {
			return ""
		}
		return n(*v)
	}
	models := csvTable{"models", [][]string{{"model", "run", "family", "control", "parameters", "active_parameters", "embedding_parameters", "train_flops_per_token", "prefill_flops_per_token", "decode_flops_per_token", "state_bytes"}}}
	type named struct {
		name string
		fig  func(Row) Figure
	}
	figs := []named{
		{"test_loss", func(r Row) Figure { return r.Loss }}, {"test_perplexity", func(r Row) Figure { return r.Perplexity }},
		{"test_bpb", func(r Row) Figure { return r.BPB }}, {"test_accuracy", func(r Row) Figure { return r.Accuracy }},
		{"test_sequence_accuracy", func(r Row) Figure { return r.Sequence }}, {"validation_loss", func(r Row) Figure { return r.Validation }},
		{"trained_tokens", func(r Row) Figure { return r.Tokens }}, {"training_flops", func(r Row) Figure { return r.FLOPs }},
		{"training_seconds", func(r Row) Figure { return r.Seconds }}, {"tokens_per_second", func(r Row) Figure { return r.Speed }},
		{"flops_per_second", func(r Row) Figure { return r.Rate }}, {"utilisation", func(r Row) Figure { return r.Use }},
		{"peak_rss", func(r Row) Figure { return r.PeakRSS }},
	}
	for _, f := range figs {
		models.lines[0] = append(models.lines[0], f.name, f.name+"_half")
	}
	models.lines[0] = append(models.lines[0], "seeds_finished", "seeds_failed", "skipped_steps", "verdict")
	curves := csvTable{"curves", [][]string{{"model", "seed", "kind", "step", "tokens", "flops", "seconds", "loss", "bpb", "accuracy"}}}
	pos := csvTable{"positions", [][]string{{"model", "from", "to", "loss"}}}
	dec := csvTable{"decode", [][]string{{"model", "t", "tokens_per_second", "state_bytes", "card_state_bytes", "card_flops"}}}
	tt := csvTable{"ttc", [][]string{{"model", "task", "strategy", "samples", "accuracy", "low", "high", "tokens", "flops", "seconds"}}}
	long := csvTable{"lengths", [][]string{{"model", "task", "parameter", "length", "t", "accuracy", "low", "high", "chance", "loss", "unit", "items", "sequences", "seeds", "setting"}}}
	fail := csvTable{"failures", [][]string{{"model", "seed", "status", "step", "kind", "message", "log"}}}
	for _, r := range rep.Rows {
		line := []string{r.Name, r.Run, r.Family, strconv.FormatBool(r.Control), strconv.FormatInt(r.Card.Parameters, 10), strconv.FormatInt(r.Card.ActiveParameters, 10), strconv.FormatInt(r.Card.Embedding, 10)}
		if c := r.Cost; c != nil {
			line = append(line, n(c.TrainFLOPs), n(c.PrefillFLOPs), n(c.DecodeFLOPs), strconv.FormatInt(c.StateBytes, 10))
		} else {
			line = append(line, "", "", "", "")
		}
		for _, f := range figs {
			g := f.fig(r)
			line = append(line, opt(g.Mean), opt(g.Half))
		}
		models.lines = append(models.lines, append(line, i(r.Seeds), i(len(r.Failures)), i(r.Skipped), r.Verdict))
		for _, c := range r.Curves {
			for kind, pts := range [][]Point{c.Train, c.Validation} {
				for _, p := range pts {
					curves.lines = append(curves.lines, []string{r.Name, strconv.FormatUint(c.Seed, 10), [...]string{"train", "validation"}[kind], i(p.Step), strconv.FormatInt(p.Tokens, 10), n(p.FLOPs), n(p.Seconds), n(p.Loss), opt(p.BPB), opt(p.Accuracy)})
				}
			}
		}
		for _, p := range r.Positions {
			pos.lines = append(pos.lines, []string{r.Name, i(p.From), i(p.To), n(p.Loss)})
		}
		for _, d := range r.Decode {
			dec.lines = append(dec.lines, []string{r.Name, i(d.T), n(d.TokensPerSecond), n(d.StateBytes), strconv.FormatInt(d.CardStateBytes, 10), n(d.CardFLOPs)})
		}
		for _, p := range r.TTC {
			tt.lines = append(tt.lines, []string{r.Name, p.Task, p.Strategy, i(p.Samples), n(p.Accuracy), n(p.Low), n(p.High), n(p.Tokens), n(p.FLOPs), n(p.Seconds)})
		}
		for _, x := range r.Lengths {
			long.lines = append(long.lines, []string{r.Name, x.Task, x.Parameter, i(x.Length), i(x.T), n(x.Accuracy), n(x.Low), n(x.High), n(x.Chance), n(x.Loss), x.Unit, i(x.Items), i(x.Sequences), i(x.Seeds), x.Setting})
		}
		for _, f := range r.Failures {
			fail.lines = append(fail.lines, []string{r.Name, strconv.FormatUint(f.Seed, 10), f.Status, i(f.Step), f.Kind, f.Message, strings.Join(f.Log, "\n")})
		}
	}
	cmp := csvTable{"comparisons", [][]string{{"metric", "higher_is_better", "a", "b", "seeds", "items", "difference", "low", "high", "p_adjusted", "detectable", "test", "scope", "verdict"}}}
	for _, c := range rep.Comparisons {
		for _, p := range c.Pairs {
			cmp.lines = append(cmp.lines, []string{c.Metric, strconv.FormatBool(c.HigherIsBetter), p.A, p.B, i(p.Seeds), i(p.Items), opt(p.Difference), opt(p.Low), opt(p.High), opt(p.P), opt(p.Detectable), p.Test, p.Scope, p.Verdict})
		}
	}
	ops := csvTable{"ops", [][]string{{"model", "op", "calls", "seconds", "flops", "bytes"}}}
	for _, r := range rep.Rows {
		for _, o := range r.Ops {
			ops.lines = append(ops.lines, []string{r.Name, o.Op, strconv.FormatInt(o.Calls, 10), n(float64(o.Nanoseconds) / 1e9), n(o.FLOPs), n(o.Bytes)})
		}
	}
	splits := csvTable{"time_split", [][]string{{"model", "forward", "backward", "update", "other", "rpc", "harness", "data"}}}
	for _, r := range rep.Rows {
		if s := r.Split; s != nil {
			splits.lines = append(splits.lines, []string{r.Name, n(s.Forward), n(s.Backward), n(s.Update), n(s.Other), n(s.RPC), n(s.Harness), n(s.Data)})
		}
	}
	tried := csvTable{"tuning", [][]string{{"run", "model", "learning_rate", "seed", "chosen", "status", "why", "validation_loss", "bpb", "accuracy", "steps", "tokens", "flops", "seconds"}}}
	budget := csvTable{"tuning_budget", [][]string{{"run", "model", "rates", "tokens", "flops", "expected_best_loss", "none_finishes"}}}
	for _, t := range rep.Tunings {
		for _, m := range t.Models {
			for _, x := range m.Trials {
				chosen := m.Rate != nil && *m.Rate == x.Rate
				tried.lines = append(tried.lines, []string{t.Run, m.Model, n(x.Rate), strconv.FormatUint(x.Seed, 10), strconv.FormatBool(chosen), x.Status, x.Why, opt(x.Loss), opt(x.BPB), opt(x.Accuracy), i(x.Steps), strconv.FormatInt(x.Tokens, 10), n(x.FLOPs), n(x.Seconds)})
			}
			for _, e := range m.Best {
				budget.lines = append(budget.lines, []string{t.Run, m.Model, i(e.Rates), n(e.Tokens), n(e.FLOPs), opt(e.Loss), n(e.Failed)})
			}
		}
	}
	runs := csvTable{"runs", [][]string{{"run", "state", "seconds", "prepare", "train", "eval", "plugin", "rpc", "harness", "checkpoint", "overhead"}}}
	for _, r := range rep.Runs {
		s := r.Seconds
		runs.lines = append(runs.lines, []string{r.Name + "/" + r.ID, r.State, n(s.Total), n(s.Prepare), n(s.Train), n(s.Eval), n(s.Plugin), n(s.RPC), n(s.Harness), n(s.Checkpoint), opt(r.Overhead)})
	}
	// Empty tables keep their heading, so that a rebuilt report leaves no lines of an older one behind.
	return []csvTable{models, cmp, curves, pos, dec, long, tt, fail, ops, splits, runs, tried, budget}
}
