package data

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"sort"
	"strings"
	"unicode/utf8"

	"github.com/klauspost/compress/zstd"
)

// textReader is an open file, decompressed.
type textReader struct {
	*bufio.Reader
	close []func() error
}

func (r *textReader) Close() error {
	var errs []error
	for _, c := range r.close {
		errs = append(errs, c())
	}
	return errors.Join(errs...)
}

// openText opens a file by its extensions: .gz and .zst are taken off, then .jsonl and .ndjson are JSON lines.
func openText(path string) (r *textReader, jsonl bool, err error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, false, errorf(ErrNotFound, path, "cannot read").cause(err)
	}
	r = &textReader{close: []func() error{f.Close}}
	name := strings.ToLower(path)
	var in io.Reader = f
	switch {
	case strings.HasSuffix(name, ".gz"):
		name = strings.TrimSuffix(name, ".gz")
		z, err := gzip.NewReader(bufio.NewReaderSize(f, 1<<16))
		if err != nil {
			f.Close()
			return nil, false, errorf(ErrFormat, path, "not a gzip file, as its name says").cause(err)
		}
		in = z
		r.close = append([]func() error{z.Close}, r.close...)
	case strings.HasSuffix(name, ".zst"):
		name = strings.TrimSuffix(name, ".zst")
		z, err := zstd.NewReader(f, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(1<<30))
		if err != nil {
			f.Close()
			return nil, false, errorf(ErrFormat, path, "not a zstd file, as its name says").cause(err)
		}
		in = z
		r.close = append([]func() error{func() error { z.Close(); return nil }}, r.close...)
	}
	r.Reader = bufio.NewReaderSize(in, 1<<16)
	return r, strings.HasSuffix(name, ".jsonl") || strings.HasSuffix(name, ".ndjson"), nil
}

func readError(path string, err error) error {
	if errors.Is(err, io.ErrUnexpectedEOF) {
		return errorf(ErrFormat, path, "the compressed file is cut short").cause(err)
	}
	return errorf(ErrFormat, path, "cannot read").cause(err)
}

// eachPiece divides a plain file into documents of about piece bytes (0: one document), at a blank line where there is one in the
// second half of the piece, else at a line's end, else between two runes.
func eachPiece(ctx context.Context, r io.Reader, f textFile, piece int, fn func(Document) error) error {
	limit := piece
	if piece == 0 {
		limit = maxDocument + 1
	}
	var buf []byte
	chunk := make([]byte, min(limit, 1<<16))
	for number, eof := 0, false; ; number++ {
		if err := ctx.Err(); err != nil {
			return err
		}
		for len(buf) < limit && !eof {
			n, err := r.Read(chunk[:min(len(chunk), limit-len(buf))])
			buf = append(buf, chunk[:n]...)
			if eof = err == io.EOF; err != nil && !eof {
				return readError(f.path, err)
			}
		}
		if len(buf) == 0 {
			return nil
		}
		if len(buf) > maxDocument {
			return errorf(ErrFormat, f.path, "longer than %d bytes, too long for one document", maxDocument).hint("set document_bytes, so that the file is divided")
		}
		n := len(buf)
		if !eof {
			n = cutPoint(buf)
		}
		name := f.name
		if piece > 0 {
			name = fmt.Sprintf("%s#%d", f.name, number)
		}
		if err := fn(Document{Name: name, Text: buf[:n]}); err != nil {
			return err
		}
		buf = append(buf[:0], buf[n:]...)
	}
}

func cutPoint(buf []byte) int {
	half := len(buf) / 2
	if i := bytes.LastIndex(buf[half:], []byte("\n\n")); i >= 0 {
		return half + i + 2
	}
	if i := bytes.LastIndexByte(buf[half:], '\n'); i >= 0 {
		return half + i + 1
	}
	for n := len(buf) - 1; n > 0 && n > len(buf)-utf8.UTFMax; n-- {
		if utf8.RuneStart(buf[n]) {
			if utf8.FullRune(buf[n:]) {
				break
			}
			return n
		}
	}
	return len(buf)
}

// eachJSONL reads one document from the field of each line's object. Blank lines are allowed; empty texts are errors, since they are
// far more often a wrong field than meant.
func eachJSONL(ctx context.Context, r *textReader, f textFile, field string, fn func(Document) error) error {
	var line []byte
	documents := 0
	for number := 1; ; number++ {
		if err := ctx.Err(); err != nil {
			return err
		}
		where := fmt.Sprintf("%s:%d", f.path, number)
		line = line[:0]
		var err error
		for {
			var part []byte
			part, err = r.ReadSlice('\n')
			line = append(line, part...)
			if len(line) > maxDocument {
				return errorf(ErrFormat, where, "the line is longer than %d bytes, expected one JSON object a line", maxDocument)
			}
			if err != bufio.ErrBufferFull {
				break
			}
		}
		if err != nil && err != io.EOF {
			return readError(f.path, err)
		}
		if len(bytes.TrimSpace(line)) > 0 {
			text, bad := jsonText(line, field, where)
			if bad != nil {
				return bad
			}
			documents++
			if bad := fn(Document{Name: fmt.Sprintf("%s:%d", f.name, number), Text: text}); bad != nil {
				return bad
			}
		}
		if err == io.EOF {
			if documents == 0 {
				return errorf(ErrEmpty, f.path, "no lines, expected one JSON object a line with a field %q", field)
			}
			return nil
		}
	}
}

func jsonText(line []byte, field, where string) ([]byte, error) {
	var object map[string]json.RawMessage
	if err := json.Unmarshal(line, &object); err != nil {
		return nil, errorf(ErrFormat, where, "not a JSON object, expected one a line with a field %q", field).cause(err)
	}
	raw, ok := object[field]
	if !ok {
		names := make([]string, 0, len(object))
		for k := range object {
			names = append(names, k)
		}
		sort.Strings(names)
		if len(names) > 10 {
			names = append(names[:10], "...")
		}
		return nil, errorf(ErrFormat, where, "no field %q, the object has %q", field, names).hint("set field to the one that holds the text")
	}
	var text *string
	if err := json.Unmarshal(raw, &text); err != nil || text == nil {
		return nil, errorf(ErrFormat, where, "field %q is not a string: %.40s", field, raw).hint("set field to the one that holds the text")
	}
	if *text == "" {
		return nil, errorf(ErrFormat, where, "field %q is empty, expected text", field)
	}
	return []byte(*text), nil
}
