package engine

import (
	"fmt"
	"hash"
	"hash/fnv"

	"github.com/archlab/archlab/core/kernel"
	"github.com/chewxy/hm"
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// mixOp is a test op over inputs of one shape: element by element, so that it may run in place, but through scratch
// memory and with values left in saved buffers, and reading those of its inputs.
type mixOp struct {
	n       int     // inputs
	c       float32 // a coefficient, which also tells two ops apart
	saved   int     // float32 buffers of the output's length, and one of int32 after them
	scratch bool
	exact   bool
	inPlace []int
	takes   bool // the first saved buffer is added to that of the first input
	shape   tensor.Shape
	fail    string // what the kernel panics with
	pooled  *bool  // makes a piece of a pool's operation panic while it is set
}

func (o mixOp) Arity() int { return o.n }

func (o mixOp) Type() hm.Type {
	t := gorgonia.TensorType{Dims: len(o.shape), Of: tensor.Float32}
	ts := make([]hm.Type, o.n+1)
	for i := range ts {
		ts[i] = t
	}
	return hm.NewFnType(ts...)
}

func (o mixOp) InferShape(...gorgonia.DimSizer) (tensor.Shape, error) { return o.shape.Clone(), nil }
func (o mixOp) Do(...gorgonia.Value) (gorgonia.Value, error)          { return nil, fmt.Errorf("mix: no Do") }
func (o mixOp) ReturnsPtr() bool                                      { return false }
func (o mixOp) CallsExtern() bool                                     { return false }
func (o mixOp) OverwritesInput() int                                  { return -1 }
func (o mixOp) WriteHash(h hash.Hash) {
	type fields mixOp // without String, which would hide them
	fmt.Fprintf(h, "%+v", fields(o))
}
func (o mixOp) Hashcode() uint32 {
	h := fnv.New32a()
	o.WriteHash(h)
	return h.Sum32()
}
func (o mixOp) String() string { return "mix" }

func (o mixOp) Layout(in []tensor.Shape) Layout {
	l := Layout{InPlace: o.inPlace, Pure: true}
	n := o.shape.TotalSize()
	rows := len(o.shape) > 1
	for i := range o.saved {
		l.Saved = append(l.Saved, Extent{Len: n, Rows: rows, Half: i%2 == 0})
	}
	if o.saved > 0 {
		l.Saved = append(l.Saved, Extent{Len: n, Int: true, Rows: rows})
	}
	if o.takes {
		l.Takes = []Take{{}}
	}
	l.Numerics.Exact = o.exact
	if o.scratch {
		l.Scratch = n
	}
	return l
}

func (o mixOp) Bind(b Binding) (Kernel, error) {
	return func(r *Run) {
		if o.fail != "" {
			panic(o.fail)
		}
		if o.pooled != nil && *o.pooled {
			kernel.GatherRows(b.Pool, make([]float32, 1<<16), []float32{1}, make([]int32, 1<<16), -1)
		}
		n := len(b.Out.F32)
		if o.scratch {
			for i := range n {
				b.Scratch[i] = o.c * float32(i%3)
			}
		}
		for i := range n {
			b.Out.F32[i] = o.element(b, i)
		}
		r.FLOPs += float64(n)
	}, nil
}

// element answers one element of the output and sets those of the saved buffers.
func (o mixOp) element(b Binding, i int) float32 {
	s := o.c
	for j, in := range b.In {
		s += in.F32[i]
		if o.takes && j == 0 {
			in.Saved = nil
		}
		for _, x := range in.Saved {
			if x.F32 != nil {
				s += 0.25 * x.F32[i]
			} else {
				s += 0.125 * float32(x.I32[i])
			}
		}
	}
	if o.scratch {
		s += b.Scratch[i]
	}
	for k, x := range b.Saved {
		if x.F32 != nil {
			before := float32(0)
			if o.takes && k == 0 {
				before = b.In[0].Saved[0].F32[i]
			}
			x.F32[i] = before + s*float32(k+1)
		} else {
			x.I32[i] = int32(i % 5)
		}
	}
	return s / (1 + s*s)
}

// JoinBefore and JoinAfter go from element to element, so that memory that is not apart shows.

func (o mixOp) JoinBefore(b Binding, x, y []float32) Kernel {
	return func(r *Run) {
		for i := range b.Out.F32 {
			b.In[0].F32[i] = x[i] + y[i]
			b.Out.F32[i] = o.element(b, i)
		}
		r.FLOPs += 2 * float64(len(b.Out.F32))
	}
}

func (o mixOp) JoinAfter(b Binding, x []float32) Kernel {
	return func(r *Run) {
		for i := range b.Out.F32 {
			b.Out.F32[i] = o.element(b, i) + x[i]
		}
		r.FLOPs += 2 * float64(len(b.Out.F32))
	}
}
