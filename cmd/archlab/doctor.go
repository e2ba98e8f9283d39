package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"text/tabwriter"

	"github.com/spf13/cobra"
)

// finding is one thing that doctor looked at.
type finding struct {
	Area string `json:"area"`
	Name string `json:"name"`
	// State is "ok", "note" (slower, smaller or absent, but archlab works) or "problem".
	State string `json:"state"`
	Text  string `json:"text"`
	Hint  string `json:"hint,omitempty"`
}

// patient collects findings.
type patient struct {
	ctx      context.Context
	host     hostOptions
	findings []finding
	area     string
}

func (p *patient) ok(name, format string, args ...any) { p.add("ok", name, "", format, args...) }

func (p *patient) note(name, hint, format string, args ...any) {
	p.add("note", name, hint, format, args...)
}

func (p *patient) problem(name, hint, format string, args ...any) {
	p.add("problem", name, hint, format, args...)
}

func (p *patient) add(state, name, hint, format string, args ...any) {
	p.findings = append(p.findings, finding{p.area, name, state, fmt.Sprintf(format, args...), hint})
}

func doctorCommand() *cobra.Command {
	var asJSON bool
	p := &patient{}
	c := &cobra.Command{
		Use: "doctor", Short: "Say what archlab uses on this machine, and why; fails only where it cannot work", Args: exactly(),
		RunE: func(c *cobra.Command, _ []string) error {
			p.ctx = c.Context()
			for _, a := range []struct {
				name string
				look func(p *patient)
			}{{"cpu", lookAtCPU}, {"limits", lookAtLimits}, {"plugins", lookAtPlugins}, {"peers", lookAtPeers}} {
				p.area = a.name
				a.look(p)
			}
			var err error
			if asJSON {
				err = printJSON(c.OutOrStdout(), p.findings)
			} else {
				err = p.print(c.OutOrStdout())
			}
			return errors.Join(err, p.verdict())
		},
	}
	p.host.flags(c)
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return c
}

// verdict is an error if something keeps archlab from working.
func (p *patient) verdict() error {
	n := 0
	for _, f := range p.findings {
		if f.State == "problem" {
			n++
		}
	}
	if n == 0 {
		return nil
	}
	return fmt.Errorf("doctor: %s found; see above", plural(n, "problem"))
}

func (p *patient) print(w io.Writer) error {
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	area := ""
	for _, f := range p.findings {
		if f.Area != area {
			if area != "" {
				fmt.Fprintln(tw)
			}
			fmt.Fprintln(tw, f.Area)
			area = f.Area
		}
		fmt.Fprintf(tw, "  %s\t%s\t%s\n", f.State, f.Name, f.Text)
		if f.Hint != "" {
			fmt.Fprintf(tw, "\t\thint: %s\n", f.Hint)
		}
	}
	return tw.Flush()
}

// writable says whether files can be made in a directory.
func writable(dir string) error {
	f, err := os.CreateTemp(dir, "archlab-doctor-*")
	if err != nil {
		return err
	}
	return errors.Join(f.Close(), os.Remove(f.Name()))
}
