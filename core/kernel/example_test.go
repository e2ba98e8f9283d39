package kernel_test

import (
	"fmt"

	"github.com/archlab/archlab/core/kernel"
)

// A linear layer on two sequences, forward and backward: y = x·W + bias.
func Example() {
	p := kernel.NewPool(2)
	defer p.Close()
	const m, in, out = 3, 2, 2 // rows, input width, output width
	x := []float32{1, 2, 3, 4, 5, 6}
	w := []float32{1, 0, 0, 2} // [in,out]
	bias := []float32{10, 20}
	y := make([]float32, m*out)
	kernel.Gemm(p, false, false, m, out, in, x, in, w, out, 0, y, out)
	kernel.AddBias(p, y, y, bias, m, out)
	fmt.Println(y)

	dy := []float32{1, 1, 1, 1, 1, 1}
	dx, dw, dbias := make([]float32, m*in), make([]float32, in*out), make([]float32, out)
	kernel.Gemm(p, false, true, m, in, out, dy, out, w, out, 0, dx, in) // dx = dy·Wᵀ
	kernel.Gemm(p, true, false, in, out, m, x, in, dy, out, 0, dw, out) // dW = xᵀ·dy
	kernel.ColumnSums(p, dbias, dy, m, out)
	fmt.Println(dx, dw, dbias)
	// Output:
	// [11 24 13 28 15 32]
	// [1 2 1 2 1 2] [9 9 12 12] [3 3]
}

// Decoding with a cache gives the bits of the whole sequence: the caller appends the
// new rows' keys and values, and says where the sequence stands.
func ExampleAttention() {
	dims := kernel.AttentionDims{H: 1, G: 1, K: 1, Scale: 1}
	qkv := []float32{1, 1, 10, 1, 2, 20} // two rows of q, k, v
	whole, lse := make([]float32, 2), make([]float32, 2)
	kernel.Attention(nil, whole, lse, qkv, []kernel.Segment{{Start: 0, Len: 2}}, nil, dims)

	cache := kernel.AttentionCache{K: []float32{1, 2}, V: []float32{10, 20}}
	last := make([]float32, 1)
	kernel.Attention(nil, last, lse, qkv[3:], []kernel.Segment{{Start: 0, Len: 1, Pos: 1}}, []kernel.AttentionCache{cache}, dims)
	fmt.Printf("%.4f %v\n", whole, last[0] == whole[1])
	// Output:
	// [10.0000 17.3106] true
}
