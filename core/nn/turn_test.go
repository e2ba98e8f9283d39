package nn_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/archlab/archlab/core/engine"
	"github.com/archlab/archlab/core/kernel"
	"github.com/archlab/archlab/core/nn"
)

// product runs a linear layer with a bias and the logits of two rows, and answers both and how many matrices were turned.
func product(t *testing.T, mode nn.Mode, capacity, rows, in, out int) (y, logits []float32, turned int64) {
	t.Helper()
	g := nn.NewGraph(capacity, mode)
	x := g.Input("x", in)
	h := g.Linear("linear", x, out, nn.Normal(1), true)
	z := nn.Logits(g, x, g.Param("head", nn.Normal(1), out, in))
	pl := plan(t, g, h, z)
	for i := range rows * in {
		input(t, pl, "x").F32[i] = float32(i%17) - 7.3
	}
	if err := pl.Run(&engine.Run{Rows: rows, Segments: []kernel.Segment{{Len: rows}}, Select: []int32{int32(rows - 1), 0}[:min(2, rows)]}); err != nil {
		t.Fatal(err)
	}
	s := engine.Stats{}
	pl.Profile(s, false)
	return slices.Clone(buffer(t, pl, h).F32[:rows*out]), slices.Clone(buffer(t, pl, z).F32[:min(2, rows)*out]), s["turn"].Calls
}

// TestTurnedWeights: plans that decode few rows turn their matrices, others do not, and no bit tells them apart.
func TestTurnedWeights(t *testing.T) {
	for _, shape := range [][2]int{{1, 1}, {3, 40}, {6, 176}, {33, 65}, {96, 31}, {520, 17}, {1030, 34}} {
		in, out := shape[0], shape[1]
		for _, rows := range []int{1, 3, 8} {
			t.Run(fmt.Sprintf("%dx%d, %d rows", in, out, rows), func(t *testing.T) {
				want, wantLogits, n := product(t, nn.Scoring, rows, rows, in, out)
				if n != 0 {
					t.Errorf("scoring turned %d matrices", n)
				}
				got, logits, n := product(t, nn.Decoding, rows, rows, in, out)
				if n != 2 {
					t.Errorf("decoding turned %d matrices, want 2", n)
				}
				wide, wideLogits, n := product(t, nn.Decoding, 9, rows, in, out)
				if n != 0 {
					t.Errorf("a plan of 9 rows turned %d matrices", n)
				}
				if !slices.Equal(got, want) || !slices.Equal(wide, want) {
					t.Error("the linear layer has other bits")
				}
				if !slices.Equal(logits, wantLogits) || !slices.Equal(wideLogits, wantLogits) {
					t.Error("the logits have other bits")
				}
			})
		}
	}
	if _, _, n := product(t, nn.Decoding, 1, 1, 1025, 1024); n != 0 {
		t.Error("a matrix of more than a million elements was turned")
	}
}

// TestTurnedExperts: the same for stacks of experts.
func TestTurnedExperts(t *testing.T) {
	const d, e, f, rows = 9, 5, 7, 6
	for _, kind := range []string{"gelu", "swiglu"} {
		wide := f
		if kind == "swiglu" {
			wide = 2 * f
		}
		run := func(mode nn.Mode, capacity int) (y []float32, turned int64) {
			g := nn.NewGraph(capacity, mode)
			x := g.Input("x", d)
			r := g.Route(nn.Linear(x, g.Param("router", nn.Normal(1), e, d), nil), nil, nn.Router{K: 2, Normalize: true})
			out := nn.Experts(x, r, kind, g.Param("up", nn.Normal(1), e, wide, d), g.Param("down", nn.Normal(1), e, d, f))
			pl := plan(t, g, out)
			for i := range rows * d {
				input(t, pl, "x").F32[i] = float32(i%13)/4 - 1.3
			}
			if err := pl.Run(&engine.Run{Rows: rows, Segments: []kernel.Segment{{Len: rows}}}); err != nil {
				t.Fatal(err)
			}
			s := engine.Stats{}
			pl.Profile(s, false)
			return slices.Clone(buffer(t, pl, out).F32[:rows*d]), s["turn"].Calls
		}
		want, none := run(nn.Scoring, rows)
		got, turned := run(nn.Decoding, 8)
		wider, still := run(nn.Decoding, 9)
		if none != 0 || turned != 2 || still != 0 {
			t.Errorf("%s: %d stacks turned in scoring, %d in decoding, %d in a plan of 9 rows; want 0, 2, 0", kind, none, turned, still)
		}
		if !slices.Equal(got, want) || !slices.Equal(wider, want) {
			t.Errorf("%s: other bits", kind)
		}
	}
}
