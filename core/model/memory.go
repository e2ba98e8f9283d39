package model

import (
	"github.com/archlab/archlab/core/family"
	"github.com/archlab/archlab/core/nn"
)

// fits refuses models whose weights, gradients and moments would not fit into so many bytes, before the runtime ends
// the process for want of memory; 0 bytes means that nobody knows.
func fits(specs []nn.ParamSpec, bytes int64) error {
	need := 0.0
	for _, s := range specs {
		n := 16.0 // bytes: float32 each
		for _, d := range s.Shape {
			n *= float64(d)
		}
		need += n
	}
	if bytes > 0 && need > float64(bytes) {
		return family.Errorf(family.Exhausted, "config", "weights, gradients and moments need %.0f MiB, the machine has %d MiB", need/(1<<20), bytes>>20)
	}
	return nil
}
