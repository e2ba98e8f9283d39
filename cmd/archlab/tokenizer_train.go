package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/archlab/archlab/core/data"
	"github.com/archlab/archlab/core/data/tokenizer"
	"github.com/archlab/archlab/core/record"
)

// tokenizerTrain is the command line of tokenizer train.
type tokenizerTrain struct {
	tokenizer.TrainConfig
	out, field string
}

func tokenizerTrainCommand() *cobra.Command {
	var o tokenizerTrain
	c := &cobra.Command{
		Use: "train FILE...", Short: "Learn a vocabulary from text and write it as tokenizer.json",
		Long: "train reads files, directories and patterns: plain text, .jsonl, .gz and .zst. The same text gives the same vocabulary, whatever\n" +
			"the order of the files and the number of threads.",
		Example: "  archlab tokenizer train --kind bpe --vocab 8192 --out tokenizer.json notes/*.txt",
		Args: func(c *cobra.Command, args []string) error {
			if len(args) == 0 {
				return usageError{"archlab tokenizer train: got no arguments, want files of text", "usage: " + c.UseLine()}
			}
			return nil
		},
		RunE: func(c *cobra.Command, args []string) error {
			return interrupted(c.Context(), o.run(c.Context(), args, os.Stderr))
		},
	}
	f := c.Flags()
	f.StringVar(&o.Kind, "kind", "bpe", "bpe (of bytes), char-bpe (of characters, with bytes for rare ones), wordpiece or unigram")
	f.IntVar(&o.Vocab, "vocab", 0, "number of ids, special tokens included (required)")
	f.StringVar(&o.Pattern, "pattern", "", "all but wordpiece: how text is split into words, one of "+strings.Join(tokenizer.Patterns, ", ")+" (default gpt2)")
	f.StringArrayVar(&o.Special, "special", nil, "a special token; give the flag again for more (default "+data.EndToken+", for wordpiece BERT's)")
	f.StringVar(&o.out, "out", "", "file to write (required)")
	f.StringVar(&o.field, "field", "text", "of .jsonl: the field that holds the text")
	return c
}

func (o *tokenizerTrain) run(ctx context.Context, paths []string, stderr io.Writer) error {
	switch {
	case o.Vocab < 1:
		return usageError{fmt.Sprintf("--vocab: got %d, want the number of ids", o.Vocab), "for example --vocab 8192"}
	case o.out == "":
		return usageError{"missing --out: the file to write", "for example --out tokenizer.json"}
	case !slices.Contains(tokenizer.Kinds, o.Kind):
		return usageError{fmt.Sprintf("--kind: got %q, want one of %s", o.Kind, strings.Join(tokenizer.Kinds, ", ")), ""}
	case o.Kind == "wordpiece" && o.Pattern != "":
		return usageError{"--pattern: wordpiece splits text at white space and punctuation, it has no pattern", "leave it out"}
	}
	if o.Special == nil && o.Kind != "wordpiece" {
		o.Special = []string{data.EndToken}
	}
	begin := time.Now()
	var texts []*data.Corpus
	var size int64
	for _, p := range paths {
		c, err := openText(ctx, p, o.field)
		if err != nil {
			return err
		}
		texts = append(texts, c)
		size += c.Bytes[data.Train]
	}
	fmt.Fprintf(stderr, "learning %d ids (%s) from %d bytes of text\n", o.Vocab, o.Kind, size)
	read, told := int64(0), begin
	t, err := tokenizer.Train(ctx, o.TrainConfig, func(fn func([]byte) error) error {
		for _, c := range texts {
			err := c.Each(ctx, data.Train, func(d data.Document) error {
				read += int64(len(d.Text))
				if now := time.Now(); now.Sub(told) > 5*time.Second {
					told = now
					fmt.Fprintf(stderr, "read %.0f %% of the text\n", 100*float64(read)/float64(size))
				}
				return fn(d.Text)
			})
			if err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	var file bytes.Buffer
	if err := t.Write(&file); err != nil {
		return err
	}
	if err := record.WriteFile(o.out, file.Bytes()); err != nil {
		return err
	}
	fmt.Fprintf(stderr, "wrote %s: %d ids, in %.1f s\n", o.out, t.Size(), time.Since(begin).Seconds())
	if t.Size() < o.Vocab {
		fmt.Fprintf(stderr, "archlab: warning: the text gives no more than %d ids of the %d asked for\n", t.Size(), o.Vocab)
	}
	return nil
}
