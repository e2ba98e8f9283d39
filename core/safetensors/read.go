package safetensors

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"unicode/utf8"
)

// MaxHeader is the longest header that the format allows, in bytes.
const MaxHeader = 100_000_000

// chunk bounds what is allocated ahead of the bytes that have really arrived, so that a lying header costs no memory.
const chunk = 1 << 20

// Read reads a whole file and nothing beyond it: bytes after the last tensor are an error. Tensors come in the order of
// their data; each owns its Data. Malformed input Is ErrCorrupt, a file that ends early included.
func Read(r io.Reader) ([]Tensor, map[string]string, error) {
	var length [8]byte
	if err := readFull(r, length[:], "header length"); err != nil {
		return nil, nil, err
	}
	n := binary.LittleEndian.Uint64(length[:])
	if n < 2 || n > MaxHeader {
		return nil, nil, corrupt("", "header of %d bytes, want 2 to %d", n, MaxHeader)
	}
	header, err := readBytes(r, int(n), "header")
	if err != nil {
		return nil, nil, err
	}
	tensors, spans, metadata, err := decodeHeader(header)
	if err != nil {
		return nil, nil, err
	}
	for i := range tensors {
		t := &tensors[i]
		if t.Data, err = readBytes(r, spans[i][1]-spans[i][0], "tensor "+strconv.Quote(t.Name)); err != nil {
			return nil, nil, err
		}
	}
	var extra [1]byte
	switch _, err := io.ReadFull(r, extra[:]); {
	case err == nil:
		return nil, nil, corrupt("", "bytes after the last tensor")
	case !errors.Is(err, io.EOF):
		return nil, nil, fmt.Errorf("safetensors: read the end: %w", err)
	}
	return tensors, metadata, nil
}

func readFull(r io.Reader, p []byte, what string) error {
	_, err := io.ReadFull(r, p)
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return corrupt("", "the file ends inside the %s", what)
	}
	if err != nil {
		return fmt.Errorf("safetensors: read %s: %w", what, err)
	}
	return nil
}

// readBytes reads n bytes, growing its buffer by doubling as they arrive.
func readBytes(r io.Reader, n int, what string) ([]byte, error) {
	buf := make([]byte, min(n, chunk))
	for done := 0; ; {
		if err := readFull(r, buf[done:], what); err != nil {
			return nil, err
		}
		if done = len(buf); done == n {
			return buf, nil
		}
		bigger := make([]byte, min(n, 2*done))
		copy(bigger, buf)
		buf = bigger
	}
}

// decodeHeader checks that the tensors' byte ranges follow each other without holes or overlaps, in the header's order or not.
func decodeHeader(header []byte) ([]Tensor, [][2]int, map[string]string, error) {
	if header[0] != '{' {
		return nil, nil, nil, corrupt("", "header starts with %q, want '{'", header[0])
	}
	if !utf8.Valid(header) {
		return nil, nil, nil, corrupt("", "header is not UTF-8")
	}
	dec := json.NewDecoder(bytes.NewReader(header))
	dec.UseNumber()
	var (
		tensors  []Tensor
		spans    [][2]int
		metadata = map[string]string{}
		seen     = map[string]bool{}
	)
	err := object(dec, func(name string) error {
		if seen[name] || name == "" {
			return corrupt(name, "the name is empty or given twice")
		}
		seen[name] = true
		if name == metadataKey {
			return object(dec, func(key string) error {
				tok, err := dec.Token()
				if err != nil {
					return jsonError(err)
				}
				value, ok := tok.(string)
				if _, twice := metadata[key]; twice || !ok {
					return corrupt("", "metadata %q is given twice or is not a string", key)
				}
				metadata[key] = value
				return nil
			})
		}
		t, span, err := decodeTensor(dec, name)
		tensors, spans = append(tensors, t), append(spans, span)
		return err
	})
	if err != nil {
		return nil, nil, nil, err
	}
	if rest := bytes.TrimLeft(header[dec.InputOffset():], " "); len(rest) > 0 {
		return nil, nil, nil, corrupt("", "header goes on after its object")
	}
	if err := inOrder(tensors, spans); err != nil {
		return nil, nil, nil, err
	}
	return tensors, spans, metadata, nil
}

func decodeTensor(dec *json.Decoder, name string) (t Tensor, span [2]int, err error) {
	t.Name = name
	seen := map[string]bool{}
	err = object(dec, func(key string) error {
		if seen[key] {
			return corrupt(name, "key %q is given twice", key)
		}
		seen[key] = true
		switch key {
		case "dtype":
			tok, err := dec.Token()
			if err != nil {
				return jsonError(err)
			}
			var ok bool
			if t.DType, ok = tok.(string); !ok {
				return corrupt(name, "dtype %v is not a string", tok)
			}
			return nil
		case "shape":
			t.Shape, err = naturals(dec, name)
			return err
		case "data_offsets":
			x, err := naturals(dec, name)
			if err == nil && len(x) != 2 {
				return corrupt(name, "data_offsets %v, want two numbers", x)
			}
			if err == nil {
				span = [2]int{x[0], x[1]}
			}
			return err
		}
		return corrupt(name, "unknown key %q", key)
	})
	if err != nil {
		return t, span, err
	}
	if len(seen) != 3 {
		return t, span, corrupt(name, "want dtype, shape and data_offsets")
	}
	want, err := byteSize(name, t.DType, t.Shape)
	if err != nil {
		return t, span, err
	}
	if span[1]-span[0] != want {
		return t, span, corrupt(name, "data_offsets %v span %d bytes, want %d for %s %v", span, span[1]-span[0], want, t.DType, t.Shape)
	}
	return t, span, nil
}

// object walks one JSON object; member must consume the member's value.
func object(dec *json.Decoder, member func(key string) error) error {
	if err := delim(dec, '{'); err != nil {
		return err
	}
	for dec.More() {
		tok, err := dec.Token()
		if err != nil {
			return jsonError(err)
		}
		key, ok := tok.(string)
		if !ok {
			return corrupt("", "header: key %v is not a string", tok)
		}
		if err := member(key); err != nil {
			return err
		}
	}
	return delim(dec, '}')
}

// naturals reads an array of non-negative whole numbers.
func naturals(dec *json.Decoder, name string) ([]int, error) {
	if err := delim(dec, '['); err != nil {
		return nil, err
	}
	xs := []int{}
	for dec.More() {
		tok, err := dec.Token()
		if err != nil {
			return nil, jsonError(err)
		}
		number, _ := tok.(json.Number)
		x, err := strconv.ParseInt(number.String(), 10, 62)
		if err != nil || x < 0 {
			return nil, corrupt(name, "%v is not a size", tok)
		}
		xs = append(xs, int(x))
	}
	return xs, delim(dec, ']')
}

func delim(dec *json.Decoder, want json.Delim) error {
	tok, err := dec.Token()
	if err != nil {
		return jsonError(err)
	}
	if tok != want {
		return corrupt("", "header: got %v, want %v", tok, want)
	}
	return nil
}

func jsonError(err error) error { return corrupt("", "header is not JSON: %v", err) }
