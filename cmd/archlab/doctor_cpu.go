package main

import (
	"fmt"
	"os"
	"runtime"
	"slices"
	"strings"

	"github.com/archlab/archlab/core/bench"
	"github.com/archlab/archlab/core/kernel"
)

// lookAtCPU says which kernels run here and why, and which arithmetic has instructions of its own.
func lookAtCPU(p *patient) {
	name := cpuName()
	if name == "" {
		name = "unnamed"
	}
	p.ok("processor", "%s, %s/%s", name, runtime.GOOS, runtime.GOARCH)
	features := kernel.Features()
	if len(features) > 1 {
		p.ok("features", "%s", strings.Join(features[1:], " "))
	} else {
		p.note("features", "kernels are plain Go on "+runtime.GOARCH, "none that kernels use")
	}
	instructionSets(p, os.Getenv("ARCHLAB_CPU"))
	arithmetic(p, features[0])
	var precisions []string
	for _, n := range builtinNames() {
		d, err := builtins[n]().Describe(p.ctx)
		if err != nil {
			p.problem("precisions", "", "%s: %v", n, err)
			continue
		}
		var words []string
		for _, x := range d.Capabilities.Precisions {
			words = append(words, string(x))
		}
		precisions = append(precisions, n+" "+strings.Join(words, " "))
	}
	p.ok("precisions", "%s", strings.Join(precisions, "; "))
	caches, known := bench.Caches()
	var sizes []string
	for _, c := range caches {
		s := fmt.Sprintf("L%d %d KiB", c.Level, c.Bytes>>10)
		if c.Shared > 1 {
			s += fmt.Sprintf(" (shared by %d)", c.Shared)
		}
		sizes = append(sizes, s)
	}
	if known {
		p.ok("caches", "%s", strings.Join(sizes, ", "))
	} else {
		p.note("caches", "", "the system does not tell their sizes; measurements take %s", strings.Join(sizes, ", "))
	}
}

// instructionSets tells the kernels in use from those that the CPU or ARCHLAB_CPU rules out.
func instructionSets(p *patient, limit string) {
	sets := kernel.Sets()
	active := slices.IndexFunc(sets, func(s kernel.Set) bool { return s.Active })
	known := slices.ContainsFunc(sets, func(s kernel.Set) bool { return s.Name == limit })
	if limit != "" && !known {
		var names []string
		for _, s := range sets {
			names = append(names, s.Name)
		}
		p.note("ARCHLAB_CPU", "known here: "+strings.Join(names, ", "), "%q is no instruction set and limits nothing", limit)
	}
	for i, s := range sets {
		switch {
		case s.Active:
			p.ok("kernels", "%s, the fastest that runs here%s", s.Name, map[bool]string{true: " within ARCHLAB_CPU=" + limit}[limit != "" && known])
		case len(s.Missing) > 0:
			p.note("kernels", "", "%s: not used, this CPU or operating system lacks %s", s.Name, strings.Join(s.Missing, " "))
		case i > active:
			p.note("kernels", "unset ARCHLAB_CPU", "%s: would run, but ARCHLAB_CPU=%s forbids it", s.Name, limit)
		default:
			p.ok("kernels", "%s: would run, slower", s.Name)
		}
	}
}

// arithmetic says what narrower numbers gain here beside memory.
func arithmetic(p *patient, set string) {
	for _, a := range []struct {
		kind          kernel.Arithmetic
		native, other string
	}{
		{kernel.FP32Arithmetic, "multiply-adds of " + set, ""},
		{kernel.BF16Arithmetic, "dot products of pairs", "storage only: widened to FP32 (dot products need avx512bf16)"},
		{kernel.INT8Arithmetic, "dot products of bytes", "storage only: widened"},
	} {
		switch name := strings.ToUpper(a.kind.String()); {
		case kernel.Peak(nil, a.kind, 1) == 0:
			p.note(name, "", "%s", a.other)
		case a.kind == kernel.INT8Arithmetic && set == "avx2":
			p.ok(name, "byte products to 16 bits and on to 32 (dot products of bytes need avx512vnni)")
		default:
			p.ok(name, "%s", a.native)
		}
	}
	p.note("FP16", "", "storage only: the kernels have no FP16 arithmetic; it saves memory, not operations")
}
