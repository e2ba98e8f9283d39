package nn

// TrainingOnly marks the parameters that build makes as having no part in the computation of a token when scoring and
// decoding: they count as parameters, not as active ones.
func (g *Graph) TrainingOnly(build func()) {
	first := len(g.params)
	build()
	for i := first; i < len(g.params); i++ {
		g.params[i].Active = 0
	}
}
