// Command peers measures archlab beside its peers on one machine and writes one table, ratios first:
//
//	go run ./benchmarks/peers            # benchmarks/RESULTS.md, results.json and scaling.svg
//	go run ./benchmarks/peers -quick     # fewer samples, smaller sweeps: to see that everything runs
//
// It needs an idle machine. Peers that are not installed are left out, and the table says so. From Debian it takes
// python3-torch, libopenblas-dev, libopenblas0-openmp, libdnnl-dev, gcc and g++; MAMBA_PY and LLM_C may name checkouts of
// mamba.py and llm.c.
//
// Whatever is set in relation runs in turns (A B A B) on the same threads; a figure is the median of its samples. Rounds
// during which the machine was not idle are taken again (idle.go).
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"syscall"
	"time"

	"github.com/archlab/archlab/core/sdk"
)

func main() {
	if len(os.Args) == 3 && os.Args[1] == "serve-plugin" { // the host runs this binary again, as it does archlab
		sdk.Serve(builtins[os.Args[2]]())
		return
	}
	quick := flag.Bool("quick", false, "fewer samples and smaller sweeps")
	out := flag.String("out", "benchmarks", "directory of RESULTS.md, results.json and scaling.svg")
	only := flag.String("only", "", "run one part alone: products, dense, bf16, mamba, experts, heads, attention, scaling")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, *quick, *out, *only); err != nil {
		fmt.Fprintln(os.Stderr, "peers: error:", err)
		os.Exit(1)
	}
}

// bench is one run of the command.
type bench struct {
	ctx     context.Context
	threads int
	rounds  int
	quick   bool
	dir     string // scratch: sources, binaries, checkpoints
	fleet   *fleet
	watch   *watch
	begin   time.Time
	results results
}

func run(ctx context.Context, quick bool, out, only string) error {
	dir, err := os.MkdirTemp("", "archlab-peers-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	b := &bench{ctx: ctx, threads: runtime.GOMAXPROCS(0), rounds: 7, quick: quick, dir: dir, begin: time.Now()}
	if quick {
		b.rounds = 2
	}
	if err := unpack(dir); err != nil {
		return err
	}
	b.fleet = newFleet()
	defer b.fleet.close()
	b.results = newResults(b)
	var stop func()
	b.watch, stop = newWatch(ctx, b.threads, b.results.cache(2))
	defer stop()
	for _, part := range []struct {
		name string
		run  func() error
	}{
		{"products", b.products}, {"dense", b.dense}, {"bf16", b.bf16}, {"mamba", b.mamba}, {"experts", b.experts},
		{"heads", b.heads}, {"attention", b.attention}, {"scaling", b.scaling},
	} {
		if only != "" && only != part.name {
			continue
		}
		b.say("== %s", part.name)
		if !quick {
			b.watch.naps = patience
		}
		if err := part.run(); err != nil {
			if ctx.Err() != nil {
				b.results.note("stopped during %s", part.name)
				break // what was measured is written
			}
			b.results.note("%s: %v", part.name, err) // the other parts still count
			b.say("%s: %v", part.name, err)
		}
	}
	b.results.Idleness = b.watch.idleness()
	b.results.Seconds = time.Since(b.begin).Seconds()
	if err := b.results.write(out); err != nil {
		return err
	}
	b.say("written: %s", filepath.Join(out, "RESULTS.md"))
	return nil
}

// say prints progress.
func (b *bench) say(format string, args ...any) {
	fmt.Fprintf(os.Stderr, "%6.0f s  %s\n", time.Since(b.begin).Seconds(), fmt.Sprintf(format, args...))
}
