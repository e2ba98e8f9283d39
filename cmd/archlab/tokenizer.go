package main

import (
	"context"
	"strings"

	"github.com/spf13/cobra"

	"github.com/archlab/archlab/core/data"
	"github.com/archlab/archlab/core/data/tokenizer"
)

func tokenizerCommand() *cobra.Command {
	return group("tokenizer", "Train, use, describe and compare tokenizers", tokenizerTrainCommand(), tokenizerEncodeCommand(), tokenizerDecodeCommand(),
		tokenizerInfoCommand(), tokenizerCompareCommand())
}

// bytesName is the tokenizer that needs no file: one token a byte.
const bytesName = "bytes"

// tokenizerFiles is said of every argument that names a tokenizer.
const tokenizerFiles = "a tokenizer.json, a tiktoken rank file (with --pattern), a SentencePiece model, or the word " + bytesName

// namedTokenizer reads a tokenizer's file, or answers the built-in one.
func namedTokenizer(name, pattern string) (*tokenizer.Tokenizer, error) {
	if name == bytesName {
		return tokenizer.Bytes(), nil
	}
	return data.LoadTokenizerFile(name, pattern)
}

// patternFlag is for reading; training has its own.
func patternFlag(c *cobra.Command, pattern *string) {
	c.Flags().StringVar(pattern, "pattern", "", "of a tiktoken rank file: how its tokenizer splits text, one of "+strings.Join(tokenizer.Patterns, ", "))
}

// openText opens files of text as a corpus whose documents are all in one split.
func openText(ctx context.Context, path, field string) (*data.Corpus, error) {
	return data.Open(ctx, data.CorpusConfig{Kind: "text", Path: path, Field: field, DocumentBytes: 256 << 10, Shares: data.Shares{1, 0, 0}})
}
