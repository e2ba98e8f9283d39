package engine

import (
	"fmt"
	"hash"
	"hash/fnv"

	"github.com/chewxy/hm"
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// Alias is a node's value as a node of its own, without a copy. What the alias is read by adds up its gradient before that
// goes into the node's: how the order of a sum of gradients is chosen.
func Alias(node *gorgonia.Node) (*gorgonia.Node, error) {
	return salted(node, func(salt int) gorgonia.Op {
		return aliasOp{of: node.Type(), shape: node.Shape().Clone(), salt: salt}
	})
}

// aliasOp is a view; the plan never runs it.
type aliasOp struct {
	of    hm.Type
	shape tensor.Shape
	salt  int
}

func (op aliasOp) Arity() int    { return 1 }
func (op aliasOp) Type() hm.Type { return hm.NewFnType(op.of, op.of) }
func (op aliasOp) InferShape(...gorgonia.DimSizer) (tensor.Shape, error) {
	return op.shape.Clone(), nil
}
func (op aliasOp) Do(...gorgonia.Value) (gorgonia.Value, error) {
	return nil, fmt.Errorf("engine: %v runs only in a plan", op)
}
func (op aliasOp) ReturnsPtr() bool      { return true }
func (op aliasOp) CallsExtern() bool     { return false }
func (op aliasOp) OverwritesInput() int  { return -1 }
func (op aliasOp) WriteHash(h hash.Hash) { fmt.Fprintf(h, "engine.alias %v %d", op.shape, op.salt) }
func (op aliasOp) Hashcode() uint32 {
	h := fnv.New32a()
	op.WriteHash(h)
	return h.Sum32()
}
func (op aliasOp) String() string { return "alias" }

// DiffWRT is true of the one input.
func (op aliasOp) DiffWRT(int) []bool { return []bool{true} }

// SymDiff answers the alias's own gradient.
func (op aliasOp) SymDiff(_ gorgonia.Nodes, _, grad *gorgonia.Node) (gorgonia.Nodes, error) {
	return gorgonia.Nodes{grad}, nil
}
