package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/archlab/archlab/core/card"
	"github.com/archlab/archlab/core/experiment"
)

func cardsCommand() *cobra.Command {
	return group("cards", "Published results as runnable checks: list, show, check", cardsListCommand(), cardsShowCommand(), cardsCheckCommand())
}

// cardsDir adds --dir.
func cardsDir(c *cobra.Command, dir *string) {
	c.Flags().StringVar(dir, "dir", cardsHome, "directory of cards")
}

func cardsListCommand() *cobra.Command {
	var dir string
	var asJSON bool
	c := &cobra.Command{
		Use: "list", Short: "List the cards: name, setting, claim, paper", Args: exactly(),
		RunE: func(c *cobra.Command, _ []string) error {
			cards, broken, err := findCards(dir)
			if err != nil {
				return err
			}
			if asJSON {
				if err := printJSON(c.OutOrStdout(), listed(cards)); err != nil {
					return err
				}
			} else if err := printCards(c.OutOrStdout(), cards); err != nil {
				return err
			}
			return broken
		},
	}
	cardsDir(c, &dir)
	c.Flags().BoolVar(&asJSON, "json", false, "print one JSON array")
	return c
}

type listedCard struct {
	Card    string     `json:"card"`
	File    string     `json:"file"`
	Claim   string     `json:"claim"`
	Setting string     `json:"setting"`
	Paper   card.Paper `json:"paper"`
	Cases   []string   `json:"cases,omitempty"`
	Checks  int        `json:"checks"`
}

func listed(cards []*card.Card) []listedCard {
	out := []listedCard{}
	for _, x := range cards {
		l := listedCard{Card: x.Name, File: x.Path(), Claim: x.Claim, Setting: x.Setting, Paper: x.Paper, Checks: len(x.Checks)}
		for _, k := range x.Cases {
			l.Cases = append(l.Cases, k.Name)
		}
		out = append(out, l)
	}
	return out
}

func printCards(w io.Writer, cards []*card.Card) error {
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(tw, "card\tsetting\tclaim\tpaper")
	for _, x := range cards {
		fmt.Fprintf(tw, "%s\t%s\t%s\t%s, %s\n", x.Name, x.Setting, oneLine(x.Claim), oneLine(x.Paper.Cite), oneLine(x.Paper.Where))
	}
	return tw.Flush()
}

func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }

// findCards reads a directory of cards. What is wrong with some comes as broken beside the others.
func findCards(dir string) (cards []*card.Card, broken, err error) {
	cards, bad, err := card.Find(dir)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil, hinted{err, "cards are YAML files; name their directory with --dir"}
	}
	var problems experiment.Problems
	for _, path := range slices.Sorted(maps.Keys(bad)) {
		ps, ok := experiment.IsProblems(bad[path])
		if !ok {
			return nil, nil, bad[path]
		}
		problems = append(problems, ps...)
	}
	if len(problems) > 0 {
		broken = problems
	}
	return cards, broken, err
}

// findCard answers a card by name, or by the path of its file.
func findCard(dir, name string) (*card.Card, error) {
	if filepath.Ext(name) == ".yaml" {
		return card.Read(name)
	}
	path := filepath.Join(dir, name+".yaml")
	if _, err := os.Stat(path); err == nil {
		return card.Read(path)
	}
	cards, _, err := findCards(dir)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, c := range cards {
		if c.Name == name {
			return c, nil
		}
		names = append(names, c.Name)
	}
	hint := "cards: " + strings.Join(names, ", ")
	if near, ok := experiment.Nearest(name, names); ok {
		hint = fmt.Sprintf("did you mean %q?", near)
	}
	return nil, usageError{fmt.Sprintf("there is no card %q in %s", name, dir), hint}
}

// readExperiment reads an experiment's file, or a card's: then the experiment of the case that is asked for.
func readExperiment(path, which string, sets []string) (*experiment.File, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read experiment: %w", err)
	}
	if !card.Is(data) {
		if which != "" {
			return nil, usageError{fmt.Sprintf("%s is no card: it has no case %q", path, which), "leave out --case"}
		}
		return experiment.Parse(path, data, sets)
	}
	c, err := card.Parse(path, data)
	if err != nil {
		return nil, err
	}
	return experimentOf(c, which, sets)
}

// experimentOf answers the experiment of a card's case; the only one need not be named.
func experimentOf(c *card.Card, which string, sets []string) (*experiment.File, error) {
	names := c.CaseNames()
	if which == "" && len(names) == 1 {
		which = names[0]
	}
	if !slices.Contains(names, which) {
		hint := "name one with --case: " + strings.Join(names, ", ")
		if names[0] == "" {
			hint = "leave out --case"
		} else if near, ok := experiment.Nearest(which, names); ok {
			hint = fmt.Sprintf("did you mean --case %s?", near)
		}
		if which == "" {
			return nil, usageError{fmt.Sprintf("the card %s has %d cases", c.Name, len(names)), hint}
		}
		return nil, usageError{fmt.Sprintf("the card %s has no case %q", c.Name, which), hint}
	}
	return c.For(which, sets...)
}

func cardsShowCommand() *cobra.Command {
	var dir, which string
	var opts hostOptions
	var sets []string
	var plan, asJSON bool
	c := &cobra.Command{
		Use: "show NAME", Short: "Print a card: claim, paper, setting, checks; with --plan its experiments as resolved, without training", Args: exactly("NAME"),
		RunE: func(c *cobra.Command, args []string) error {
			x, err := findCard(dir, args[0])
			if err != nil {
				return err
			}
			if !plan {
				for _, name := range []string{"set", "case"} {
					if c.Flags().Changed(name) {
						return usageError{"cards show: --" + name + " without --plan", "a card is shown as it is; --plan shows its experiments as resolved"}
					}
				}
				if asJSON {
					return printJSON(c.OutOrStdout(), shown(x))
				}
				return printCard(c.OutOrStdout(), x)
			}
			names := x.CaseNames()
			if which != "" {
				names = []string{which}
			}
			for _, name := range names {
				if err := opts.showCase(c.Context(), c.OutOrStdout(), x, name, sets, asJSON); err != nil {
					return err
				}
			}
			return nil
		},
	}
	cardsDir(c, &dir)
	opts.flags(c)
	setFlag(c, &sets)
	c.Flags().BoolVar(&plan, "plan", false, "print the experiment of every case as resolved, its plan and its models")
	caseFlag(c, &which)
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON objects")
	return c
}

func (o hostOptions) showCase(ctx context.Context, w io.Writer, c *card.Card, name string, sets []string, asJSON bool) error {
	file, told := experimentOf(c, name, sets)
	x, err := o.checkRead(ctx, file, told)
	if err != nil {
		return err
	}
	defer x.fleet.close()
	return show(w, x.file, x.plan, asJSON)
}

// shown is a card as JSON.
func shown(x *card.Card) any {
	type check struct {
		That     string   `json:"that"`
		Cases    []string `json:"cases"`
		Expected string   `json:"expected"`
	}
	out := struct {
		listedCard
		Scaled []string    `json:"scaled,omitempty"`
		Set    []card.Case `json:"set,omitempty"`
		Wants  []check     `json:"expected"`
		Beside []string    `json:"beside,omitempty"`
	}{listedCard: listed([]*card.Card{x})[0], Scaled: x.Scaled, Set: x.Cases, Beside: x.Beside}
	for _, k := range x.Checks {
		out.Wants = append(out.Wants, check{k.That, k.Cases, k.Expected()})
	}
	return out
}

func printCard(w io.Writer, c *card.Card) error {
	p := c.Paper
	fmt.Fprintf(w, "%s: %s\n\n", c.Name, oneLine(c.Claim))
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintf(tw, "paper\t%s, %s\n\t%s\npublished setting\t%s\npublished result\t%s\nhere\t%s\n", oneLine(p.Cite), oneLine(p.Where), p.URL, oneLine(p.Setting), oneLine(p.Result), c.Setting)
	for _, s := range c.Scaled {
		fmt.Fprintf(tw, "\t- %s\n", oneLine(s))
	}
	for i, x := range c.Cases {
		fmt.Fprintf(tw, "%s\t%s: %s\n", map[bool]string{true: "cases"}[i == 0], x.Name, strings.Join(x.Set, ", "))
	}
	for i, k := range c.Checks {
		where := ""
		if len(k.Cases) > 0 {
			where = " (" + strings.Join(k.Cases, ", ") + ")"
		}
		fmt.Fprintf(tw, "%s\t%s%s: %s\n", map[bool]string{true: "checks"}[i == 0], oneLine(k.That), where, k.Expected())
	}
	for i, n := range c.Notes {
		fmt.Fprintf(tw, "%s\t%s\n", map[bool]string{true: "notes"}[i == 0], oneLine(n))
	}
	if err := tw.Flush(); err != nil {
		return err
	}
	run := "archlab run " + c.Path()
	if len(c.Cases) > 0 {
		run += " --case " + c.Cases[0].Name
	}
	_, err := fmt.Fprintf(w, "\narchlab cards check %s judges it; %s trains without judging\n", c.Name, run)
	return err
}
