package conformance

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"math"

	"github.com/archlab/archlab/core/family"
	"github.com/archlab/archlab/core/safetensors"
)

// weights is a saved weights file taken apart, so that single weights can be read and replaced.
type weights struct {
	file    []byte
	tensors []span
}

// span is where one F32 tensor's bytes lie in the file.
type span struct {
	name   string
	shape  []int
	offset int
	n      int // scalars
}

func parseWeights(file []byte) (*weights, error) {
	tensors, _, err := safetensors.Read(bytes.NewReader(file))
	if err != nil {
		return nil, fmt.Errorf("the saved weights: %w", err)
	}
	w := &weights{file: file}
	offset := len(file)
	for _, t := range tensors {
		offset -= len(t.Data)
	}
	for _, t := range tensors {
		if t.DType != "F32" {
			return nil, fmt.Errorf("the saved weights: tensor %q is %s; an fp32 model saves F32", t.Name, t.DType)
		}
		w.tensors = append(w.tensors, span{t.Name, t.Shape, offset, len(t.Data) / 4})
		offset += len(t.Data)
	}
	return w, nil
}

func savedWeights(ctx context.Context, m family.Model) (*weights, error) {
	file, err := save(ctx, m, family.Weights)
	if err != nil {
		return nil, err
	}
	return parseWeights(file)
}

func (w *weights) at(t span, i int) float32 {
	return math.Float32frombits(binary.LittleEndian.Uint32(w.file[t.offset+4*i:]))
}

// edited answers a copy of the file with every scalar replaced.
func (w *weights) edited(value func(t, i int, old float32) float32) []byte {
	file := bytes.Clone(w.file)
	for k, t := range w.tensors {
		for i := range t.n {
			binary.LittleEndian.PutUint32(file[t.offset+4*i:], math.Float32bits(value(k, i, w.at(t, i))))
		}
	}
	return file
}

// sameWeights compares two weights files bit by bit and says where they first differ.
func sameWeights(a, b []byte) (string, bool) {
	if bytes.Equal(a, b) {
		return "", true
	}
	wa, err := parseWeights(a)
	if err != nil {
		return err.Error(), false
	}
	wb, err := parseWeights(b)
	if err != nil {
		return err.Error(), false
	}
	if len(wa.tensors) != len(wb.tensors) {
		return fmt.Sprintf("%d tensors against %d", len(wa.tensors), len(wb.tensors)), false
	}
	for k, t := range wa.tensors {
		u := wb.tensors[k]
		if t.name != u.name || t.n != u.n {
			return fmt.Sprintf("tensor %d is %s %v against %s %v", k, t.name, t.shape, u.name, u.shape), false
		}
		for i := range t.n {
			if x, y := wa.at(t, i), wb.at(u, i); math.Float32bits(x) != math.Float32bits(y) {
				return fmt.Sprintf("%s[%d]: %v against %v", t.name, i, x, y), false
			}
		}
	}
	return "the files differ outside of their tensors", false
}
