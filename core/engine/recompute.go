package engine

import (
	"fmt"

	"gorgonia.org/gorgonia"
)

// Block is a part of the forward pass that is cheap to enter: what Output is computed by from Input and from parameters.
// With Options.Recompute the forward pass keeps of it no more than its ends, and the backward pass, before the first gradient
// that wants something of its inside, computes the inside again (Chen et al. 2016, "Training Deep Nets with Sublinear Memory
// Cost"). The same kernels on the same values make the same bits.
type Block struct{ Input, Output *gorgonia.Node }

// recomputation plans what is computed again.
type recomputation struct {
	first  int64                   // the id of the first backward node
	inside map[*gorgonia.Node]int  // which block a node belongs to
	needed map[*gorgonia.Node]bool // those that are computed again
	values [][]*value              // of each block, those needed, in order of computation
	again  map[*value]*value       // what they are computed again as
	done   []bool                  // which blocks were
}

// planRecomputation finds the nodes to compute again among the nodes of a graph, which are in order of computation. kids
// answers a node's inputs.
func planRecomputation(blocks []Block, first int64, nodes gorgonia.Nodes, kids func(*gorgonia.Node) []*gorgonia.Node) *recomputation {
	r := &recomputation{
		first: first, inside: map[*gorgonia.Node]int{}, needed: map[*gorgonia.Node]bool{}, again: map[*value]*value{},
		values: make([][]*value, len(blocks)), done: make([]bool, len(blocks)),
	}
	for i, b := range blocks {
		r.claim(i, b.Output, b.Input, kids)
	}
	// Kept are the ends, what other blocks or the loss read, and what views show of what is kept.
	kept := map[*gorgonia.Node]bool{}
	var keep func(*gorgonia.Node)
	keep = func(n *gorgonia.Node) {
		kept[n] = true
		if isView(n) {
			keep(kids(n)[0])
		}
	}
	for _, b := range blocks {
		keep(b.Output)
	}
	for _, n := range nodes {
		if n.ID() >= first {
			continue
		}
		for _, k := range kids(n) {
			if at, ok := r.inside[k]; ok && !r.within(n, at) {
				keep(k)
			}
		}
	}
	for _, n := range nodes {
		if isView(n) && kept[kids(n)[0]] {
			kept[n] = true
		}
	}
	// Needed is what the backward pass reads and what that is computed by.
	for i := len(nodes) - 1; i >= 0; i-- {
		n := nodes[i]
		if n.ID() < first && !r.needed[n] {
			continue
		}
		for _, k := range kids(n) {
			if _, ok := r.inside[k]; ok && !kept[k] {
				r.needed[k] = true
			}
		}
	}
	return r
}

// claim puts n and what it is computed by into a block, down to the block's input, to leaves and to other blocks.
func (r *recomputation) claim(at int, n, input *gorgonia.Node, kids func(*gorgonia.Node) []*gorgonia.Node) {
	if _, claimed := r.inside[n]; claimed || n == input || n.Op() == nil {
		return
	}
	if _, constant := constantOf(n); constant {
		return
	}
	r.inside[n] = at
	for _, k := range kids(n) {
		r.claim(at, k, input, kids)
	}
}

func (r *recomputation) within(n *gorgonia.Node, at int) bool {
	in, ok := r.inside[n]
	return ok && in == at
}

// see notes a value of the forward pass.
func (r *recomputation) see(v *value) {
	if r.needed[v.node] {
		at := r.inside[v.node]
		r.values[at] = append(r.values[at], v)
	}
}

// recompute answers what a backward node reads in place of its input k, after it made the steps that compute k's block
// again.
func (c *compiler) recompute(r *recomputation, k *value) (*value, error) {
	if !r.needed[k.node] {
		return k, nil
	}
	if at := r.inside[k.node]; !r.done[at] {
		r.done[at] = true
		for _, v := range r.values[at] {
			w := &value{node: v.node, shape: v.shape, part: -1, again: true}
			for _, x := range v.kids {
				if y := r.again[x]; y != nil {
					x = y
				}
				w.kids = append(w.kids, x)
			}
			if err := c.classify(w); err != nil {
				return nil, err
			}
			c.order = append(c.order, w)
			r.again[v] = w
		}
	}
	w := r.again[k]
	if w == nil {
		return nil, fmt.Errorf("engine: compile: the backward pass wants %s before its block is complete", describe(k.node))
	}
	return w, nil
}

// isView says that a node shows another's memory.
func isView(n *gorgonia.Node) bool {
	if n.Op() == nil {
		return false
	}
	_, saved := n.Op().(savedOp)
	return saved || showsInput(n.Op())
}
