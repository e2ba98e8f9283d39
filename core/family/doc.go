// Package family is archlab's contract: what a family of language models answers, in Go types that the harness and
// every plugin share. It is not an implementation and knows nothing of the wire, of Gorgonia or of training recipes.
//
// A family builds models; a model learns, scores and decodes. Tokens go in, numbers come out; weights, activations,
// optimizer and decoding state stay behind the interface unless saved.
//
//	m, card, err := fam.Build(ctx, family.BuildRequest{Config: cfg, Vocab: 512, Seed: 1})
//	res, err := m.Train(ctx, family.TrainRequest{MicroBatches: batches, Optimizer: step})
//	score, err := m.Score(ctx, batch)
//
// Dimensions: B batch, T time, V vocabulary. All matrices are row-major with the last axis contiguous.
package family
