package data_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/archlab/archlab/core/data"
)

// From a directory of text to a batch.
func Example() {
	ctx := context.Background()
	dir, err := os.MkdirTemp("", "notes")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	for i := range 200 {
		text := strings.Repeat(fmt.Sprintf("note %d says hello. ", i), 10)
		if err := os.WriteFile(filepath.Join(dir, fmt.Sprintf("%03d.txt", i)), []byte(text), 0o666); err != nil {
			fmt.Println(err)
			return
		}
	}

	corpus, err := data.Open(ctx, data.CorpusConfig{Kind: "text", Path: dir})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("documents:", corpus.Documents[data.Train]+corpus.Documents[data.Validation]+corpus.Documents[data.Test])

	tok, err := data.OpenTokenizer(ctx, data.TokenizerConfig{Kind: "bpe", Vocab: 270}, corpus, data.Cache{})
	if err != nil {
		fmt.Println(err)
		return
	}
	ids := data.PromptTokens(tok, []byte("hello."))
	fmt.Printf("%d ids, a prompt starts with %d and reads %q\n", tok.Vocab(), ids[0], tok.Decode(nil, ids))

	stream, err := data.OpenStream(ctx, corpus, data.Train, tok, data.Cache{})
	if err != nil {
		fmt.Println(err)
		return
	}
	batcher, err := data.NewBatcher(stream, data.BatchConfig{B: 2, T: 16, Mode: data.Documents, Seed: 1})
	if err != nil {
		fmt.Println(err)
		return
	}
	batch, err := batcher.Batch(1000) // any step, without the 999 before it
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("B, T:", batch.B, batch.T, "targets are the next tokens:", batch.Targets[3] == batch.Tokens[4])
	// Output:
	// documents: 200
	// 270 ids, a prompt starts with 256 and reads "hello."
	// B, T: 2 16 targets are the next tokens: true
}
