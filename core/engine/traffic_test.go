package engine

import (
	"testing"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// A mix of two matrices moves both inputs, its output and, with one saved buffer, that and the one of int32 beside it:
// five values an element, for the rows in use and no others.
func TestBytesFollowTheRowsInUse(t *testing.T) {
	const capacity, width = 8, 3
	g := gorgonia.NewGraph()
	n, err := gorgonia.ApplyOp(mixOp{n: 2, saved: 1, shape: tensor.Shape{capacity, width}}, input(g, "x", capacity, width), input(g, "y", capacity, width))
	if err != nil {
		t.Fatal(err)
	}
	p, err := Compile(g, gorgonia.Nodes{n}, Options{Capacity: capacity})
	if err != nil {
		t.Fatal(err)
	}
	for _, rows := range []int{0, 1, 7, 8} {
		if err := p.Run(&Run{Rows: rows}); err != nil {
			t.Fatal(err)
		}
		s := Stats{}
		p.Profile(s, true)
		if got, want := s.List()[0].Bytes, float64(4*5*rows*width); got != want {
			t.Errorf("%d rows: %v bytes, want %v", rows, got, want)
		}
	}
}

func TestTrafficOfParameters(t *testing.T) {
	shaped := func(shape ...int) Buffer {
		return Buffer{Shape: shape, F32: make([]float32, tensor.Shape(shape).TotalSize())}
	}
	// x [4,6] and y [4,2] come in rows, the weight [2,6] and a bias of a length that rows divide do not.
	got := trafficOf(Binding{In: []Buffer{shaped(4, 6), shaped(2, 6), shaped(8)}, Out: shaped(4, 2)}, 4)
	if want := (traffic{row: 4 * (6 + 2), fixed: 4 * (12 + 8)}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	if got, want := got.of(3, 5), 5*32.0+3*80; got != want {
		t.Errorf("3 calls of 5 rows in all: %v bytes, want %v", got, want)
	}
}
