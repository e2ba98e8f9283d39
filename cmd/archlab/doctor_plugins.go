package main

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/archlab/archlab/core/host"
)

// lookAtPlugins starts a built-in as any run does, and lists the plugins that are found.
func lookAtPlugins(p *patient) {
	f, err := p.host.fleet(nil)
	if err != nil {
		p.problem("host", hintOf(err), "%v", err)
		return
	}
	defer f.close()
	name := builtinNames()[0]
	if plugin, err := f.host.Launch(p.ctx, name); err != nil {
		p.problem("a built-in starts", host.Hint(err), "%v", err)
	} else {
		_, err := plugin.Family().Describe(p.ctx)
		if err = errors.Join(err, plugin.Close()); err != nil {
			p.problem("a built-in starts", host.Hint(err), "%v", err)
		} else {
			p.ok("a built-in starts", "%s, in a process of its own", name)
		}
	}
	p.ok("built-in", "%s", strings.Join(builtinNames(), " "))
	external := 0
	for _, x := range f.host.List() {
		switch {
		case x.Builtin:
		case x.Problem != "":
			external++
			p.note(x.Name, "", "%s (%s): %s", x.Path, x.Source, x.Problem)
		default:
			external++
			p.ok(x.Name, "%s (%s)", x.Path, x.Source)
		}
	}
	if external == 0 {
		where := "--plugin-dir, $" + host.PathEnv
		if dir, err := os.UserConfigDir(); err == nil {
			where += ", " + filepath.Join(dir, "archlab", "plugins")
		}
		p.ok("external", "none in %s or PATH", where)
	}
	for _, dir := range append(append([]string(nil), p.host.dirs...), filepath.SplitList(os.Getenv(host.PathEnv))...) {
		if _, err := os.Stat(dir); err != nil {
			p.note("plugin directory", "", "%v", err)
		}
	}
	if _, err := os.Stat(lockFile); err == nil {
		if _, err := host.ReadLock(lockFile); err != nil {
			p.problem(lockFile, hintOf(err), "%v", err)
		} else {
			p.ok(lockFile, "pins external plugins run from this directory")
		}
	}
}

// lookAtPeers says which of the programs that benchmarks/peers compares with are installed. None is needed otherwise.
func lookAtPeers(p *patient) {
	python := "/usr/bin/python3" // Debian's, which sees python3-torch
	if _, err := os.Stat(python); err != nil {
		python = "python3"
	}
	if _, err := exec.LookPath(python); err != nil {
		p.note("PyTorch", "install python3-torch to compare training with it", "no %s", python)
	} else if out, err := exec.CommandContext(p.ctx, python, "-c", "import importlib.metadata as m; print(m.version('torch'))").Output(); err != nil {
		p.note("PyTorch", "install python3-torch to compare training with it", "%s has no torch", python)
	} else {
		p.ok("PyTorch", "%s", strings.TrimSpace(string(out)))
	}
	for _, x := range []struct{ name, pattern, pkg string }{
		{"OpenBLAS with OpenMP", "/usr/lib/*/openblas-openmp/libopenblas.so*", "libopenblas0-openmp"},
		{"oneDNN", "/usr/include/dnnl.hpp", "libdnnl-dev"},
	} {
		found, _ := filepath.Glob(x.pattern)
		if more, _ := filepath.Glob("/usr/include/*/dnnl.hpp"); x.pkg == "libdnnl-dev" {
			found = append(found, more...)
		}
		if len(found) == 0 {
			p.note(x.name, "install "+x.pkg+" to compare matrix products with it", "not installed")
			continue
		}
		p.ok(x.name, "%s", found[0])
	}
}
