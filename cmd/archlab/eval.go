package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/archlab/archlab/core/experiment"
	"github.com/archlab/archlab/core/record"
	"github.com/archlab/archlab/core/report"
)

// evalOptions is the command line of eval.
type evalOptions struct {
	hostOptions
	suite     string
	model     string
	preset    string
	lengths   []int
	examples  int
	tokens    int64
	file      string
	delimiter string
	json      bool
	list      bool
}

func evalCommand() *cobra.Command {
	var o evalOptions
	c := &cobra.Command{
		Use: "eval RUN --suite NAME", Short: "Judge the checkpoints of a run on a suite of tasks or questions",
		Long: "eval loads every model of a run from its newest checkpoint and measures it on the test split of a suite. The result is printed and\n" +
			"kept as RUN/evals/NAME.json; the run's own records stay as they are. --list names the suites.",
		Example: "  archlab eval runs/induction/20260102-150405 --suite lengths --lengths 64,128,1024\n" +
			"  archlab eval runs/quickstart/20260102-150405 --suite choice --file questions.jsonl",
		Args: func(c *cobra.Command, args []string) error {
			if o.list {
				return exactly()(c, args)
			}
			return exactly("RUN")(c, args)
		},
		RunE: func(c *cobra.Command, args []string) error {
			if o.list {
				return listSuites(c.OutOrStdout(), o.json)
			}
			if err := o.foreign(c.Flags().Changed); err != nil {
				return err
			}
			return interrupted(c.Context(), o.eval(c.Context(), args[0], c.OutOrStdout(), os.Stderr))
		},
	}
	o.flags(c)
	f := c.Flags()
	f.StringVar(&o.suite, "suite", "", "what to measure (required; --list names them)")
	f.StringVar(&o.model, "model", "", "one model alone (default: all of the run)")
	f.StringVar(&o.preset, "preset", "", "cpu or paper: a task's preset in place of the run's own settings")
	f.IntSliceVar(&o.lengths, "lengths", nil, "tasks: values of the setting that measures length; long: tokens a window")
	f.IntVar(&o.examples, "examples", 256, "tasks: test sequences at each length")
	f.Int64Var(&o.tokens, "tokens", 64_000, "positions, long: tokens of the test split")
	f.StringVar(&o.file, "file", "", "choice, cloze: the questions, JSON lines")
	f.StringVar(&o.delimiter, "delimiter", " ", "choice: what joins a choice to its context")
	f.BoolVar(&o.json, "json", false, "print the result as one JSON object")
	f.BoolVar(&o.list, "list", false, "list the suites")
	return c
}

// foreign refuses flags that the suite would not look at.
func (o *evalOptions) foreign(changed func(flag string) bool) error {
	takes := map[string][]string{"positions": {"tokens"}, "long": {"tokens", "lengths"}, "choice": {"file", "delimiter"}, "cloze": {"file"}}[o.suite]
	if takes == nil {
		takes = []string{"preset", "lengths", "examples"}
	}
	for _, f := range []string{"preset", "lengths", "examples", "tokens", "file", "delimiter"} {
		if changed(f) && o.suite != "" && !slices.Contains(takes, f) {
			return usageError{fmt.Sprintf("--%s: the suite %s does not take it", f, o.suite), "it takes --" + strings.Join(takes, ", --")}
		}
	}
	return nil
}

// check refuses what no suite could do.
func (o *evalOptions) check() error {
	switch {
	case o.suite == "":
		return usageError{"missing --suite", "archlab eval --list names them"}
	case o.examples < 1:
		return usageError{fmt.Sprintf("--examples: got %d, want at least 1", o.examples), ""}
	case o.tokens < 1:
		return usageError{fmt.Sprintf("--tokens: got %d, want at least 1", o.tokens), ""}
	case o.preset != "" && o.preset != "cpu" && o.preset != "paper":
		return usageError{fmt.Sprintf("--preset: got %q, want cpu or paper", o.preset), "one at a time: numbers of both do not belong in one table"}
	case o.file == "" && (o.suite == "choice" || o.suite == "cloze"):
		return usageError{"missing --file: the suite " + o.suite + " reads its questions from one", "one JSON object a line, see docs/tasks.md"}
	}
	for _, n := range o.lengths {
		if n < 1 || n > 1<<20 {
			return usageError{fmt.Sprintf("--lengths: got %d, want 1 to %d", n, 1<<20), ""}
		}
	}
	return nil
}

// judge is how one checkpoint is measured.
type judge struct {
	tokenizer string // fingerprint that a checkpoint must have been trained with
	setting   string // of the training
	longest   int    // tokens that it feeds at most
	decodes   bool   // it needs decoding
	notes     []string
	run       func(ctx context.Context, m *checkpointed) (record.Judged, error)
	close     func()
}

func (o *evalOptions) eval(ctx context.Context, dir string, stdout, stderr io.Writer) error {
	if err := o.check(); err != nil {
		return err
	}
	r, file, err := openRun(dir)
	if err != nil {
		return err
	}
	models, err := o.models(r)
	if err != nil {
		return err
	}
	j, err := o.judge(ctx, r, file)
	if err != nil {
		return err
	}
	if j.close != nil {
		defer j.close()
	}
	out := record.Evaluation{Format: 1, Suite: o.suite, Setting: j.setting, File: o.file, Archlab: version(), Time: time.Now().UTC(), Notes: j.notes}
	if o.file != "" {
		if out.SHA256, err = fileSum(o.file); err != nil {
			return err
		}
	}
	fleet, err := o.fleet(file)
	if err != nil {
		return err
	}
	defer fleet.close()
	for _, m := range models {
		for _, seed := range r.Manifest.Seeds {
			fmt.Fprintf(stderr, "%s seed %d: %s\n", m.Name, seed, o.suite)
			one, notes, err := fleet.judged(ctx, r, file, m, seed, j)
			if err != nil {
				return fmt.Errorf("%s seed %d: %w", m.Name, seed, err)
			}
			out.Models, out.Notes = append(out.Models, one), append(out.Notes, notes...)
		}
	}
	path := filepath.Join(dir, "evals", o.name()+".json")
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	judged := report.JudgeEvaluation(out)
	if err := record.WriteJSON(path, judged); err != nil {
		return err
	}
	if o.json {
		return printJSON(stdout, judged)
	}
	if err := writeEvaluation(stdout, out); err != nil {
		return err
	}
	if err := report.WriteVerdicts(stdout, judged.Comparisons, judged.Correction); err != nil {
		return err
	}
	_, err = fmt.Fprintf(stdout, "\nkept as %s\n", path)
	return err
}

// name is that of the file of the result.
func (o *evalOptions) name() string {
	if o.preset != "" {
		return o.suite + "-" + o.preset
	}
	return o.suite
}

// models lists the run's models, or the one that the command line names; controls have no checkpoint.
func (o *evalOptions) models(r *record.Reader) ([]record.Model, error) {
	var all []record.Model
	var names []string
	for _, m := range r.Manifest.Models {
		if m.Control {
			continue
		}
		names = append(names, m.Name)
		if o.model == "" || m.Name == o.model {
			all = append(all, m)
		}
	}
	if len(all) == 0 {
		hint := "models: " + strings.Join(names, ", ")
		if near, ok := experiment.Nearest(o.model, names); ok {
			hint = fmt.Sprintf("did you mean %q?", near)
		}
		return nil, usageError{fmt.Sprintf("the run has no model %q", o.model), hint}
	}
	return all, nil
}

// judged measures one checkpoint; notes say what of it could not be.
func (f *fleet) judged(ctx context.Context, r *record.Reader, file *experiment.File, m record.Model, seed uint64, j *judge) (record.Judged, []string, error) {
	s, err := f.trained(ctx, r, file, m, seed, j.tokenizer, j.longest)
	if err != nil {
		return record.Judged{}, nil, err
	}
	defer s.Close()
	var notes []string
	if s.context < j.longest {
		notes = append(notes, fmt.Sprintf("%s holds %d tokens, since a longer context would add weights that no training reached: what is longer was not measured or lost its beginning", m.Name, s.context))
	}
	var out record.Judged
	if j.decodes && !s.Description.Capabilities.Decode {
		notes = append(notes, fmt.Sprintf("%s does not decode: it was not measured", m.Name))
	} else {
		out, err = j.run(ctx, s)
	}
	out.Model, out.Seed, out.Step = m.Name, seed, s.step
	return out, notes, err
}
