package engine

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// randomGraph makes a graph of test ops, views and Gorgonia's own ops over [3,4] and [12], and a few outputs.
func randomGraph(t testing.TB, seed uint64, size int) (*gorgonia.ExprGraph, gorgonia.Nodes) {
	r := rand.New(rand.NewPCG(seed, 7))
	g := gorgonia.NewGraph()
	matrix, vector := tensor.Shape{3, 4}, tensor.Shape{12}
	nodes := gorgonia.Nodes{input(g, "x", 3, 4), input(g, "y", 3, 4), input(g, "z", 12), input(g, "w", 3, 4), input(g, "v", 12)}
	pick := func(shape tensor.Shape) *gorgonia.Node {
		for {
			// Recent nodes more often, so that chains form and values die.
			n := nodes[len(nodes)-1-min(r.IntN(len(nodes)), r.IntN(len(nodes)))]
			if n.Shape().Eq(shape) {
				return n
			}
		}
	}
	check := must(t)
	for len(nodes) < size {
		shape := matrix
		if r.IntN(3) == 0 {
			shape = vector
		}
		var n *gorgonia.Node
		switch r.IntN(11) {
		case 0, 1, 2:
			op := mixOp{n: 1 + r.IntN(3), c: r.Float32(), saved: r.IntN(3), scratch: r.IntN(2) == 0, exact: r.IntN(4) == 0, shape: shape}
			var in []*gorgonia.Node
			for k := range op.n {
				in = append(in, pick(shape))
				if r.IntN(2) == 0 {
					op.inPlace = append(op.inPlace, k)
				}
			}
			from, ok := in[0].Op().(mixOp)
			op.takes = ok && from.saved > 0 && op.saved > 0
			n = check(gorgonia.ApplyOp(op, in...))
		case 3:
			from := pick(shape)
			if op, ok := from.Op().(mixOp); ok && op.saved > 0 {
				n = check(Saved(from, r.IntN(op.saved), shape...))
			} else {
				n = check(gorgonia.Tanh(from))
			}
		case 4:
			n = check(gorgonia.Reshape(pick(matrix), vector))
		case 5:
			n = check(gorgonia.Reshape(pick(vector), matrix))
		case 6:
			n = check(gorgonia.Add(pick(shape), pick(shape)))
		case 7:
			n = check(gorgonia.HadamardProd(pick(shape), pick(shape)))
		case 8:
			tr := check(gorgonia.Transpose(pick(matrix), 1, 0))
			n = check(gorgonia.Reshape(tr, vector))
		case 9:
			n = check(Alias(pick(shape)))
		case 10: // a sum beside an op that can be joined with it
			mix := mixOp{n: 1, c: r.Float32(), saved: r.IntN(2), shape: matrix}
			if r.IntN(2) == 0 {
				mix.inPlace = []int{0}
			}
			if r.IntN(2) == 0 {
				sum := check(gorgonia.Add(pick(matrix), pick(matrix)))
				nodes = append(nodes, sum)
				n = check(gorgonia.ApplyOp(mix, sum))
			} else {
				n = check(gorgonia.Add(pick(matrix), check(gorgonia.ApplyOp(mix, pick(matrix)))))
			}
		}
		nodes = append(nodes, n)
	}
	out := gorgonia.Nodes{nodes[len(nodes)-1]}
	for range 2 {
		if n := nodes[5+r.IntN(len(nodes)-5)]; n.Op() != nil {
			out = append(out, n)
		}
	}
	return g, out
}

// Sharing memory changes no bit in any precision, although everything is filled with NaN as soon as the plan thinks it dead.
func TestSharingMemoryChangesNothing(t *testing.T) {
	for _, p := range Precisions {
		t.Run(string(p), func(t *testing.T) { sharingChangesNothing(t, p) })
	}
}

func sharingChangesNothing(t *testing.T, precision Precision) {
	var shared, alone int64
	joined := map[string]int{}
	for seed := range uint64(300) {
		g, out := randomGraph(t, seed, 10+int(seed%40))
		run := func(o Options) (bits []uint32) {
			o.Capacity, o.Precision = 3, precision
			o.Params = makeParams(t, ParamSpec{Name: "w", Shape: []int{3, 4}}, ParamSpec{Name: "v", Shape: []int{12}})
			p, err := Compile(g, out, o)
			if err != nil {
				t.Fatalf("seed %d: %v", seed, err)
			}
			for name := range p.inputs {
				fillInput(t, p, name)
			}
			for _, s := range p.steps {
				joined[s.kind]++
			}
			for i := range 3 { // the later runs start from what the first left
				if i == 2 {
					o.Params.Get("w").W[5] = 3
					o.Params.Changed()
				}
				if err := p.Run(&Run{Rows: 3}); err != nil {
					t.Fatalf("seed %d: %v", seed, err)
				}
			}
			for _, n := range out {
				b, _ := p.Buffer(n)
				for i, x := range b.F32 {
					if x != x {
						t.Fatalf("seed %d: output %v[%d] is NaN", seed, n.Op(), i)
					}
					bits = append(bits, math.Float32bits(x))
				}
			}
			if o.Poison && !o.KeepDerived && o.BackwardAfter == nil {
				shared += p.ArenaBytes()
			}
			if o.NoSharing && !o.KeepDerived {
				alone += p.ArenaBytes()
			}
			return bits
		}
		want := run(Options{NoSharing: true})
		nodes := g.AllNodes()
		early := Options{Poison: true, Backward: nodes[len(nodes)/2].ID(), BackwardAfter: []*gorgonia.Node{nodes[len(nodes)/3], nodes[len(nodes)/4]}}
		for _, o := range []Options{{Poison: true}, {}, {Poison: true, KeepDerived: true}, {NoSharing: true, KeepDerived: true}, early} {
			if got := run(o); fmt.Sprint(got) != fmt.Sprint(want) {
				t.Fatalf("seed %d: poison %v, keep derived %v, backward after %v: outputs differ from those without sharing", seed, o.Poison, o.KeepDerived, o.BackwardAfter)
			}
		}
	}
	if precision == FP32 && (joined["add+mix"] < 100 || joined["mix+add"] < 100) {
		t.Errorf("sums were joined with the op after them %d times, with the one before %d times: want at least 100 of each", joined["add+mix"], joined["mix+add"])
	}
	if precision == FP32 && shared*3 > alone*2 { // staging is what an arena of twelve values a buffer consists of
		t.Errorf("sharing takes %d bytes, without it %d: want less than two thirds", shared, alone)
	}
}

// Two live blocks never meet, and the arena is no longer than the blocks laid end to end.
func TestPlaceKeepsLiveBlocksApart(t *testing.T) {
	for seed := range uint64(200) {
		r := rand.New(rand.NewPCG(seed, 1))
		var blocks []*block
		ends := 0
		for range 1 + r.IntN(60) {
			def := r.IntN(40)
			b := &block{size: 1 + r.IntN(200), def: def, last: def + r.IntN(10)}
			blocks = append(blocks, b)
			ends += padded(b.size)
		}
		length := place(blocks, true)
		if length > ends {
			t.Fatalf("seed %d: arena of %d, the blocks have %d", seed, length, ends)
		}
		for i, a := range blocks {
			if a.offset%cacheLine != 0 || a.offset+a.size > length {
				t.Fatalf("seed %d: block at %d of %d in an arena of %d", seed, a.offset, a.size, length)
			}
			for _, b := range blocks[:i] {
				alive := a.def <= b.last && b.def <= a.last
				meet := a.offset < b.offset+b.size && b.offset < a.offset+a.size
				if alive && meet {
					t.Fatalf("seed %d: %+v and %+v live together and meet", seed, *a, *b)
				}
			}
		}
	}
}

// Placed by size alone, the block of 144 comes to lie where that of 80 has to go above it; the arena need be no longer than
// what lives at once.
func TestPlaceFillsThePeak(t *testing.T) {
	blocks := []*block{
		{size: 128, def: 0, last: 3}, {size: 80, def: 3, last: 6}, {size: 144, def: 3, last: 4},
		{size: 112, def: 5, last: 7}, {size: 112, def: 6, last: 7}, {size: 144, def: 4, last: 6},
	}
	if got := place(blocks, true); got != 448 {
		t.Errorf("an arena of %d, want 448, which live at step 6", got)
	}
	if got := pack([]*block{blocks[2], blocks[5], blocks[0], blocks[3], blocks[4], blocks[1]}); got <= 448 {
		t.Errorf("an arena of %d by size alone: the case shows nothing", got)
	}
}

// A buffer is taken over in place when its last reader allows it, and never when it is read later, twice, or from
// outside.
func TestInPlace(t *testing.T) {
	shape := tensor.Shape{2, 2}
	unary := func(c float32) mixOp { return mixOp{n: 1, c: c, inPlace: []int{0}, shape: shape} }
	check := must(t)
	cases := []struct {
		name string
		want bool
		make func(x *gorgonia.Node) (in, out *gorgonia.Node, keep gorgonia.Nodes)
	}{
		{"last reader", true, func(x *gorgonia.Node) (in, out *gorgonia.Node, keep gorgonia.Nodes) {
			in = check(gorgonia.ApplyOp(unary(1), x))
			return in, check(gorgonia.ApplyOp(unary(2), in)), nil
		}},
		{"through a view", true, func(x *gorgonia.Node) (in, out *gorgonia.Node, keep gorgonia.Nodes) {
			in = check(gorgonia.ApplyOp(unary(1), x))
			v := check(gorgonia.Reshape(check(gorgonia.Reshape(in, tensor.Shape{4})), shape))
			return in, check(gorgonia.ApplyOp(unary(2), v)), nil
		}},
		{"read later", false, func(x *gorgonia.Node) (in, out *gorgonia.Node, keep gorgonia.Nodes) {
			in = check(gorgonia.ApplyOp(unary(1), x))
			out = check(gorgonia.ApplyOp(unary(2), in))
			return in, out, gorgonia.Nodes{check(gorgonia.ApplyOp(unary(3), in))}
		}},
		{"read later through a view", false, func(x *gorgonia.Node) (in, out *gorgonia.Node, keep gorgonia.Nodes) {
			in = check(gorgonia.ApplyOp(unary(1), x))
			v := check(gorgonia.Reshape(in, tensor.Shape{4}))
			out = check(gorgonia.ApplyOp(unary(2), in))
			return in, out, gorgonia.Nodes{check(gorgonia.Tanh(v))}
		}},
		{"an output of the plan", false, func(x *gorgonia.Node) (in, out *gorgonia.Node, keep gorgonia.Nodes) {
			in = check(gorgonia.ApplyOp(unary(1), x))
			return in, check(gorgonia.ApplyOp(unary(2), in)), gorgonia.Nodes{in}
		}},
		{"an input of the plan", false, func(x *gorgonia.Node) (in, out *gorgonia.Node, keep gorgonia.Nodes) {
			return x, check(gorgonia.ApplyOp(unary(2), x)), nil
		}},
		{"two readings by one op", false, func(x *gorgonia.Node) (in, out *gorgonia.Node, keep gorgonia.Nodes) {
			in = check(gorgonia.ApplyOp(unary(1), x))
			return in, check(gorgonia.ApplyOp(mixOp{n: 2, inPlace: []int{0}, shape: shape}, in, in)), nil
		}},
		{"not allowed", false, func(x *gorgonia.Node) (in, out *gorgonia.Node, keep gorgonia.Nodes) {
			in = check(gorgonia.ApplyOp(unary(1), x))
			return in, check(gorgonia.ApplyOp(mixOp{n: 1, c: 2, shape: shape}, in)), nil
		}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			g := gorgonia.NewGraph()
			in, out, keep := c.make(input(g, "x", shape...))
			p, err := Compile(g, append(keep, out), Options{Capacity: 2})
			if err != nil {
				t.Fatal(err)
			}
			a, _ := p.Buffer(in)
			b, _ := p.Buffer(out)
			if got := &a.F32[0] == &b.F32[0]; got != c.want {
				t.Errorf("in place: got %v, want %v", got, c.want)
			}
		})
	}
}
