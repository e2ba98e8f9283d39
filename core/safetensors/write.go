package safetensors

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"unicode/utf8"
)

const (
	metadataKey = "__metadata__"
	align       = 8 // the data section starts at a multiple of it
)

type entry struct {
	DType   string `json:"dtype"`
	Shape   []int  `json:"shape"`
	Offsets [2]int `json:"data_offsets"`
}

// Write writes the tensors in the order given, their bytes straight from Data. The same arguments give the same bytes.
// It checks all tensors before it writes anything.
func Write(w io.Writer, tensors []Tensor, metadata map[string]string) error {
	header, err := encodeHeader(tensors, metadata)
	if err != nil {
		return err
	}
	var length [8]byte
	binary.LittleEndian.PutUint64(length[:], uint64(len(header)))
	if _, err := w.Write(length[:]); err != nil {
		return fmt.Errorf("safetensors: write header: %w", err)
	}
	if _, err := w.Write(header); err != nil {
		return fmt.Errorf("safetensors: write header: %w", err)
	}
	for _, t := range tensors {
		if len(t.Data) == 0 {
			continue
		}
		if _, err := w.Write(t.Data); err != nil {
			return fmt.Errorf("safetensors: write tensor %q: %w", t.Name, err)
		}
	}
	return nil
}

// EncodedSize is the number of bytes that Write would write.
func EncodedSize(tensors []Tensor, metadata map[string]string) (int64, error) {
	header, err := encodeHeader(tensors, metadata)
	if err != nil {
		return 0, err
	}
	n := int64(8 + len(header))
	for _, t := range tensors {
		n += int64(len(t.Data))
	}
	return n, nil
}

// encodeHeader keeps the tensors' order in the header, which a Go map would not, and pads with spaces to align the data.
func encodeHeader(tensors []Tensor, metadata map[string]string) ([]byte, error) {
	header := []byte{'{'}
	add := func(key string, value any) error {
		k, err := json.Marshal(key)
		if err != nil {
			return err
		}
		v, err := json.Marshal(value)
		if err != nil {
			return err
		}
		if len(header) > 1 {
			header = append(header, ',')
		}
		header = append(append(append(header, k...), ':'), v...)
		return nil
	}
	if len(metadata) > 0 {
		for k, v := range metadata {
			if !utf8.ValidString(k) || !utf8.ValidString(v) {
				return nil, fmt.Errorf("safetensors: metadata %q is not UTF-8", k)
			}
		}
		if err := add(metadataKey, metadata); err != nil { // json sorts the keys
			return nil, err
		}
	}
	seen := map[string]bool{metadataKey: true, "": true}
	offset := 0
	for _, t := range tensors {
		if seen[t.Name] || !utf8.ValidString(t.Name) {
			return nil, fmt.Errorf("safetensors: tensor name %q is empty, reserved, repeated or not UTF-8", t.Name)
		}
		seen[t.Name] = true
		want, err := byteSize(t.Name, t.DType, t.Shape)
		if err != nil {
			return nil, err
		}
		if len(t.Data) != want {
			return nil, fmt.Errorf("safetensors: tensor %q: %d bytes, want %d for %s %v", t.Name, len(t.Data), want, t.DType, t.Shape)
		}
		shape := t.Shape
		if shape == nil {
			shape = []int{}
		}
		if err := add(t.Name, entry{t.DType, shape, [2]int{offset, offset + want}}); err != nil {
			return nil, err
		}
		offset += want
	}
	header = append(header, '}')
	for len(header)%align != 0 {
		header = append(header, ' ')
	}
	if len(header) > MaxHeader {
		return nil, fmt.Errorf("safetensors: header of %d bytes is over the format's %d", len(header), MaxHeader)
	}
	return header, nil
}

// byteSize is the length of a tensor's data.
func byteSize(name, dtype string, shape []int) (int, error) {
	size, ok := Size(dtype)
	if !ok {
		return 0, corrupt(name, "unknown dtype %q", dtype)
	}
	n, ok := Elements(shape)
	if !ok {
		return 0, corrupt(name, "shape %v is negative or too large", shape)
	}
	return n * size, nil
}
