// Command archlab compares language-model families: `archlab run FILE` trains every family of an experiment on the same
// batches and writes one report. One file here is one subcommand; builtin.go alone imports families.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/archlab/archlab/core/data/tokenizer"
	"github.com/archlab/archlab/core/experiment"
)

func main() { os.Exit(execute(os.Args[1:])) }

// execute runs one command line and answers the exit status: 0 done, 1 failed, 2 not understood, 130 interrupted.
func execute(args []string) int {
	ctx, stop := interruptible()
	defer stop()
	root := rootCommand()
	root.SetArgs(args)
	run := func() (err error) {
		defer tokenizer.Catch(&err) // of texts that are encoded one by one
		return root.ExecuteContext(ctx)
	}
	if err := run(); err != nil {
		complain(os.Stderr, err)
		return exitStatus(err)
	}
	return 0
}

// interruptible answers a context that the first interrupt or termination signal ends; a second one ends the process at
// once. Plugins notice that their host is gone.
func interruptible() (context.Context, func()) {
	ctx, cancel := context.WithCancelCause(context.Background())
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	done := make(chan struct{})
	go func() {
		for n := 0; ; n++ {
			select {
			case <-done:
				return
			case <-signals:
				if n > 0 {
					fmt.Fprintln(os.Stderr, "\narchlab: interrupted twice, ending at once")
					os.Exit(130)
				}
				cancel(errInterrupted)
			}
		}
	}()
	return ctx, func() {
		signal.Stop(signals)
		close(done)
		cancel(nil)
	}
}

func rootCommand() *cobra.Command {
	root := group("archlab", "Compare language-model families fairly: same data, same budget, one report",
		runCommand(), reportCommand(), evalCommand(), taskCommand(), generateCommand(), configCommand(), dataCommand(), tokenizerCommand(), pluginCommand(), benchCommand(),
		cardsCommand(), doctorCommand(), servePluginCommand(), versionCommand())
	root.Long = "archlab trains every model family of an experiment on the same batches, each in a plugin process of its own,\n" +
		"evaluates them on the same text and tasks, and writes one report that says which differences are real."
	root.Example = "  archlab run configs/quickstart.yaml\n  archlab config show configs/quickstart.yaml --set train.batch=8"
	root.SilenceErrors, root.SilenceUsage = true, true
	root.CompletionOptions.HiddenDefaultCmd = true
	root.SetFlagErrorFunc(func(c *cobra.Command, err error) error {
		hint := fmt.Sprintf("run %q for its flags", c.CommandPath()+" --help")
		if name, ok := strings.CutPrefix(err.Error(), "unknown flag: --"); ok {
			var known []string
			c.Flags().VisitAll(func(f *flag) { known = append(known, f.Name) })
			if near, ok := experiment.Nearest(name, known); ok {
				hint = "did you mean --" + near + "?"
			}
		}
		return usageError{err.Error(), hint}
	})
	return root
}

// group makes a command that only holds others; anything else after it is refused with the nearest name.
func group(use, short string, subs ...*cobra.Command) *cobra.Command {
	c := &cobra.Command{Use: use, Short: short}
	c.AddCommand(subs...)
	c.Args = func(c *cobra.Command, args []string) error {
		if len(args) == 0 {
			return nil
		}
		var names []string
		for _, s := range c.Commands() {
			if s.IsAvailableCommand() {
				names = append(names, s.Name())
			}
		}
		hint := "commands: " + strings.Join(names, ", ")
		if near, ok := experiment.Nearest(args[0], names); ok {
			hint = fmt.Sprintf("did you mean %q?", c.CommandPath()+" "+near)
		}
		return usageError{fmt.Sprintf("unknown command %q", strings.TrimPrefix(c.CommandPath()+" "+args[0], "archlab ")), hint}
	}
	c.RunE = func(c *cobra.Command, _ []string) error { return c.Help() }
	return c
}

// exactly refuses any other number of arguments and says what they are.
func exactly(names ...string) cobra.PositionalArgs {
	return func(c *cobra.Command, args []string) error {
		if len(args) == len(names) {
			return nil
		}
		return usageError{fmt.Sprintf("%s: got %d arguments, want %s", c.CommandPath(), len(args), strings.Join(names, " ")), fmt.Sprintf("usage: %s", c.UseLine())}
	}
}
