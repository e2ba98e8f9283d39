package data

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/parquet-go/parquet-go"
)

// eachParquet reads one document from each row's column of text, page by page: what is in memory at once is a page of each column that is
// asked for, however large the file or its row groups. Rows without text are left out.
func eachParquet(ctx context.Context, f textFile, names fields, fn func(Document) error, left leftOut) (err error) {
	file, err := os.Open(f.path)
	if err != nil {
		return errorf(ErrNotFound, f.path, "cannot read").cause(err)
	}
	defer file.Close()
	return eachRow(ctx, file, f, names, fn, left)
}

// eachPackedParquet is eachParquet for a file within .gz or .zst, which has to be unpacked before it can be read from its end.
func eachPackedParquet(ctx context.Context, r io.Reader, f textFile, names fields, fn func(Document) error, left leftOut) error {
	file, err := os.CreateTemp("", "archlab-*.parquet")
	if err != nil {
		return errorf(ErrNotFound, f.path, "cannot unpack").cause(err)
	}
	defer file.Close()
	defer os.Remove(file.Name())
	if _, err := io.Copy(file, r); err != nil {
		return readError(f.path, err)
	}
	return eachRow(ctx, file, f, names, fn, left)
}

func eachRow(ctx context.Context, file *os.File, f textFile, names fields, fn func(Document) error, left leftOut) (err error) {
	// The library panics on some damaged files; a panic of fn is not its.
	row, within := int64(0), false
	defer func() {
		if p := recover(); p != nil {
			if within {
				panic(p)
			}
			err = errorf(ErrFormat, fmt.Sprintf("%s: row %d", f.path, row+1), "damaged Parquet: %v", p)
		}
	}()
	info, err := file.Stat()
	if err != nil {
		return errorf(ErrNotFound, f.path, "cannot read").cause(err)
	}
	p, err := parquet.OpenFile(file, info.Size(), parquet.SkipPageIndex(true), parquet.SkipBloomFilters(true), parquet.ReadBufferSize(1<<16))
	if err != nil {
		return errorf(ErrFormat, f.path, "not a Parquet file, as its name says").cause(err)
	}
	text, err := textColumn(p, f.path, names.text)
	if err != nil {
		return err
	}
	id := -1
	if names.id != "" {
		c, err := leafColumn(p, f.path, names.id)
		if err != nil {
			return err
		}
		id = c.Index()
	}
	found := false
	rows := func(group parquet.RowGroup) error {
		texts := columnReader{pages: group.ColumnChunks()[text.Index()].Pages()}
		defer texts.close()
		ids := columnReader{}
		if id >= 0 {
			ids.pages = group.ColumnChunks()[id].Pages()
			defer ids.close()
		}
		for ; ; row++ {
			if err := ctx.Err(); err != nil {
				return err
			}
			v, err := texts.next()
			if err == io.EOF {
				return nil
			}
			d := Document{Name: fmt.Sprintf("%s:%d", f.name, row+1)}
			if err == nil && id >= 0 {
				var named parquet.Value
				if named, err = ids.next(); err == nil && !named.IsNull() {
					d.Name = named.String()
				}
			}
			if err != nil {
				return errorf(ErrFormat, fmt.Sprintf("%s: row %d", f.path, row+1), "damaged Parquet").cause(err)
			}
			if d.Text = v.ByteArray(); v.IsNull() || len(d.Text) == 0 {
				left(emptyFiles, d.Name, 0)
				continue
			}
			if len(d.Text) > maxDocument {
				return errorf(ErrFormat, fmt.Sprintf("%s: row %d", f.path, row+1), "the text is longer than %d bytes", maxDocument)
			}
			found, within = true, true
			err = fn(d)
			within = false
			if err != nil {
				return err
			}
		}
	}
	for _, group := range p.RowGroups() {
		if err := rows(group); err != nil {
			return err
		}
	}
	if !found {
		return errorf(ErrEmpty, f.path, "no row has text in column %q", names.text)
	}
	return nil
}

// leafColumn finds a column by its name, or by its path with dots.
func leafColumn(p *parquet.File, path, name string) (*parquet.Column, error) {
	var all []string
	var found *parquet.Column
	var walk func(c *parquet.Column)
	walk = func(c *parquet.Column) {
		if c.Leaf() {
			full := strings.Join(c.Path(), ".")
			all = append(all, full)
			if full == name && found == nil {
				found = c
			}
			return
		}
		for _, sub := range c.Columns() {
			walk(sub)
		}
	}
	walk(p.Root())
	if found == nil {
		return nil, noField(path, "column", name, all)
	}
	if found.MaxRepetitionLevel() > 0 {
		return nil, errorf(ErrFormat, path, "column %q holds lists, expected one value a row", name)
	}
	return found, nil
}

func textColumn(p *parquet.File, path, name string) (*parquet.Column, error) {
	c, err := leafColumn(p, path, name)
	if err != nil {
		return nil, err
	}
	if kind := c.Type().Kind(); kind != parquet.ByteArray {
		return nil, errorf(ErrFormat, path, "column %q holds %s, expected text", name, strings.ToLower(kind.String())).hint("set field to the column that holds the text")
	}
	return c, nil
}

// columnReader hands out the values of one column of a row group.
type columnReader struct {
	pages  parquet.Pages
	page   parquet.Page
	values parquet.ValueReader
	buf    [64]parquet.Value
	at, n  int
}

// next answers the next value, valid until the one after the next is asked for, or io.EOF.
func (c *columnReader) next() (parquet.Value, error) {
	for c.at == c.n {
		if c.values == nil {
			page, err := c.pages.ReadPage()
			if err != nil {
				return parquet.Value{}, err
			}
			c.page, c.values = page, page.Values()
		}
		n, err := c.values.ReadValues(c.buf[:])
		c.at, c.n = 0, n
		if err != nil && !errors.Is(err, io.EOF) {
			return parquet.Value{}, err
		}
		if n == 0 {
			parquet.Release(c.page)
			c.page, c.values = nil, nil
		}
	}
	c.at++
	return c.buf[c.at-1], nil
}

func (c *columnReader) close() {
	if c.page != nil {
		parquet.Release(c.page)
	}
	_ = c.pages.Close()
}
