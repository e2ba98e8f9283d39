package nn

import (
	"fmt"
	"hash"
	"hash/fnv"
	"slices"

	"github.com/archlab/archlab/core/engine"
	"github.com/chewxy/hm"
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// Kind is what the author of an op writes: a plain struct of numbers, bools, strings and slices of those (no pointers, maps
// or functions: every field goes into the op's hash, by which Gorgonia tells nodes apart). Apply makes a node of it.
//
// A Kind that also has
//
//	Grad(in gorgonia.Nodes, out, grad *Node) gorgonia.Nodes
//	Detached(input int) bool
//	State() engine.StateSpec
//
// is differentiable, leaves some inputs without a gradient, and carries state while decoding.
type Kind interface {
	// Name groups ops of a kind in profiles.
	Name() string
	// Layout states the memory the op needs beside its output.
	Layout(in []tensor.Shape) engine.Layout
	// Bind makes the kernel of one node.
	Bind(b engine.Binding) (engine.Kernel, error)
}

// Differentiable is a Kind with a derivative.
type Differentiable interface {
	Kind
	// Grad answers the gradient of each input given that of the output: nodes of the inputs' shapes, nil where an input
	// has none. Inputs of int32 never have one.
	Grad(in gorgonia.Nodes, out, grad *Node) gorgonia.Nodes
}

// Detached is a Differentiable that has no gradient for some of its float32 inputs.
type Detached interface {
	Detached(input int) bool
}

// Stateful is a Kind that carries something from token to token while decoding.
type Stateful interface {
	Kind
	State() engine.StateSpec
}

// NoLayout is embedded by kinds that need no memory beside their output.
type NoLayout struct{}

// Layout is empty.
func (NoLayout) Layout([]tensor.Shape) engine.Layout { return engine.Layout{} }

// Apply makes a float32 node of a kind; no shape makes a scalar.
func Apply(k Kind, shape []int, in ...*Node) *Node { return apply(k, tensor.Float32, shape, in) }

// ApplyInt makes an int32 node of a kind.
func ApplyInt(k Kind, shape []int, in ...*Node) *Node { return apply(k, tensor.Int32, shape, in) }

func apply(k Kind, dt tensor.Dtype, shape []int, in []*Node) *Node {
	base := &op{kind: k, out: signature(dt, shape), shape: slices.Clone(tensor.Shape(shape))}
	for _, n := range in {
		base.in = append(base.in, n.Type())
		base.ints = append(base.ints, n.Dtype() == tensor.Int32)
	}
	var full gorgonia.Op = base
	if _, ok := k.(Stateful); ok {
		full = &statefulOp{base}
	}
	// Gorgonia merges nodes whose 32-bit hashes agree after comparing ops and shapes but not inputs. A node that came
	// back with other inputs than ours was merged by accident: salt the hash and try again.
	for {
		n, err := gorgonia.ApplyOp(full, in...)
		if err != nil {
			Fail(k.Name(), "%v", err)
		}
		if sameInputs(n, in) {
			return n
		}
		base.salt++
	}
}

func signature(dt tensor.Dtype, shape []int) hm.Type {
	if len(shape) == 0 {
		return dt
	}
	return gorgonia.TensorType{Dims: len(shape), Of: dt}
}

func sameInputs(n *Node, in []*Node) bool {
	return slices.EqualFunc(inputs(n), in, func(a, b *Node) bool { return a.ID() == b.ID() })
}

// inputs lists a node's inputs in order.
func inputs(n *Node) (in []*Node) {
	for it := n.Graph().From(n.ID()); it.Next(); {
		in = append(in, it.Node().(*Node))
	}
	return in
}

// op is a Kind as Gorgonia and the engine see it.
type op struct {
	kind  Kind
	in    []hm.Type
	ints  []bool
	out   hm.Type
	shape tensor.Shape
	salt  int
}

// statefulOp is an op whose kind is Stateful.
type statefulOp struct{ *op }

// State is that of the kind.
func (o *statefulOp) State() engine.StateSpec { return o.kind.(Stateful).State() }

var (
	_ gorgonia.SDOp   = (*op)(nil)
	_ engine.Op       = (*op)(nil)
	_ engine.Stateful = (*statefulOp)(nil)
	_ engine.Joining  = (*op)(nil)
	_ engine.Summing  = (*op)(nil)
)

// Arity is the number of inputs.
func (o *op) Arity() int { return len(o.in) }

// Type is in → ... → out. Gorgonia returns it to a pool, so that it is made anew each time.
func (o *op) Type() hm.Type { return hm.NewFnType(append(slices.Clone(o.in), o.out)...) }

// InferShape answers the shape fixed when the node was built.
func (o *op) InferShape(...gorgonia.DimSizer) (tensor.Shape, error) { return o.shape.Clone(), nil }

// Do refuses: fused ops run in core/engine only.
func (o *op) Do(...gorgonia.Value) (gorgonia.Value, error) {
	return nil, fmt.Errorf("%s: runs in core/engine only", o.kind.Name())
}

// ReturnsPtr is false: the output is a value of its own.
func (o *op) ReturnsPtr() bool { return false }

// CallsExtern is false.
func (o *op) CallsExtern() bool { return false }

// OverwritesInput is none; the engine reads Layout.InPlace.
func (o *op) OverwritesInput() int { return -1 }

// WriteHash covers the kind's type and all its fields.
func (o *op) WriteHash(h hash.Hash) {
	fmt.Fprintf(h, "%T%+v", o.kind, o.kind)
	if o.salt > 0 {
		fmt.Fprintf(h, "#%d", o.salt)
	}
}

// Hashcode is WriteHash's.
func (o *op) Hashcode() uint32 {
	h := fnv.New32a()
	o.WriteHash(h)
	return h.Sum32()
}

// String is the kind's name.
func (o *op) String() string { return o.kind.Name() }

// Layout is the kind's, with what the table of numerics says of it.
func (o *op) Layout(in []tensor.Shape) engine.Layout {
	return withNumerics(o.kind.Name(), o.kind.Layout(in))
}

// Bind is the kind's.
func (o *op) Bind(b engine.Binding) (engine.Kernel, error) { return o.kind.Bind(b) }

// Sums says that the op is Add.
func (o *op) Sums() bool { _, ok := o.kind.(add); return ok }

// JoinBefore is the kind's, nil if it has none.
func (o *op) JoinBefore(b engine.Binding, x, y []float32) engine.Kernel {
	if k, ok := o.kind.(interface {
		joinBefore(b engine.Binding, x, y []float32) engine.Kernel
	}); ok {
		return k.joinBefore(b, x, y)
	}
	return nil
}

// JoinAfter is the kind's, nil if it has none.
func (o *op) JoinAfter(b engine.Binding, x []float32) engine.Kernel {
	if k, ok := o.kind.(interface {
		joinAfter(b engine.Binding, x []float32) engine.Kernel
	}); ok {
		return k.joinAfter(b, x)
	}
	return nil
}

// DiffWRT says which inputs have gradients.
func (o *op) DiffWRT(inputs int) []bool {
	diff := make([]bool, inputs)
	if _, ok := o.kind.(Differentiable); !ok {
		return diff
	}
	detached, _ := o.kind.(Detached)
	for i := range diff {
		diff[i] = !o.ints[i] && (detached == nil || !detached.Detached(i))
	}
	return diff
}

// SymDiff is the kind's Grad.
func (o *op) SymDiff(in gorgonia.Nodes, out, grad *Node) (gorgonia.Nodes, error) {
	k, ok := o.kind.(Differentiable)
	if !ok {
		return nil, fmt.Errorf("%s: has no derivative", o.kind.Name())
	}
	return k.Grad(in, out, grad), nil
}

// SavedNode makes saved buffer i of a node's op a node of its own: how a backward op answers the gradients of its second,
// third ... input.
func SavedNode(of *Node, i int, shape ...int) *Node {
	n, err := engine.Saved(of, i, shape...)
	if err != nil {
		Fail("saved", "%v", err)
	}
	if !sameInputs(n, []*Node{of}) {
		Fail("saved", "two nodes have the same hash: %v and %v", n, of)
	}
	return n
}
