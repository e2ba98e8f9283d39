package engine

import (
	"testing"

	"github.com/archlab/archlab/core/kernel"
	"gorgonia.org/gorgonia"
)

// A plan over a sketch counts what one over real parameters does, and the sketch is as large as its largest tensor.
func TestSketch(t *testing.T) {
	count := func(p *Params) float64 {
		g := gorgonia.NewGraph()
		x := gorgonia.NewMatrix(g, gorgonia.Float32, gorgonia.WithName("x"), gorgonia.WithShape(3, 4))
		a := gorgonia.NewMatrix(g, gorgonia.Float32, gorgonia.WithName("a"), gorgonia.WithShape(4, 4))
		b := gorgonia.NewMatrix(g, gorgonia.Float32, gorgonia.WithName("b"), gorgonia.WithShape(4, 2))
		y := gorgonia.Must(gorgonia.Sum(gorgonia.Must(gorgonia.Mul(gorgonia.Must(gorgonia.Mul(x, a)), b))))
		p.Train()
		grads, backward, err := Differentiate(y, []string{"a", "b"}, gorgonia.Nodes{a, b})
		if err != nil {
			t.Fatal(err)
		}
		plan, err := Compile(g, gorgonia.Nodes{y}, Options{Params: p, Capacity: 3, Grads: grads, Backward: backward})
		if err != nil {
			t.Fatal(err)
		}
		r := Run{Rows: 3, Segments: []kernel.Segment{{Len: 3}}}
		if err := plan.Run(&r); err != nil {
			t.Fatal(err)
		}
		return r.FLOPs
	}
	specs := []ParamSpec{{Name: "a", Shape: []int{4, 4}}, {Name: "b", Shape: []int{4, 2}}, {Name: "c", Shape: []int{5}, Fixed: true}}
	whole, err := NewParams(specs)
	if err != nil {
		t.Fatal(err)
	}
	sketch := NewSketch(specs)
	if want, got := count(whole), count(sketch); want != got || want == 0 {
		t.Errorf("counted %v over a sketch, want %v", got, want)
	}
	if got := sketch.Bytes(); got != 2*4*16 {
		t.Errorf("the sketch takes %d bytes, want weights and gradients of the largest tensor, 128", got)
	}
	if c := sketch.Get("c"); c.Grad != nil || len(c.W) != 5 {
		t.Errorf("a fixed parameter: gradient %v, %d weights", c.Grad, len(c.W))
	}
}
