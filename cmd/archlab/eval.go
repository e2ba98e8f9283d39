package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

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
	questions string // a file
	delimiter string
	which     string   // checkpoint: newest, best or a step
	data      *dataset // the run's, where it is open already
	json      bool
	list      bool
}

// What a suite is measured on where nothing else is said.
const (
	defaultExamples  = 256
	defaultTokens    = 64_000
	defaultDelimiter = " "
)

// The checkpoints that are found by what is known of them; others are named by their step.
const (
	newestCheckpoint = "newest"
	bestCheckpoint   = "best"
)

func evalCommand() *cobra.Command {
	var o evalOptions
	c := &cobra.Command{
		Use: "eval RUN --suite NAME", Short: "Judge the checkpoints of a run on a suite of tasks or questions",
		Long: "eval loads every model of a run from a checkpoint and measures it on the test split of a suite. The result is printed and\n" +
			"kept as RUN/evals/NAME.json; the run's own records stay as they are. --list names the suites. An experiment's eval.suites does the same after training.",
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
			err := o.foreign(c.Flags().Changed)
			if err == nil {
				err = o.eval(c.Context(), args[0], c.OutOrStdout(), os.Stderr)
			}
			var wrong settingError
			if errors.As(err, &wrong) {
				return usageError{"--" + wrong.key + ": " + wrong.message, wrong.hint}
			}
			return interrupted(c.Context(), err)
		},
	}
	o.flags(c)
	f := c.Flags()
	f.StringVar(&o.suite, "suite", "", "what to measure (required; --list names them)")
	f.StringVar(&o.model, "model", "", "one model alone (default: all of the run)")
	f.StringVar(&o.preset, "preset", "", "cpu or paper: a task's preset in place of the run's own settings")
	f.IntSliceVar(&o.lengths, "lengths", nil, "tasks: values of the setting that measures length; long: tokens a window")
	f.IntVar(&o.examples, "examples", defaultExamples, "tasks: test sequences at each length")
	f.Int64Var(&o.tokens, "tokens", defaultTokens, "positions, long: tokens of the test split")
	f.StringVar(&o.questions, "file", "", "choice, cloze: the questions, JSON lines")
	f.StringVar(&o.which, "checkpoint", newestCheckpoint, "newest, best (the lowest validation loss), or a step")
	f.StringVar(&o.delimiter, "delimiter", defaultDelimiter, "choice: what joins a choice to its context")
	f.BoolVar(&o.json, "json", false, "print the result as one JSON object")
	f.BoolVar(&o.list, "list", false, "list the suites")
	return c
}

// settingError is a setting of a suite that is wrong: a flag, or a key of an experiment.
type settingError struct{ key, message, hint string }

func (e settingError) Error() string { return e.key + ": " + e.message }

// Hint says what to do.
func (e settingError) Hint() string { return e.hint }

// foreign refuses settings that the suite would not look at.
func (o *evalOptions) foreign(given func(key string) bool) error {
	takes := map[string][]string{"positions": {"tokens"}, "long": {"tokens", "lengths"}, "choice": {"file", "delimiter"}, "cloze": {"file"}}[o.suite]
	if takes == nil {
		takes = []string{"preset", "lengths", "examples"}
	}
	for _, key := range []string{"preset", "lengths", "examples", "tokens", "file", "delimiter"} {
		if given(key) && o.suite != "" && !slices.Contains(takes, key) {
			return settingError{key, fmt.Sprintf("the suite %s does not take it", o.suite), "it takes " + strings.Join(takes, ", ")}
		}
	}
	return nil
}

// check refuses what no suite could do.
func (o *evalOptions) check() error {
	step, err := strconv.Atoi(o.which)
	switch {
	case o.suite == "":
		return usageError{"missing --suite", "archlab eval --list names them"}
	case o.examples < 1:
		return settingError{"examples", fmt.Sprintf("got %d, want at least 1", o.examples), ""}
	case o.tokens < 1:
		return settingError{"tokens", fmt.Sprintf("got %d, want at least 1", o.tokens), ""}
	case o.preset != "" && o.preset != "cpu" && o.preset != "paper":
		return settingError{"preset", fmt.Sprintf("got %q, want cpu or paper", o.preset), "one at a time: numbers of both do not belong in one table"}
	case o.questions == "" && (o.suite == "choice" || o.suite == "cloze"):
		return settingError{"file", "it is missing: the suite " + o.suite + " reads its questions from one", "one JSON object a line, see docs/tasks.md"}
	case o.which != newestCheckpoint && o.which != bestCheckpoint && (err != nil || step < 1):
		return settingError{"checkpoint", fmt.Sprintf("got %q, want newest, best or a step", o.which), ""}
	}
	for _, n := range o.lengths {
		if n < 0 || n > 1<<20 {
			return settingError{"lengths", fmt.Sprintf("got %d, want 0 to %d", n, 1<<20), ""}
		}
	}
	return nil
}

// eval measures a run on the suite and prints what it came to.
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
	fleet, err := o.fleet(file)
	if err != nil {
		return err
	}
	defer fleet.close()
	m := measurement{evalOptions: o, fleet: fleet, run: r, file: file, stderr: stderr}
	judged, unmeasured := m.measure(ctx, models, false)
	if len(judged.Models) == 0 {
		return unmeasured
	}
	if o.json {
		return errors.Join(printJSON(stdout, judged), unmeasured)
	}
	if err := writeEvaluation(stdout, judged.Evaluation); err != nil {
		return err
	}
	if err := report.WriteVerdicts(stdout, judged.Comparisons, judged.Correction); err != nil {
		return err
	}
	_, err = fmt.Fprintf(stdout, "\nkept as %s\n", m.path())
	return errors.Join(err, unmeasured)
}

// name is that of the file of the result: what would be another measurement has another name.
func (o *evalOptions) name() string {
	name := o.suite
	if o.preset != "" {
		name += "-" + o.preset
	}
	if o.questions != "" {
		base := filepath.Base(o.questions)
		name += "-" + strings.TrimSuffix(base, filepath.Ext(base))
	}
	switch o.which {
	case newestCheckpoint:
	case bestCheckpoint:
		name += "-best"
	default:
		name += "-step-" + o.which
	}
	return name
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
