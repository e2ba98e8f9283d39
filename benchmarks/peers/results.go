package main

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	measure "github.com/archlab/archlab/core/bench"
)

// results is everything that a run measured: results.json, and RESULTS.md for people.
type results struct {
	When        time.Time           `json:"when"`
	Seconds     float64             `json:"seconds"`
	Command     string              `json:"command"`
	Rounds      int                 `json:"rounds"`
	Quick       bool                `json:"quick,omitempty"`
	Machine     measure.Machine     `json:"machine"`
	Idleness    idleness            `json:"idleness"`
	PyTorch     string              `json:"pytorch,omitempty"`
	OneDNN      string              `json:"onednn,omitempty"`
	Bars        []bar               `json:"bars"`
	Products    []product           `json:"products,omitempty"`
	Training    []trained           `json:"training,omitempty"`
	LeastMemory map[string]int64    `json:"least_memory,omitempty"`
	Profiles    []*measure.Training `json:"profiles,omitempty"`
	Attention   []attentionFigure   `json:"attention,omitempty"`
	Scaling     []scaled            `json:"scaling,omitempty"`
	Notes       []string            `json:"notes,omitempty"`
}

// trained is one system's training steps.
type trained struct {
	Name    string    `json:"name"`
	Tokens  float64   `json:"tokens_per_second"`
	Best    float64   `json:"best"`
	Seconds []float64 `json:"seconds"` // of each step
	RSS     int64     `json:"peak_rss"`
}

// bar is something to be reached.
type bar struct {
	What    string  `json:"what"`
	Want    string  `json:"bar"`
	Value   float64 `json:"value"`
	Figure  string  `json:"figure"`
	Verdict string  `json:"verdict"` // "reached", "not reached", "not measurable here"
	Why     string  `json:"why,omitempty"`
}

const (
	reached    = "reached"
	notReached = "not reached"
	noMeasure  = "not measurable on this machine"
)

func newResults(b *bench) results {
	r := results{When: b.begin.UTC(), Rounds: b.rounds, Quick: b.quick, LeastMemory: map[string]int64{}, Command: "go run ./benchmarks/peers"}
	if b.quick {
		r.Command += " -quick"
	}
	for _, name := range []string{"MAMBA_PY", "LLM_C"} {
		if os.Getenv(name) != "" {
			r.Command = name + "=... " + r.Command
		}
	}
	b.say("== limits")
	m, err := measure.MeasureMachine(b.ctx, measure.MachineOptions{CPU: cpu(), Threads: b.threads, Rounds: max(5, b.rounds)})
	if err != nil {
		r.note("limits: %v", err)
		return r
	}
	r.Machine = *m
	return r
}

// cache is the size of the cache of a level, in bytes, 0 if there is none.
func (r *results) cache(level int) int64 {
	for _, c := range r.Machine.Caches {
		if c.Level == level {
			return c.Bytes
		}
	}
	return 0
}

// bar judges a value that should be at least so much; both negative where it should be at most that. A value of 0 was not
// measured, for the reason missing.
func (r *results) bar(what, want string, value, least float64, format, missing string) {
	x := bar{What: what, Want: want, Value: abs(value), Figure: show(abs(value), format), Verdict: notReached}
	switch {
	case value == 0:
		x.Figure, x.Verdict, x.Why = "-", noMeasure, missing
	case value >= least:
		x.Verdict = reached
	}
	r.Bars = append(r.Bars, x)
}

// limit says of the bar that was judged last, if it is not reached, how much of the FP32 peak it asks for: e would have to
// train rate tokens a second. Above 100 % the machine cannot do it.
func (r *results) limit(e *entrant, rate, peak float64) {
	if x := &r.Bars[len(r.Bars)-1]; x.Verdict == notReached && rate > 0 && peak > 0 {
		x.Why = fmt.Sprintf("it would take %.0f %% of the FP32 peak in model FLOPs; archlab is at %.0f %%", 100*rate*e.tokenFLOPs()/peak, 100*e.rate()*e.tokenFLOPs()/peak)
	}
}

// beside records a value that cannot be judged here.
func (r *results) beside(what, want string, value float64, format, why string) {
	r.Bars = append(r.Bars, bar{What: what, Want: want, Value: value, Figure: show(value, format), Verdict: noMeasure, Why: why})
}

func abs(v float64) float64 { return max(v, -v) }

func show(v float64, format string) string {
	switch {
	case v == 0:
		return "-"
	case format == "percent":
		return fmt.Sprintf("%.1f %%", 100*v)
	}
	return fmt.Sprintf(format, v)
}

func (r *results) note(format string, args ...any) {
	s := fmt.Sprintf(format, args...)
	for _, n := range r.Notes {
		if n == s {
			return
		}
	}
	r.Notes = append(r.Notes, s)
}

// write puts RESULTS.md, results.json and scaling.svg into a directory.
func (r *results) write(dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	data, err := json.MarshalIndent(r, "", " ")
	if err != nil {
		return err
	}
	if err := writeFile(filepath.Join(dir, "results.json"), append(data, '\n')); err != nil {
		return err
	}
	if err := r.plot(dir); err != nil {
		return err
	}
	return writeFile(filepath.Join(dir, "RESULTS.md"), r.markdown())
}

func writeFile(path string, data []byte) error { return os.WriteFile(path, data, 0o644) }

// tried says, for people, what was tried where a bar is not reached and what is known of the reason.
//
//go:embed tried.md
var tried string

// markdown is the table for people: ratios first, then absolute figures, then where the time goes.
func (r *results) markdown() []byte {
	var b strings.Builder
	p := func(format string, args ...any) { fmt.Fprintf(&b, format, args...) }
	m := &r.Machine
	p("# archlab beside its peers\n\n")
	p("%s, %d threads, kernels: %s", m.CPU, m.Threads, strings.Join(m.Features, " "))
	for _, c := range m.Caches {
		p(", L%d %d KiB", c.Level, c.Bytes>>10)
	}
	p("; %s; %.0f s.", r.When.Format("2006-01-02 15:04 UTC"), r.Seconds)
	if r.PyTorch != "" {
		p(" PyTorch %s.", r.PyTorch)
	}
	if r.OneDNN != "" {
		p(" oneDNN %s.", r.OneDNN)
	}
	p("\n\n    %s\n\n", r.Command)
	p("Whatever is set in relation ran in turns (A B A B) with the same number of threads; each figure is the median of at least %d samples. "+
		"Absolute figures drift from run to run; ratios of one run are what counts. PyTorch runs at its quickest settings of those tried "+
		"(OpenMP OpenBLAS, foreach AdamW, with and without a heap that keeps its memory, each form of the model).\n\n", r.Rounds)
	if x := r.Idleness; x.Counted > 0 {
		p("How idle the machine was, a loop that reads the second-level caches tells")
		if x.Best > 0 {
			p(", at %.0f GB/s at best", x.Best/1e9)
		}
		p(": %d rounds were taken, and the %d count during which it was idlest. "+
			"During these the loop reached %.0f %% of its best rate (median; at least %.0f %%); less than %.0f %% are a disturbed machine, as during %d of them.\n\n",
			x.Taken, x.Counted, 100*x.Median, 100*x.Lowest, 100*idleShare, x.Disturbed)
	}
	if r.Quick {
		p("**This is a quick run: too few samples to claim anything.**\n\n")
	}
	p("## Bars\n\n| what | bar | here | |\n|---|---|---|---|\n")
	for _, x := range r.Bars {
		verdict := x.Verdict
		if verdict == reached {
			verdict = "**reached**"
		}
		if x.Why != "" {
			verdict += ": " + x.Why
		}
		p("| %s | %s | %s | %s |\n", x.What, x.Want, x.Figure, verdict)
	}
	if len(r.Notes) > 0 {
		p("\nNotes:\n\n")
		for _, n := range r.Notes {
			p("- %s\n", n)
		}
	}
	p("\n%s", tried)
	p("\n## The machine's limits\n\n| | 1 thread | %d threads |\n|---|---|---|\n", m.Threads)
	for _, a := range []string{"fp32", "bf16", "int8"} {
		if m.Peak(a, 1) > 0 {
			p("| %s multiply-adds on registers, Gop/s | %.0f | %.0f |\n", strings.ToUpper(a), m.Peak(a, 1)/1e9, m.Peak(a, m.Threads)/1e9)
		}
	}
	for _, x := range m.Bandwidths {
		if x.Threads == 1 {
			p("| reading %s, GB/s | %.1f | %.1f |\n", x.Level, x.Bytes.Median/1e9, m.Bandwidth(x.Level, m.Threads)/1e9)
		}
	}
	r.productTable(p)
	if len(r.Training) > 0 {
		p("\n## Training steps\n\n| system | tokens/s | its best | peak memory, MiB |\n|---|---|---|---|\n")
		for _, t := range r.Training {
			p("| %s | %.0f | %.0f | %d |\n", t.Name, t.Tokens, t.Best, t.RSS>>20)
		}
	}
	if len(r.Attention) > 0 {
		p("\n## Attention, forward and backward, 4 heads of 64, ms\n\n| T | fused | naive | ratio | naive's extra memory, MiB | fused's, MiB |\n|---|---|---|---|---|---|\n")
		for _, a := range r.Attention {
			p("| %d | %.1f | %.1f | %.2f | %.1f | %.2f |\n", a.T, 1000*a.Fused, 1000*a.Naive, a.Naive/a.Fused, float64(a.NaiveBytes)/(1<<20), float64(a.FusedBytes)/(1<<20))
		}
	}
	if len(r.Scaling) > 0 {
		p("\n## Scaling, 2 layers\n\n![cost of a trained token](scaling.svg)\n\n| family | T | width | us a token | MFLOP a token | GFLOP/s |\n|---|---|---|---|---|---|\n")
		for _, s := range r.Scaling {
			p("| %s | %d | %d | %.2f | %.2f | %.1f |\n", s.Family, s.T, s.Width, 1e6*s.Seconds, s.FLOPs/1e6, s.FLOPs/s.Seconds/1e9)
		}
	}
	for _, t := range r.Profiles {
		s := t.Seconds
		p("\n## Where the time goes: %s\n\nA step takes %.1f ms: forward %.1f, backward %.1f, update %.1f, other %.2f, RPC and harness %.2f. Arena %d MiB, weights %d MiB.\n\n",
			t.Name, 1000*s.Step, 1000*s.Forward, 1000*s.Backward, 1000*s.Update, 1000*s.Other, 1000*(s.RPC+s.Harness), t.ArenaBytes>>20, t.WeightBytes>>20)
		p("| op | ms | share | GFLOP/s | GB/s | roof | of roof |\n|---|---|---|---|---|---|---|\n")
		for _, o := range t.Ops {
			if o.Share >= 0.01 {
				p("| %s | %.1f | %.1f %% | %.1f | %.1f | %s | %.0f %% |\n", o.Op, 1000*o.Seconds, 100*o.Share, o.FLOPs/1e9, o.Bytes/1e9, o.Roof, 100*o.OfRoof)
			}
		}
	}
	return []byte(b.String())
}

func (r *results) productTable(p func(format string, args ...any)) {
	if len(r.Products) == 0 {
		return
	}
	p("\n## Matrix products, Gop/s\n\n| product | form | weights | threads | archlab | of peak | OpenBLAS | oneDNN, packed beforehand | reading the weights |\n|---|---|---|---|---|---|---|---|---|\n")
	rate := func(v float64) string {
		if v == 0 {
			return "-"
		}
		return fmt.Sprintf("%.1f", v/1e9)
	}
	for _, x := range r.Products {
		read := "-"
		if x.Level != "" {
			read = fmt.Sprintf("%.0f %% of %s, %.0f %% of as many bytes", 100*x.OfBandwidth, x.Level, 100*x.OfReading)
		}
		of := "-"
		if x.OfPeak > 0 {
			of = fmt.Sprintf("%.1f %%", 100*x.OfPeak)
		}
		p("| %s | %s | %s | %d | %s | %s | %s | %s | %s |\n", x.Name, x.Form, x.Weights, x.Threads, rate(x.Ours), of, rate(x.OpenBLAS), rate(x.OneDNN), read)
	}
}

// cpu is the CPU's name for itself.
func cpu() string {
	data, err := os.ReadFile("/proc/cpuinfo")
	if err != nil {
		return "CPU"
	}
	for _, line := range strings.Split(string(data), "\n") {
		if k, v, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(k) == "model name" {
			return strings.TrimSpace(v)
		}
	}
	return "CPU"
}
