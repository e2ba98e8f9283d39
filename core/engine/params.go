package engine

import (
	"fmt"

	"github.com/archlab/archlab/core/kernel"
	"gorgonia.org/tensor"
)

// ParamSpec states one parameter of a model.
type ParamSpec struct {
	Name  string
	Shape []int
	// Decay says that weight decay applies.
	Decay bool
	// Fixed says that the optimizer leaves the parameter alone: no gradient, no moments. Something else may change it.
	Fixed bool
	// Matrices lists the rows of the matrices between hidden columns that the parameter stacks on top of each other, each as
	// wide as its last axis; empty for everything else.
	Matrices []int
}

// Param is one parameter with its memory. Grad is nil until Params.Train, Moments until an optimizer keeps some, and both
// of fixed parameters always.
type Param struct {
	ParamSpec
	W       []float32   // the weights
	Grad    []float32   // the gradient of the last micro-batch; after Update it means nothing
	Moments [][]float32 // what the optimizer keeps, in the order of Optimizer.Moments
	sum     []float32   // the gradient summed over micro-batches, while there are several
}

// Params holds a model's parameters, shared by all of its plans: one allocation each for weights, gradients and
// moments, so that a parameter never moves.
type Params struct {
	list                   []*Param
	byName                 map[string]*Param
	weights, train, summed []float32
	optimizer              string // whose moments there are; empty for none
	moments                []float32
	update                 Update // the last one, so that a step allocates nothing
	// Steps is the number of steps that this optimizer has taken.
	Steps int64
	// version counts changes of weights.
	version int64
}

// Changed must be called after weights were written by anything but Update.
func (p *Params) Changed() { p.version++ }

// NewParams allocates weights, all zero. Names must differ, and matrices make up the whole of the parameter that they are
// listed for.
func NewParams(specs []ParamSpec) (*Params, error) {
	p := &Params{byName: make(map[string]*Param, len(specs))}
	total := 0
	for _, s := range specs {
		if p.byName[s.Name] != nil {
			return nil, fmt.Errorf("engine: two parameters are named %q", s.Name)
		}
		x := &Param{ParamSpec: s}
		if err := x.checkMatrices(); err != nil {
			return nil, err
		}
		p.list = append(p.list, x)
		p.byName[s.Name] = x
		total += padded(x.Len())
	}
	p.weights = alignedFloats(total)
	p.carve(p.weights, func(x *Param, part []float32) { x.W = part }, func(*Param) bool { return true })
	return p, nil
}

// Len is the number of scalars of a parameter.
func (x *Param) Len() int { return tensor.Shape(x.Shape).TotalSize() }

func (x *Param) checkMatrices() error {
	if len(x.Matrices) == 0 {
		return nil
	}
	rows := 0
	for _, r := range x.Matrices {
		if r < 1 {
			return fmt.Errorf("engine: parameter %s: a matrix of %d rows", x.Name, r)
		}
		rows += r
	}
	if len(x.Shape) < 2 || rows*x.columns() != x.Len() {
		return fmt.Errorf("engine: parameter %s: matrices of %d rows in all do not make up shape %v", x.Name, rows, x.Shape)
	}
	return nil
}

// All lists the parameters in the order given to NewParams.
func (p *Params) All() []*Param { return p.list }

// Get answers the parameter of that name, or nil.
func (p *Params) Get(name string) *Param { return p.byName[name] }

// Train allocates gradients, once.
func (p *Params) Train() {
	if p.train != nil {
		return
	}
	p.train = alignedFloats(p.trainable())
	p.carve(p.train, func(x *Param, part []float32) { x.Grad = part }, (*Param).learns)
}

// Sum adds the gradients of micro-batch i (0, 1, ...) of n to those of the micro-batches before it, in order. With one
// micro-batch nothing moves.
func (p *Params) Sum(pool *kernel.Pool, i, n int) {
	if n == 1 {
		return
	}
	if p.summed == nil {
		p.summed = alignedFloats(p.trainable())
		p.carve(p.summed, func(x *Param, part []float32) { x.sum = part }, (*Param).learns)
	}
	if i == 0 {
		copy(p.summed, p.train)
		return
	}
	kernel.AddInto(pool, p.summed, p.train)
	if i == n-1 {
		copy(p.train, p.summed)
	}
}

// Zero clears the gradients.
func (p *Params) Zero() { clear(p.train) }

// Bytes is the memory of weights, gradients and moments.
func (p *Params) Bytes() int64 {
	return 4 * int64(len(p.weights)+len(p.train)+len(p.summed)+len(p.moments))
}

func (x *Param) learns() bool { return !x.Fixed }

func (p *Params) trainable() int {
	n := 0
	for _, x := range p.list {
		if x.learns() {
			n += padded(x.Len())
		}
	}
	return n
}

func (p *Params) carve(from []float32, set func(*Param, []float32), want func(*Param) bool) {
	at := 0
	for _, x := range p.list {
		if !want(x) {
			continue
		}
		n := x.Len()
		set(x, from[at:at+n:at+n])
		at += padded(n)
	}
}
