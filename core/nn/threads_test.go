package nn_test

import (
	"testing"

	"github.com/archlab/archlab/core/kernel"
	"github.com/archlab/archlab/core/nn"
	. "github.com/archlab/archlab/core/nn/nntest"
)

// TestThreadsAboveSmallWork: runs long enough for several threads have the bits of one thread, no allocations and right gradients,
// as the small runs of the ops' own tests, which one thread does.
func TestThreadsAboveSmallWork(t *testing.T) {
	attention := nn.AttentionConfig{Heads: 4, KVHeads: 2, Width: 8}
	const d, n = 48, 8 // channels and states of the scans
	step := Tensor{Name: "dt", Shape: []int{PerRow, d}, Values: Between(0.01, 0.3)}
	decays := Tensor{Name: "a", Shape: []int{d, n}, Values: Between(-2, -0.1)}
	skip := Tensor{Name: "skip", Shape: []int{d}}
	one := Tensor{Name: "dt", Shape: []int{d}, Values: Between(0.01, 0.3)}
	for name, c := range map[string]struct {
		rows  int
		flops float64
		c     Case
	}{
		"attention": {120, nn.AttentionFLOPs(nn.AttentionPairs(0, 120, 0), attention.Heads, attention.Width), Case{
			Params: []Tensor{Rows("qkv", (4+2*2)*8)},
			Build:  func(g *nn.Graph, p Nodes) *nn.Node { return g.Attention("a", p["qkv"], attention) },
		}},
		"selective scan": {120, nn.SelectiveScanFLOPs(120, d, n), Case{
			Params: []Tensor{Rows("u", d), step, decays, Rows("b", n), Rows("c", n), skip, {Name: "bias", Shape: []int{d}}, Rows("gate", d)},
			Build: func(g *nn.Graph, p Nodes) *nn.Node {
				return g.SelectiveScan("s", p["u"], p["dt"], p["a"], p["b"], p["c"], p["skip"], p["bias"], p["gate"])
			},
		}},
		"invariant scan": {180, nn.InvariantScanFLOPs(180, d, n), Case{
			Params: []Tensor{Rows("u", d), one, decays, {Name: "b", Shape: []int{d, n}}, {Name: "c", Shape: []int{d, n}}, skip},
			Build: func(g *nn.Graph, p Nodes) *nn.Node {
				return g.InvariantScan("s", p["u"], p["dt"], p["a"], p["b"], p["c"], p["skip"])
			},
		}},
	} {
		t.Run(name, func(t *testing.T) {
			pool := kernel.NewPool(2)
			defer pool.Close()
			if nn.Threads(pool, c.flops) == nil {
				t.Fatalf("%g operations run on one thread", c.flops)
			}
			c.c.Segments, c.c.Elements = Segments(c.rows), 2
			c.c.Check(t)
		})
	}
}

// TestThreads: one token after some hundred, in a model of the quickstart's size, wakes nobody; a batch of training does.
func TestThreads(t *testing.T) {
	pool := kernel.NewPool(2)
	defer pool.Close()
	for name, c := range map[string]struct {
		flops float64
		alone bool
	}{
		"Mamba's scan of a token":      {nn.SelectiveScanFLOPs(1, 192, 16), true},
		"Mamba's scan of eight tokens": {nn.SelectiveScanFLOPs(8, 192, 16), true},
		"Mamba's scan of a batch":      {nn.SelectiveScanFLOPs(1024, 192, 16), false},
		"attention of the 512th token": {nn.AttentionFLOPs(512, 4, 26), true},
		"attention to 16 000 tokens":   {nn.AttentionFLOPs(16000, 4, 26), false},
		"attention of a batch":         {nn.AttentionFLOPs(8*nn.AttentionPairs(0, 128, 0), 4, 26), false},
		"nothing":                      {0, true},
	} {
		if got := nn.Threads(pool, c.flops) == nil; got != c.alone {
			t.Errorf("%s: on one thread: %v, want %v", name, got, c.alone)
		}
	}
}
