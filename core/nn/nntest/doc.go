// Package nntest checks ops of core/nn and of families: the value against a plain float64 computation and every
// gradient, made by Gorgonia and run by core/engine, against central differences of that computation.
//
//	nntest.Case{
//		Segments:  nntest.Segments(5, 1, 7),
//		Params:    []nntest.Tensor{nntest.Rows("x", 6), {Name: "gain", Shape: []int{6}}},
//		Build:     func(g *nn.Graph, p nntest.Nodes) *nn.Node { return nn.RMSNorm(p["x"], p["gain"], 1e-5) },
//		Reference: func(v nntest.Values) []float64 { ... },
//	}.Check(t)
package nntest
