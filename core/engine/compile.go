package engine

import (
	"fmt"
	"slices"
	"sort"
	"strings"
	"time"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// value is where one node's value comes from and lives.
type value struct {
	node  *gorgonia.Node
	kids  []*value
	shape tensor.Shape
	ints  bool
	leaf  bool     // memory outside the arena: parameters, inputs, constants
	fixed bool     // depends on parameters and constants alone
	rows  bool     // has a row for each of the run
	half  bool     // has 16 bits
	of    *value   // of a view: the value that owns the memory
	part  int      // of a view: the saved buffer it shows, or -1 for all of the value
	again bool     // computed again for the backward pass
	reads int      // how often the value is read, by steps or as an output
	boxed bool     // neither float32 nor int32: passed between fallback ops as box
	block *block   // nil for leaves and boxed values
	saved []*block // beside the value
	lay   Layout
	tmp   *block // staging and scratch
	stage *stage // nil where the kernel works on the plan's memory

	savedHalf []bool // which saved buffers have 16 bits
	box       gorgonia.Value
	buf       Buffer
}

// Compile turns the part of a graph that outputs (and gradients) depend on into a plan. The graph's shapes are those at
// full capacity.
//
// Nodes without an op are parameters if Params has their name, and data inputs to be filled through Plan.Input
// otherwise.
func Compile(g *gorgonia.ExprGraph, outputs gorgonia.Nodes, opts Options) (*Plan, error) {
	start := time.Now()
	c, err := schedule(g, outputs, opts)
	if err != nil {
		return nil, err
	}
	if err := c.allocate(); err != nil {
		return nil, err
	}
	if err := c.bind(); err != nil {
		return nil, err
	}
	if err := c.copyGrads(); err != nil {
		return nil, err
	}
	c.plan.compile = time.Since(start)
	return c.plan, nil
}

// ArenaBytes is the arena of the plan that Compile would make, which it does not make.
func ArenaBytes(g *gorgonia.ExprGraph, outputs gorgonia.Nodes, opts Options) (int64, error) {
	c, err := schedule(g, outputs, opts)
	if err != nil {
		return 0, err
	}
	return 4 * int64(place(c.blocks, !opts.NoSharing)), nil
}

// schedule orders the steps and finds when the memory of each lives.
func schedule(g *gorgonia.ExprGraph, outputs gorgonia.Nodes, opts Options) (*compiler, error) {
	if opts.Precision == "" {
		opts.Precision = FP32
	}
	if !slices.Contains(Precisions, opts.Precision) {
		return nil, &PrecisionError{opts.Precision}
	}
	c := &compiler{opts: opts, values: map[*gorgonia.Node]*value{}}
	c.plan = &Plan{inputs: map[string]Buffer{}, values: c.values, capacity: opts.Capacity, params: opts.Params, version: -1}
	roots := append(gorgonia.Nodes{}, outputs...)
	for _, x := range opts.Grads {
		roots = append(roots, x.Node)
	}
	if err := c.collect(g, roots); err != nil {
		return nil, err
	}
	c.keepDerived()
	if err := c.live(roots); err != nil {
		return nil, err
	}
	if err := c.pinGrads(); err != nil {
		return nil, err
	}
	return c, nil
}

type compiler struct {
	opts   Options
	plan   *Plan
	order  []*value // in the order of computation, leaves and views included
	run    []*value // those that run a kernel: step i computes run[i]
	blocks []*block
	values map[*gorgonia.Node]*value
	exact  map[part]bool // float32 in every precision
}

// collect finds the nodes that roots depend on and orders them as they were made, but for Options.BackwardAfter: every node was made after its
// inputs, so that forward ops come as written and backward ops as differentiated.
func (c *compiler) collect(g *gorgonia.ExprGraph, roots gorgonia.Nodes) error {
	if len(roots) == 0 {
		return fmt.Errorf("engine: compile: no outputs")
	}
	// A subgraph has a fresh index from id to node; that of the whole graph goes stale when Gorgonia removes nodes.
	sub := g.ExactSubgraphRoots(roots...)
	nodes := append(gorgonia.Nodes{}, sub.AllNodes()...)
	sort.Slice(nodes, func(i, j int) bool { return nodes[i].ID() < nodes[j].ID() })
	nodes = slices.CompactFunc(nodes, func(a, b *gorgonia.Node) bool { return a.ID() == b.ID() })
	inputs := func(n *gorgonia.Node) (kids []*gorgonia.Node) {
		for it := sub.From(n.ID()); it.Next(); {
			kids = append(kids, it.Node().(*gorgonia.Node))
		}
		return kids
	}
	c.keepExact(nodes, inputs, roots)
	nodes = c.interleave(nodes, inputs)
	var again *recomputation
	if len(c.opts.Recompute) > 0 && c.opts.Backward > 0 {
		again = planRecomputation(c.opts.Recompute, c.opts.Backward, nodes, inputs)
	}
	for _, n := range nodes {
		v := &value{node: n, shape: n.Shape(), part: -1}
		for _, k := range inputs(n) {
			kid := c.values[k]
			if kid == nil {
				return fmt.Errorf("engine: compile: %s was made before its input", describe(n))
			}
			if again != nil && c.backward(n) {
				var err error
				if kid, err = c.recompute(again, kid); err != nil {
					return err
				}
			}
			v.kids = append(v.kids, kid)
		}
		if again != nil {
			again.see(v)
		}
		if err := c.classify(v); err != nil {
			return err
		}
		c.values[n] = v
		c.order = append(c.order, v)
	}
	return nil
}

// classify decides what a node is: a leaf, a view, or a step with blocks of memory.
func (c *compiler) classify(v *value) error {
	n := v.node
	switch n.Dtype() {
	case tensor.Float32:
	case tensor.Int32:
		v.ints = true
	default:
		v.boxed = true
	}
	if n.Op() == nil {
		return c.leaf(v)
	}
	if k, ok := constantOf(n); ok {
		v.leaf, v.fixed = true, true
		if v.boxed {
			v.box = k
			return nil
		}
		buf, err := bufferOf(k, v.shape)
		if err != nil {
			return fmt.Errorf("engine: compile: constant %s: %w", describe(n), err)
		}
		v.buf = buf
		return nil
	}
	if s, ok := n.Op().(savedOp); ok {
		from := v.kids[0]
		if s.index >= len(from.saved) {
			return fmt.Errorf("engine: compile: %s has %d saved buffers, want number %d", describe(from.node), len(from.saved), s.index)
		}
		if n := from.lay.Saved[s.index].Len; n != v.shape.TotalSize() {
			return fmt.Errorf("engine: compile: saved buffer %d of %s has %d values, want shape %v", s.index, describe(from.node), n, v.shape)
		}
		if want := from.lay.Saved[s.index].Int; want != v.ints {
			return fmt.Errorf("engine: compile: saved buffer %d of %s: int32 is %v, asked as %v", s.index, describe(from.node), want, v.ints)
		}
		v.of, v.part, v.block, v.fixed = from, s.index, from.saved[s.index], from.fixed
		v.rows, v.half = from.lay.Saved[s.index].Rows && c.spansRows(v.shape), from.savedHalf[s.index]
		return nil
	}
	if showsInput(n.Op()) && !v.boxed {
		v.of, v.block, v.fixed = v.kids[0], v.kids[0].block, v.kids[0].fixed
		v.rows, v.half = v.kids[0].rows && c.spansRows(v.shape), v.kids[0].half
		if v.shape.TotalSize() != v.kids[0].shape.TotalSize() {
			return fmt.Errorf("engine: compile: %s of %v", describe(n), v.kids[0].shape)
		}
		return nil
	}
	return c.op(v)
}

// leaf binds a parameter or makes a data input.
func (c *compiler) leaf(v *value) error {
	v.leaf = true
	n := v.node
	size := v.shape.TotalSize()
	if c.opts.Params != nil {
		if x := c.opts.Params.Get(n.Name()); x != nil {
			if !tensor.Shape(x.Shape).Eq(v.shape) && !(len(v.shape) == 0 && size == x.Len()) {
				return fmt.Errorf("engine: compile: parameter %s has shape %v, the graph wants %v", x.Name, x.Shape, v.shape)
			}
			v.buf, v.fixed = Buffer{Shape: v.shape, F32: x.W}, true
			return nil
		}
	}
	if v.boxed {
		return fmt.Errorf("engine: compile: input %s is %v, want float32 or int32", n.Name(), n.Dtype())
	}
	v.buf, v.rows = Buffer{Shape: v.shape}, c.spansRows(v.shape)
	if v.ints {
		v.buf.I32 = make([]int32, size)
	} else {
		v.buf.F32 = alignedFloats(size)
	}
	if _, dup := c.plan.inputs[n.Name()]; dup {
		return fmt.Errorf("engine: compile: two inputs are named %q", n.Name())
	}
	c.plan.inputs[n.Name()] = v.buf
	return nil
}

// op gives a node its step and its blocks.
func (c *compiler) op(v *value) error {
	at := len(c.run)
	c.run = append(c.run, v)
	if strings.HasPrefix(fmt.Sprintf("%T", v.node.Op()), "gorgonia.random") {
		return fmt.Errorf("engine: compile: %s draws random numbers from the clock", describe(v.node))
	}
	if op, ok := v.node.Op().(Op); ok {
		v.lay = op.Layout(shapesOf(v.kids))
	} else {
		v.lay = stockLayout(v)
	}
	v.fixed = v.lay.Pure && !v.boxed && len(v.kids) > 0
	for _, k := range v.kids {
		v.fixed = v.fixed && k.fixed && !k.boxed
	}
	c.format(v)
	if !v.boxed {
		v.block = c.block(floats(v.shape.TotalSize(), v.half), at)
	}
	for i, e := range v.lay.Saved {
		v.saved = append(v.saved, c.block(floats(e.Len, v.savedHalf[i]), at))
	}
	scratch := v.lay.Scratch
	if v.stage = c.stage(v); v.stage != nil {
		staging, own := v.stage.layout(v.stage.rows)
		scratch = staging + own
	}
	if scratch > 0 {
		v.tmp = c.block(scratch, at)
	}
	return nil
}

func shapesOf(kids []*value) []tensor.Shape {
	shapes := make([]tensor.Shape, len(kids))
	for i, k := range kids {
		shapes[i] = k.shape
	}
	return shapes
}

// spansRows says whether a shape has one row for each of the plan's.
func (c *compiler) spansRows(shape tensor.Shape) bool {
	return c.opts.Capacity > 0 && len(shape) > 0 && shape[0] == c.opts.Capacity
}

// owner is the value whose memory v shows all of.
func (v *value) owner() *value {
	for v.of != nil && v.part < 0 {
		v = v.of
	}
	return v
}

func (c *compiler) block(size, at int) *block {
	b := &block{size: size, def: at, last: at}
	c.blocks = append(c.blocks, b)
	c.plan.bytes += 4 * int64(size)
	return b
}

// bind makes the kernels.
func (c *compiler) bind() error {
	for at := 0; at < len(c.run); at++ {
		if s, ok := c.join(at); ok {
			c.plan.steps = append(c.plan.steps, s, step{})
			at++
			continue
		}
		v := c.run[at]
		b := c.binding(v)
		var k Kernel
		var err error
		op := v.node.Op()
		own, fused := op.(Op)
		if s, ok := op.(Stateful); ok && !v.again {
			b.Slot = len(c.plan.stateful)
			c.plan.stateful = append(c.plan.stateful, s.State())
		}
		c.plan.mixes = c.plan.mixes || !fused && mixesRows(op)
		switch {
		case v.stage != nil:
			v.stage.slot = b.Slot
			k, err = v.stage.run, v.stage.bind(v.stage.rows, b.Scratch)
		case fused:
			k, err = own.Bind(b)
		default:
			k, err = stockKernel(v, b)
		}
		if err != nil {
			return fmt.Errorf("engine: compile: %s: %w", describe(v.node), err)
		}
		c.plan.steps = append(c.plan.steps, step{kernel: k, kind: kindOf(op), name: describe(v.node), pass: c.pass(v), again: v.again, traffic: trafficOf(b, c.opts.Capacity)})
	}
	return nil
}

// binding is what the kernel of v may touch.
func (c *compiler) binding(v *value) Binding {
	b := Binding{Out: v.buf, Saved: v.buf.Saved, Pool: c.opts.Pool, Precision: c.opts.Precision}
	for _, k := range v.kids {
		b.In = append(b.In, k.buf)
	}
	if v.tmp != nil {
		b.Scratch = c.memory(v.tmp)
	}
	return b
}

// pass is 0 for the forward pass and 1 for the backward pass.
func (c *compiler) pass(v *value) int {
	if c.backward(v.node) || v.again {
		return 1
	}
	return 0
}

// backward says whether a node belongs to the backward pass.
func (c *compiler) backward(n *gorgonia.Node) bool {
	return c.opts.Backward > 0 && n.ID() >= c.opts.Backward
}

func describe(n *gorgonia.Node) string {
	if n.Op() == nil {
		return n.Name()
	}
	return fmt.Sprintf("%v %v", n.Op(), n.Shape())
}
