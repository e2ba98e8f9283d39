package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/archlab/archlab/core/family"
	"github.com/archlab/archlab/core/host"
	"github.com/archlab/archlab/core/sdk/conformance"
)

func pluginCommand() *cobra.Command {
	return group("plugin", "List, inspect, judge and pin model families", pluginListCommand(), pluginInfoCommand(), pluginVerifyCommand(), pluginLockCommand())
}

func pluginListCommand() *cobra.Command {
	var o hostOptions
	var asJSON bool
	c := &cobra.Command{
		Use: "list", Short: "List the families that can be run", Args: exactly(),
		RunE: func(c *cobra.Command, _ []string) error {
			f, err := o.fleet(nil)
			if err != nil {
				return err
			}
			defer f.close()
			found := f.host.List()
			if asJSON {
				return printJSON(c.OutOrStdout(), found)
			}
			tw := tabwriter.NewWriter(c.OutOrStdout(), 0, 0, 2, ' ', 0)
			fmt.Fprintln(tw, "NAME\tSOURCE\tPATH\tPROBLEM")
			for _, p := range found {
				path := p.Path
				if p.Builtin {
					path = "-"
				}
				fmt.Fprintf(tw, "%s\t%s\t%s\t%s\n", p.Name, p.Source, path, p.Problem)
			}
			return tw.Flush()
		},
	}
	o.flags(c)
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return c
}

// missing adds the nearest name to an error about a plugin that is not there.
func missing(err error, ref string, h *host.Host) error {
	hint := pluginHint(err, ref, h)
	if short := notFound(err, ref); short != err.Error() {
		err = errors.New(short)
	}
	if hint != "" {
		return hinted{err, hint}
	}
	return err
}

func pluginVerifyCommand() *cobra.Command {
	var o hostOptions
	var asJSON, quick bool
	precision := string(family.FP32)
	c := &cobra.Command{
		Use: "verify PATH|NAME", Short: "Judge a family by the contract; fails when a property does not hold", Args: exactly("PATH|NAME"),
		RunE: func(c *cobra.Command, args []string) error {
			f, err := o.fleet(nil)
			if err != nil {
				return err
			}
			defer f.close()
			p, err := f.host.Launch(c.Context(), args[0])
			if err != nil {
				return missing(err, args[0], f.host)
			}
			if err := announced(c.Context(), p.Family(), family.Precision(precision)); err != nil {
				return fmt.Errorf("%s: %w", args[0], err)
			}
			rep := conformance.Run(c.Context(), p.Family(), conformance.Options{Quick: quick, Precision: family.Precision(precision)})
			write := rep.WriteTable
			if asJSON {
				write = rep.WriteJSON
			}
			if err := write(c.OutOrStdout()); err != nil {
				return err
			}
			if err := p.Err(); err != nil {
				return err
			}
			if !rep.OK() {
				return fmt.Errorf("%s: %d of %d checks failed: %s", args[0], rep.Failed, rep.Failed+rep.Passed, strings.Join(rep.FailedChecks(), ", "))
			}
			return nil
		},
	}
	o.flags(c)
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	c.Flags().BoolVar(&quick, "quick", false, "fewer and shorter passes of every check")
	c.Flags().StringVar(&precision, "precision", precision, "precision of the models judged: fp32, bf16 or fp16")
	return c
}

// announced refuses a precision that a family does not have. A family that cannot be described is the suite's to judge.
func announced(ctx context.Context, fam family.Family, p family.Precision) error {
	d, err := fam.Describe(ctx)
	if err != nil || p == family.FP32 || slices.Contains(d.Capabilities.Precisions, p) {
		return nil
	}
	return fmt.Errorf("got precision %q, want one of %v", p, d.Capabilities.Precisions)
}

func pluginLockCommand() *cobra.Command {
	var o hostOptions
	c := &cobra.Command{
		Use: "lock [PATH|NAME...]", Short: "Pin external plugins by SHA-256 in " + lockFile + " (without arguments: all that are found)",
		RunE: func(c *cobra.Command, args []string) error {
			lock, err := host.ReadLock(lockFile)
			if err != nil {
				return err
			}
			h := host.New(host.Options{Builtins: builtinNames(), Dirs: o.dirs})
			defer h.Close()
			found := map[string]string{}
			for _, p := range h.List() {
				if !p.Builtin && p.Problem == "" {
					found[p.Name] = p.Path
				}
			}
			targets := map[string]string{}
			for _, a := range args {
				name, path := a, found[a]
				if strings.ContainsRune(a, filepath.Separator) {
					name, path = strings.TrimPrefix(strings.TrimSuffix(filepath.Base(a), ".exe"), "archlab-plugin-"), a
				}
				if path == "" {
					return fmt.Errorf("plugin %q: no external plugin of that name is found", a)
				}
				targets[name] = path
			}
			if len(args) == 0 {
				targets = found
			}
			for name, path := range targets {
				if err := lock.Pin(name, path); err != nil {
					return err
				}
			}
			if err := lock.Write(lockFile); err != nil {
				return err
			}
			_, err = fmt.Fprintf(c.OutOrStdout(), "%s: %d plugins pinned for %s\n", lockFile, len(targets), host.Platform())
			return err
		},
	}
	o.flags(c)
	return c
}

func printJSON(w io.Writer, v any) error {
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	enc.SetEscapeHTML(false)
	return enc.Encode(v)
}
