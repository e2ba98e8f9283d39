package engine

import (
	"fmt"
	"hash"
	"hash/fnv"
	"math"
	"testing"

	"github.com/archlab/archlab/core/kernel"
	"github.com/chewxy/hm"
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// cutOp is y [M,D] = x/2 + position, for whole numbers: it saves the sum of each row [M], the last position of the row's
// sequence [M] as int32 (which only whole sequences know) or the row's own, 2y [M,D], and the sum of all rows [D].
type cutOp struct {
	m, d  int
	parts Parts
	scale float32
}

func (o cutOp) Arity() int { return 1 }
func (o cutOp) Type() hm.Type {
	m := gorgonia.TensorType{Dims: 2, Of: tensor.Float32}
	return hm.NewFnType(m, m)
}
func (o cutOp) InferShape(...gorgonia.DimSizer) (tensor.Shape, error) {
	return tensor.Shape{o.m, o.d}, nil
}
func (o cutOp) Do(...gorgonia.Value) (gorgonia.Value, error) { return nil, fmt.Errorf("cut: no Do") }
func (o cutOp) ReturnsPtr() bool                             { return false }
func (o cutOp) CallsExtern() bool                            { return false }
func (o cutOp) OverwritesInput() int                         { return -1 }
func (o cutOp) WriteHash(h hash.Hash)                        { fmt.Fprint(h, "cut", o.m, o.d, int(o.parts), o.scale) }
func (o cutOp) Hashcode() uint32 {
	h := fnv.New32a()
	o.WriteHash(h)
	return h.Sum32()
}
func (o cutOp) String() string { return "cut" }

func (o cutOp) Layout(in []tensor.Shape) Layout {
	m := in[0][0]
	return Layout{
		Saved:   []Extent{{Len: m, Rows: true}, {Len: m, Rows: true, Int: true}, {Len: m * o.d, Rows: true, Half: true}, {Len: o.d}},
		Scratch: m,
		InPlace: []int{0},
		Numerics: Numerics{
			Parts: o.parts, SavedOf: []int{},
		},
	}
}

func (o cutOp) Bind(b Binding) (Kernel, error) {
	x, y := b.In[0].F32, b.Out.F32
	sums, last, twice, total := b.Saved[0].F32, b.Saved[1].I32, b.Saved[2].F32, b.Saved[3].F32
	if b.In[0].Shape[0] != b.Out.Shape[0] || len(b.Scratch) < b.Out.Shape[0] {
		return nil, fmt.Errorf("cut: %v to %v with scratch of %d", b.In[0].Shape, b.Out.Shape, len(b.Scratch))
	}
	return func(r *Run) {
		clear(total)
		rows := 0
		for _, s := range r.Segments {
			for i := s.Start; i < s.Start+s.Len; i++ {
				pos := s.Pos + i - s.Start
				b.Scratch[i] = float32(pos)
				sums[i], last[i] = 0, int32(pos)
				if o.parts == BySequence {
					last[i] = int32(s.Pos + s.Len - 1)
				}
				for j := range o.d {
					v := o.scale*x[i*o.d+j] + b.Scratch[i]
					y[i*o.d+j], twice[i*o.d+j] = v, 2*v
					sums[i] += v
					total[j] += v
				}
				rows++
			}
		}
		if rows != r.Rows {
			panic("cut: segments do not cover the rows")
		}
		r.FLOPs += float64(rows * o.d)
	}, nil
}

// An op that is cut, between values of 16 bits, computes what it computes at once, for any lengths of sequences: rows, statistics,
// integers and sums. Sequences may be longer than planned for.
func TestPartsComputeTheWhole(t *testing.T) {
	const m, d = 1500, 200
	for name, lengths := range map[string][]int{
		"none":                 {},
		"empty":                {0, 0},
		"one row":              {1},
		"odd":                  {7, 0, 33, 1, 64, 130, 3},
		"longer than expected": {33, 700, 1, 300},
		"full":                 {500, 500, 500},
	} {
		for _, parts := range []Parts{Whole, ByRow, BySequence} {
			t.Run(fmt.Sprintf("%s %d", name, parts), func(t *testing.T) {
				g := gorgonia.NewGraph()
				check := must(t)
				first := check(gorgonia.ApplyOp(cutOp{m, d, parts, 0}, input(g, "x", m, d))) // [M,D] of positions
				twice := check(Saved(first, 2, m, d))
				second := check(gorgonia.ApplyOp(cutOp{m, d, parts, 0.5}, twice))
				out := gorgonia.Nodes{
					check(gorgonia.Add(second, first)), check(Saved(second, 0, m)), check(SavedInts(second, 1, m)), check(Saved(second, 2, m, d)), check(Saved(second, 3, d)),
				}
				p, err := Compile(g, out, Options{Capacity: m, Precision: BF16, Sequence: 16, Poison: true})
				if err != nil {
					t.Fatal(err)
				}
				if v := p.values[twice]; !v.half || !p.values[first].half {
					t.Fatal("the values between are not of 16 bits")
				}
				r := &Run{}
				for _, n := range lengths {
					r.Segments = append(r.Segments, kernel.Segment{Start: r.Rows, Len: n, Pos: len(r.Segments)})
					r.Rows += n
				}
				for range 2 {
					r.FLOPs = 0
					if err := p.Run(r); err != nil {
						t.Fatal(err)
					}
				}
				if want := float64(2 * r.Rows * d); r.FLOPs < want {
					t.Errorf("%v FLOPs, want at least %v", r.FLOPs, want)
				}
				judgeCut(t, p, out, r, parts, d)
			})
		}
	}
}

// judgeCut computes the graph of TestPartsComputeTheWhole value by value, rounding where values have 16 bits.
func judgeCut(t *testing.T, p *Plan, out gorgonia.Nodes, r *Run, parts Parts, d int) {
	bf := func(x float32) float32 {
		h := make([]uint16, 1)
		kernel.NarrowBF16(nil, h, []float32{x})
		return math.Float32frombits(uint32(h[0]) << 16)
	}
	var buf []Buffer
	for _, n := range out {
		b, _ := p.Buffer(n)
		buf = append(buf, b)
	}
	total := float32(0)
	for _, s := range r.Segments {
		for i := range s.Len {
			row, pos := s.Start+i, float32(s.Pos+i)
			y := 0.5*bf(2*pos) + pos // second, before it is rounded
			total += y
			last := s.Pos + i
			if parts == BySequence {
				last = s.Pos + s.Len - 1
			}
			if got := buf[1].F32[row]; got != y*float32(d) {
				t.Fatalf("row %d: sum %v, want %v", row, got, y*float32(d))
			}
			if got := buf[2].I32[row]; got != int32(last) {
				t.Fatalf("row %d: last %d, want %d", row, got, last)
			}
			for j := range d {
				if got, want := buf[0].F32[row*d+j], bf(y)+bf(pos); got != want {
					t.Fatalf("row %d: %v, want %v", row, got, want)
				}
				if got := buf[3].F32[row*d+j]; got != 2*y {
					t.Fatalf("row %d: twice %v, want %v", row, got, 2*y)
				}
			}
		}
	}
	for j := range d {
		if got := buf[4].F32[j]; got != total {
			t.Fatalf("column %d: total %v, want %v", j, got, total)
		}
	}
}

// Outputs, what an op wants exact, and sums with exact values are float32; a single number a row is, too.
func TestWhatStaysFloat32(t *testing.T) {
	const m = 5
	g := gorgonia.NewGraph()
	check := must(t)
	shape := tensor.Shape{m, 3}
	mix := func(c float32, exact bool, in *gorgonia.Node) *gorgonia.Node {
		return check(gorgonia.ApplyOp(mixOp{n: 1, c: c, exact: exact, shape: shape}, in))
	}
	x := input(g, "x", m, 3)
	half, exact := mix(1, false, x), mix(2, true, x)
	sum := check(gorgonia.Add(half, exact))
	product := check(gorgonia.HadamardProd(half, half))
	view := check(gorgonia.Reshape(product, tensor.Shape{m * 3}))
	row := check(gorgonia.Sum(product, 1))
	last := mix(3, false, check(gorgonia.Add(sum, product)))
	w := input(g, "w", m, 3) // a parameter whose first axis happens to be M
	ofParam := check(gorgonia.Tanh(w))
	end := check(gorgonia.Add(check(gorgonia.Sum(view)), check(gorgonia.Add(check(gorgonia.Sum(row)), check(gorgonia.Sum(ofParam))))))
	p, err := Compile(g, gorgonia.Nodes{last, end}, Options{Capacity: m, Precision: FP16, Params: makeParams(t, ParamSpec{Name: "w", Shape: []int{m, 3}})})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name string
		node *gorgonia.Node
		half bool
	}{
		{"an activation", half, true}, {"an exact value", exact, false}, {"a sum with one", sum, false}, {"a product of activations", product, true},
		{"its view", view, true}, {"a number a row", row, false}, {"an output", last, false}, {"a function of a parameter", ofParam, false},
	} {
		if got := p.values[c.node].half; got != c.half {
			t.Errorf("%s: 16 bits is %v, want %v", c.name, got, c.half)
		}
	}
}

func TestLossScale(t *testing.T) {
	s := LossScale{Scale: 4}
	for range ScaleEvery - 1 {
		s.Held()
	}
	if s.Scale != 4 {
		t.Errorf("the scale is %v after %d steps, want 4", s.Scale, ScaleEvery-1)
	}
	if s.Held(); s.Scale != 8 || s.Good != 0 {
		t.Errorf("got %+v after %d steps, want it doubled", s, ScaleEvery)
	}
	for want := 4.0; want >= 1; want /= 2 {
		s.Good = 3
		if !s.Halve() || s.Scale != want || s.Good != 0 {
			t.Errorf("halved to %+v, want %v", s, want)
		}
	}
	if s.Halve() || s.Scale != 1 {
		t.Errorf("halved to %+v, want no scale below 1", s)
	}
	s = LossScale{Scale: LargestScale, Good: ScaleEvery - 1}
	if s.Held(); s.Scale != LargestScale {
		t.Errorf("the scale grew to %v, want at most %v", s.Scale, float64(LargestScale))
	}
}
