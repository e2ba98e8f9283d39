package main

import (
	"fmt"
	"io"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/archlab/archlab/core/data/tokenizer/inspect"
)

func tokenizerInfoCommand() *cobra.Command {
	var pattern string
	var asJSON bool
	c := &cobra.Command{
		Use: "info FILE", Short: "Show what a tokenizer is made of", Args: exactly("FILE"),
		Long: "FILE is " + tokenizerFiles + ".",
		RunE: func(c *cobra.Command, args []string) error {
			t, err := namedTokenizer(args[0], pattern)
			if err != nil {
				return err
			}
			info, err := inspect.Describe(t)
			if err != nil {
				return err
			}
			if asJSON {
				return printJSON(c.OutOrStdout(), info)
			}
			return printTokenizer(c.OutOrStdout(), info)
		},
	}
	patternFlag(c, &pattern)
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return c
}

func printTokenizer(w io.Writer, info inspect.Info) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	line := func(name, format string, args ...any) { fmt.Fprintf(t, "%s\t%s\n", name, fmt.Sprintf(format, args...)) }
	line("kind", "%s", info.Kind)
	line("ids", "%d", info.Vocab)
	if info.Merges > 0 {
		line("merges", "%d", info.Merges)
	}
	lossless := "no: some texts come back changed"
	if info.Lossless {
		lossless = "yes: every byte string comes back as it was"
	}
	line("lossless", "%s", lossless)
	if info.ByteFallback {
		line("byte fallback", "yes: what is in no token becomes bytes")
	}
	if info.Unknown != "" {
		line("unknown", "%s", info.Unknown)
	}
	if info.Dropout > 0 {
		line("dropout", "%g, in training", info.Dropout)
	}
	if info.Truncation > 0 {
		line("truncation", "to %d tokens", info.Truncation)
	}
	if info.Padding != "" {
		line("padding", "with %s", info.Padding)
	}
	steps := func(name string, list []inspect.Component) {
		for i, c := range list {
			if i > 0 {
				name = ""
			}
			line(name, "%s", c)
		}
	}
	steps("normalizer", info.Normalizer)
	steps("pre-tokenizer", info.PreTokenizer)
	steps("post-processor", info.PostProcessor)
	steps("decoder", info.Decoder)
	tokens := func(name string, list []inspect.Token) {
		const most = 20
		for _, x := range list[:min(len(list), most)] {
			line(name, "%d %q", x.ID, x.Text)
			name = ""
		}
		if len(list) > most {
			line("", "and %d more, up to %d; --json lists them", len(list)-most, list[len(list)-1].ID)
		}
	}
	tokens("special", info.Special)
	tokens("added", info.Added)
	tokens("longest", info.Longest)
	return t.Flush()
}
