package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/archlab/archlab/core/data"
	"github.com/archlab/archlab/core/eval"
	"github.com/archlab/archlab/core/experiment"
)

func configCommand() *cobra.Command {
	return group("config", "Check and show experiment files", configCheckCommand(), configShowCommand(), configSchemaCommand())
}

func configSchemaCommand() *cobra.Command {
	return &cobra.Command{
		Use: "schema", Short: "Print the JSON Schema of experiment files, for editors", Args: exactly(),
		RunE: func(c *cobra.Command, _ []string) error {
			_, err := c.OutOrStdout().Write(experiment.Schema())
			return err
		},
	}
}

func configCheckCommand() *cobra.Command {
	var opts hostOptions
	var sets []string
	var which string
	var asJSON bool
	c := &cobra.Command{
		Use: "check FILE", Short: "List everything that is wrong with an experiment, without reading data", Args: exactly("FILE"),
		RunE: func(c *cobra.Command, args []string) error {
			x, err := opts.check(c.Context(), args[0], which, sets)
			if asJSON {
				return printProblems(c.OutOrStdout(), args[0], err)
			}
			if err != nil {
				return err
			}
			defer x.fleet.close()
			_, err = fmt.Fprintf(c.OutOrStdout(), "%s: ok: %s, %s\n", x.file.Path, plural(len(x.plan.Models), "model"), runs(x.plan))
			return err
		},
	}
	opts.flags(c)
	setFlag(c, &sets)
	caseFlag(c, &which)
	c.Flags().BoolVar(&asJSON, "json", false, "print one JSON object with the problems")
	return c
}

// runs counts what a plan runs.
func runs(p *experiment.Plan) string {
	if p.Tuning != nil {
		return fmt.Sprintf("%s to tune, %s", plural(p.Tuning.Trials, "trial"), plural(p.Trainings, "training"))
	}
	return plural(p.Trainings, "training")
}

// printProblems says as JSON what is wrong with an experiment. The error that it answers then has been told.
func printProblems(w io.Writer, path string, err error) error {
	ps, ok := experiment.IsProblems(err)
	switch {
	case err == nil:
		ps = experiment.Problems{}
	case !ok:
		ps = experiment.Problems{{File: path, Message: err.Error(), Hint: hintOf(err)}}
	}
	if e := printJSON(w, map[string]any{"file": path, "ok": err == nil, "problems": ps}); e != nil {
		return e
	}
	if err != nil {
		return silent{err}
	}
	return nil
}

// plural writes a count of things.
func plural(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

func configShowCommand() *cobra.Command {
	var opts hostOptions
	var sets []string
	var which string
	var asJSON bool
	c := &cobra.Command{
		Use: "show FILE", Short: "Print the resolved experiment, the plan and the model cards, without training", Args: exactly("FILE"),
		RunE: func(c *cobra.Command, args []string) error {
			x, err := opts.check(c.Context(), args[0], which, sets)
			if err != nil {
				return err
			}
			defer x.fleet.close()
			return show(c.OutOrStdout(), x.file, x.plan, asJSON)
		},
	}
	opts.flags(c)
	setFlag(c, &sets)
	caseFlag(c, &which)
	c.Flags().BoolVar(&asJSON, "json", false, "print one JSON object")
	return c
}

// setFlag adds --set. StringArray, not StringSlice: values may hold commas.
func setFlag(c *cobra.Command, sets *[]string) {
	c.Flags().StringArrayVar(sets, "set", nil, "override a key, e.g. --set train.batch=8 (repeatable)")
}

// caseFlag adds --case.
func caseFlag(c *cobra.Command, which *string) {
	c.Flags().StringVar(which, "case", "", "of a card (see archlab cards): the case")
}

// checked is an experiment that nothing is known to be wrong with.
type checked struct {
	file        *experiment.File
	fleet       *fleet // with the plugins that were asked; the caller closes it
	competitors []experiment.Competitor
	vocab       int // as the file asks for
	plan        *experiment.Plan
}

// check reads, checks and plans an experiment, of a card's case where path is a card, with the vocabulary that its file asks for. What is wrong in one place hides
// nothing elsewhere: it goes on with all that is readable, and answers every problem at once.
func (o hostOptions) check(ctx context.Context, path, which string, sets []string) (*checked, error) {
	file, told := readExperiment(path, which, sets)
	return o.checkRead(ctx, file, told)
}

// checkRead is check for a file that has been read, told being what is wrong with it.
func (o hostOptions) checkRead(ctx context.Context, file *experiment.File, told error) (*checked, error) {
	if _, ok := experiment.IsProblems(told); told != nil && !ok {
		return nil, told
	}
	fleet, err := o.fleet(file)
	if err != nil {
		return nil, err
	}
	c := &checked{file: file, fleet: fleet}
	fail := func(err error) (*checked, error) {
		fleet.close()
		return nil, err
	}
	var wrong error
	if c.competitors, wrong, err = fleet.competitors(ctx, file); err != nil {
		return fail(err)
	}
	told = file.Join(told, wrong, corpusProblem(file), suitesProblem(file))
	if c.vocab, err = nominalVocab(file); err != nil {
		if _, ok := experiment.IsProblems(err); ok || told == nil {
			told = file.Join(told, err)
		}
	}
	if c.vocab > 0 {
		var mismatch *experiment.MatchError
		c.plan, err = file.Plan(ctx, c.competitors, c.vocab, eval.DecodeSteps)
		if _, ok := experiment.IsProblems(err); ok || errors.As(err, &mismatch) || told == nil {
			told = file.Join(told, err)
		}
	}
	if told != nil {
		return fail(told)
	}
	return c, nil
}

// corpusProblem looks whether the files of corpora are there.
func corpusProblem(file *experiment.File) error {
	var all []error
	for i, c := range file.Sources() {
		key := "data.corpus"
		if file.Data.Mixture != nil {
			key = fmt.Sprintf("data.mixture.sources[%d]", i)
		}
		if c.Path == "" {
			all = append(all, fetched(file, key, c.Kind))
			continue
		}
		all = append(all, lookFor(file, key+".path", c.Path))
	}
	if f := file.Data.Filters; f != nil && f.C4 != nil && f.C4.Words != "" {
		all = append(all, lookFor(file, "data.filters.c4.words", file.Resolve(f.C4.Words)))
	}
	if f := file.Data.Filters; f != nil && f.Decontaminate != nil {
		for i, path := range f.Decontaminate.Files {
			all = append(all, lookFor(file, fmt.Sprintf("data.filters.decontaminate.files[%d]", i), file.Resolve(path)))
		}
	}
	return file.Join(all...)
}

// fetched looks whether a known corpus is in the library.
func fetched(file *experiment.File, key, kind string) error {
	k, ok := data.FindKnown(kind)
	if !ok {
		return nil
	}
	for _, f := range k.Files {
		path := data.DefaultLibrary().Path(k, f)
		if _, err := os.Stat(path); err != nil {
			p := file.Problem(key, "corpus %s is not here: no %s", k.Name, path)
			p.Hint = fmt.Sprintf("fetch it: archlab data fetch %s; or give its file as path", k.Name)
			return p
		}
	}
	return nil
}

// lookFor looks whether a file, a directory or what a pattern means is there.
func lookFor(file *experiment.File, key, path string) error {
	_, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) && strings.ContainsAny(path, "*?[") {
		var matches []string
		if matches, err = filepath.Glob(path); err == nil && len(matches) > 0 {
			return nil
		}
		if err == nil {
			err = errors.New("no file matches")
		}
	}
	if err == nil {
		return nil
	}
	var in *fs.PathError
	if errors.As(err, &in) {
		err = in.Err
	}
	p := file.Problem(key, "%s: %v", path, err)
	p.Hint = "a relative path begins where the experiment file lies"
	return p
}

// show prints an experiment and its plan.
func show(w io.Writer, file *experiment.File, plan *experiment.Plan, asJSON bool) error {
	if asJSON {
		exp, err := file.JSON()
		if err != nil {
			return err
		}
		enc := json.NewEncoder(w)
		enc.SetIndent("", "  ")
		return enc.Encode(map[string]any{"experiment": exp, "plan": plan})
	}
	text, err := file.YAML()
	if err != nil {
		return err
	}
	fmt.Fprintf(w, "%s\n# plan: %s (%s, %s)\n\n", text, plural(plan.Trainings, "training"), plural(len(plan.Models), "model"), plural(len(plan.Seeds), "seed"))
	return showPlan(w, file, plan)
}

// showPlan prints one line a model.
func showPlan(w io.Writer, file *experiment.File, plan *experiment.Plan) error {
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(tw, "model\tfamily\tparameters\tactive\tembedding\ttrain FLOPs/token\tstate bytes\tsteps\ttokens\tFLOPs\tweights+optimizer\tprecision\tmatched\t")
	for _, m := range plan.Models {
		steps, tokens, flops := "by clock", "by clock", "by clock"
		if m.Steps > 0 {
			steps, tokens, flops = fmt.Sprint(m.Steps), short(float64(m.Tokens)), short(m.FLOPs)
		}
		cost, _ := m.Card.Cost(file.Data.Context)
		matched := "-"
		if m.Knob != "" {
			matched = fmt.Sprintf("%s (%.1f%% off)", m.Knob, 100*m.Off)
		}
		fmt.Fprintf(tw, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t\n", m.Name, m.Family, short(float64(m.Card.Parameters)), short(float64(m.Card.ActiveParameters)),
			short(float64(m.Card.Embedding)), short(m.TrainFLOPs), short(float64(cost.StateBytes)), steps, tokens, flops, short(float64(m.Memory))+"B", m.Card.Precision, matched)
	}
	if err := tw.Flush(); err != nil {
		return err
	}
	for _, m := range plan.Models {
		fmt.Fprintf(w, "\n# %s: %s\n", m.Name, m.Card.Config)
	}
	showTuning(w, file, plan)
	for _, n := range unmeasured(file, plan) {
		fmt.Fprintf(w, "\n# %s\n", n)
	}
	return nil
}

// short writes a number with three digits and a suffix.
func short(x float64) string {
	for _, u := range []struct {
		scale float64
		name  string
	}{{1e15, "P"}, {1e12, "T"}, {1e9, "G"}, {1e6, "M"}, {1e3, "K"}} {
		if x >= u.scale {
			return fmt.Sprintf("%.3g%s", x/u.scale, u.name)
		}
	}
	return fmt.Sprintf("%.3g", x)
}
