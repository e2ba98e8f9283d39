package wire

import (
	"encoding/binary"
	"math"
	"unsafe"

	"github.com/archlab/archlab/core/family"
	pb "github.com/archlab/archlab/core/wire/archlabv1"
)

// Numbers become bytes and back without a loop where the machine is little-endian, as the wire is: a slice's memory is then
// already what has to be sent. The loops below are for other machines and for data that is not aligned.

// littleEndian says that this machine stores numbers as the wire does.
var littleEndian = binary.NativeEndian.Uint16([]byte{1, 0}) == 1

// elemBytes is the size of one element by dtype, 0 for an unknown one.
func elemBytes(dtype string) int {
	switch dtype {
	case "F64", "I64":
		return 8
	case "F32", "I32":
		return 4
	case "F16", "BF16", "I16":
		return 2
	case "I8", "U8", "BOOL":
		return 1
	}
	return 0
}

// size answers how many bytes a tensor's shape asks for, and false for an unknown dtype, a negative axis or an overflow.
func size(t *pb.Tensor) (int, bool) {
	n := elemBytes(t.GetDtype())
	if n == 0 {
		return 0, false
	}
	empty := false
	for _, d := range t.GetShape() {
		switch {
		case d < 0:
			return 0, false
		case d == 0:
			empty = true
		case int64(n) > math.MaxInt/2/d:
			return 0, false
		default:
			n *= int(d)
		}
	}
	if empty {
		return 0, true
	}
	return n, true
}

// f32Tensor wraps v without copying it where it can: the message must be sent before v changes.
func f32Tensor(v []float32, shape ...int) *pb.Tensor {
	return &pb.Tensor{Dtype: "F32", Shape: toInt64s(shape), Data: words(v, littleEndian)}
}

// i32Tensor wraps v as f32Tensor does.
func i32Tensor(v []int32, shape ...int) *pb.Tensor {
	return &pb.Tensor{Dtype: "I32", Shape: toInt64s(shape), Data: words(v, littleEndian)}
}

// words answers the little-endian bytes of v; with native they are v's own memory.
func words[T int32 | float32](v []T, native bool) []byte {
	if len(v) == 0 {
		return nil
	}
	raw := unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(v))), 4*len(v))
	if native {
		return raw
	}
	out := make([]byte, len(raw))
	for i := range v {
		binary.LittleEndian.PutUint32(out[4*i:], binary.NativeEndian.Uint32(raw[4*i:]))
	}
	return out
}

// fromWords is the inverse of words. With native and aligned data the result is data's own memory.
func fromWords[T int32 | float32](data []byte, native bool) []T {
	n := len(data) / 4
	if n == 0 {
		return nil
	}
	p := unsafe.Pointer(unsafe.SliceData(data))
	if native && uintptr(p)%4 == 0 {
		return unsafe.Slice((*T)(p), n)
	}
	out := make([]T, n)
	raw := unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(out))), 4*n)
	if native {
		copy(raw, data)
		return out
	}
	for i := range out {
		binary.NativeEndian.PutUint32(raw[4*i:], binary.LittleEndian.Uint32(data[4*i:]))
	}
	return out
}

// boolTensor has one byte an element.
func boolTensor(v []bool, shape ...int) *pb.Tensor {
	data := make([]byte, len(v))
	for i, b := range v {
		if b {
			data[i] = 1
		}
	}
	return &pb.Tensor{Dtype: "BOOL", Shape: toInt64s(shape), Data: data}
}

// check says what is wrong with a complete tensor; dtype "" and rank -1 accept any.
func check(t *pb.Tensor, field, dtype string, rank int) error {
	if t == nil {
		return family.Errorf(family.InvalidArgument, field, "missing tensor")
	}
	n, ok := size(t)
	switch {
	case !ok:
		return family.Errorf(family.InvalidArgument, field, "tensor of dtype %q with shape %v: unknown dtype or impossible shape", t.Dtype, t.Shape)
	case dtype != "" && t.Dtype != dtype:
		return family.Errorf(family.InvalidArgument, field, "tensor of dtype %q, want %q", t.Dtype, dtype)
	case rank >= 0 && len(t.Shape) != rank:
		return family.Errorf(family.InvalidArgument, field, "tensor of shape %v, want %d axes", t.Shape, rank)
	case len(t.Data) != n:
		return family.Errorf(family.InvalidArgument, field, "tensor of dtype %s and shape %v holds %d bytes, want %d", t.Dtype, t.Shape, len(t.Data), n)
	}
	return nil
}

// f32s answers the elements of an F32 tensor of the given rank.
func f32s(t *pb.Tensor, field string, rank int) ([]float32, error) {
	if err := check(t, field, "F32", rank); err != nil {
		return nil, err
	}
	return fromWords[float32](t.Data, littleEndian), nil
}

// i32s answers the elements of an I32 tensor of the given rank.
func i32s(t *pb.Tensor, field string, rank int) ([]int32, error) {
	if err := check(t, field, "I32", rank); err != nil {
		return nil, err
	}
	return fromWords[int32](t.Data, littleEndian), nil
}

// bools answers the elements of a BOOL tensor of the given rank.
func bools(t *pb.Tensor, field string, rank int) ([]bool, error) {
	if err := check(t, field, "BOOL", rank); err != nil {
		return nil, err
	}
	out := make([]bool, len(t.Data))
	for i, b := range t.Data {
		out[i] = b != 0
	}
	return out, nil
}
