package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/archlab/archlab/core/experiment"
	"github.com/archlab/archlab/core/record"
	"github.com/archlab/archlab/core/report"
)

func reportCommand() *cobra.Command {
	var out string
	c := &cobra.Command{
		Use: "report DIR...", Short: "Rebuild the report of a run, or compare several runs",
		Args: func(c *cobra.Command, args []string) error {
			if len(args) == 0 {
				return usageError{"archlab report: got no arguments, want run directories", "usage: archlab report DIR..."}
			}
			return nil
		},
		RunE: func(c *cobra.Command, args []string) error {
			for _, dir := range args {
				if err := mustBeRun(dir); err != nil {
					return err
				}
			}
			dest := out
			if dest == "" {
				dest = "report"
				if len(args) == 1 {
					dest = args[0]
				}
			}
			rep, err := report.Build(args...)
			if err != nil {
				return err
			}
			if err := os.MkdirAll(dest, 0o755); err != nil {
				return err
			}
			if err := report.Write(dest, rep); err != nil {
				return err
			}
			if err := report.WriteTable(c.OutOrStdout(), rep); err != nil {
				return err
			}
			_, err = fmt.Fprintf(c.OutOrStdout(), "\nreport: %s\n", filepath.Join(dest, "report.html"))
			return err
		},
	}
	c.Flags().StringVar(&out, "out", "", "directory of the report (default: the run's own, or ./report for several)")
	return c
}

// mustBeRun refuses a directory that is no run, and names the newest run below it.
func mustBeRun(dir string) error {
	if isRun(dir) {
		return nil
	}
	err := fmt.Errorf("%s: %w", dir, record.ErrNotARun)
	if _, e := os.Stat(dir); errors.Is(e, os.ErrNotExist) {
		return fmt.Errorf("%s: no such directory", dir)
	}
	if below, e := record.Find(dir); e == nil && len(below) > 0 {
		return hinted{err, "the newest run below it is " + below[len(below)-1]}
	}
	return err
}

// openRun opens a run's records and its experiment as resolved.
func openRun(dir string) (*record.Reader, *experiment.File, error) {
	if err := mustBeRun(dir); err != nil {
		return nil, nil, err
	}
	r, err := record.Open(dir)
	if err != nil {
		return nil, nil, err
	}
	text, err := r.Config()
	if err != nil {
		return nil, nil, err
	}
	file, err := experiment.Parse(filepath.Join(dir, "config.yaml"), text, nil)
	return r, file, err
}
