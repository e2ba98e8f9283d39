package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/archlab/archlab/core/data/tokenizer"
)

// tokenizerUse is what tokenizer encode and decode have in common.
type tokenizerUse struct {
	name, pattern string
	lines         bool
}

func (o *tokenizerUse) flags(c *cobra.Command) {
	c.Flags().StringVar(&o.name, "tokenizer", "", tokenizerFiles+" (required)")
	patternFlag(c, &o.pattern)
}

func (o *tokenizerUse) open() (*tokenizer.Tokenizer, error) {
	if o.name == "" {
		return nil, usageError{"missing --tokenizer", "name " + tokenizerFiles}
	}
	return namedTokenizer(o.name, o.pattern)
}

// tokenizerEncode is the command line of tokenizer encode.
type tokenizerEncode struct {
	tokenizerUse
	form    tokenizer.Form
	sample  float64
	best    int
	dropout float64
	seed    uint64
	sampled bool // by --sample or --dropout
	chosen  bool // --dropout was given, 0 perhaps
}

func tokenizerEncodeCommand() *cobra.Command {
	var o tokenizerEncode
	c := &cobra.Command{
		Use: "encode --tokenizer FILE", Short: "Read text from standard input, print its ids as a JSON array", Args: exactly(),
		Long: "encode prints the ids of the whole input, its last line's end included, as one JSON array; with --lines one array for each line, without\n" +
			"the line's end. A file that truncates or pads texts does so here too, and standard error says how often.",
		Example: "  echo -n 'Hello, world' | archlab tokenizer encode --tokenizer tokenizer.json\n" +
			"  archlab tokenizer encode --tokenizer tokenizer.json --lines --dropout 0.1 --seed 7 <notes.txt",
		RunE: func(c *cobra.Command, _ []string) error {
			set := c.Flags().Changed
			o.chosen, o.sampled = set("dropout"), set("sample") || o.dropout != 0
			switch {
			case set("sample") && set("dropout"):
				return usageError{"--sample and --dropout: want one of them", "--sample is for Unigram models, --dropout for BPE"}
			case set("best") && !set("sample"):
				return usageError{"--best: how many cuts to draw from, only with --sample", ""}
			case !(o.sample >= 0) || o.best < 0:
				return usageError{fmt.Sprintf("--sample and --best: got %g and %d, want 0 or more", o.sample, o.best), ""}
			case !(o.dropout >= 0 && o.dropout <= 1):
				return usageError{fmt.Sprintf("--dropout: got %g, want 0 to 1", o.dropout), ""}
			case set("seed") && !o.sampled:
				return usageError{"--seed: nothing is random", "it goes with --sample or --dropout"}
			}
			t, err := o.open()
			if err != nil {
				return err
			}
			return o.run(t, c.InOrStdin(), c.OutOrStdout(), c.ErrOrStderr())
		},
	}
	o.flags(c)
	f := c.Flags()
	f.BoolVar(&o.lines, "lines", false, "one array for each line")
	f.BoolVar(&o.form.Special, "add-special", true, "add the special tokens that the tokenizer puts around a text, as [CLS] and [SEP]")
	f.BoolVar(&o.form.Truncate, "truncate", true, "keep no more tokens of a text than the tokenizer's file says")
	f.BoolVar(&o.form.Pad, "pad", true, "fill texts up as the tokenizer's file says")
	f.Float64Var(&o.sample, "sample", 0, "of Unigram: cut words at random, with probability proportional to a cut's own to this power")
	f.IntVar(&o.best, "best", 64, "with --sample: among the so many best cuts of a word; 0: among all")
	f.Float64Var(&o.dropout, "dropout", 0, "of BPE: leave each merge out with this probability")
	f.Uint64Var(&o.seed, "seed", 1, "with --sample or --dropout: the same seed gives the same ids")
	return c
}

func (o *tokenizerEncode) run(t *tokenizer.Tokenizer, r io.Reader, w, stderr io.Writer) error {
	ids, err := o.encoder(t)
	if err != nil {
		return err
	}
	if p := t.Dropout(); p > 0 && !o.chosen {
		warn(stderr, fmt.Sprintf("the tokenizer asks for dropout %g, which is for training: these ids are without it", p),
			fmt.Sprintf("--dropout %g draws words' cuts with it, --dropout 0 says that none is wanted", p))
	}
	var texts, truncated, padded int
	out := bufio.NewWriterSize(w, 1<<16)
	err = eachText(r, o.lines, func(text []byte) error {
		if len(text) > tokenizer.MaxText {
			return hinted{fmt.Errorf("a text of %d bytes is too long, want at most %d", len(text), tokenizer.MaxText), "--lines encodes line by line"}
		}
		e := ids(text, uint64(texts))
		texts++
		if e.Truncated {
			truncated++
		}
		if e.Padding > 0 {
			padded++
		}
		_, err := out.Write(arrayOf(out.AvailableBuffer(), e.IDs))
		return err
	})
	if truncated > 0 {
		limit, _ := t.Limit()
		warn(stderr, fmt.Sprintf("truncated %d of %s to %d tokens, as the tokenizer's file says", truncated, plural(texts, "text"), limit), "--truncate=false keeps all")
	}
	if padded > 0 {
		warn(stderr, fmt.Sprintf("padded %d of %s, as the tokenizer's file says", padded, plural(texts, "text")), "--pad=false leaves padding out")
	}
	return errors.Join(err, out.Flush())
}

// encoder answers the function that encodes text number n.
func (o *tokenizerEncode) encoder(t *tokenizer.Tokenizer) (func(text []byte, n uint64) *tokenizer.Encoding, error) {
	if o.sampled {
		how, flag := tokenizer.Sampling{Alpha: o.sample, Best: o.best}, "--sample"
		if o.dropout != 0 {
			how, flag = tokenizer.Sampling{Dropout: o.dropout}, "--dropout"
		}
		s, err := t.Sampler(how)
		if err != nil {
			var e *tokenizer.Error
			if errors.As(err, &e) {
				return nil, hinted{fmt.Errorf("%s: %s", flag, e.Message), "Unigram models take --sample, BPE models take --dropout, others neither"}
			}
			return nil, err
		}
		return func(text []byte, n uint64) *tokenizer.Encoding {
			return s.EncodeForm(text, o.form, rand.New(rand.NewPCG(o.seed, n)))
		}, nil
	}
	front, back := around(t)
	_, truncates := t.Limit()
	_, _, pads := t.Padding()
	if o.form.Special && len(front)+len(back) > 0 || o.form.Truncate && truncates || o.form.Pad && pads {
		return func(text []byte, _ uint64) *tokenizer.Encoding { return t.EncodeForm(text, o.form) }, nil
	}
	var e tokenizer.Encoding
	return func(text []byte, _ uint64) *tokenizer.Encoding {
		e.IDs = t.AppendIDs(e.IDs[:0], text)
		return &e
	}, nil
}

// arrayOf appends ids as a JSON array in a line of its own.
func arrayOf(line []byte, ids []int32) []byte {
	line = append(line, '[')
	for i, id := range ids {
		if i > 0 {
			line = append(line, ',')
		}
		line = strconv.AppendInt(line, int64(id), 10)
	}
	return append(line, ']', '\n')
}

// eachText calls fn with all that is read, or with each line without its end.
func eachText(r io.Reader, lines bool, fn func(text []byte) error) error {
	if !lines {
		text, err := io.ReadAll(r)
		if err != nil {
			return err
		}
		return fn(text)
	}
	in := bufio.NewReaderSize(r, 1<<16)
	for {
		text, err := in.ReadBytes('\n')
		if err == io.EOF && len(text) == 0 {
			return nil
		}
		if err != nil && err != io.EOF {
			return err
		}
		if n := len(text); text[n-1] == '\n' {
			text = text[:n-1]
		}
		if err := fn(text); err != nil {
			return err
		}
	}
}
