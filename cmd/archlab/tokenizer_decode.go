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

func tokenizerDecodeCommand() *cobra.Command {
	var o tokenizerUse
	var skip bool
	c := &cobra.Command{
		Use: "decode --tokenizer FILE", Short: "Read JSON arrays of ids from standard input, write their text", Args: exactly(),
		Long: "decode takes back what encode does: special tokens and padding that the tokenizer puts around a text are left out there, and nowhere else. Each array\n" +
			"after the first begins a new line; with --lines the last one ends with a line's end too.",
		Example: "  echo '[15496, 995]' | archlab tokenizer decode --tokenizer tokenizer.json",
		RunE: func(c *cobra.Command, _ []string) error {
			t, err := o.open()
			if err != nil {
				return err
			}
			return o.decode(t, skip, c.InOrStdin(), c.OutOrStdout(), c.ErrOrStderr())
		},
	}
	o.flags(c)
	c.Flags().BoolVar(&o.lines, "lines", false, "end every text with a line's end")
	c.Flags().BoolVar(&skip, "skip-special", false, "leave all special tokens out")
	return c
}

func (o *tokenizerUse) decode(t *tokenizer.Tokenizer, skip bool, r io.Reader, w, stderr io.Writer) error {
	out := bufio.NewWriterSize(w, 1<<16)
	front, back := around(t)
	n, padded := 0, 0
	err := eachArray(r, t.Size(), func(ids []int32) error {
		if n++; n > 1 && !o.lines {
			out.WriteByte('\n') // an error stays with the writer
		}
		own := unpad(t, ids)
		if len(own) < len(ids) {
			padded++
		}
		text := t.Decode(nil, unwrap(own, front, back), skip)
		if o.lines {
			text = append(text, '\n')
		}
		_, err := out.Write(text)
		return err
	})
	if err == nil && n == 0 {
		err = usageError{"no array of ids on standard input", "for example [15496, 995]"}
	}
	if padded > 0 {
		warn(stderr, fmt.Sprintf("left out the padding of %d of %s", padded, plural(n, "text")), "")
	}
	return errors.Join(err, out.Flush())
}

// unpad takes off what the tokenizer's file fills texts up with.
func unpad(t *tokenizer.Tokenizer, ids []int32) []int32 {
	pad, left, ok := t.Padding()
	for ok && len(ids) > 0 {
		switch {
		case left && ids[0] == pad:
			ids = ids[1:]
		case !left && ids[len(ids)-1] == pad:
			ids = ids[:len(ids)-1]
		default:
			ok = false
		}
	}
	return ids
}

// around answers the special tokens that a tokenizer puts before and behind a text.
func around(t *tokenizer.Tokenizer) (front, back []int32) {
	e := t.EncodeForm([]byte("a"), tokenizer.Form{Special: true})
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
	d.UseNumber()
	for n := 1; ; n++ {
		wrong := func(format string, args ...any) error {
			return hinted{fmt.Errorf("array %d of standard input: "+format, append([]any{n}, args...)...), "want JSON arrays of ids, for example [15496, 995]"}
		}
		switch begin, err := d.Token(); {
		case err == io.EOF:
			return nil
		case err != nil:
			return wrong("%w", err)
		case begin != json.Delim('['):
			return wrong("got %s, want an array", readable(begin))
		}
		ids := []int32{}
		for d.More() {
			x, err := d.Token()
			if err != nil {
				return wrong("at place %d: %w", len(ids)+1, err)
			}
			number, ok := x.(json.Number)
			id, err := strconv.ParseInt(number.String(), 10, 32)
			if !ok || err != nil || id < 0 || int(id) >= size {
				return wrong("got %s at place %d, want an id from 0 to %d", readable(x), len(ids)+1, size-1)
			}
			ids = append(ids, int32(id))
		}
		if _, err := d.Token(); err == io.EOF {
			return wrong("it has no end")
		} else if err != nil {
			return wrong("%w", err)
		}
		if err := fn(ids); err != nil {
			return err
		}
	}
}

// readable is a token of JSON as it was written, about.
func readable(x json.Token) string {
	switch x := x.(type) {
	case nil:
		return "null"
	case string:
		return fmt.Sprintf("the string %.40q", x)
	}
	return fmt.Sprint(x)
}
