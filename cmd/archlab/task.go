package main

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/archlab/archlab/core/data/task"
	"github.com/archlab/archlab/core/experiment"
)

func taskCommand() *cobra.Command {
	return group("task", "The synthetic tasks: what they ask, their settings and where they come from", taskListCommand(), taskShowCommand())
}

func taskListCommand() *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use: "list", Short: "List the tasks and suites with their presets, chance levels and papers", Args: exactly(),
		RunE: func(c *cobra.Command, _ []string) error { return listSuites(c.OutOrStdout(), asJSON) },
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print one JSON object")
	return c
}

// listedTask is what a list says of a task.
type listedTask struct {
	Name        string                  `json:"name"`
	Suite       string                  `json:"suite"`
	Summary     string                  `json:"summary"`
	Source      string                  `json:"source"`
	Unpublished string                  `json:"unpublished,omitempty"`
	Scale       string                  `json:"scale,omitempty"` // the setting that measures length
	Presets     map[string]listedPreset `json:"presets"`
}

type listedPreset struct {
	Settings string  `json:"settings"`
	T        int     `json:"t"`
	Vocab    int     `json:"vocab"`
	Chance   float64 `json:"chance"`
}

func describeTask(k *task.Kind) (listedTask, error) {
	out := listedTask{Name: k.Name, Suite: k.Suite, Summary: k.Summary, Source: k.Source, Unpublished: k.Unpublished, Scale: k.Scale, Presets: map[string]listedPreset{}}
	for _, name := range task.Presets {
		t, err := task.Open(task.Config{Kind: k.Name, Preset: name})
		if err != nil {
			return out, fmt.Errorf("%s, preset %s: %w", k.Name, name, err)
		}
		var settings []string
		for _, p := range k.Params {
			settings = append(settings, p.Key+" "+p.Text(t.Info().Parameters[p.Key]))
		}
		out.Presets[name] = listedPreset{strings.Join(settings, ", "), t.Length(), t.Info().Vocab, t.Info().Chance}
	}
	return out, nil
}

// listSuites prints every suite.
func listSuites(w io.Writer, asJSON bool) error {
	var all []listedTask
	for _, k := range task.Kinds {
		x, err := describeTask(k)
		if err != nil {
			return err
		}
		all = append(all, x)
	}
	if asJSON {
		return printJSON(w, map[string]any{"tasks": all, "suites": experiment.SuiteKinds})
	}
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(tw, "task\tsuite\tchance: cpu\tpaper\tlength is\twhat it asks\tsource")
	for _, x := range all {
		scale := x.Scale
		if scale == "" {
			scale = "–"
		}
		fmt.Fprintf(tw, "%s\t%s\t%.3g %%\t%.3g %%\t%s\t%s\t%s\n", x.Name, x.Suite, 100*x.Presets["cpu"].Chance, 100*x.Presets["paper"].Chance, scale, x.Summary, authors(x.Source))
	}
	fmt.Fprintln(tw, "\nsuite\twhat it measures")
	for _, s := range experiment.SuiteKinds {
		fmt.Fprintf(tw, "%s\t%s\n", s.Name, s.Summary)
	}
	return tw.Flush()
}

// authors is who published a task, and when.
func authors(source string) string {
	who, _, _ := strings.Cut(source, ",")
	return who
}

func taskShowCommand() *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use: "show NAME", Short: "Show a task: settings, presets, source, and where it leaves its publication", Args: exactly("NAME"),
		RunE: func(c *cobra.Command, args []string) error {
			k, ok := task.Find(args[0])
			if !ok {
				return unknownTask(args[0])
			}
			x, err := describeTask(k)
			if err != nil {
				return err
			}
			if asJSON {
				return printJSON(c.OutOrStdout(), x)
			}
			return showTask(c.OutOrStdout(), k, x)
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print one JSON object")
	return c
}

func showTask(w io.Writer, k *task.Kind, x listedTask) error {
	fmt.Fprintf(w, "%s: %s\nsource: %s\n", x.Name, x.Summary, x.Source)
	if x.Unpublished != "" {
		fmt.Fprintf(w, "beyond the source: %s\n", x.Unpublished)
	}
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(tw, "\nsetting\tcpu\tpaper\tmeaning")
	for _, p := range k.Params {
		doc := p.Doc
		if p.Key == k.Scale {
			doc += "; measures length"
		}
		fmt.Fprintf(tw, "%s\t%s\t%s\t%s\n", p.Key, p.Text(p.CPU), p.Text(p.Paper), doc)
	}
	cpu, paper := x.Presets["cpu"], x.Presets["paper"]
	fmt.Fprintf(tw, "(tokens a sequence)\t%d\t%d\t\n(token ids)\t%d\t%d\t\n(chance of guessing an answer)\t%.3g %%\t%.3g %%\t\n", cpu.T, paper.T, cpu.Vocab, paper.Vocab, 100*cpu.Chance, 100*paper.Chance)
	return tw.Flush()
}

func unknownTask(name string) error {
	hint := "archlab task list names them"
	if near, ok := experiment.Nearest(name, task.Names()); ok {
		hint = fmt.Sprintf("did you mean %q?", near)
	}
	return usageError{fmt.Sprintf("unknown task %q", name), hint}
}
