package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/archlab/archlab/core/experiment"
	"github.com/archlab/archlab/core/family"
	"github.com/archlab/archlab/core/host"
	"github.com/archlab/archlab/core/record"
	"github.com/archlab/archlab/core/train"
)

// lockFile pins external plugins, where it exists in the working directory.
const lockFile = "plugins.lock"

// hostOptions is what the command line says about plugins.
type hostOptions struct {
	dirs []string
	log  string
}

func (o *hostOptions) flags(c *cobra.Command) {
	c.Flags().StringArrayVar(&o.dirs, "plugin-dir", nil, "look for plugins here first (repeatable)")
	c.Flags().StringVar(&o.log, "plugin-log", "", "append everything that plugins print to this file")
}

// fleet launches the plugins of a command.
type fleet struct {
	host      *host.Host
	log       io.Closer
	described map[string]*host.Plugin // by reference
}

// fleet makes a fleet; file may be nil.
func (o hostOptions) fleet(file *experiment.File) (*fleet, error) {
	opts := host.Options{Builtins: builtinNames(), Dirs: o.dirs}
	if _, err := os.Stat(lockFile); err == nil {
		opts.LockFile = lockFile
	}
	if file != nil {
		// The trainer's own deadline comes first and names the call; this one is for calls outside of it.
		opts.CallTimeout = 2 * time.Duration(file.Limits.Call)
	}
	f := &fleet{described: map[string]*host.Plugin{}}
	if o.log != "" {
		w, err := os.OpenFile(o.log, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
		if err != nil {
			return nil, fmt.Errorf("--plugin-log: %w", err)
		}
		opts.Log, f.log = w, w
	}
	f.host = host.New(opts)
	return f, nil
}

func (f *fleet) close() {
	_ = f.host.Close()
	if f.log != nil {
		_ = f.log.Close()
	}
}

// reference is what the host finds a model's plugin by: the path that the file gives, or the family's name.
func reference(file *experiment.File, m experiment.Model) string {
	if m.Plugin == "" {
		return m.Family
	}
	path := file.Resolve(m.Plugin)
	if abs, err := filepath.Abs(path); err == nil {
		return abs
	}
	if !strings.ContainsRune(path, filepath.Separator) {
		path = "." + string(filepath.Separator) + path
	}
	return path
}

// competitors launches one plugin for each different reference, checks every model's config against its family's schema,
// and answers the families for planning: those of models that nothing is known to be wrong with. Everything that is wrong
// is answered at once, as wrong; err is what ended the checking.
func (f *fleet) competitors(ctx context.Context, file *experiment.File) (out []experiment.Competitor, wrong, err error) {
	known := map[string]experiment.Competitor{}
	failed := map[string]error{}
	var problems experiment.Problems
	out = make([]experiment.Competitor, len(file.Models))
	for i, m := range file.Models {
		if m.Family == "" {
			continue // told already
		}
		ref := reference(file, m)
		c, ok := known[ref]
		if !ok && failed[ref] == nil {
			var err error
			if c, err = f.describe(ctx, ref); err != nil {
				if ctx.Err() != nil {
					return nil, nil, err
				}
				failed[ref] = err
			} else {
				known[ref] = c
			}
		}
		if err := failed[ref]; err != nil {
			p := file.Problem(fmt.Sprintf("models[%d].family", i), "%s", notFound(err, m.Family))
			p.Hint = pluginHint(err, m.Family, f.host)
			problems = append(problems, p)
			continue
		}
		if c.Description.Name != m.Family {
			problems = append(problems, file.Problem(fmt.Sprintf("models[%d].family", i), "got %q, the plugin %s serves the family %q", m.Family, ref, c.Description.Name))
			continue
		}
		bad := file.CheckModel(i, c.Description.ConfigSchema)
		problems = append(problems, bad...)
		if len(bad) == 0 && file.Sound(i) {
			out[i] = c
		}
	}
	if len(problems) > 0 {
		return out, problems, nil
	}
	return out, nil, nil
}

// notFound shortens what the host says of a name that it does not find: where it looked is worth a line only when no name is
// near, and then as the hint's advice.
func notFound(err error, name string) string {
	var e *host.Error
	if errors.As(err, &e) && e.Kind == host.Missing && e.Path == "" {
		return fmt.Sprintf("there is no family %q", name)
	}
	return err.Error()
}

// pluginHint is the host's own hint, or the nearest family that there is.
func pluginHint(err error, name string, h *host.Host) string {
	var e *host.Error
	if errors.As(err, &e) && e.Kind == host.Missing {
		var names []string
		for _, f := range h.List() {
			names = append(names, f.Name)
		}
		if near, ok := experiment.Nearest(name, names); ok {
			return fmt.Sprintf("did you mean %q?", near)
		}
		if e.Path == "" {
			return fmt.Sprintf("built in are %s; others are programs named archlab-plugin-NAME on the PATH, in --plugin-dir or $%s", strings.Join(builtinNames(), ", "), host.PathEnv)
		}
	}
	return host.Hint(err)
}

// describe launches a plugin and asks it who it is. It stays for cards until the fleet closes.
func (f *fleet) describe(ctx context.Context, ref string) (experiment.Competitor, error) {
	p, err := f.host.Launch(ctx, ref)
	if err != nil {
		return experiment.Competitor{}, err
	}
	f.described[ref] = p
	d, err := p.Family().Describe(ctx)
	return experiment.Competitor{Family: p.Family(), Description: d}, err
}

// session launches a plugin for one training and builds the model in it.
func (f *fleet) session(ctx context.Context, ref string, req family.BuildRequest) (*train.Session, error) {
	p, err := f.host.Launch(ctx, ref)
	if err != nil {
		return nil, err
	}
	fail := func(err error) (*train.Session, error) {
		_ = p.Close()
		return nil, err
	}
	d, err := p.Family().Describe(ctx)
	if err != nil {
		return fail(err)
	}
	m, card, err := p.Family().Build(ctx, req)
	if err != nil {
		return fail(err)
	}
	return &train.Session{
		Description: d, Card: card, Model: m,
		Down:    func() (bool, []string) { return p.Err() != nil, p.Logs() },
		PeakRSS: p.PeakRSS,
		Close:   func() { _ = p.Close() },
	}, nil
}

// provenance says which program serves a model that has been described.
func (f *fleet) provenance(ref string) (record.Plugin, error) {
	p := f.described[ref]
	if p == nil || p.Builtin() {
		return record.Plugin{Builtin: p != nil}, nil
	}
	sum, err := fileSum(p.Path())
	return record.Plugin{Path: p.Path(), SHA256: sum}, err
}

func fileSum(path string) (string, error) {
	file, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer file.Close()
	h := sha256.New()
	if _, err := io.Copy(h, file); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// retire ends the plugins that were launched for planning, so that only the one that trains is running.
func (f *fleet) retire() {
	for _, p := range f.described {
		_ = p.Close()
	}
}
