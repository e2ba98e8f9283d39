// Package safetensors writes and reads the safetensors format: an 8-byte little-endian header length, a JSON header that
// gives every tensor's dtype, shape and byte range, then the tensors' bytes. It is the format of archlab's checkpoints.
//
// It knows nothing of models: who loads a file decides which names and shapes belong to it. Reading is strict, because a
// checkpoint may come from anywhere: whatever is not a well-formed file is refused with an error that Is ErrCorrupt.
//
//	err := safetensors.Write(w, []safetensors.Tensor{safetensors.F32("w", []int{2, 3}, w)}, map[string]string{"step": "7"})
//	tensors, metadata, err := safetensors.Read(r)
package safetensors

import (
	"errors"
	"fmt"
	"math"
	"unsafe"
)

// Tensor is one named array. Data is row-major and little-endian; its length is the product of Shape times the dtype's size.
type Tensor struct {
	Name  string
	DType string // "F32", "I64" ..., see Size
	Shape []int  // empty for a scalar
	Data  []byte
}

// ErrCorrupt is what every error about malformed input Is; errors of the underlying reader are not.
var ErrCorrupt = errors.New("not a well-formed safetensors file")

// FormatError says what is wrong with a file, and where. It Is ErrCorrupt.
type FormatError struct {
	Tensor  string // the tensor's name, or empty for the file as a whole
	Message string
}

// Error reads "safetensors: tensor NAME: message".
func (e *FormatError) Error() string {
	if e.Tensor == "" {
		return "safetensors: " + e.Message
	}
	return fmt.Sprintf("safetensors: tensor %q: %s", e.Tensor, e.Message)
}

// Is makes errors.Is(err, ErrCorrupt) true.
func (e *FormatError) Is(target error) bool { return target == ErrCorrupt }

func corrupt(tensor, format string, args ...any) error {
	return &FormatError{Tensor: tensor, Message: fmt.Sprintf(format, args...)}
}

var sizes = map[string]int{
	"BOOL": 1, "U8": 1, "I8": 1, "F8_E4M3": 1, "F8_E5M2": 1,
	"U16": 2, "I16": 2, "F16": 2, "BF16": 2,
	"U32": 4, "I32": 4, "F32": 4,
	"U64": 8, "I64": 8, "F64": 8,
}

// Size is the number of bytes of one element, and false for a dtype that the format does not have.
func Size(dtype string) (int, bool) {
	n, ok := sizes[dtype]
	return n, ok
}

// Elements is the product of shape: 1 for a scalar. It is false when an axis is negative or the product overflows.
func Elements(shape []int) (int, bool) {
	n := 1
	for _, d := range shape {
		if d < 0 {
			return 0, false
		}
		if d != 0 && n > math.MaxInt64/16/d {
			return 0, false
		}
		n *= d
	}
	return n, true
}

// F32 makes a tensor whose Data is the memory of x itself (a copy on big-endian machines): later changes of x show in it.
func F32(name string, shape []int, x []float32) Tensor {
	return Tensor{Name: name, DType: "F32", Shape: shape, Data: Float32Bytes(x)}
}

// Float32s answers the elements of an F32 tensor. The slice shares Data's memory where that is aligned and the machine is
// little-endian, and is a copy otherwise; treat it as read-only or own Data.
func (t Tensor) Float32s() ([]float32, error) {
	if t.DType != "F32" || len(t.Data)%4 != 0 {
		return nil, corrupt(t.Name, "dtype %s with %d bytes, want F32", t.DType, len(t.Data))
	}
	if len(t.Data) == 0 {
		return nil, nil
	}
	if p := unsafe.Pointer(unsafe.SliceData(t.Data)); littleEndian && uintptr(p)%4 == 0 {
		return unsafe.Slice((*float32)(p), len(t.Data)/4), nil
	}
	x := make([]float32, len(t.Data)/4)
	for i := range x {
		b := t.Data[4*i:]
		x[i] = math.Float32frombits(uint32(b[0]) | uint32(b[1])<<8 | uint32(b[2])<<16 | uint32(b[3])<<24)
	}
	return x, nil
}

// Float32Bytes answers the little-endian bytes of x: its own memory on a little-endian machine, a copy elsewhere.
func Float32Bytes(x []float32) []byte {
	if len(x) == 0 {
		return nil
	}
	if littleEndian {
		return unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(x))), 4*len(x))
	}
	b := make([]byte, 0, 4*len(x))
	for _, v := range x {
		u := math.Float32bits(v)
		b = append(b, byte(u), byte(u>>8), byte(u>>16), byte(u>>24))
	}
	return b
}

var littleEndian = func() bool {
	x := uint16(1)
	return *(*byte)(unsafe.Pointer(&x)) == 1
}()
