package data

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
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

// fileKind is what a file's name says of its contents.
type fileKind int

const (
	plainFile fileKind = iota
	jsonlFile
	parquetFile
)

// kindOf looks at a name without .gz or .zst.
func kindOf(name string) fileKind {
	switch {
	case strings.HasSuffix(name, ".jsonl"), strings.HasSuffix(name, ".ndjson"):
		return jsonlFile
	case strings.HasSuffix(name, ".parquet"):
		return parquetFile
	}
	return plainFile
}

// openText opens a file by its extensions: .gz and .zst are taken off, then .jsonl and .ndjson are JSON lines and .parquet is Parquet.
func openText(path string) (r *textReader, kind fileKind, err error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, 0, errorf(ErrNotFound, path, "cannot read").cause(err)
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
			return nil, 0, errorf(ErrFormat, path, "not a gzip file, as its name says").cause(err)
		}
		in = z
		r.close = append([]func() error{z.Close}, r.close...)
	case strings.HasSuffix(name, ".zst"):
		name = strings.TrimSuffix(name, ".zst")
		z, err := zstd.NewReader(f, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(1<<30))
		if err != nil {
			f.Close()
			return nil, 0, errorf(ErrFormat, path, "not a zstd file, as its name says").cause(err)
		}
		in = z
		r.close = append([]func() error{func() error { z.Close(); return nil }}, r.close...)
	}
	r.Reader = bufio.NewReaderSize(in, 1<<16)
	return r, kindOf(name), nil
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
