package nntest

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/archlab/archlab/core/engine"
	"github.com/archlab/archlab/core/kernel"
	"github.com/archlab/archlab/core/nn"
	"gorgonia.org/gorgonia"
)

// Case is one check of an op, or of a graph of ops, on one input.
type Case struct {
	// Segments cover the rows in use; nil is one segment of 5 rows. The graph's capacity is two rows more, full of NaN.
	Segments []kernel.Segment
	// Params are the float inputs. Each gets a gradient.
	Params []Tensor
	// Ints are the int32 inputs, one value for each row in use.
	Ints map[string][]int32
	// Floats are further inputs, without gradients; those that the graph does not have are left out.
	Floats map[string][]float32
	// Build makes the value under test: rows [M,...], or a scalar.
	Build func(g *nn.Graph, p Nodes) *nn.Node
	// Reference computes the same for the rows in use. Without it the engine's own forward pass is differentiated, at
	// the precision that float32 leaves.
	Reference func(v Values) []float64
	// Tolerance is the largest error relative to 1 + the largest magnitude of the compared tensor. The default is 2e-5,
	// some hundred roundings of float32, and 5e-3 without Reference, where differences of float32 values cancel.
	Tolerance float64
	// Seed varies the random values.
	Seed uint64
	// Elements is how many elements of each parameter are differentiated, drawn at random; 0: at most 60.
	Elements int
}

// Tensor is one float input.
type Tensor struct {
	Name  string
	Shape []int // a first axis of PerRow is the graph's rows
	// Values gives the elements; nil draws from a normal distribution.
	Values func(rng *rand.Rand) float64
}

// PerRow as the first axis of a Tensor's shape stands for the rows.
const PerRow = -1

// Rows is a tensor with one entry [tail...] a row.
func Rows(name string, tail ...int) Tensor {
	return Tensor{Name: name, Shape: append([]int{PerRow}, tail...)}
}

// Between draws uniformly from [lo,hi).
func Between(lo, hi float64) func(*rand.Rand) float64 {
	return func(rng *rand.Rand) float64 { return lo + (hi-lo)*rng.Float64() }
}

// Nodes are a case's parameters by name.
type Nodes map[string]*nn.Node

// Values are what a Reference computes from: the rows in use only.
type Values struct {
	F        map[string][]float64
	I        map[string][]int32
	Segments []kernel.Segment
	Rows     int
}

// Segments are consecutive sequences of the given lengths, each from position 0.
func Segments(lengths ...int) []kernel.Segment {
	var segs []kernel.Segment
	at := 0
	for _, n := range lengths {
		segs = append(segs, kernel.Segment{Start: at, Len: n})
		at += n
	}
	return segs
}

// Check compares value and gradients.
func (c Case) Check(t testing.TB) {
	t.Helper()
	if c.Segments == nil {
		c.Segments = Segments(5)
	}
	rng := rand.New(rand.NewPCG(c.Seed, 7))
	e := c.compile(t, engine.Options{}, rng)
	e.run(t)
	tol := c.Tolerance
	if tol == 0 && c.Reference != nil {
		tol = 2e-5
	} else if tol == 0 {
		tol = 5e-3
	}
	if c.Reference != nil {
		compare(t, "value", e.value(), c.Reference(e.values()), tol)
	}
	limit := c.Elements
	if limit == 0 {
		limit = 60
	}
	grads := map[string][]float64{}
	for _, p := range c.Params {
		grads[p.Name] = widen(e.params.Get(p.Name).Grad[:e.used(p)])
	}
	for _, p := range c.Params {
		var got, want []float64
		for _, i := range pick(rng, e.used(p), limit) {
			got = append(got, grads[p.Name][i])
			want = append(want, c.difference(t, e, p.Name, i))
		}
		compare(t, "gradient of "+p.Name, got, want, tol)
	}
	c.sameBits(t, e)
}

// sameBits runs the case again with memory that is never shared, with threads, and with poisoned memory.
func (c Case) sameBits(t testing.TB, first *execution) {
	t.Helper()
	first.run(t)
	pool := kernel.NewPool(3)
	defer pool.Close()
	for name, opts := range map[string]engine.Options{
		"threads":   {Pool: pool},
		"poisoned":  {Poison: true},
		"unshared":  {NoSharing: true},
		"run twice": {},
	} {
		e := c.compile(t, opts, nil)
		for _, p := range c.Params {
			copy(e.params.Get(p.Name).W, first.params.Get(p.Name).W)
		}
		copy(e.weights, first.weights)
		e.run(t)
		if name == "run twice" {
			e.run(t)
		}
		if !sameBits(e.out.F32[:len(first.value())], first.out.F32[:len(first.value())]) {
			t.Errorf("%s: the value has other bits", name)
		}
		for _, p := range c.Params {
			if !sameBits(e.params.Get(p.Name).Grad[:e.used(p)], first.params.Get(p.Name).Grad[:e.used(p)]) {
				t.Errorf("%s: the gradient of %s has other bits", name, p.Name)
			}
		}
	}
	if n := testing.AllocsPerRun(5, func() { _ = first.plan.Run(&first.r) }); n != 0 {
		t.Errorf("%v allocations a run, want 0", n)
	}
}

// execution is a compiled case.
type execution struct {
	c       Case
	rows    int
	plan    *engine.Plan
	params  *engine.Params
	out     engine.Buffer
	weights []float32 // of the sum that is differentiated
	r       engine.Run
}

func (c Case) compile(t testing.TB, opts engine.Options, rng *rand.Rand) *execution {
	t.Helper()
	last := c.Segments[len(c.Segments)-1]
	e := &execution{c: c, rows: last.Start + last.Len}
	e.r = engine.Run{Rows: e.rows, Segments: c.Segments}
	capacity := e.rows + 2
	g := nn.NewGraph(capacity, nn.Training)
	nodes := Nodes{}
	var wrt gorgonia.Nodes
	var specs []engine.ParamSpec
	for _, p := range c.Params {
		shape := slices.Clone(p.Shape)
		if len(shape) > 0 && shape[0] == PerRow {
			shape[0] = capacity
		}
		n := g.Param(p.Name, nn.Constant(0), shape...)
		nodes[p.Name] = n
		wrt = append(wrt, n)
		specs = append(specs, engine.ParamSpec{Name: p.Name, Shape: shape})
	}
	y := c.Build(g, nodes)
	cost := y
	if !y.IsScalar() {
		cost = nn.Apply(weigh{Stride: y.Shape().TotalSize() / capacity}, nil, y, g.Input("nntest.weights", y.Shape()[1:]...))
	}
	grads, err := gorgonia.Grad(cost, wrt...)
	if err != nil {
		t.Fatal(err)
	}
	if e.params, err = engine.NewParams(specs); err != nil {
		t.Fatal(err)
	}
	e.params.Train()
	opts.Params, opts.Capacity = e.params, capacity
	for i, p := range c.Params {
		opts.Grads = append(opts.Grads, engine.Gradient{Param: p.Name, Node: grads[i]})
	}
	if e.plan, err = engine.Compile(g.Expr(), gorgonia.Nodes{cost, y}, opts); err != nil {
		t.Fatal(err)
	}
	e.out, _ = e.plan.Buffer(y)
	if in, ok := e.plan.Input("nntest.weights"); ok {
		e.weights = in.F32
		fillNaN(e.weights)
	}
	for name, v := range c.Ints {
		in, ok := e.plan.Input(name)
		if !ok {
			t.Fatalf("the graph has no input %q", name)
		}
		copy(in.I32, v)
	}
	for name, v := range c.Floats {
		if in, ok := e.plan.Input(name); ok {
			fillNaN(in.F32)
			copy(in.F32, v)
		}
	}
	if rng != nil {
		e.draw(rng)
	}
	return e
}

func (e *execution) draw(rng *rand.Rand) {
	for _, p := range e.c.Params {
		w := e.params.Get(p.Name).W
		fillNaN(w)
		for i := range w[:e.used(p)] {
			if p.Values != nil {
				w[i] = float32(p.Values(rng))
			} else {
				w[i] = float32(rng.NormFloat64())
			}
		}
	}
	if e.weights != nil {
		for i := range e.weights[:e.rows*len(e.weights)/(e.rows+2)] {
			e.weights[i] = float32(rng.NormFloat64())
		}
	}
}

// used is the number of a parameter's scalars that belong to rows in use.
func (e *execution) used(p Tensor) int {
	n := e.params.Get(p.Name).Len()
	if len(p.Shape) > 0 && p.Shape[0] == PerRow {
		n = n / (e.rows + 2) * e.rows
	}
	return n
}

func (e *execution) run(t testing.TB) {
	t.Helper()
	if err := e.plan.Run(&e.r); err != nil {
		t.Fatal(err)
	}
}

func (e *execution) value() []float64 {
	n := len(e.out.F32)
	if e.weights != nil {
		n = n / (e.rows + 2) * e.rows
	}
	return widen(e.out.F32[:n])
}

func (e *execution) values() Values {
	v := Values{F: map[string][]float64{}, I: e.c.Ints, Segments: e.c.Segments, Rows: e.rows}
	for _, p := range e.c.Params {
		v.F[p.Name] = widen(e.params.Get(p.Name).W[:e.used(p)])
	}
	return v
}

// sum is what is differentiated.
func (e *execution) sum(y []float64) float64 {
	if e.weights == nil {
		return y[0]
	}
	s := 0.0
	for i, v := range y {
		s += v * float64(e.weights[i])
	}
	return s
}

// difference is the central difference of the sum by one element.
func (c Case) difference(t testing.TB, e *execution, name string, i int) float64 {
	t.Helper()
	if c.Reference != nil {
		v := e.values()
		x := v.F[name][i]
		h := 1e-5 * max(1, math.Abs(x))
		v.F[name][i] = x + h
		up := e.sum(c.Reference(v))
		v.F[name][i] = x - h
		return (up - e.sum(c.Reference(v))) / (2 * h)
	}
	w := e.params.Get(name).W
	x := w[i]
	h := 1e-2 * max(1, float32(math.Abs(float64(x))))
	w[i] = x + h
	e.run(t)
	up, above := e.sum(e.value()), w[i]
	w[i] = x - h
	e.run(t)
	down, below := e.sum(e.value()), w[i]
	w[i] = x
	return (up - down) / float64(above-below)
}

func compare(t testing.TB, what string, got, want []float64, tol float64) {
	t.Helper()
	if len(got) != len(want) {
		t.Errorf("%s: %d values, want %d", what, len(got), len(want))
		return
	}
	top := 1.0
	for _, w := range want {
		top = max(top, 1+math.Abs(w))
	}
	for i := range got {
		if d := math.Abs(got[i] - want[i]); !(d <= tol*top) {
			t.Errorf("%s: element %d is %g, want %g (off by %.2g, at most %.2g)", what, i, got[i], want[i], d, tol*top)
			return
		}
	}
}

func pick(rng *rand.Rand, n, limit int) []int {
	p := rng.Perm(n)
	p = p[:min(n, limit)]
	slices.Sort(p)
	return p
}

func widen(x []float32) []float64 {
	y := make([]float64, len(x))
	for i, v := range x {
		y[i] = float64(v)
	}
	return y
}

func fillNaN(x []float32) {
	for i := range x {
		x[i] = float32(math.NaN())
	}
}

func sameBits(x, y []float32) bool {
	return slices.EqualFunc(x, y, func(a, b float32) bool { return math.Float32bits(a) == math.Float32bits(b) })
}
