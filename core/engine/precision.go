package engine

import (
	"fmt"
	"strings"
	"unsafe"
)

// Precision names how a plan keeps activations and their gradients. Parameters, their gradients, the optimizer's moments,
// decoding states, statistics and the values that an op's Layout calls exact are float32 in every precision, and so is what
// an op computes with: 16-bit values are widened when they are read and rounded to nearest, ties to even, when they are written.
type Precision string

const (
	// FP32 is IEEE single precision throughout.
	FP32 Precision = "fp32"
	// BF16 keeps float32's range with 8 significant bits.
	BF16 Precision = "bf16"
	// FP16 is IEEE half precision: 11 significant bits, from 6e-8 to 65504. Gradients need a LossScale.
	FP16 Precision = "fp16"
)

// Precisions lists what Compile takes.
var Precisions = []Precision{FP32, BF16, FP16}

// PrecisionError refuses a precision that no kernel has.
type PrecisionError struct{ Precision Precision }

// Error names what was asked for and what there is.
func (e *PrecisionError) Error() string {
	names := make([]string, len(Precisions))
	for i, p := range Precisions {
		names[i] = string(p)
	}
	return fmt.Sprintf("engine: precision %q, want one of %s", string(e.Precision), strings.Join(names, ", "))
}

// narrow says whether the precision keeps activations in 16 bits.
func (p Precision) narrow() bool { return p == BF16 || p == FP16 }

// halves views float32 memory as n 16-bit values.
func halves(x []float32, n int) []uint16 {
	if n == 0 {
		return []uint16{}
	}
	return unsafe.Slice((*uint16)(unsafe.Pointer(&x[0])), n)
}
