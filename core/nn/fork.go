package nn

import "github.com/archlab/archlab/core/engine"

// Fork answers x n times, each a node of its own, for parts of a model that start from it one after the other, as heads do. The
// gradient of x is added up in the order of the list: one part's is complete, and its activations dead, before the next part's
// begins.
func Fork(x *Node, n int) []*Node {
	list := make([]*Node, n)
	for i := n - 1; i >= 0; i-- {
		list[i] = x
		if i == 0 {
			break
		}
		var err error
		if x, err = engine.Alias(x); err != nil {
			Fail("fork", "%v", err)
		}
	}
	return list
}
