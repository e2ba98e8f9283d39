package engine

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/archlab/archlab/core/kernel"
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// Gorgonia's own ops are unexported types that say what they are in String. The common ones have kernels here and in
// elementwise.go; the rest run by their own Do (fallback.go). They compute all rows of the plan's capacity, in use or
// not: a reduction over rows means something only in a graph whose capacity is the number of rows (Plan.MixesRows).
//
// A trap that the engine cannot see: Gorgonia v0.9.18 hashes only the low byte of a slice's bounds, so that two slices
// of one node and one shape whose starts differ by a multiple of 256 become one node. core/nn's Columns does not.

func opType(op gorgonia.Op) string {
	return strings.TrimPrefix(strings.TrimPrefix(fmt.Sprintf("%T", op), "*"), "gorgonia.")
}

func showsInput(op gorgonia.Op) bool {
	_, alias := op.(aliasOp)
	return alias || opType(op) == "reshapeOp"
}

// kindOf groups steps in the profile: an op's name without its particulars.
func kindOf(op gorgonia.Op) string {
	if _, ok := op.(Op); ok {
		return op.String()
	}
	switch t := opType(op); t {
	case "elemUnaryOp", "elemBinOp":
		return "gorgonia." + strings.Fields(op.String())[0]
	default:
		return "gorgonia." + strings.TrimSuffix(t, "Op")
	}
}

// stockLayout lets elementwise ops work in place. What they compute never depends on the run.
func stockLayout(v *value) Layout {
	switch opType(v.node.Op()) {
	case "elemUnaryOp":
		return Layout{Pure: true, InPlace: []int{0}}
	case "elemBinOp":
		return Layout{Pure: true, InPlace: []int{0, 1}}
	}
	return Layout{Pure: true}
}

// stockKernel answers a kernel for an op of Gorgonia's.
func stockKernel(v *value, b Binding) (Kernel, error) {
	for _, k := range v.kids {
		if k.boxed || k.ints {
			return fallback(v, b)
		}
	}
	if v.boxed || v.ints {
		return fallback(v, b)
	}
	op := v.node.Op()
	var k Kernel
	switch opType(op) {
	case "elemUnaryOp":
		k = unaryKernel(op.String(), b)
	case "elemBinOp":
		k = binaryKernel(op.String(), b)
	case "sumOp":
		k = sumKernel(op.String(), b)
	case "transposeOp":
		k = transposeKernel(op.String(), b)
	case "linAlgBinOp":
		k = matmulKernel(op.String(), b)
	case "repeatOp":
		k = repeatKernel(op.String(), b)
	case "sliceOp":
		k = sliceKernel(op.String(), b)
	case "sizeOp":
		k = sizeKernel(op.String(), b)
	}
	if k == nil {
		return fallback(v, b)
	}
	return k, nil
}

// mixesRows says whether an op may read more than one row for each row of its output.
func mixesRows(op gorgonia.Op) bool {
	switch opType(op) {
	case "elemUnaryOp", "elemBinOp", "sizeOp":
		return false
	}
	return true
}

// matmulKernel is "A × B" and its transposed forms "Aᵀ × B", "A × Bᵀ" of two matrices.
func matmulKernel(form string, b Binding) Kernel {
	x, y := b.In[0], b.In[1]
	if len(x.Shape) != 2 || len(y.Shape) != 2 || len(b.Out.Shape) != 2 || !strings.Contains(form, "× B") {
		return nil
	}
	tA, tB := strings.HasPrefix(form, "Aᵀ"), strings.HasSuffix(form, "Bᵀ")
	m, n := b.Out.Shape[0], b.Out.Shape[1]
	k := x.Shape[1]
	if tA {
		k = x.Shape[0]
	}
	return func(r *Run) {
		kernel.Gemm(b.Pool, tA, tB, m, n, k, x.F32, x.Shape[1], y.F32, y.Shape[1], 0, b.Out.F32, n)
		r.FLOPs += 2 * float64(m) * float64(n) * float64(k)
	}
}

// sumKernel is "Σ[0 1]": the sum over the listed axes, in float64.
func sumKernel(form string, b Binding) Kernel {
	axes, ok := numbers(form)
	if !ok {
		return nil
	}
	in, out := b.In[0], b.Out.F32
	keep := make([]bool, len(in.Shape))
	for i := range keep {
		keep[i] = true
	}
	for _, a := range axes {
		if a >= len(keep) {
			return nil
		}
		keep[a] = false
	}
	// Strides into the output: 0 along summed axes.
	to := make([]int, len(in.Shape))
	size := 1
	for i := len(to) - 1; i >= 0; i-- {
		if keep[i] {
			to[i] = size
			size *= in.Shape[i]
		}
	}
	if size != len(out) {
		return nil
	}
	acc := make([]float64, size)
	walk := newWalk(in.Shape, to)
	return func(r *Run) {
		clear(acc)
		walk.each(func(i, j int) { acc[j] += float64(in.F32[i]) })
		for i, s := range acc {
			out[i] = float32(s)
		}
		r.FLOPs += float64(len(in.F32))
	}
}

// transposeKernel is "Aᵀ{1, 0}": axis i of the output is axis pattern[i] of the input.
func transposeKernel(form string, b Binding) Kernel {
	pattern, ok := numbers(form)
	in, out := b.In[0], b.Out
	if !ok || len(pattern) != len(in.Shape) {
		return nil
	}
	stride := rowMajor(in.Shape)
	from := make([]int, len(pattern))
	for i, p := range pattern {
		from[i] = stride[p]
	}
	walk := newWalk(out.Shape, from)
	return func(*Run) { walk.each(func(i, j int) { out.F32[i] = in.F32[j] }) }
}

// repeatKernel is "Repeat1": every slice along an axis, repeated. The number is that of the shapes.
func repeatKernel(form string, b Binding) Kernel {
	axis, err := strconv.Atoi(strings.TrimPrefix(form, "Repeat"))
	in, out := b.In[0], b.Out
	if err != nil || axis >= len(out.Shape) {
		return nil
	}
	inner := 1
	for _, d := range out.Shape[axis+1:] {
		inner *= d
	}
	times := out.Shape.TotalSize() / max(1, in.Shape.TotalSize())
	return func(*Run) {
		at := 0
		for i := 0; i+inner <= len(in.F32); i += inner {
			for range times {
				at += copy(out.F32[at:], in.F32[i:i+inner])
			}
		}
	}
}

// sliceKernel is "T[:, 2:4:1...]": a range along one axis.
func sliceKernel(form string, b Binding) Kernel {
	body, ok := strings.CutPrefix(strings.TrimSuffix(form, "...]"), "T[")
	if !ok {
		return nil
	}
	parts := strings.Split(body, ", ")
	axis := len(parts) - 1
	in := b.In[0]
	var start, end, by int
	if n, err := fmt.Sscanf(parts[axis], "%d:%d:%d", &start, &end, &by); n != 3 || err != nil || by > 1 || axis >= len(in.Shape) {
		return nil
	}
	inner := 1
	for _, d := range in.Shape[axis+1:] {
		inner *= d
	}
	row, from, n := in.Shape[axis]*inner, start*inner, (end-start)*inner
	if n <= 0 || len(in.F32)/row*n != len(b.Out.F32) {
		return nil
	}
	return func(*Run) {
		at := 0
		for i := 0; i < len(in.F32); i += row {
			at += copy(b.Out.F32[at:], in.F32[i+from:i+from+n])
		}
	}
}

// sizeKernel is "SizeOf=3", or "SizeOf(0)" of an axis.
func sizeKernel(form string, b Binding) Kernel {
	list, ok := numbers(form)
	if !ok || len(list) != 1 {
		return nil
	}
	size := list[0]
	if strings.HasPrefix(form, "SizeOf(") {
		if size >= len(b.In[0].Shape) {
			return nil
		}
		size = b.In[0].Shape[size]
	}
	return func(*Run) { b.Out.F32[0] = float32(size) }
}

// numbers answers the decimal numbers in a string.
func numbers(s string) ([]int, bool) {
	fields := strings.FieldsFunc(s, func(r rune) bool { return r < '0' || r > '9' })
	list := make([]int, len(fields))
	for i, f := range fields {
		n, err := strconv.Atoi(f)
		if err != nil {
			return nil, false
		}
		list[i] = n
	}
	return list, len(list) > 0
}

func rowMajor(shape tensor.Shape) []int {
	stride := make([]int, len(shape))
	n := 1
	for i := len(shape) - 1; i >= 0; i-- {
		stride[i] = n
		n *= shape[i]
	}
	return stride
}

// walk visits the elements of an array in row-major order, with a second index that moves by strides of its own.
type walk struct {
	shape, stride, at []int
}

func newWalk(shape tensor.Shape, stride []int) *walk {
	return &walk{shape: shape, stride: stride, at: make([]int, len(shape))}
}

func (w *walk) each(f func(i, j int)) {
	clear(w.at)
	total := tensor.Shape(w.shape).TotalSize()
	j := 0
	for i := range total {
		f(i, j)
		for a := len(w.shape) - 1; a >= 0; a-- {
			w.at[a]++
			j += w.stride[a]
			if w.at[a] < w.shape[a] {
				break
			}
			j -= w.stride[a] * w.shape[a]
			w.at[a] = 0
		}
	}
}
