package engine

import (
	"fmt"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// fallback runs an op by its own Do, on values that alias the plan's memory, and copies the answer to where it belongs.
// It allocates; an op on a hot path deserves a kernel.
func fallback(v *value, b Binding) (Kernel, error) {
	op := v.node.Op()
	kids := v.kids
	in := make([]gorgonia.Value, len(kids))
	return func(*Run) {
		for i, k := range kids {
			if k.boxed {
				in[i] = k.box
			} else {
				in[i] = valueOf(k.node, b.In[i])
			}
		}
		out, err := op.Do(in...)
		if err != nil {
			panic(err)
		}
		if v.boxed {
			v.box = out
			return
		}
		got, err := bufferOf(out, b.Out.Shape)
		if err != nil {
			panic(err)
		}
		copy(b.Out.F32, got.F32)
		copy(b.Out.I32, got.I32)
	}, nil
}

// valueOf answers a Gorgonia value that aliases a buffer, or a scalar.
func valueOf(n *gorgonia.Node, b Buffer) gorgonia.Value {
	switch {
	case n.IsScalar() && b.I32 != nil:
		return gorgonia.NewI32(b.I32[0])
	case n.IsScalar():
		return gorgonia.NewF32(b.F32[0])
	case b.I32 != nil:
		return tensor.New(tensor.WithShape(b.Shape.Clone()...), tensor.WithBacking(b.I32))
	}
	return tensor.New(tensor.WithShape(b.Shape.Clone()...), tensor.WithBacking(b.F32))
}

// bufferOf answers the numbers of a Gorgonia value in row-major order.
func bufferOf(val gorgonia.Value, shape tensor.Shape) (Buffer, error) {
	if d, ok := val.(*tensor.Dense); ok && (d.RequiresIterator() || d.DataOrder().IsColMajor()) {
		val = d.Materialize()
	}
	b := Buffer{Shape: shape}
	switch x := val.Data().(type) {
	case float32:
		b.F32 = []float32{x}
	case int32:
		b.I32 = []int32{x}
	case []float32:
		b.F32 = x
	case []int32:
		b.I32 = x
	default:
		return b, fmt.Errorf("value of %T, want float32 or int32", x)
	}
	if n := len(b.F32) + len(b.I32); n != shape.TotalSize() {
		return b, fmt.Errorf("value of shape %v, want %v", val.Shape(), shape)
	}
	return b, nil
}

// constantOf answers the value of a constant node.
func constantOf(n *gorgonia.Node) (gorgonia.Value, bool) {
	switch opType(n.Op()) {
	case "constantScalar", "constantTensor":
		return n.Value(), true
	}
	return nil, false
}
