package engine

import (
	"fmt"

	"gorgonia.org/gorgonia"
)

// Gradient is the gradient of one parameter.
type Gradient struct {
	Param string
	Node  *gorgonia.Node
}

// Differentiate adds the gradients of a scalar by parameters to its graph, with gorgonia.Grad: names and nodes belong
// together. It answers the id of the first node that it added as well, for Options.Backward.
func Differentiate(total *gorgonia.Node, names []string, nodes []*gorgonia.Node) ([]Gradient, int64, error) {
	g := total.Graph()
	used := map[int64]bool{}
	for _, n := range g.ExactSubgraphRoots(total).AllNodes() {
		used[n.ID()] = true
	}
	backward := int64(0)
	for _, n := range g.AllNodes() {
		backward = max(backward, n.ID()+1)
	}
	list := make([]Gradient, len(names))
	for i, name := range names {
		if !used[nodes[i].ID()] {
			return nil, 0, fmt.Errorf("engine: differentiate: parameter %s takes no part in what is minimised", name)
		}
		list[i].Param = name
	}
	if len(list) == 0 {
		return list, backward, nil
	}
	grads, err := gorgonia.Grad(total, nodes...)
	if err != nil {
		return nil, 0, fmt.Errorf("engine: differentiate: %w", err)
	}
	for i := range list {
		list[i].Node = grads[i]
	}
	return list, backward, nil
}
