// Package data turns text into batches: corpora, tokenizers, encoded streams and deterministic windows over them.
//
// A corpus is the Go source of the running toolchain or files that are already on this machine; data/fetch alone downloads. Filters leave out
// whole documents, and what they removed is part of the corpus's description. Synthetic tasks live in data/task and non-neural baselines in
// data/control.
//
// From files to batches:
//
//	corpus, err := data.Open(ctx, data.CorpusConfig{Kind: "gosrc", MaxBytes: 4 << 20})
//	tok, err := data.OpenTokenizer(ctx, data.TokenizerConfig{Kind: "bpe", Vocab: 2048}, corpus, cache)
//	stream, err := data.OpenStream(ctx, corpus, data.Train, tok, cache)
//	batcher, err := data.NewBatcher(stream, data.BatchConfig{B: 8, T: 256, Mode: data.Packed, Seed: 1})
//	batch, err := batcher.Batch(step)
//
// # What is a pure function of what
//
// The documents of a corpus, their split and their order depend on the files' contents and relative names alone. A
// vocabulary depends on the corpus and its parameters. A training batch depends on the stream, the data seed and the step:
// nothing else has to be stored to resume.
//
// # The end-of-document token
//
// A stream is EOD doc EOD doc ... EOD. One token ends a document and opens the next one, so every byte of every document
// is a target, the first one included, in packed and in documents mode alike. A prompt therefore starts with EOD (see
// PromptTokens) and generation stops at EOD. EOD stands for zero bytes of text: its loss counts in bits per byte, its
// length does not.
//
// Dimensions: B batch, T time.
package data
