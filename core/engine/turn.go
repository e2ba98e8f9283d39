package engine

import "gorgonia.org/gorgonia"

// turn orders nodes, which are in the order in which they were made, by the turns that Options asks for. kids answers a
// node's inputs.
func (c *compiler) turn(nodes gorgonia.Nodes, kids func(*gorgonia.Node) []*gorgonia.Node) gorgonia.Nodes {
	if len(c.opts.Turns) == 0 || c.opts.Backward == 0 {
		return nodes
	}
	order, done := make(gorgonia.Nodes, 0, len(nodes)), make(map[*gorgonia.Node]bool, len(nodes))
	put := func(n *gorgonia.Node) {
		if !done[n] {
			done[n] = true
			order = append(order, n)
		}
	}
	for _, t := range c.opts.Turns {
		needed := map[*gorgonia.Node]bool{t: true}
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
