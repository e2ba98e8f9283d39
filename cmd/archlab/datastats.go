package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/archlab/archlab/core/data"
	"github.com/archlab/archlab/core/experiment"
)

// statsOptions is the command line of data stats.
type statsOptions struct {
	json     bool
	code     bool
	field    string
	examples int
	sets     []string
	against  []string
}

func dataStatsCommand() *cobra.Command {
	var o statsOptions
	c := &cobra.Command{
		Use: "stats FILE|DIR|NAME|EXPERIMENT", Short: "Count documents, sizes and duplicates, and what each filter would remove",
		Long: "stats reads a file, a directory, a known corpus or the corpora of an experiment, and counts. Each filter is asked by itself: those of\n" +
			"the experiment, or all with their published thresholds where it has none.",
		Example: "  archlab data stats notes/ --examples 2\n  archlab data stats pages.parquet --field content\n  archlab data stats configs/mixture.yaml --json",
		Args:    exactly("FILE|DIR|NAME|EXPERIMENT"),
		RunE: func(c *cobra.Command, args []string) error {
			cfgs, filters, err := o.sources(args[0])
			if err != nil {
				return err
			}
			if len(o.against) > 0 {
				d := data.PublishedDecontaminate
				if filters.Decontaminate != nil {
					d = *filters.Decontaminate
				}
				d.Files = append(slices.Clone(d.Files), o.against...)
				filters.Decontaminate = &d
			}
			st, err := data.Survey(c.Context(), cfgs, filters, o.examples)
			if err != nil {
				return interrupted(c.Context(), err)
			}
			if o.json {
				enc := json.NewEncoder(c.OutOrStdout())
				enc.SetIndent("", "  ")
				return enc.Encode(st)
			}
			return writeStats(c.OutOrStdout(), st)
		},
	}
	c.Flags().BoolVar(&o.json, "json", false, "print one JSON object")
	c.Flags().BoolVar(&o.code, "code", false, "read a directory as a source tree")
	c.Flags().StringVar(&o.field, "field", "", "field or column that holds the text; default text")
	c.Flags().IntVar(&o.examples, "examples", 0, "show so many documents that each filter would remove")
	c.Flags().StringArrayVar(&o.against, "against", nil, "task file to look for overlaps with; may be given several times")
	setFlag(c, &o.sets)
	return c
}

// published are all filters as their papers have them.
func published() data.Filters {
	c4, gopher, repetition, near, overlap := data.PublishedC4, data.PublishedGopher, data.PublishedRepetition, data.PublishedNear, data.PublishedDecontaminate
	return data.Filters{C4: &c4, Gopher: &gopher, Repetition: &repetition, Near: &near, Decontaminate: &overlap}
}

// sources answers what is asked about: an experiment's corpora with its filters, a known corpus, or files.
func (o statsOptions) sources(arg string) ([]data.CorpusConfig, data.Filters, error) {
	if strings.HasSuffix(arg, ".yaml") || strings.HasSuffix(arg, ".yml") {
		file, err := experiment.Read(arg, o.sets)
		if err != nil {
			return nil, data.Filters{}, err
		}
		cfgs := file.Sources()
		if len(cfgs) == 0 {
			return nil, data.Filters{}, hinted{errors.New("the experiment learns a task, which has no documents"), "archlab data stats reads corpora and mixtures"}
		}
		if file.Data.Filters == nil {
			return cfgs, published(), nil
		}
		return cfgs, file.Data.Filters.Config(file.Resolve), nil
	}
	cfg := data.CorpusConfig{Kind: "text", Path: arg, Field: o.field}
	info, err := os.Stat(arg)
	switch {
	case err == nil && info.IsDir() && o.code:
		cfg = data.CorpusConfig{Kind: "code", Path: arg}
	case err != nil && arg == "gosrc":
		cfg = data.CorpusConfig{Kind: arg}
	case err != nil:
		if _, known := data.FindKnown(arg); known {
			cfg = data.CorpusConfig{Kind: arg}
		} else if !strings.ContainsAny(arg, "*?[./\\") {
			return nil, data.Filters{}, hinted{fmt.Errorf("%s: no such file and no known corpus", arg), knownNames(arg)}
		}
	}
	return []data.CorpusConfig{cfg}, published(), nil
}

func writeStats(w io.Writer, st *data.Statistics) error {
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	row := func(name, format string, args ...any) {
		fmt.Fprintf(tw, "%s\t%s\n", name, fmt.Sprintf(format, args...))
	}
	for _, s := range st.Sources {
		row("source", "%s: %d documents, %s", s.Name, s.Documents, byteSize(s.Bytes))
	}
	row("documents", "%d", st.Documents)
	row("bytes", "%d (%s)", st.Bytes, byteSize(st.Bytes))
	row("characters", "%d", st.Characters)
	row("words", "%d", st.Words)
	row("lines", "%d", st.Lines)
	z := st.Sizes
	row("bytes a document", "mean %.0f, median %d; 5%% %d, 25%% %d, 75%% %d, 95%% %d, 99%% %d; from %d to %d", z.Mean, z.Median, z.P5, z.P25, z.P75, z.P95, z.P99, z.Min, z.Max)
	row("duplicates", "%d documents, %s", st.Duplicates.Files, byteSize(st.Duplicates.Bytes))
	if st.NotUTF8 > 0 {
		row("not UTF-8", "%d documents", st.NotUTF8)
	}
	if err := tw.Flush(); err != nil {
		return err
	}
	table := func(title string, all []data.Filtered) error {
		if len(all) == 0 {
			return nil
		}
		fmt.Fprintf(w, "\n%s\n", title)
		tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
		fmt.Fprintln(tw, "reason\tdocuments\tof all\tbytes\tof all")
		none := 0
		for _, f := range all {
			if f.Files == 0 {
				none++
				continue
			}
			fmt.Fprintf(tw, "%s\t%d\t%s\t%d\t%s\n", f.Reason, f.Files, percentOf(int64(f.Files), int64(st.Documents)), f.Bytes, percentOf(f.Bytes, st.Bytes))
		}
		if err := tw.Flush(); err != nil {
			return err
		}
		if none > 0 {
			fmt.Fprintf(w, "(%s nothing)\n", plural(none, "rule"))
		}
		for _, f := range all {
			for _, e := range f.Examples {
				fmt.Fprintf(w, "  %s: %s: %s\n", f.Reason, e.Name, e.Text)
			}
		}
		return nil
	}
	if err := table("left out by the reader, files and documents:", st.Left); err != nil {
		return err
	}
	return table("each filter by itself would remove:", st.Filters)
}

func percentOf(n, all int64) string {
	if all == 0 {
		return "-"
	}
	return fmt.Sprintf("%.1f%%", 100*float64(n)/float64(all))
}
