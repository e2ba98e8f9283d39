package safetensors_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"reflect"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/archlab/archlab/core/safetensors"
)

func Example() {
	var file bytes.Buffer
	w := []float32{1, 2, 3, 4, 5, 6}
	if err := safetensors.Write(&file, []safetensors.Tensor{safetensors.F32("w", []int{2, 3}, w)}, map[string]string{"step": "7"}); err != nil {
		fmt.Println(err)
		return
	}
	tensors, metadata, err := safetensors.Read(&file)
	if err != nil {
		fmt.Println(err)
		return
	}
	x, _ := tensors[0].Float32s()
	fmt.Println(tensors[0].Name, tensors[0].Shape, x, metadata["step"])
	// Output: w [2 3] [1 2 3 4 5 6] 7
}

func TestRoundTrip(t *testing.T) {
	big := make([]float32, 700_000) // several growth steps of the reader
	for i := range big {
		big[i] = float32(i)
	}
	cases := map[string]struct {
		tensors  []safetensors.Tensor
		metadata map[string]string
	}{
		"nothing":       {},
		"only metadata": {metadata: map[string]string{"b": "2", "a": "\"\n\u00e9"}},
		"scalar, empty, odd sizes": {tensors: []safetensors.Tensor{
			safetensors.F32("z", []int{}, []float32{float32(math.NaN())}),
			safetensors.F32("empty", []int{3, 0, 2}, nil),
			{Name: "bytes", DType: "U8", Shape: []int{3}, Data: []byte{1, 2, 3}},
			safetensors.F32("unaligned \u00e9", []int{1, 2}, []float32{-0.5, float32(math.Inf(1))}),
			{Name: "long", DType: "I64", Shape: []int{1}, Data: []byte{1, 2, 3, 4, 5, 6, 7, 8}},
		}},
		"big": {tensors: []safetensors.Tensor{safetensors.F32("big", []int{7, 100_000}, big)}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			var a, b bytes.Buffer
			if err := safetensors.Write(&a, c.tensors, c.metadata); err != nil {
				t.Fatal(err)
			}
			if err := safetensors.Write(&b, c.tensors, c.metadata); err != nil || !bytes.Equal(a.Bytes(), b.Bytes()) {
				t.Fatalf("two writes differ (err %v)", err)
			}
			if n, err := safetensors.EncodedSize(c.tensors, c.metadata); err != nil || n != int64(a.Len()) {
				t.Errorf("EncodedSize = %d, %v; wrote %d", n, err, a.Len())
			}
			got, metadata, err := safetensors.Read(iotest.OneByteReader(&a))
			if name == "big" {
				got, metadata, err = safetensors.Read(&b)
			}
			if err != nil {
				t.Fatal(err)
			}
			if len(metadata) != len(c.metadata) || len(metadata) > 0 && !reflect.DeepEqual(metadata, c.metadata) {
				t.Errorf("metadata %v, want %v", metadata, c.metadata)
			}
			if len(got) != len(c.tensors) {
				t.Fatalf("%d tensors, want %d", len(got), len(c.tensors))
			}
			for i, w := range c.tensors {
				g := got[i]
				if g.Name != w.Name || g.DType != w.DType || !reflect.DeepEqual(g.Shape, w.Shape) || !bytes.Equal(g.Data, w.Data) {
					t.Errorf("tensor %d: got %s %s %v, want %s %s %v", i, g.Name, g.DType, g.Shape, w.Name, w.DType, w.Shape)
				}
			}
		})
	}
}

func TestFloat32sShareOrCopy(t *testing.T) {
	x := []float32{1, -2, 3.5}
	tensor := safetensors.F32("x", []int{3}, x)
	x[0] = 7 // Data is the memory of x
	shifted := append([]byte{0}, tensor.Data...)
	for name, data := range map[string][]byte{"as is": tensor.Data, "shifted by one byte": shifted[1:]} {
		got, err := safetensors.Tensor{Name: "x", DType: "F32", Shape: []int{3}, Data: data}.Float32s()
		if err != nil || !reflect.DeepEqual(got, []float32{7, -2, 3.5}) {
			t.Errorf("%s: %v, %v", name, got, err)
		}
	}
	for _, bad := range []safetensors.Tensor{{DType: "F64", Data: make([]byte, 8)}, {DType: "F32", Data: make([]byte, 3)}} {
		if _, err := bad.Float32s(); err == nil {
			t.Errorf("%s of %d bytes was taken for F32", bad.DType, len(bad.Data))
		}
	}
}

func TestWriteRefuses(t *testing.T) {
	ok := safetensors.F32("x", []int{1}, []float32{1})
	cases := map[string][]safetensors.Tensor{
		"repeated name": {ok, ok},
		"empty name":    {{DType: "F32", Shape: []int{0}}},
		"reserved name": {{Name: "__metadata__", DType: "F32", Shape: []int{0}}},
		"not UTF-8":     {{Name: "\xff", DType: "F32", Shape: []int{0}}},
		"unknown dtype": {{Name: "x", DType: "F31", Shape: []int{0}}},
		"short data":    {{Name: "x", DType: "F32", Shape: []int{2}, Data: make([]byte, 4)}},
		"negative axis": {{Name: "x", DType: "F32", Shape: []int{-1}}},
	}
	for name, tensors := range cases {
		var b bytes.Buffer
		if err := safetensors.Write(&b, tensors, nil); err == nil || b.Len() > 0 {
			t.Errorf("%s: err %v after %d bytes", name, err, b.Len())
		}
	}
	if err := safetensors.Write(io.Discard, nil, map[string]string{"k": "\xff"}); err == nil {
		t.Error("metadata that is not UTF-8 was written")
	}
}

// file makes the bytes of a file with a given header and n bytes of data.
func file(header string, n int) []byte {
	b := binary.LittleEndian.AppendUint64(nil, uint64(len(header)))
	return append(append(b, header...), make([]byte, n)...)
}

const good = `{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"b":{"dtype":"U8","shape":[],"data_offsets":[8,9]}}`

func TestReadRefuses(t *testing.T) {
	if _, _, err := safetensors.Read(bytes.NewReader(file(good, 9))); err != nil {
		t.Fatalf("the good file: %v", err)
	}
	one := func(s string) []byte { return file(`{"a":`+s+`}`, 8) }
	cases := map[string]struct {
		data []byte
		want string
	}{
		"empty":                 {nil, "header length"},
		"short length":          {[]byte{1, 2, 3}, "header length"},
		"header beyond limit":   {binary.LittleEndian.AppendUint64(nil, 1<<40), "header of"},
		"header too small":      {file("{", 0), "header of 1 bytes"},
		"header cut":            {file(good, 9)[:40], "inside the header"},
		"data cut":              {file(good, 8), `inside the tensor "b"`},
		"bytes behind":          {file(good, 10), "after the last tensor"},
		"not an object":         {file("[]", 0), "starts with"},
		"not JSON":              {file("{x}", 0), "not JSON"},
		"unclosed":              {file(`{"a":`, 0), "not JSON"},
		"two objects":           {file("{}{}", 0), "goes on"},
		"not UTF-8":             {file("{\"\xff\":1}", 0), "UTF-8"},
		"duplicate name":        {file(`{"a":{"dtype":"U8","shape":[0],"data_offsets":[0,0]},"\u0061":{"dtype":"U8","shape":[0],"data_offsets":[0,0]}}`, 0), "twice"},
		"duplicate key":         {one(`{"dtype":"F32","dtype":"F32","shape":[2],"data_offsets":[0,8]}`), "twice"},
		"unknown key":           {one(`{"dtype":"F32","shape":[2],"data_offsets":[0,8],"x":1}`), "unknown key"},
		"missing key":           {one(`{"dtype":"F32","shape":[2]}`), "want dtype"},
		"unknown dtype":         {one(`{"dtype":"F33","shape":[2],"data_offsets":[0,8]}`), "unknown dtype"},
		"dtype is a number":     {one(`{"dtype":3,"shape":[2],"data_offsets":[0,8]}`), "not a string"},
		"negative axis":         {one(`{"dtype":"F32","shape":[-2],"data_offsets":[0,8]}`), "not a size"},
		"fractional axis":       {one(`{"dtype":"F32","shape":[2.0],"data_offsets":[0,8]}`), "not a size"},
		"overflowing shape":     {one(`{"dtype":"F32","shape":[4611686018427387904,4],"data_offsets":[0,8]}`), "not a size"},
		"overflowing product":   {one(`{"dtype":"F32","shape":[2147483648,2147483648,4],"data_offsets":[0,8]}`), "too large"},
		"offsets and shape":     {one(`{"dtype":"F32","shape":[3],"data_offsets":[0,8]}`), "span 8 bytes, want 12"},
		"offsets reversed":      {one(`{"dtype":"F32","shape":[2],"data_offsets":[8,0]}`), "span"},
		"one offset":            {one(`{"dtype":"F32","shape":[2],"data_offsets":[8]}`), "two numbers"},
		"hole":                  {one(`{"dtype":"F32","shape":[1],"data_offsets":[4,8]}`), "hole"},
		"overlap":               {file(`{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"b":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}`, 8), "overlap"},
		"metadata not strings":  {file(`{"__metadata__":{"a":1}}`, 0), "not a string"},
		"metadata twice":        {file(`{"__metadata__":{"a":"1","a":"2"}}`, 0), "twice"},
		"tensor is not a table": {file(`{"a":[1]}`, 0), "want {"},
		"claims a terabyte":     {file(`{"a":{"dtype":"U8","shape":[1099511627776],"data_offsets":[0,1099511627776]}}`, 100), "ends inside"},
	}
	for name, c := range cases {
		_, _, err := safetensors.Read(bytes.NewReader(c.data))
		if !errors.Is(err, safetensors.ErrCorrupt) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, want a corrupt error with %q", name, err, c.want)
		}
	}
}

// A file that is fine but whose reader fails is not corrupt: trying again may help.
func TestReadErrorIsNotCorrupt(t *testing.T) {
	broken := errors.New("disk on fire")
	for _, n := range []int{3, 30, 8 + len(good) + 5, 8 + len(good) + 9} {
		r := io.MultiReader(bytes.NewReader(file(good, 9)[:n]), iotest.ErrReader(broken))
		if _, _, err := safetensors.Read(r); !errors.Is(err, broken) || errors.Is(err, safetensors.ErrCorrupt) {
			t.Errorf("after %d bytes: %v", n, err)
		}
	}
}

// Whatever Read accepts, Write can write and Read reads the same again; everything else is a corrupt error, never a panic.
func FuzzRead(f *testing.F) {
	f.Add(file(good, 9))
	f.Add(file(`{"__metadata__":{"a":"1"}}  `, 0))
	f.Add(file(`{"b":{"dtype":"F32","shape":[1],"data_offsets":[4,8]},"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}`, 8))
	f.Add(file(`{"a":{"dtype":"U8","shape":[9,0],"data_offsets":[0,0]}}`, 0))
	f.Fuzz(func(t *testing.T, data []byte) {
		tensors, metadata, err := safetensors.Read(bytes.NewReader(data))
		if err != nil {
			if !errors.Is(err, safetensors.ErrCorrupt) {
				t.Fatalf("untyped error %v", err)
			}
			return
		}
		var again bytes.Buffer
		if err := safetensors.Write(&again, tensors, metadata); err != nil {
			t.Fatalf("cannot write what was read: %v", err)
		}
		tensors2, metadata2, err := safetensors.Read(&again)
		if err != nil || !reflect.DeepEqual(metadata, metadata2) || len(tensors) != len(tensors2) {
			t.Fatalf("second reading: %v", err)
		}
		for i := range tensors {
			if tensors[i].Name != tensors2[i].Name || !bytes.Equal(tensors[i].Data, tensors2[i].Data) {
				t.Fatalf("tensor %d changed", i)
			}
		}
	})
}
