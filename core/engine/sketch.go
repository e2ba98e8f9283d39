package engine

// NewSketch answers parameters that all lie in the same memory, as do their gradients: as much as the largest of them needs.
// A plan over them runs and counts as any other, and what it computes means nothing: for finding out what a model costs
// without making it.
func NewSketch(specs []ParamSpec) *Params {
	p := &Params{byName: make(map[string]*Param, len(specs))}
	for _, s := range specs {
		x := &Param{ParamSpec: s}
		p.list, p.byName[s.Name] = append(p.list, x), x
	}
	largest := 0
	for _, x := range p.list {
		largest = max(largest, x.Len())
	}
	p.weights, p.train = alignedFloats(largest), alignedFloats(largest)
	for _, x := range p.list {
		n := x.Len()
		x.W = p.weights[:n:n]
		if x.learns() {
			x.Grad = p.train[:n:n]
		}
	}
	return p
}
