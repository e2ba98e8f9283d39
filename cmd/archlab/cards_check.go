package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/archlab/archlab/core/card"
	"github.com/archlab/archlab/core/experiment"
	"github.com/archlab/archlab/core/record"
)

// cardsHome and cardsRuns are where cards and their runs lie unless flags say otherwise.
var cardsHome, cardsRuns = filepath.Join("benchmarks", "cards"), filepath.Join("runs", "cards")

// cardOptions is the command line of cards check.
type cardOptions struct {
	runOptions
	dir   string
	write string
	fresh bool
	read  bool // make no runs
}

func cardsCheckCommand() *cobra.Command {
	var o cardOptions
	c := &cobra.Command{
		Use: "check [NAME...]", Short: "Run cards, all when none is named, and judge what was seen",
		Long: "check trains what a card asks for and holds its checks against the results. A run that is there already, of the same\n" +
			"experiment, data and version of archlab, is not made again; an unfinished one is gone on with. The exit status is 1\n" +
			"when a card is red or broken.",
		RunE: func(c *cobra.Command, args []string) error {
			return o.checkCards(c.Context(), args, c.OutOrStdout(), os.Stderr)
		},
	}
	o.flags(c)
	cardsDir(c, &o.dir)
	setFlag(c, &o.sets)
	c.Flags().StringVar(&o.out, "out", cardsRuns, "directory of the cards' runs")
	c.Flags().StringVar(&o.write, "write", "", "write the verdicts as a Markdown page to this file")
	c.Flags().BoolVar(&o.fresh, "fresh", false, "make every run again")
	c.Flags().BoolVar(&o.read, "no-train", false, "judge the runs that are there and make none; a card without them is broken")
	c.Flags().BoolVar(&o.json, "json", false, "print one JSON array of verdicts")
	return c
}

// checkCards judges the cards of the given names, or all.
func (o *cardOptions) checkCards(ctx context.Context, names []string, stdout, stderr io.Writer) error {
	if o.fresh && o.read {
		return usageError{"cards check: --fresh with --no-train", "--fresh makes every run again, --no-train makes none"}
	}
	if o.write != "" && len(names) > 0 {
		return usageError{"cards check: --write with names of cards", "the page holds all cards: leave the names out; what has been run is not run again"}
	}
	var cards []*card.Card
	for _, n := range names {
		c, err := findCard(o.dir, n)
		if err != nil {
			return err
		}
		cards = append(cards, c)
	}
	if len(names) == 0 {
		var broken, err error
		if cards, broken, err = findCards(o.dir); err != nil || broken != nil {
			return errors.Join(err, broken)
		}
	}
	if err := o.checkSets(cards); err != nil {
		return err
	}
	verdicts := []card.Verdict{}
	var absent []string
	for _, c := range cards {
		v, all, err := o.check1(ctx, c, stderr)
		if err != nil {
			return err
		}
		verdicts = append(verdicts, v)
		if !all {
			absent = append(absent, c.Name)
		}
		if !o.json {
			if err := printVerdict(stdout, v); err != nil {
				return err
			}
		}
	}
	if o.json {
		if err := printJSON(stdout, verdicts); err != nil {
			return err
		}
	}
	if o.write != "" && len(absent) > 0 {
		return hinted{fmt.Errorf("%s is left as it was: runs are not there, or can't be read, of %s", o.write, strings.Join(absent, ", ")), "without --no-train they are made"}
	}
	if o.write != "" {
		if err := o.writePage(verdicts); err != nil {
			return err
		}
	}
	return notGreen(verdicts)
}

// checkSets holds what --set says against every case of every card: cards are sound without.
func (o *cardOptions) checkSets(cards []*card.Card) error {
	for _, c := range cards {
		for _, name := range c.CaseNames() {
			_, err := c.For(name, o.sets...)
			if problems, ok := experiment.IsProblems(err); ok {
				p := problems[0]
				hint := p.Hint
				p.Hint = ""
				return usageError{fmt.Sprintf("cards check: card %s: %v", c.Name, p), hint}
			}
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// check1 makes the runs of a card that are not there, and judges them; all is false where some are not there, or can't be read, and were not to be made. An
// error ends the checking of all cards; what concerns one card alone is its verdict.
func (o *cardOptions) check1(ctx context.Context, c *card.Card, stderr io.Writer) (v card.Verdict, all bool, err error) {
	var runs []*card.Run
	cached := true
	var missing error
	for _, name := range c.CaseNames() {
		dir, old, err := o.runCase(ctx, c, name, stderr)
		if errors.Is(err, errInterrupted) {
			return card.Verdict{}, false, hinted{err, "the same command goes on where it stopped"}
		}
		if errors.Is(err, errNotRun) {
			if missing == nil {
				missing = err
			}
			continue // checks of the other cases can be judged
		}
		if err != nil {
			if name != "" {
				err = fmt.Errorf("case %s: %w", name, err)
			}
			if hint := hintOf(err); hint != "" {
				err = fmt.Errorf("%w; %s", err, hint)
			}
			return c.Fail(err), !o.read, nil
		}
		run, err := card.ReadRun(dir, name)
		if err != nil {
			return c.Fail(err), !o.read, nil
		}
		runs = append(runs, run)
		cached = cached && old
	}
	if len(runs) == 0 {
		return c.Fail(missing), false, nil
	}
	v = c.Judge(runs)
	v.Cached, v.Sets = cached, o.sets
	return v, missing == nil, nil
}

// errNotRun says that a card's run is not there, and that none was to be made.
var errNotRun = errors.New("not run")

// runCase answers the directory of a finished run of a case, and whether it was there already.
func (o *cardOptions) runCase(ctx context.Context, c *card.Card, name string, stderr io.Writer) (dir string, cached bool, err error) {
	file, err := c.For(name, o.sets...)
	if err != nil {
		return "", false, err
	}
	if err := absolute(file); err != nil {
		return "", false, err
	}
	config, err := file.YAML()
	if err != nil {
		return "", false, err
	}
	state, dir, err := o.earlier(ctx, file, config)
	if err != nil || state == "finished" {
		return dir, true, interrupted(ctx, err)
	}
	if o.read {
		return "", false, fmt.Errorf("%w: there is no finished run of this experiment by archlab %s", errNotRun, version())
	}
	run := o.runOptions
	run.json, run.resume = false, state != ""
	err = run.train(ctx, file, nil, io.Discard, stderr)
	if errors.Is(err, errInterrupted) {
		return "", false, err
	}
	made, e := newest(filepath.Join(o.out, file.Name), config, false)
	if e != nil || made == nil || made.Manifest.State != "finished" { // a run with failed trainings is finished, and judged
		return "", false, errors.Join(err, e)
	}
	return made.Dir, false, nil
}

// earlier finds the newest run of the same experiment by the same version of archlab on the same data: finished, to be read; or
// not, to be gone on with; state is empty where there is none.
func (o *cardOptions) earlier(ctx context.Context, file *experiment.File, config []byte) (state, dir string, err error) {
	if o.fresh {
		return "", "", nil
	}
	r, err := newest(filepath.Join(o.out, file.Name), config, o.read)
	if err != nil || r == nil || r.Manifest.Archlab != version() {
		return "", "", err
	}
	ds, err := openData(ctx, file)
	if err != nil {
		return "", "", err
	}
	defer ds.close()
	if sameData(r.Manifest.Data, ds.info) != nil {
		return "", "", nil
	}
	if o.read { // a training that failed and may be tried again is not: it is judged as it is
		return r.Manifest.State, r.Dir, nil
	}
	results, err := r.Results()
	if err == nil && slices.ContainsFunc(results, mayTryAgain) {
		return "stopped", r.Dir, nil
	}
	return r.Manifest.State, r.Dir, err
}

// newest answers the newest run below a directory that has the very same experiment, or nil; finished leaves out those that are not.
func newest(root string, config []byte, finished bool) (*record.Reader, error) {
	dirs, err := record.Find(root)
	if err != nil {
		return nil, err
	}
	for _, dir := range slices.Backward(dirs) {
		r, err := record.Open(dir)
		if err != nil {
			continue // of another format
		}
		if finished && r.Manifest.State != "finished" {
			continue
		}
		if old, err := r.Config(); err == nil && bytes.Equal(old, config) {
			return r, nil
		}
	}
	return nil, nil
}

// notGreen makes an error of cards that are red or broken: it has been told already.
func notGreen(verdicts []card.Verdict) error {
	n := 0
	for _, v := range verdicts {
		if v.Status != card.Green {
			n++
		}
	}
	if n == 0 {
		return nil
	}
	return silent{fmt.Errorf("%d of %s not green", n, plural(len(verdicts), "card"))}
}

// printVerdict prints a card: a line a check, the quantities beside them, and the card's own line.
func printVerdict(w io.Writer, v card.Verdict) error {
	fmt.Fprintf(w, "%s: %s\n  %s; %s\n", v.Card, oneLine(v.Claim), oneLine(v.Paper), v.Setting)
	if len(v.Sets) > 0 {
		fmt.Fprintf(w, "  the experiment was changed by %s\n", commandLine(setArgs(v.Sets)))
	}
	if v.Why != "" {
		fmt.Fprintf(w, "  %s\n", v.Why)
	}
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(tw, "  check\tcase\texpected\tseen\tverdict")
	for _, j := range v.Checks {
		fmt.Fprintf(tw, "  %s\t%s\t%s\t%s\t%s\n", oneLine(j.That), dash(j.Case), j.Expected, j.Seen, j.Status)
	}
	if err := tw.Flush(); err != nil {
		return err
	}
	if len(v.Beside) > 0 {
		fmt.Fprint(tw, "  beside\tcase")
		for _, q := range v.Beside[0].Values {
			fmt.Fprint(tw, "\t"+q.Name)
		}
		fmt.Fprintln(tw)
		for _, b := range v.Beside {
			fmt.Fprintf(tw, "  %s\t%s", b.Model, dash(b.Case))
			for _, q := range b.Values {
				fmt.Fprint(tw, "\t"+q.Text())
			}
			fmt.Fprintln(tw)
		}
		if err := tw.Flush(); err != nil {
			return err
		}
	}
	how := ", ran " + took(v.Seconds)
	switch {
	case len(v.Runs) == 0:
		how = ""
	case v.Cached:
		how = ", read from earlier runs, which took " + took(v.Seconds)
	}
	_, err := fmt.Fprintf(w, "%s: %s%s\n\n", v.Card, v.Status, how)
	return err
}

func dash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

func took(seconds float64) string {
	return time.Duration(seconds * float64(time.Second)).Round(time.Second / 10).String()
}

// writePage writes the verdicts, with the machine and the command, as Markdown.
func (o *cardOptions) writePage(verdicts []card.Verdict) error {
	var buf bytes.Buffer
	args := []string{"archlab", "cards", "check"}
	for _, x := range []struct{ flag, value, usual string }{{"--dir", o.dir, cardsHome}, {"--out", o.out, cardsRuns}} {
		if x.value != x.usual {
			args = append(args, x.flag, x.value)
		}
	}
	if o.fresh {
		args = append(args, "--fresh")
	}
	if o.read {
		args = append(args, "--no-train")
	}
	args = append(append(args, "--write", o.write), setArgs(o.sets)...)
	from := "`" + o.dir + "`"
	if rel, err := filepath.Rel(filepath.Dir(o.write), o.dir); err == nil {
		from = "[" + filepath.ToSlash(o.dir) + "](" + (&url.URL{Path: filepath.ToSlash(rel)}).EscapedPath() + ")"
	}
	if err := card.WritePage(&buf, verdicts, commandLine(args), from); err != nil {
		return err
	}
	return record.WriteFile(o.write, buf.Bytes())
}

// setArgs writes overrides as flags.
func setArgs(sets []string) (out []string) {
	for _, x := range sets {
		out = append(out, "--set", x)
	}
	return out
}
