package nntest

import (
	"fmt"
	"strings"
	"testing"

	"github.com/archlab/archlab/core/engine"
	"github.com/archlab/archlab/core/nn"
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// double is y = 2x, wrong in the way that its fields say.
type double struct {
	nn.NoLayout
	WrongValue, WrongGradient, AllRows, Allocates bool
}

func (double) Name() string { return "double" }

var sink []float32

func (k double) Bind(b engine.Binding) (engine.Kernel, error) {
	x, y := b.In[0].F32, b.Out.F32
	stride := len(y) / b.Out.Shape[0]
	return func(r *engine.Run) {
		s := float32(0)
		for i := range x[:r.Rows*stride] {
			y[i] = 2 * x[i]
		}
		if k.WrongValue {
			y[1] *= 1.001
		}
		if k.Allocates {
			sink = make([]float32, 1+r.Rows)
		}
		if k.AllRows {
			for _, v := range x {
				s += v
			}
			y[0] += 0 * s
		}
	}, nil
}

func (k double) Grad(in gorgonia.Nodes, _, grad *nn.Node) gorgonia.Nodes {
	if k.WrongGradient {
		return gorgonia.Nodes{nn.Scale(grad, 2.001)}
	}
	return gorgonia.Nodes{nn.Scale(grad, 2)}
}

// stale adds to what its output held before.
type stale struct{}

func (stale) Name() string                        { return "stale" }
func (stale) Layout([]tensor.Shape) engine.Layout { return engine.Layout{} }
func (stale) Bind(b engine.Binding) (engine.Kernel, error) {
	return func(r *engine.Run) {
		for i, v := range b.In[0].F32[:r.Rows] {
			b.Out.F32[i] += v
		}
	}, nil
}
func (stale) Grad(_ gorgonia.Nodes, _, grad *nn.Node) gorgonia.Nodes { return gorgonia.Nodes{grad} }

// recorder is a test that keeps what was said to it.
type recorder struct {
	testing.TB
	said []string
}

func (r *recorder) Helper()                      {}
func (r *recorder) Errorf(f string, args ...any) { r.said = append(r.said, fmt.Sprintf(f, args...)) }
func (r *recorder) Fatal(args ...any)            { r.said = append(r.said, fmt.Sprint(args...)) }
func (r *recorder) Fatalf(f string, args ...any) { r.Errorf(f, args...) }

// Every kind of mistake is caught, with and without a reference.
func TestCheckCatches(t *testing.T) {
	reference := func(v Values) (y []float64) {
		for _, x := range v.F["x"] {
			y = append(y, 2*x)
		}
		return y
	}
	for _, c := range []struct {
		name string
		op   nn.Kind
		ref  func(Values) []float64
		want string // empty: passes
	}{
		{"right", double{}, reference, ""},
		{"right without reference", double{}, nil, ""},
		{"value", double{WrongValue: true}, reference, "value: element 1"},
		{"gradient", double{WrongGradient: true}, reference, "gradient of x"},
		{"rows beyond", double{AllRows: true}, reference, "value: element 0 is NaN"},
		{"allocations", double{Allocates: true}, reference, "allocations a run"},
		{"stale memory", stale{}, nil, "other bits"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := &recorder{TB: t}
			Case{
				Params:    []Tensor{Rows("x")},
				Build:     func(g *nn.Graph, p Nodes) *nn.Node { return nn.Apply(c.op, p["x"].Shape(), p["x"]) },
				Reference: c.ref,
			}.Check(r)
			got := strings.Join(r.said, "; ")
			if c.want == "" && got != "" || !strings.Contains(got, c.want) {
				t.Errorf("said %q, want %q", got, c.want)
			}
		})
	}
}
