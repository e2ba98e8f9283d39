package engine

import "gorgonia.org/gorgonia"

// interleave orders nodes, which are in the order in which they were made, so that the backward pass runs where Options asks for it. kids answers a
// node's inputs.
func (c *compiler) interleave(nodes gorgonia.Nodes, kids func(*gorgonia.Node) []*gorgonia.Node) gorgonia.Nodes {
	if len(c.opts.BackwardAfter) == 0 || c.opts.Backward == 0 {
		return nodes
	}
	order, done := make(gorgonia.Nodes, 0, len(nodes)), make(map[*gorgonia.Node]bool, len(nodes))
	put := func(n *gorgonia.Node) {
		if !done[n] {
			done[n] = true
			order = append(order, n)
		}
	}
	for _, after := range c.opts.BackwardAfter {
		needed := map[*gorgonia.Node]bool{after: true}
		for i := len(nodes) - 1; i >= 0; i-- {
			if n := nodes[i]; needed[n] && !done[n] {
				for _, k := range kids(n) {
					needed[k] = true
				}
			}
		}
		for _, n := range nodes {
			if needed[n] {
				put(n)
			}
		}
		for _, n := range nodes {
			if c.backward(n) && allOf(done, kids(n)) {
				put(n)
			}
		}
	}
	for _, n := range nodes {
		put(n)
	}
	return order
}

func allOf(set map[*gorgonia.Node]bool, nodes []*gorgonia.Node) bool {
	for _, n := range nodes {
		if !set[n] {
			return false
		}
	}
	return true
}
