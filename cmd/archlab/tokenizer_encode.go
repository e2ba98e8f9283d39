package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/archlab/archlab/core/data/tokenizer"
)

// tokenizerUse is the command line of tokenizer encode and decode.
type tokenizerUse struct {
	name, pattern string
	lines         bool
	special       bool
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

func tokenizerEncodeCommand() *cobra.Command {
	var o tokenizerUse
	c := &cobra.Command{
		Use: "encode --tokenizer FILE", Short: "Read text from standard input, print its ids as a JSON array", Args: exactly(),
		Long: "encode prints the ids of the whole input, its last line's end included, as one JSON array; with --lines one array for each line, without\n" +
			"the line's end.",
		Example: "  echo -n 'Hello, world' | archlab tokenizer encode --tokenizer tokenizer.json",
		RunE: func(c *cobra.Command, _ []string) error {
			t, err := o.open()
			if err != nil {
				return err
			}
			return o.encode(t, c.InOrStdin(), c.OutOrStdout())
		},
	}
	o.flags(c)
	c.Flags().BoolVar(&o.lines, "lines", false, "one array for each line")
	c.Flags().BoolVar(&o.special, "add-special", true, "add the special tokens that the tokenizer puts around a text, as [CLS] and [SEP]")
	return c
}

func (o *tokenizerUse) encode(t *tokenizer.Tokenizer, r io.Reader, w io.Writer) error {
	out := bufio.NewWriterSize(w, 1<<16)
	front, back := around(t)
	adds := o.special && len(front)+len(back) > 0
	var line []byte
	var ids []int32
	print := func(text []byte) error {
		if len(text) > tokenizer.MaxText {
			return hinted{fmt.Errorf("a text of %d bytes is too long, want at most %d", len(text), tokenizer.MaxText), "--lines encodes line by line"}
		}
		if adds {
			ids = t.Encode(text, true).IDs
		} else {
			ids = t.AppendIDs(ids[:0], text)
		}
		line = append(line[:0], '[')
		for i, id := range ids {
			if i > 0 {
				line = append(line, ',')
			}
			line = strconv.AppendInt(line, int64(id), 10)
		}
		_, err := out.Write(append(line, ']', '\n'))
		return err
	}
	if !o.lines {
		text, err := io.ReadAll(r)
		if err == nil {
			err = print(text)
		}
		return errors.Join(err, out.Flush())
	}
	in := bufio.NewReaderSize(r, 1<<16)
	for {
		text, err := in.ReadBytes('\n')
		if err != nil && (err != io.EOF || len(text) == 0) {
			if err == io.EOF {
				err = nil
			}
			return errors.Join(err, out.Flush())
		}
		if n := len(text); text[n-1] == '\n' {
			text = text[:n-1]
		}
		if err := print(text); err != nil {
			return err
		}
	}
}

func tokenizerDecodeCommand() *cobra.Command {
	var o tokenizerUse
	var skip bool
	c := &cobra.Command{
		Use: "decode --tokenizer FILE", Short: "Read JSON arrays of ids from standard input, write their text", Args: exactly(),
		Long: "decode takes back what encode does: special tokens that the tokenizer puts around a text are left out there, and nowhere else. Each array\n" +
			"after the first begins a new line; with --lines the last one ends with a line's end too.",
		Example: "  echo '[15496, 995]' | archlab tokenizer decode --tokenizer tokenizer.json",
		RunE: func(c *cobra.Command, _ []string) error {
			t, err := o.open()
			if err != nil {
				return err
			}
			return o.decode(t, skip, c.InOrStdin(), c.OutOrStdout())
		},
	}
	o.flags(c)
	c.Flags().BoolVar(&o.lines, "lines", false, "end every text with a line's end")
	c.Flags().BoolVar(&skip, "skip-special", false, "leave all special tokens out")
	return c
}

func (o *tokenizerUse) decode(t *tokenizer.Tokenizer, skip bool, r io.Reader, w io.Writer) error {
	out := bufio.NewWriterSize(w, 1<<16)
	front, back := around(t)
	n := 0
	err := eachArray(r, t.Size(), func(ids []int32) error {
		if n++; n > 1 && !o.lines {
			out.WriteByte('\n') // an error stays with the writer
		}
		text := t.Decode(nil, unwrap(ids, front, back), skip)
		if o.lines {
			text = append(text, '\n')
		}
		_, err := out.Write(text)
		return err
	})
	if err == nil && n == 0 {
		err = usageError{"no array of ids on standard input", "for example [15496, 995]"}
	}
	return errors.Join(err, out.Flush())
}

// around answers the special tokens that a tokenizer puts before and behind a text.
func around(t *tokenizer.Tokenizer) (front, back []int32) {
	e := t.Encode([]byte("a"), true)
	i := 0
	for i < len(e.IDs) && e.Special[i] {
		i++
	}
	j := len(e.IDs)
	for j > i && e.Special[j-1] {
		j--
	}
	return e.IDs[:i], e.IDs[j:]
}

// unwrap takes off what a tokenizer puts around a text, if all of it is there.
func unwrap(ids, front, back []int32) []int32 {
	n := len(ids)
	if n < len(front)+len(back) {
		return ids
	}
	for i, id := range front {
		if ids[i] != id {
			return ids
		}
	}
	for i, id := range back {
		if ids[n-len(back)+i] != id {
			return ids
		}
	}
	return ids[len(front) : n-len(back)]
}

// eachArray reads JSON arrays of ids below size, with nothing but white space between them.
func eachArray(r io.Reader, size int, fn func(ids []int32) error) error {
	d := json.NewDecoder(r)
	for n := 1; ; n++ {
		var numbers []json.Number
		switch err := d.Decode(&numbers); {
		case err == io.EOF:
			return nil
		case err != nil:
			return hinted{fmt.Errorf("array %d of standard input: %w", n, err), "want JSON arrays of ids, for example [15496, 995]"}
		}
		ids := make([]int32, len(numbers))
		for i, x := range numbers {
			id, err := strconv.ParseInt(x.String(), 10, 32)
			if err != nil || id < 0 || int(id) >= size {
				return fmt.Errorf("array %d of standard input: got %s at place %d, want an id from 0 to %d", n, x, i+1, size-1)
			}
			ids[i] = int32(id)
		}
		if err := fn(ids); err != nil {
			return err
		}
	}
}
