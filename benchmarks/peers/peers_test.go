package main

import (
	"context"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	measure "github.com/archlab/archlab/core/bench"
	"github.com/archlab/archlab/core/kernel"
)

// The yardstick must compute the same as the kernel that it is held against.
func TestNaiveAttentionIsAttention(t *testing.T) {
	for _, n := range []int{1, 7, 33, 130} {
		const h, k = 2, 16
		d := kernel.AttentionDims{H: h, G: h, K: k, Scale: float32(1 / math.Sqrt(k))}
		segs := []kernel.Segment{{Start: 0, Len: n}}
		qkv, dout := waves(3*n*h*k, 0.37), waves(n*h*k, 0.73)
		out, lse, dqkv := make([]float32, n*h*k), make([]float32, n*h), make([]float32, len(qkv))
		kernel.Attention(nil, out, lse, qkv, segs, nil, d)
		kernel.AttentionBackward(nil, dqkv, dout, out, lse, qkv, segs, d)
		a := newNaive(nil, n, h, k)
		out2, dqkv2 := make([]float32, len(out)), make([]float32, len(dqkv))
		a.forward(out2, qkv)
		a.backward(dqkv2, dout, qkv)
		if x, y := difference(out, out2), difference(dqkv, dqkv2); x > 1e-5 || y > 1e-5 {
			t.Errorf("%d rows: outputs differ by %g, gradients by %g", n, x, y)
		}
	}
}

func TestBars(t *testing.T) {
	var r results
	r.bar("at least", ">= 2x", 2.5, 2, "%.2fx", "")
	r.bar("not enough", ">= 2x", 1.99, 2, "%.2fx", "")
	r.bar("at most", "<= 50 %", -0.4, -0.5, "percent", "")
	r.bar("too much", "<= 50 %", -0.6, -0.5, "percent", "")
	r.bar("no peer", ">= 2x", 0, 2, "%.2fx", "not installed")
	r.beside("cannot tell", ">= 2x", 1.2, "%.2fx", "no such instruction")
	want := []bar{
		{"at least", ">= 2x", 2.5, "2.50x", reached, ""},
		{"not enough", ">= 2x", 1.99, "1.99x", notReached, ""},
		{"at most", "<= 50 %", 0.4, "40.0 %", reached, ""},
		{"too much", "<= 50 %", 0.6, "60.0 %", notReached, ""},
		{"no peer", ">= 2x", 0, "-", noMeasure, "not installed"},
		{"cannot tell", ">= 2x", 1.2, "1.20x", noMeasure, "no such instruction"},
	}
	for i, w := range want {
		if r.Bars[i] != w {
			t.Errorf("got %+v, want %+v", r.Bars[i], w)
		}
	}
	text := string(r.markdown())
	for _, s := range []string{"| at least | >= 2x | 2.50x | **reached** |", "| too much | <= 50 % | 60.0 % | not reached |", "not measurable on this machine: not installed"} {
		if !strings.Contains(text, s) {
			t.Errorf("the table lacks %q:\n%s", s, text)
		}
	}
}

func TestWorstProduct(t *testing.T) {
	var r results
	for i, of := range []float64{0.9, 0.4, 0, 0.7} {
		r.Products = append(r.Products, product{Product: measure.Product{Name: string(rune('a' + i)), OfPeak: of}})
	}
	at, v, ok := r.least(func(p product) bool { return p.Name != "b" }, func(p product) float64 { return p.OfPeak })
	if at.Name != "d" || v != 0.7 || !ok {
		t.Errorf("got %s, %v, %v; want d, 0.7: zero is not measured, b does not apply", at.Name, v, ok)
	}
}

// A worker is spoken to in lines; what it says before it dies is the error.
func TestWorker(t *testing.T) {
	w, err := start(context.Background(), t.TempDir(), os.Environ(), "sh", "-c",
		`echo '{"ready": true, "parameters": 7}'; read n; echo '{"seconds": [0.5, 0.25], "rss": 4096}'; read n; echo boom >&2`)
	if err != nil {
		t.Fatal(err)
	}
	defer w.close()
	s, err := w.steps(2)
	if err != nil || len(s) != 2 || s[1] != 0.25 || w.peakRSS() != 4096 || w.ready.Parameters != 7 {
		t.Fatalf("steps: %v, %v, %d bytes, %+v", s, err, w.peakRSS(), w.ready)
	}
	if _, err := w.steps(1); err == nil || !strings.Contains(err.Error(), "ended") {
		t.Errorf("a dead worker: got %v", err)
	}
	if _, err := start(context.Background(), t.TempDir(), nil, "sh", "-c", "exit 1"); err == nil {
		t.Error("a worker that is never ready: want an error")
	}
}

func TestUnpackAndWrite(t *testing.T) {
	dir := t.TempDir()
	if err := unpack(dir); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"gpt.py", "mamba.py", "experts.py", "common.py", "openblas.c", "onednn.cpp", "llmc.c"} {
		if _, err := os.Stat(filepath.Join(dir, name)); err != nil {
			t.Error(err)
		}
	}
	r := results{Machine: measure.Machine{Threads: 2}, Scaling: []scaled{{"mamba", "T", 128, 64, 1e-6, 1e6}, {"mamba", "T", 256, 64, 1.1e-6, 1e6}}}
	if err := r.write(dir); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{"RESULTS.md": "scaling.svg", "results.json": `"seconds_per_token": 0.000001`, "scaling.svg": "mamba, T"} {
		data, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil || !strings.Contains(string(data), want) {
			t.Errorf("%s lacks %q: %v", name, want, err)
		}
	}
}
