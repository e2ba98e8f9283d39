package model

import (
	"github.com/archlab/archlab/core/engine"
	"github.com/archlab/archlab/core/family"
)

// precisions are the engine's, in the contract's words.
func precisions() []family.Precision {
	list := make([]family.Precision, len(engine.Precisions))
	for i, p := range engine.Precisions {
		list[i] = family.Precision(p)
	}
	return list
}

// precision is how the model's plans keep activations.
func (m *lm) precision() engine.Precision { return engine.Precision(m.card.Precision) }

// scaled says whether gradients need a loss scale.
func (m *lm) scaled() bool { return m.precision() == engine.FP16 }

// What Train reports of the loss scale, of skipped steps too: the one of the step's gradients, and how many were too large in the
// step. A step whose gradients overflow is no failure unless they do so at smaller scales as well; it costs the time of computing it again.
const (
	scaleMetric    = "loss_scale"
	overflowMetric = "loss_scale_overflows"
)
