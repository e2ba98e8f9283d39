package engine

import (
	"fmt"
	"hash"
	"hash/fnv"

	"github.com/chewxy/hm"
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// Saved makes saved buffer i of node's op a node of its own, without a copy: how one op answers several values. The
// shape must have the buffer's length; an empty shape makes a scalar.
func Saved(node *gorgonia.Node, i int, shape ...int) (*gorgonia.Node, error) {
	return savedNode(node, i, tensor.Float32, shape)
}

// SavedInts is Saved for a buffer of int32.
func SavedInts(node *gorgonia.Node, i int, shape ...int) (*gorgonia.Node, error) {
	return savedNode(node, i, tensor.Int32, shape)
}

func savedNode(node *gorgonia.Node, i int, dt tensor.Dtype, shape tensor.Shape) (*gorgonia.Node, error) {
	if _, ok := node.Op().(Op); !ok {
		return nil, fmt.Errorf("engine: saved: %v has no saved buffers", node.Op())
	}
	return salted(node, func(salt int) gorgonia.Op {
		return savedOp{from: node.Type(), index: i, dtype: dt, shape: shape.Clone(), salt: salt}
	})
}

// salted applies an op of one input whose hash depends on a salt. Gorgonia takes two nodes for one when their 32-bit hashes meet,
// whatever their inputs: the hash is salted until it does not.
func salted(node *gorgonia.Node, op func(salt int) gorgonia.Op) (*gorgonia.Node, error) {
	for salt := 0; ; salt++ {
		out, err := gorgonia.ApplyOp(op(salt), node)
		if err != nil {
			return nil, err
		}
		if it := out.Graph().From(out.ID()); it.Next() && it.Node().ID() == node.ID() {
			return out, nil
		}
	}
}

// savedOp is a view; the plan never runs it.
type savedOp struct {
	from  hm.Type
	index int
	dtype tensor.Dtype
	shape tensor.Shape
	salt  int
}

func (op savedOp) Arity() int { return 1 }

func (op savedOp) Type() hm.Type {
	if len(op.shape) == 0 {
		return hm.NewFnType(op.from, op.dtype)
	}
	return hm.NewFnType(op.from, gorgonia.TensorType{Dims: len(op.shape), Of: op.dtype})
}

func (op savedOp) InferShape(...gorgonia.DimSizer) (tensor.Shape, error) {
	return op.shape.Clone(), nil
}

func (op savedOp) Do(...gorgonia.Value) (gorgonia.Value, error) {
	return nil, fmt.Errorf("engine: %v runs only in a plan", op)
}
func (op savedOp) ReturnsPtr() bool     { return true }
func (op savedOp) CallsExtern() bool    { return false }
func (op savedOp) OverwritesInput() int { return -1 }
func (op savedOp) WriteHash(h hash.Hash) {
	fmt.Fprintf(h, "engine.saved %d %v %v %d", op.index, op.dtype, op.shape, op.salt)
}
func (op savedOp) Hashcode() uint32 {
	h := fnv.New32a()
	op.WriteHash(h)
	return h.Sum32()
}
func (op savedOp) String() string { return fmt.Sprintf("saved(%d)", op.index) }

// DiffWRT answers false for the one input, rather than nothing: Gorgonia refuses to differentiate a graph around a node
// that is silent about its inputs.
func (op savedOp) DiffWRT(n int) []bool { return make([]bool, n) }

// SymDiff answers no gradient.
func (op savedOp) SymDiff(inputs gorgonia.Nodes, _, _ *gorgonia.Node) (gorgonia.Nodes, error) {
	return make(gorgonia.Nodes, len(inputs)), nil
}
