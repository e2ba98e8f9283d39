package nn_test

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/archlab/archlab/core/engine"
	"github.com/archlab/archlab/core/kernel"
	"github.com/archlab/archlab/core/nn"
)

// decoder feeds sequences to a graph that carries state, as decoding does.
type decoder struct {
	plan   *engine.Plan
	in     []float32 // [M,D]
	d      int
	out    engine.Buffer
	states []*engine.SequenceState
	fed    []int
}

// newDecoder compiles build over the input "x" [M,d] at a capacity of rows.
func newDecoder(t *testing.T, rows, d, sequences, length int, build func(g *nn.Graph, x *nn.Node) *nn.Node) *decoder {
	t.Helper()
	g := nn.NewGraph(rows, nn.Decoding)
	y := build(g, g.Input("x", d))
	pl := plan(t, g, y)
	dec := &decoder{plan: pl, in: input(t, pl, "x").F32, d: d, out: buffer(t, pl, y), fed: make([]int, sequences)}
	for range sequences {
		s := &engine.SequenceState{}
		for _, spec := range pl.States() {
			slot := engine.Slot{Fixed: make([]float32, spec.Fixed)}
			for _, w := range spec.PerToken {
				slot.Areas = append(slot.Areas, make([]float32, w*length))
			}
			s.Slots = append(s.Slots, slot)
		}
		dec.states = append(dec.states, s)
	}
	return dec
}

// feed runs the next n[i] rows of each sequence x[i] in one batch and answers their outputs.
func (dec *decoder) feed(t *testing.T, x [][]float32, n []int) [][]float32 {
	t.Helper()
	var r engine.Run
	for i, s := range dec.states {
		if n[i] == 0 {
			continue
		}
		copy(dec.in[r.Rows*dec.d:], x[i][dec.fed[i]*dec.d:(dec.fed[i]+n[i])*dec.d])
		r.Segments = append(r.Segments, kernel.Segment{Start: r.Rows, Len: n[i], Pos: dec.fed[i]})
		r.States = append(r.States, s)
		r.Rows += n[i]
		dec.fed[i] += n[i]
	}
	if err := dec.plan.Run(&r); err != nil {
		t.Fatal(err)
	}
	out := make([][]float32, len(x))
	row, w := 0, dec.out.Shape[1]
	for i := range x {
		out[i] = slices.Clone(dec.out.F32[row*w : (row+n[i])*w])
		row += n[i]
	}
	return out
}

// trim forgets all but the last tokens that a window reaches, as long as what is left starts at a multiple of 256.
func (dec *decoder) trim(window int) {
	for i, s := range dec.states {
		for j := range s.Slots {
			slot := &s.Slots[j]
			base := max(0, dec.fed[i]-window+1) / 256 * 256
			for k, a := range slot.Areas {
				if base > slot.Base {
					w := dec.plan.States()[j].PerToken[k]
					copy(a, a[(base-slot.Base)*w:])
				}
			}
			slot.Base = base
		}
	}
}

// Sequences fed row by row, in chunks, side by side and with the cache cut to its window have the bits of whole ones.
func TestDecodingSameBits(t *testing.T) {
	const length = 600
	for _, c := range []struct {
		name   string
		d      int
		window int
		build  func(g *nn.Graph, x *nn.Node) *nn.Node
	}{
		{"attention", 16, 0, func(g *nn.Graph, x *nn.Node) *nn.Node {
			return g.Attention("a", nn.Rotary(x, 3, 4, 100), nn.AttentionConfig{Heads: 2, KVHeads: 1, Width: 4})
		}},
		{"window", 16, 70, func(g *nn.Graph, x *nn.Node) *nn.Node {
			return g.Attention("a", nn.Rotary(x, 3, 4, 100), nn.AttentionConfig{Heads: 2, KVHeads: 1, Width: 4, Window: 70})
		}},
		{"convolution", 5, 0, func(g *nn.Graph, x *nn.Node) *nn.Node {
			return g.ShortConv("c", x, 4, true)
		}},
		{"convolution with activation", 5, 0, func(g *nn.Graph, x *nn.Node) *nn.Node {
			return g.CausalConvSiLU("c", x, g.Param("w", nn.FanIn(), 5, 3), nil)
		}},
		{"positions", 5, 0, func(g *nn.Graph, x *nn.Node) *nn.Node {
			return nn.Add(x, g.Positions(g.Param("p", nn.Normal(1), length, 5)))
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			rng := rand.New(rand.NewPCG(1, 1))
			x := make([][]float32, 2)
			for i := range x {
				for range length * c.d {
					x[i] = append(x[i], float32(rng.NormFloat64()))
				}
			}
			var want [][]float32
			for i := range x {
				want = append(want, newDecoder(t, length, c.d, 1, length, c.build).feed(t, x[i:i+1], []int{length})[0])
			}
			for _, chunks := range [][2]int{{1, 1}, {7, 33}, {200, 1}} {
				dec := newDecoder(t, chunks[0]+chunks[1], c.d, 2, length, c.build)
				got := make([][]float32, 2)
				for dec.fed[0] < length || dec.fed[1] < length {
					n := []int{min(chunks[0], length-dec.fed[0]), min(chunks[1], length-dec.fed[1])}
					for i, y := range dec.feed(t, x, n) {
						got[i] = append(got[i], y...)
					}
					if c.window > 0 {
						dec.trim(c.window)
					}
				}
				for i := range got {
					if !slices.Equal(got[i], want[i]) {
						t.Errorf("sequence %d in chunks of %d: other bits", i, chunks[i])
					}
				}
			}
		})
	}
}
