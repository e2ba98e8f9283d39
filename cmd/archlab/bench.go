package main

import (
	"fmt"
	"io"
	"os"
	"runtime"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/archlab/archlab/core/bench"
	"github.com/archlab/archlab/core/record"
)

func benchCommand() *cobra.Command {
	return group("bench", "Measure the machine's limits and what training reaches of them", benchMachineCommand(), benchTrainCommand())
}

// benchOutput is how a measurement is shown.
type benchOutput struct {
	json bool
	html string
}

func (o *benchOutput) flags(c *cobra.Command) {
	c.Flags().BoolVar(&o.json, "json", false, "print JSON")
	c.Flags().StringVar(&o.html, "html", "", "also write a page with the roofline plot to this file")
}

// write prints a measurement as asked for.
func (o benchOutput) write(w io.Writer, r bench.Report, text func(w io.Writer) error) error {
	if o.html != "" {
		page, err := bench.HTML(r)
		if err != nil {
			return err
		}
		if err := record.WriteFile(o.html, page); err != nil {
			return fmt.Errorf("--html: %w", err)
		}
	}
	if o.json {
		return printJSON(w, r)
	}
	if err := text(w); err != nil || o.html == "" {
		return err
	}
	_, err := fmt.Fprintf(w, "\nplot: %s\n", o.html)
	return err
}

// threadCount checks --threads; 0 means as many as Go runs at the same time.
func threadCount(n int) (int, error) {
	if n < 0 || n > 4096 {
		return 0, usageError{fmt.Sprintf("--threads: got %d, want 0 (all) to 4096", n), ""}
	}
	if n == 0 {
		n = runtime.GOMAXPROCS(0)
	}
	return n, nil
}

func benchMachineCommand() *cobra.Command {
	var out benchOutput
	var all, rounds int
	c := &cobra.Command{
		Use: "machine", Short: "Print the machine's roofline and what matrix products reach of it", Args: exactly(),
		Long: "machine measures what this CPU can do at best (multiply-adds on registers alone, reading alone, by level of memory) and\n" +
			"what the kernels' matrix products reach of it, all in turns. Stop other programs first.",
		RunE: func(c *cobra.Command, _ []string) error {
			n, err := threadCount(all)
			if err != nil {
				return err
			}
			if rounds < 1 || rounds > 1000 {
				return usageError{fmt.Sprintf("--rounds: got %d, want 1 to 1000", rounds), ""}
			}
			m, err := bench.MeasureMachine(c.Context(), bench.MachineOptions{
				CPU: cpuName(), Threads: n, Rounds: rounds, Products: true, Progress: progress(os.Stderr, "measuring"),
			})
			if err != nil {
				return interrupted(c.Context(), err)
			}
			return out.write(c.OutOrStdout(), bench.Report{Machine: m}, m.WriteText)
		},
	}
	out.flags(c)
	c.Flags().IntVar(&all, "threads", 0, "the largest number of threads (0: all cores)")
	c.Flags().IntVar(&rounds, "rounds", 7, "samples of each figure")
	return c
}

// progress shows a share on a terminal and nothing elsewhere.
func progress(f *os.File, what string) func(done float64) {
	if !term.IsTerminal(int(f.Fd())) || os.Getenv("TERM") == "dumb" {
		return nil
	}
	return func(done float64) {
		fmt.Fprintf(f, "\r%s %3.0f %%", what, 100*done)
		if done >= 1 {
			fmt.Fprintf(f, "\r%s\r", strings.Repeat(" ", len(what)+6))
		}
	}
}
