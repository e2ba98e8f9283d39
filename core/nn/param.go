package nn

import (
	"hash/fnv"
	"math"
	"math/rand/v2"
	"slices"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// ParamSpec describes one tensor of the model's weights.
type ParamSpec struct {
	Name  string
	Shape []int
	Node  *Node
	// Decay says whether weight decay applies: by default to tensors with two or more axes.
	Decay bool
	// Active is the share of the tensor that takes part in the computation of one token: k/E for routed experts, 0 for
	// what is used in training only.
	Active float64
	// Lookup marks tables that are read by row and never multiplied with.
	Lookup bool
	// Buffer marks a tensor that belongs to the weights but has no gradient; see Output.Updates.
	Buffer bool
	// Matrices lists the rows of the matrices that the tensor stacks on top of each other, each as wide as its last axis, where
	// it maps hidden columns to hidden columns; see Init.Stack.
	Matrices []int
	init     Init
}

// Size is the number of scalars.
func (p ParamSpec) Size() int { return size(p.Shape) }

// Fill writes the tensor's initial values. They depend on the seed and on the tensor's name only, so that another
// tensor more or less changes no other.
func (p ParamSpec) Fill(seed uint64, w []float32) {
	h := fnv.New64a()
	h.Write([]byte(p.Name))
	p.init.fill(rand.New(rand.NewPCG(seed, h.Sum64())), p.Shape, w)
}

// Init says how a parameter starts and what is particular about it.
type Init struct {
	fill    func(rng *rand.Rand, shape []int, w []float32)
	noDecay bool
	lookup  bool
	buffer  bool
	stack   []int
	shared  float64 // 1 - the active share, so that the zero value means 1
}

// NoDecay exempts the parameter from weight decay.
func (i Init) NoDecay() Init { i.noDecay = true; return i }

// Lookup marks a table that is read by row.
func (i Init) Lookup() Init { i.lookup = true; return i }

// Active states the share of the tensor that one token uses.
func (i Init) Active(share float64) Init { i.shared = 1 - share; return i }

// Stack says that the tensor maps hidden columns to hidden columns, by matrices of that many rows on top of each other, again
// and again until its rows are used up: those of queries, keys and values, of gate and value, of every expert. Optimizers
// for matrices take them one by one. A tensor is no such thing unless it is said to be; weights of Graph.Linear are one
// matrix unless said to be several.
func (i Init) Stack(rows ...int) Init { i.stack = rows; return i }

// Buffer marks a tensor without a gradient.
func (i Init) Buffer() Init { i.buffer = true; i.noDecay = true; return i }

// Constant fills with one value.
func Constant(c float32) Init {
	return InitFunc(func(_ *rand.Rand, _ []int, w []float32) {
		for i := range w {
			w[i] = c
		}
	})
}

// Normal draws from a normal distribution with mean 0.
func Normal(std float64) Init {
	return InitFunc(func(rng *rand.Rand, _ []int, w []float32) {
		for i := range w {
			w[i] = float32(rng.NormFloat64() * std)
		}
	})
}

// Uniform draws uniformly from [lo, hi).
func Uniform(lo, hi float64) Init {
	return InitFunc(func(rng *rand.Rand, _ []int, w []float32) {
		for i := range w {
			w[i] = float32(lo + (hi-lo)*rng.Float64())
		}
	})
}

// FanIn draws uniformly from ±1/sqrt(fan in), where the fan in is the size of the last axis.
func FanIn() Init {
	return InitFunc(func(rng *rand.Rand, shape []int, w []float32) {
		b := 1 / math.Sqrt(float64(shape[len(shape)-1]))
		for i := range w {
			w[i] = float32(b * (2*rng.Float64() - 1))
		}
	})
}

// InitFunc fills by a function; w has as many elements as the shape and is overwritten whole.
func InitFunc(fill func(rng *rand.Rand, shape []int, w []float32)) Init { return Init{fill: fill} }

// Param answers the parameter of that name, made on first use. Asking twice for a name ties the weights: the shapes
// must agree and the first call's init counts.
func (g *Graph) Param(name string, init Init, shape ...int) *Node {
	if i, ok := g.byName[name]; ok {
		wantShape("parameter "+name, "the tied tensor", g.params[i].Node, shape...)
		return g.params[i].Node
	}
	for axis, d := range shape {
		if d < 1 {
			Fail("parameter "+name, "axis %d has size %d, want at least 1", axis, d)
		}
	}
	matrices := init.matrices(name, shape)
	n := gorgonia.NewTensor(g.expr, tensor.Float32, len(shape), gorgonia.WithShape(shape...), gorgonia.WithName(name))
	g.byName[name] = len(g.params)
	g.params = append(g.params, ParamSpec{
		Name:   name,
		Shape:  append([]int(nil), shape...),
		Node:   n,
		Decay:  len(shape) >= 2 && !init.noDecay,
		Active: 1 - init.shared,
		Lookup: init.lookup,
		Buffer: init.buffer, Matrices: matrices,
		init: init,
	})
	return n
}

// matrices is ParamSpec.Matrices of a tensor of that shape.
func (i Init) matrices(name string, shape []int) []int {
	if len(i.stack) == 0 {
		return nil
	}
	if len(shape) < 2 {
		Fail("parameter "+name, "stacks matrices and has %d axes, want at least 2", len(shape))
	}
	rows, one := size(shape[:len(shape)-1]), 0
	for _, r := range i.stack {
		if r < 1 {
			Fail("parameter "+name, "stacks a matrix of %d rows, want at least 1", r)
		}
		one += r
	}
	if rows%one != 0 {
		Fail("parameter "+name, "stacks of %v rows do not fill %d rows", i.stack, rows)
	}
	return slices.Repeat(i.stack, rows/one)
}

func size(shape []int) int {
	n := 1
	for _, d := range shape {
		n *= d
	}
	return n
}
