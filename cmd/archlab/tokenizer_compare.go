package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/archlab/archlab/core/data"
	"github.com/archlab/archlab/core/data/tokenizer/inspect"
)

// tokenizerCompare is the command line of tokenizer compare.
type tokenizerCompare struct {
	names   []string
	pattern string
	words   []string
	top     int
	field   string
	json    bool
}

func tokenizerCompareCommand() *cobra.Command {
	var o tokenizerCompare
	c := &cobra.Command{
		Use: "compare --tokenizer FILE --tokenizer FILE [TEXT...]", Short: "Show what tokenizers do to a text: bytes a token, split words, hidden letters",
		Long: "compare reads TEXT (files, directories, patterns: plain text, .jsonl, .gz, .zst), or standard input.\n" +
			"A word is a run of letters, digits and marks. A model sees a letter where one token holds it and no other letter of the word: the letters\n" +
			"inside of longer pieces it cannot count, it can only have learned how such a piece is spelled.",
		Example: "  archlab tokenizer compare --tokenizer bytes --tokenizer tokenizer.json notes.txt\n" +
			"  archlab tokenizer compare --tokenizer tokenizer.json --word strawberry --word Mississippi notes.txt",
		RunE: func(c *cobra.Command, args []string) error {
			return interrupted(c.Context(), o.run(c.Context(), args, c.InOrStdin(), c.OutOrStdout()))
		},
	}
	f := c.Flags()
	f.StringArrayVar(&o.names, "tokenizer", nil, tokenizerFiles+"; give the flag again for more (required)")
	f.StringArrayVar(&o.words, "word", []string{"strawberry", "bookkeeper", "Mississippi"}, "a word whose pieces to show; give the flag again for more")
	f.IntVar(&o.top, "top", 10, "how many of the text's most split words to list")
	f.StringVar(&o.field, "field", "text", "of .jsonl: the field that holds the text")
	patternFlag(c, &o.pattern)
	f.BoolVar(&o.json, "json", false, "print JSON")
	return c
}

func (o *tokenizerCompare) run(ctx context.Context, paths []string, stdin io.Reader, stdout io.Writer) error {
	switch {
	case len(o.names) == 0:
		return usageError{"missing --tokenizer", "name " + tokenizerFiles}
	case o.top < 0:
		return usageError{fmt.Sprintf("--top: got %d, want at least 0", o.top), ""}
	}
	var subjects []inspect.Subject
	for i, name := range shortNames(o.names) {
		t, err := namedTokenizer(o.names[i], o.pattern)
		if err != nil {
			return err
		}
		subjects = append(subjects, inspect.Subject{Name: name, Tokenizer: t})
	}
	c := inspect.NewComparison(subjects, o.words)
	if len(paths) == 0 {
		if err := eachChunk(ctx, stdin, c.Add); err != nil {
			return err
		}
	}
	for _, p := range paths {
		text, err := openText(ctx, p, o.field)
		if err != nil {
			return err
		}
		if err := text.Each(ctx, data.Train, func(d data.Document) error { c.Add(d.Text); return nil }); err != nil {
			return err
		}
	}
	r := c.Report(o.top)
	switch {
	case r.Bytes == 0:
		return hinted{errors.New("no text: standard input is empty"), "name files of text, or pipe some in"}
	case o.json:
		return printJSON(stdout, r)
	}
	return printComparison(stdout, r)
}

// shortNames are the files' names, or their whole paths where two files have the same.
func shortNames(paths []string) []string {
	var short []string
	for _, p := range paths {
		short = append(short, filepath.Base(p))
	}
	seen := map[string]bool{}
	for _, s := range short {
		if seen[s] {
			return paths
		}
		seen[s] = true
	}
	return short
}

// chunkBytes is how much of standard input is encoded at a time.
const chunkBytes = 64 << 10

// eachChunk cuts text at lines' ends into parts of about chunkBytes.
func eachChunk(ctx context.Context, r io.Reader, fn func(text []byte)) error {
	in := bufio.NewReaderSize(r, chunkBytes)
	var part []byte
	for {
		line, err := in.ReadSlice('\n')
		part = append(part, line...)
		whole := err == nil && len(part) >= chunkBytes
		if (whole || err == io.EOF || len(part) >= 16*chunkBytes) && len(part) > 0 {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			fn(part)
			part = part[:0]
		}
		if err == io.EOF {
			return nil
		}
		if err != nil && err != bufio.ErrBufferFull {
			return err
		}
	}
}

func printComparison(w io.Writer, r inspect.Report) error {
	fmt.Fprintf(w, "%d bytes of text, %d words\n\n", r.Bytes, r.Words)
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "tokenizer\tkind\tids\tbytes/token\ttokens/word\twords split\tletters seen\tids used\tunknown\tlossless")
	for _, v := range r.Tokenizers {
		fmt.Fprintf(t, "%s\t%s\t%d\t%.3f\t%.3f\t%s\t%s\t%s\t%s\t%s\n", v.Name, v.Kind, v.Vocab, v.BytesPerToken, v.TokensPerWord, percent(v.WordsSplit),
			percent(v.LettersSeen), percent(float64(v.VocabUsed)/float64(v.Vocab)), percent(v.Unknown), map[bool]string{true: "yes", false: "no"}[v.Lossless])
	}
	if asked := r.Tokenizers[0].Asked; len(asked) > 0 {
		fmt.Fprintln(t, "\nword\ttokenizer\twhere\tpieces\ttokens\tletters seen\tmost frequent letter")
		for i := range asked {
			for _, v := range r.Tokenizers {
				a := v.Asked[i]
				for _, x := range []struct {
					where string
					cut   inspect.Cut
				}{{"after a blank", a.After}, {"alone", a.Alone}} {
					letters, seen := x.cut.Count()
					fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%d\t%d of %d\t%s\n", a.Word, v.Name, x.where, x.cut, x.cut.Tokens(), seen, letters, mostOf(x.cut))
				}
			}
		}
	}
	for _, v := range r.Tokenizers {
		if len(v.Split) == 0 {
			continue
		}
		fmt.Fprintf(t, "\nmost split by %s\ttimes\tpieces\ttokens\tletters seen\tmost frequent letter\n", v.Name)
		for _, s := range v.Split {
			letters, seen := s.Cut.Count()
			fmt.Fprintf(t, "%s\t%d\t%s\t%d\t%d of %d\t%s\n", s.Word, s.Count, s.Cut, s.Tokens(), seen, letters, mostOf(s.Cut))
		}
	}
	return t.Flush()
}

// mostOf says how often a word's most frequent letter is there and seen, if it is there more than once.
func mostOf(c inspect.Cut) string {
	m := c.Most()
	if m.Count < 2 {
		return "-"
	}
	return fmt.Sprintf("%s: %d there, %d seen", m.Letter, m.Count, m.Seen)
}

func percent(share float64) string { return fmt.Sprintf("%.1f %%", 100*share) }
