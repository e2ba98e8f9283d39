// Package nn builds language models as Gorgonia expression graphs out of coarse, fused ops, each with its derivative.
// It neither runs a graph nor trains a model: core/engine compiles and runs, core/model trains, scores and decodes.
//
//	g := nn.NewGraph(rows, nn.Training)
//	table := g.Param("embed.weight", nn.Normal(0.02).Lookup(), vocab, width)
//	x := nn.Embedding(table, g.Tokens())
//	x = nn.RMSNorm(x, g.Param("norm.gain", nn.Constant(1), width), 1e-5)
//	loss := nn.Loss(g, nn.Output{Hidden: x, Projection: table})
//
// The same building code serves training, scoring and decoding, so that the parallel and the recurrent form of a model
// cannot disagree: a Graph's Mode only says which outputs are asked for.
//
// Everything is row-packed: a batch is M rows of which a run uses the first Run.Rows, cut into segments that attention,
// convolutions and recurrent state never cross.
//
// Builders check shapes when they are called and panic with a *ShapeError; whoever calls a model's building code
// recovers it once and makes it an error.
//
// Dimensions: M rows, D model width, H query heads, G key/value heads, K head width, F feed-forward width, V vocabulary.
package nn
