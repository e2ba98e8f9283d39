package nn

import (
	"github.com/archlab/archlab/core/engine"
	"github.com/archlab/archlab/core/kernel"
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// Add is x + y of two values of one shape. Its gradient is the incoming one, passed to both without a copy.
func Add(x, y *Node) *Node {
	wantShape("add", "y", y, x.Shape()...)
	return Apply(add{}, x.Shape(), x, y)
}

type add struct{}

func (add) Name() string { return "add" }

func (add) Layout([]tensor.Shape) engine.Layout { return engine.Layout{InPlace: []int{1, 0}} }

func (add) Bind(b engine.Binding) (engine.Kernel, error) {
	x, y, out, stride := b.In[0].F32, b.In[1].F32, b.Out.F32, rowLen(b.Out.Shape)
	return func(r *engine.Run) {
		n := r.Rows * stride
		kernel.Add(b.Pool, out[:n], x[:n], y[:n])
		r.FLOPs += float64(n)
	}, nil
}

func (add) Grad(_ gorgonia.Nodes, _, grad *Node) gorgonia.Nodes { return gorgonia.Nodes{grad, grad} }

// Mul is x·y, element by element, of two values of one shape.
func Mul(x, y *Node) *Node {
	wantShape("mul", "y", y, x.Shape()...)
	return Apply(mul{}, x.Shape(), x, y)
}

type mul struct{}

func (mul) Name() string { return "mul" }

func (mul) Layout([]tensor.Shape) engine.Layout { return engine.Layout{InPlace: []int{0, 1}} }

func (mul) Bind(b engine.Binding) (engine.Kernel, error) {
	x, y, out, stride := b.In[0].F32, b.In[1].F32, b.Out.F32, rowLen(b.Out.Shape)
	return func(r *engine.Run) {
		n := r.Rows * stride
		kernel.Mul(b.Pool, out[:n], x[:n], y[:n])
		r.FLOPs += float64(n)
	}, nil
}

func (mul) Grad(in gorgonia.Nodes, _, grad *Node) gorgonia.Nodes {
	return gorgonia.Nodes{Mul(grad, in[1]), Mul(grad, in[0])}
}

// Scale is x·c for a constant c.
func Scale(x *Node, c float32) *Node { return Apply(scale{C: c}, x.Shape(), x) }

type scale struct{ C float32 }

func (scale) Name() string { return "scale" }

func (scale) Layout([]tensor.Shape) engine.Layout { return engine.Layout{InPlace: []int{0}} }

func (k scale) Bind(b engine.Binding) (engine.Kernel, error) {
	x, out, stride := b.In[0].F32, b.Out.F32, rowLen(b.Out.Shape)
	return func(r *engine.Run) {
		n := r.Rows * stride
		kernel.Scale(b.Pool, out[:n], x[:n], k.C)
		r.FLOPs += float64(n)
	}, nil
}

func (k scale) Grad(_ gorgonia.Nodes, _, grad *Node) gorgonia.Nodes {
	return gorgonia.Nodes{Scale(grad, k.C)}
}
