package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/archlab/archlab/core/eval"
	"github.com/archlab/archlab/core/experiment"
	"github.com/archlab/archlab/core/record"
	"github.com/archlab/archlab/core/report"
	"github.com/archlab/archlab/core/train"
)

// runOptions is the command line of run.
type runOptions struct {
	hostOptions
	out    string
	json   bool
	sets   []string
	which  string // case of a card
	resume bool
}

func runCommand() *cobra.Command {
	var o runOptions
	c := &cobra.Command{
		Use: "run FILE", Short: "Train and compare the families of an experiment", Args: exactly("FILE"),
		Long: "run trains every model of an experiment with every seed, one after the other so that timings are honest, evaluates them\n" +
			"and writes a report. Ctrl-C stops with a checkpoint; --resume goes on, with the same bits as a run never stopped.",
		RunE: func(c *cobra.Command, args []string) error {
			return o.run(c.Context(), args[0], c.OutOrStdout(), os.Stderr)
		},
	}
	o.flags(c)
	setFlag(c, &o.sets)
	caseFlag(c, &o.which)
	c.Flags().StringVar(&o.out, "out", "runs", "directory of runs")
	c.Flags().BoolVar(&o.json, "json", false, "write events as JSON lines to stdout instead of progress and table")
	c.Flags().BoolVar(&o.resume, "resume", false, "go on with the newest unfinished run of this experiment, and try again what a plugin's death or deadline ended")
	return c
}

// run takes an experiment from its file to its report.
func (o *runOptions) run(ctx context.Context, path string, stdout, stderr io.Writer) error {
	file, told := readExperiment(path, o.which, o.sets)
	return o.train(ctx, file, told, stdout, stderr)
}

// train takes an experiment that has been read, told being what is wrong with it, to its report.
func (o *runOptions) train(ctx context.Context, file *experiment.File, told error, stdout, stderr io.Writer) error {
	begin := time.Now()
	say := func(format string, args ...any) {
		if !o.json {
			fmt.Fprintf(stderr, format+"\n", args...)
		}
	}
	checked, err := o.checkRead(ctx, file, told)
	if err != nil {
		return interrupted(ctx, err)
	}
	fleet, plan := checked.fleet, checked.plan
	defer fleet.close()
	if err := absolute(file); err != nil {
		return err
	}
	ds, err := openData(ctx, file)
	if err != nil {
		return interrupted(ctx, err)
	}
	defer ds.close()
	if ds.info.Vocab != checked.vocab { // a small corpus gives fewer pairs than were asked for
		if plan, err = file.Plan(ctx, checked.competitors, ds.info.Vocab, eval.DecodeSteps); err != nil {
			return interrupted(ctx, err)
		}
	}
	ds.info.Notes = append(ds.info.Notes, unmeasured(file, plan)...)
	run, manifest, err := o.directory(file)
	if err != nil {
		return err
	}
	defer run.Close()
	warnings, err := describeRun(&manifest, file, plan, ds, fleet)
	if err != nil {
		return err
	}
	for _, w := range warnings {
		fmt.Fprintf(stderr, "archlab: warning: %s\n", w)
	}
	if err := saveTokenizer(run.Dir, ds.tok); err != nil {
		return err
	}
	acc := newAccount(run, &manifest, begin)
	manifest.Seconds.Prepare += time.Since(begin).Seconds()
	if err := acc.write(); err != nil {
		return err
	}
	fleet.retire()
	first := ""
	if plan.Tuning != nil {
		first = fmt.Sprintf("%s of learning rates, then ", plural(plan.Tuning.Trials, "trial"))
	}
	say("%s: %s%s x %s, %s tokens in all, into %s", file.Name, first, plural(len(plan.Models), "model"), plural(len(plan.Seeds), "seed"), plannedTokens(plan), run.Dir)

	opts := train.Options{
		Recipe: file.Recipe(), Data: ds, Evaluate: acc.evaluate(evaluator(file, plan, ds)), Sink: acc.sink(o.sink(stdout, stderr)),
		Identity:  map[string]string{"tokenizer": ds.info.Fingerprint, "data": ds.info.Checksum},
		PeakFLOPs: manifest.Machine.PeakFLOPs, Resume: o.resume,
	}
	list, without := jobs(fleet, file, plan), []record.Result(nil)
	if plan.Tuning != nil {
		chosen, err := tune(ctx, run, fleet, file, plan, ds, opts, acc)
		if err != nil || chosen.stopped {
			return o.untuned(ctx, run, &manifest, acc, err)
		}
		if err := warnEdges(stderr, run); err != nil {
			return err
		}
		list, without = chosen.apply(list), chosen.without
	}
	outcome, err := train.Run(ctx, run, list, opts)
	outcome.Results = append(outcome.Results, without...)
	if err == nil && !outcome.Stopped {
		if len(file.Controls) > 0 {
			say("controls: scoring on the same data")
		}
		err = runControls(ctx, run, file, ds, controlSteps(plan, outcome.Results))
		manifest.Data.Notes = ds.info.Notes // with those of the controls
	}
	var unmeasured error
	if err == nil && !outcome.Stopped {
		unmeasured, err = o.suites(ctx, run.Dir, fleet, file, ds, acc, stderr)
	}
	if err := o.finish(ctx, run, &manifest, acc, outcome, err, stdout); err != nil {
		return err
	}
	return unmeasured
}

// suites measures eval.suites. What could not be measured is no reason to keep the report back: err is an interrupt.
func (o *runOptions) suites(ctx context.Context, dir string, f *fleet, file *experiment.File, ds *dataset, acc *account, stderr io.Writer) (unmeasured, err error) {
	if o.json {
		stderr = io.Discard
	}
	begin := time.Now()
	again, unmeasured := runSuites(ctx, o.hostOptions, dir, f, file, ds, stderr)
	acc.m.Seconds.Eval += time.Since(begin).Seconds()
	if ctx.Err() != nil {
		return nil, unmeasured
	}
	if len(again) > 0 {
		unmeasured = hinted{unmeasured, "the report has the rest; to try again: " + strings.Join(again, "; ")}
	}
	return unmeasured, nil
}

// untuned ends a run that was stopped before its learning rates were chosen, or could not go on.
func (o *runOptions) untuned(ctx context.Context, run *record.Run, m *record.Manifest, acc *account, err error) error {
	m.State = "stopped"
	if e := acc.write(); e != nil && err == nil {
		err = e
	}
	if err != nil {
		return interrupted(ctx, err)
	}
	return hinted{fmt.Errorf("stopped: %w", errInterrupted), "go on with --resume; learning rates were being tried in " + filepath.Join(run.Dir, "tuning")}
}

// finish closes the manifest, writes the report and says how it went. The manifest says "finished" only when the report
// is there: what is killed before that is resumed, which writes it.
func (o *runOptions) finish(ctx context.Context, run *record.Run, m *record.Manifest, acc *account, outcome train.Outcome, runErr error, stdout io.Writer) error {
	acc.trained(outcome.Seconds)
	if outcome.Stopped || runErr != nil {
		m.State = "stopped"
	}
	if err := acc.write(); err != nil && runErr == nil {
		runErr = err
	}
	if runErr != nil {
		return interrupted(ctx, runErr)
	}
	if outcome.Stopped {
		return hinted{fmt.Errorf("stopped: %w", errInterrupted), "go on with --resume; " + atWork(run.Dir, outcome.Results)}
	}
	rep, err := report.Build(run.Dir)
	if err != nil {
		return err
	}
	m.State, m.Finished = "finished", time.Now().UTC()
	for i := range rep.Runs {
		rep.Runs[i].State = m.State
	}
	if err := report.Write(run.Dir, rep); err != nil {
		return err
	}
	if err := acc.write(); err != nil {
		return err
	}
	page := filepath.Join(run.Dir, "report.html")
	if o.json {
		if err := json.NewEncoder(stdout).Encode(map[string]any{"event": "report", "time": time.Now().UTC(), "run": run.Dir, "report": page}); err != nil {
			return err
		}
		return failures(outcome.Results, page)
	}
	if err := report.WriteTable(stdout, brief(rep)); err != nil {
		return err
	}
	fmt.Fprintf(stdout, "\nreport: %s\n", page)
	return failures(outcome.Results, page)
}

// brief answers a report whose failed trainings name the kind of failure alone: the error that follows tells the reasons.
func brief(rep *report.Report) *report.Report {
	out := *rep
	out.Rows = slices.Clone(rep.Rows)
	for i := range out.Rows {
		r := &out.Rows[i]
		if r.Control {
			continue
		}
		r.Failures = slices.Clone(r.Failures)
		for k := range r.Failures {
			if f := &r.Failures[k]; f.Kind != "" {
				f.Message = f.Kind
			}
		}
	}
	return &out
}

// atWork says what a stop interrupted and where it goes on.
func atWork(dir string, results []record.Result) string {
	for _, r := range results {
		if r.Status != "stopped" {
			continue
		}
		at := record.ModelDir(dir, r.Model, r.Seed)
		if steps, err := record.CheckpointSteps(at); err == nil && len(steps) > 0 {
			return fmt.Sprintf("%s seed %d was at work and has a checkpoint of step %d in %s", r.Model, r.Seed, steps[len(steps)-1], at)
		}
		return fmt.Sprintf("%s seed %d was at work and begins again, without a checkpoint, in %s", r.Model, r.Seed, at)
	}
	return "no model was at work; the run is in " + dir
}

// failures makes an error of trainings that failed: the report holds the others, a script must notice. Reasons are given
// here alone: progress and table name the kind of failure at most.
func failures(results []record.Result, page string) error {
	var failed []record.Result
	var again []string
	for _, r := range results {
		if r.Status != "failed" {
			continue
		}
		failed = append(failed, r)
		if mayTryAgain(r) {
			again = append(again, fmt.Sprintf("%s seed %d", r.Model, r.Seed))
		}
	}
	if len(failed) == 0 {
		return nil
	}
	text := fmt.Sprintf("%d of %d trainings failed:", len(failed), len(results))
	for _, r := range failed {
		text += fmt.Sprintf("\n  %s seed %d: %s: %s", r.Model, r.Seed, r.Failure.Kind, r.Failure.Message)
	}
	hint := "the report shows them beside the others: " + page
	if len(again) > 0 {
		hint += "; --resume tries again: " + strings.Join(again, ", ")
	}
	return hinted{errors.New(text), hint}
}

// interrupted marks an error that came of the user's own interrupt.
func interrupted(ctx context.Context, err error) error {
	if cause := context.Cause(ctx); errors.Is(cause, errInterrupted) {
		return fmt.Errorf("%w: %v", errInterrupted, err)
	}
	return err
}

// absolute makes the paths of an experiment independent of where its file lies, so that the resolved copy in the run
// directory means the same.
func absolute(file *experiment.File) error {
	paths := append(file.Paths(), &file.Data.Tokenizer.Path)
	for i := range file.Models {
		paths = append(paths, &file.Models[i].Plugin)
	}
	for _, p := range paths {
		if *p == "" {
			continue
		}
		abs, err := filepath.Abs(file.Resolve(*p))
		if err != nil {
			return err
		}
		*p = abs
	}
	return nil
}

// sink chooses how progress is shown: events for programs, a live picture on a terminal, lines elsewhere.
func (o *runOptions) sink(stdout, stderr io.Writer) train.Sink {
	if o.json {
		return train.JSON(stdout)
	}
	if f, ok := stderr.(*os.File); ok && term.IsTerminal(int(f.Fd())) && os.Getenv("TERM") != "dumb" {
		return train.Terminal(stderr, func() (int, int) {
			cols, rows, err := term.GetSize(int(f.Fd()))
			if err != nil {
				return 80, 24
			}
			return cols, rows
		})
	}
	return train.Plain(stderr, 5*time.Second)
}

// unmeasured says at which lengths decoding is not measured or a task not tested, and of whom.
func unmeasured(file *experiment.File, plan *experiment.Plan) (notes []string) {
	for _, m := range plan.Models {
		if len(m.Decode) < len(file.Eval.Decode) {
			notes = append(notes, fmt.Sprintf("decode: %s holds %d tokens, since a longer context would add weights that no training reaches; measured after %v, not after %v",
				m.Name, m.Context, m.Decode, slices.DeleteFunc(slices.Clone(file.Eval.Decode), func(t int) bool { return slices.Contains(m.Decode, t) })))
		}
		if len(m.Lengths) < len(file.Eval.Lengths) {
			notes = append(notes, fmt.Sprintf("lengths: %s holds %d tokens, since a longer context would add weights that no training reaches; tested at %v, not at %v",
				m.Name, m.Context, m.Lengths, slices.DeleteFunc(slices.Clone(file.Eval.Lengths), func(t int) bool { return slices.Contains(m.Lengths, t) })))
		}
	}
	return notes
}

// jobs lists the trainings, seeds outermost: a run that is stopped early still holds every model.
func jobs(f *fleet, file *experiment.File, plan *experiment.Plan) []train.Job {
	var out []train.Job
	for _, seed := range plan.Seeds {
		for i, m := range plan.Models {
			out = append(out, job(f, file, i, m, seed))
		}
	}
	return out
}

// job is the training of model i with a seed.
func job(f *fleet, file *experiment.File, i int, m experiment.Planned, seed uint64) train.Job {
	ref := reference(file, file.Models[i])
	req := file.BuildRequest(m.Config, m.Card.Precision, m.Card.Vocab, file.WeightSeed(m.Name, seed), m.Context)
	return train.Job{Model: m.Name, Seed: seed, TrainFLOPs: m.TrainFLOPs,
		Open: func(ctx context.Context) (*train.Session, error) { return f.session(ctx, ref, req) }}
}

func plannedTokens(p *experiment.Plan) string {
	if p.Tokens == 0 {
		return "as many as time allows"
	}
	return short(float64(p.Tokens))
}
