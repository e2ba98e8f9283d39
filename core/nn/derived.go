package nn

import (
	"github.com/archlab/archlab/core/engine"
	"gorgonia.org/tensor"
)

// derived is embedded by kinds that compute something of a parameter alone: the whole tensor, whatever the rows of a run, and
// nothing that a run says. Plans for scoring and decoding then compute it once until the weights change, which is why it counts
// as work in training only: what a call costs would otherwise depend on whether it is the first.
type derived struct{ Train bool }

// Layout says that the op looks at its input alone.
func (derived) Layout([]tensor.Shape) engine.Layout { return engine.Layout{Pure: true} }

func (d derived) count(r *engine.Run, flops float64) {
	if d.Train {
		r.FLOPs += flops
	}
}
