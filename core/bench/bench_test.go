package bench

import (
	"bytes"
	"context"
	"encoding/json"
	"encoding/xml"
	"errors"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/archlab/archlab/core/family"
	"github.com/archlab/archlab/plugins/transformer"
)

func TestMedian(t *testing.T) {
	for _, c := range []struct {
		x    []float64
		want float64
	}{{[]float64{3}, 3}, {[]float64{4, 1}, 2.5}, {[]float64{9, 1, 5}, 5}, {[]float64{9, 1, 5, 6}, 5.5}} {
		before := slices.Clone(c.x)
		if got := median(c.x); got != c.want || !slices.Equal(c.x, before) {
			t.Errorf("median of %v: %v, want %v, and the samples left alone: %v", before, got, c.want, c.x)
		}
	}
	if !math.IsNaN(median(nil)) {
		t.Error("median of nothing: want NaN")
	}
}

func TestAlternateTakesTurns(t *testing.T) {
	var order []string
	taking := false
	make := func(name string) *probe {
		return &probe{run: func(n int) float64 {
			if taking {
				order = append(order, name)
			}
			time.Sleep(time.Duration(n) * 100 * time.Microsecond)
			return float64(n)
		}}
	}
	a, b := make("a"), make("b")
	for _, p := range []*probe{a, b} {
		p.fit(time.Millisecond)
		if p.n < 1 || p.n > 100 {
			t.Errorf("%d repetitions of at least 100 microseconds for a millisecond", p.n)
		}
	}
	taking = true
	fixed := []*probe{{run: a.run}, {run: b.run}}
	if err := alternate(context.Background(), fixed, 3, time.Millisecond, func(done float64) {
		if done == 1 {
			order = append(order, "done")
		}
	}); err != nil {
		t.Fatal(err)
	}
	turns := order[len(order)-7:]
	if want := []string{"a", "b", "a", "b", "a", "b", "done"}; !slices.Equal(turns, want) {
		t.Errorf("turns %v, want %v", turns, want)
	}
	if len(fixed[0].samples) != 3 || len(fixed[1].samples) != 3 {
		t.Errorf("%d and %d samples, want 3 each", len(fixed[0].samples), len(fixed[1].samples))
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := alternate(ctx, fixed, 1, time.Millisecond, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: got %v", err)
	}
}

func TestCachesIn(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{
		"index0/level": "1", "index0/type": "Data", "index0/size": "48K", "index0/shared_cpu_list": "0,8",
		"index1/level": "1", "index1/type": "Instruction", "index1/size": "32K", "index1/shared_cpu_list": "0,8",
		"index2/level": "2", "index2/type": "Unified", "index2/size": "2M", "index2/shared_cpu_list": "0",
		"index3/level": "3", "index3/type": "Unified", "index3/size": "nonsense", "index3/shared_cpu_list": "0-15",
	} {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text+"\n"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want := []Cache{{1, 48 << 10, 2}, {2, 2 << 20, 1}}
	if got := cachesIn(dir); !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	if got := cachesIn(filepath.Join(dir, "none")); got != nil {
		t.Errorf("without a description: %v", got)
	}
	for list, want := range map[string]int{"0-15": 16, "0,8": 2, "0-3,8-11,15": 9, "": 0, "x": 0, "3-1": 0} {
		if got := countCPUs(list); got != want {
			t.Errorf("CPUs in %q: %d, want %d", list, got, want)
		}
	}
}

// limits is a machine of round numbers.
func limits() *Machine {
	m := &Machine{CPU: "test", Features: []string{"generic"}, Threads: 2, Rounds: 5, Caches: assumed}
	for _, n := range []int{1, 2} {
		f := float64(n)
		m.Peaks = append(m.Peaks, Peak{"fp32", n, Rate{100e9 * f, 110e9 * f, 5}}, Peak{"int8", n, Rate{400e9 * f, 400e9 * f, 5}})
		for _, b := range []struct {
			level string
			rate  float64
		}{{"L1", 200e9}, {"L2", 100e9}, {"L3", 50e9}, {"DRAM", 10e9}} {
			m.Bandwidths = append(m.Bandwidths, Bandwidth{b.level, 1 << 20, n, Rate{b.rate * f, b.rate * f, 5}})
		}
	}
	return m
}

func TestOpsUnderTheirRoof(t *testing.T) {
	for name, c := range map[string]struct {
		flops, bytes float64
		roof         string
		of           float64
	}{
		"much arithmetic":              {150e9, 1e9, "fp32", 0.75},
		"streams from DRAM":            {1e9, 15e9, "DRAM", 0.75},
		"faster than DRAM: the L3":     {1e9, 50e9, "L3", 0.5},
		"faster than the L3: the L2":   {1e9, 150e9, "L2", 0.75},
		"faster than anything":         {1e9, 500e9, "L1", 1.25},
		"counts nothing":               {0, 0, "", 0},
		"arithmetic over cached bytes": {180e9, 60e9, "fp32", 0.9},
	} {
		o := Op{FLOPs: c.flops, Bytes: c.bytes}
		o.bound(limits(), Workload{Threads: 2})
		if o.Roof != c.roof || math.Abs(o.OfRoof-c.of) > 1e-9 {
			t.Errorf("%s: %s, %v; want %s, %v", name, o.Roof, o.OfRoof, c.roof, c.of)
		}
	}
}

func TestLevelsGrow(t *testing.T) {
	for _, m := range []*Machine{
		{Threads: 1, Caches: assumed},
		{Threads: 2, Caches: []Cache{{1, 32 << 10, 1}, {2, 512 << 10, 1}, {3, 32 << 20, 2}}},
		{Threads: 64, Caches: []Cache{{1, 48 << 10, 2}, {2, 2 << 20, 2}, {3, 105 << 20, 64}}},
		{Threads: 8},
	} {
		last := int64(0)
		levels := m.levels()
		for _, l := range levels {
			if l.Buffer <= last || l.Buffer%4096 != 0 {
				t.Errorf("%d threads, %v: levels %+v", m.Threads, m.Caches, levels)
				break
			}
			last = l.Buffer
		}
		if levels[len(levels)-1].Level != "DRAM" {
			t.Errorf("last level %+v, want DRAM", levels[len(levels)-1])
		}
	}
}

func TestMeasureMachine(t *testing.T) {
	m, err := MeasureMachine(context.Background(), MachineOptions{Threads: 2, Rounds: 1, Slice: 200 * time.Microsecond})
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range []int{1, 2} {
		if m.Peak("fp32", n) <= 0 || m.Bandwidth("L1", n) <= 0 || m.Bandwidth("DRAM", n) <= 0 {
			t.Errorf("%d threads: %+v %+v", n, m.Peaks, m.Bandwidths)
		}
	}
	o := limits()
	m.TakeBetter(o)
	if m.Peak("fp32", 1) < o.Peak("fp32", 1) {
		t.Error("the better limit was not taken")
	}
}

func TestProductsComputeWhatTheyCount(t *testing.T) {
	seen := map[string]bool{}
	for _, c := range Cases() {
		key := c.Name + c.Form + c.Weights
		if seen[key] {
			t.Errorf("%s %s %s twice", c.Name, c.Form, c.Weights)
		}
		seen[key] = true
		if c.M <= 512 { // the others take long on plain Go
			if got, want := c.probe(nil)(1), 2*float64(c.M*c.N*c.K); got != want {
				t.Errorf("%s: %v operations, want %v", c.Name, got, want)
			}
		}
	}
}

// trained measures two steps of a tiny model in this process.
func trained(t *testing.T) *Training {
	t.Helper()
	ctx := context.Background()
	w := Workload{Name: "tiny", Family: "transformer", Config: json.RawMessage(`{"layers":1,"width":16}`), Precision: family.FP32, Vocab: 32, Batch: 2, Context: 8, Threads: 2}
	m, card, err := transformer.Family().Build(ctx, w.BuildRequest())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = m.Release(ctx) })
	trial, err := NewTrial(ctx, w, Session{Model: m, Card: card})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := trial.Result(ctx, limits()); err == nil {
		t.Error("a result without a step")
	}
	if err := trial.Run(ctx, 2); err != nil {
		t.Fatal(err)
	}
	r, err := trial.Result(ctx, limits())
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestTrainingAddsUp(t *testing.T) {
	r := trained(t)
	if r.Steps != 2 || r.Tokens.Samples != 2 || r.Tokens.Median <= 0 || r.TokenFLOPs <= 0 || r.ArenaBytes <= 0 || r.WeightBytes <= 0 {
		t.Errorf("got %+v", r)
	}
	if want := r.TokenFLOPs * r.Tokens.Median / 200e9; math.Abs(r.Utilisation-want) > 1e-12 || r.UtilisationOf != r.Utilisation {
		t.Errorf("utilisation %v and %v, want %v", r.Utilisation, r.UtilisationOf, want)
	}
	// The card counts what the kernels count, within the two per cent that conformance allows, but for the update, whose
	// share of a token depends on the batch.
	update := 0.0
	for _, o := range r.Ops {
		if o.Op == "adamw" {
			update = o.FLOPs * o.Seconds
		}
	}
	if perToken := (r.CountedFLOPs - update) / 16; update <= 0 || math.Abs(perToken/r.TokenFLOPs-1) > 0.02 {
		t.Errorf("counted %v FLOPs a token beside the update's %v, the card says %v", perToken, update/16, r.TokenFLOPs)
	}
	s := r.Seconds
	if sum := s.Forward + s.Backward + s.Update + s.Other + s.RPC + s.Harness; math.Abs(sum-s.Step) > 1e-9+1e-6*s.Step || s.Forward <= 0 || s.Backward <= 0 || s.Update <= 0 {
		t.Errorf("split %+v adds up to %v", s, sum)
	}
	share, bytes := 0.0, 0.0
	for _, o := range r.Ops {
		share += o.Share
		bytes += o.Bytes * o.Seconds
	}
	if math.Abs(share-1) > 1e-9 || math.Abs(bytes/r.Bytes-1) > 1e-9 || r.Bytes <= 0 {
		t.Errorf("shares add up to %v; bytes to %v of %v", share, bytes, r.Bytes)
	}
}

// Every part of the page is there, its pictures are well-formed and nothing is fetched from elsewhere.
func TestPage(t *testing.T) {
	m := limits()
	m.Products = []Product{{Name: "512^3 <&>", Arithmetic: "fp32", Weights: "fp32", Form: "NT", M: 512, N: 512, K: 512, Threads: 2, Operations: Rate{180e9, 190e9, 5}, OfPeak: 0.9}}
	m.Missing = []string{"bf16: nothing"}
	got, err := HTML(Report{Machine: m, Trainings: []*Training{trained(t)}})
	if err != nil {
		t.Fatal(err)
	}
	text := string(got)
	for _, want := range []string{"FP32 200 G/s", "DRAM 20.0 GB/s", "512^3 &lt;&amp;&gt;", "tiny: where the time goes", "linear.dw", "bf16: nothing", "adamw"} {
		if !strings.Contains(text, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	if strings.Contains(text, "http://") && strings.Count(text, "http://") != strings.Count(text, "http://www.w3.org/2000/svg") || strings.Contains(text, "https://") {
		t.Error("the page points elsewhere")
	}
	pictures := 0
	for rest := text; ; pictures++ {
		_, after, ok := strings.Cut(rest, "<svg")
		if !ok {
			break
		}
		body, end, _ := strings.Cut(after, "</svg>")
		rest = end
		d := xml.NewDecoder(strings.NewReader("<svg" + body + "</svg>"))
		for {
			if _, err := d.Token(); errors.Is(err, io.EOF) {
				break
			} else if err != nil {
				t.Fatalf("picture %d: %v", pictures, err)
			}
		}
		if strings.Contains(body, "NaN") || strings.Contains(body, "Inf") {
			t.Errorf("picture %d has points outside of numbers", pictures)
		}
	}
	if pictures != 2 {
		t.Errorf("%d pictures, want the machine's and the training's", pictures)
	}
}

func TestText(t *testing.T) {
	m := limits()
	m.Products = []Product{
		{Name: "1 row", Arithmetic: "fp32", Weights: "fp32", Form: "NN", Threads: 1, Operations: Rate{8e9, 8e9, 5}, OfPeak: 0.08, Level: "L3", OfBandwidth: 0.4},
		{Name: "1 row", Arithmetic: "fp32", Weights: "fp32", Form: "NN", Threads: 2, Operations: Rate{9e9, 9e9, 5}, OfPeak: 0.045, Level: "L3", OfBandwidth: 0.5},
	}
	var b bytes.Buffer
	if err := m.WriteText(&b); err != nil {
		t.Fatal(err)
	}
	if err := WriteTrainings(&b, m, []*Training{trained(t)}); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"FP32 multiply-adds on registers, Gop/s       100        200", "50.0 % of L3's bandwidth (2 threads)", "8.0 %", "tiny", "linear.dw", "of roof"} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("the text lacks %q:\n%s", want, b.String())
		}
	}
}
