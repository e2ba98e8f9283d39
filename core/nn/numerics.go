package nn

import (
	"fmt"

	"github.com/archlab/archlab/core/engine"
)

// numerics is what each op needs of its numbers where activations have 16 bits: the one table of what stays float32, and of
// how an op may be cut. An op that is not listed runs whole, and rounds its value where that is an activation.
//
// saved has a letter for each saved buffer:
//
//	h  an activation or the gradient of one: a row for each of the run, 16 bits
//	r  statistics, scores or indices: a row for each of the run, float32 or int32
//	s  a parameter's gradient, summed over rows: float32
//	p  made of parameters: float32
//	-  laid out in a way of the op's own: float32 or int32
type numerics struct {
	parts   engine.Parts
	exact   bool  // the value stays float32
	sum     bool  // the value has no rows: it is a parameter's gradient
	exactIn []int // inputs that nobody may round
	saved   string
	savedOf []int            // inputs whose saved buffers are read
	unread  []int            // those of them whose value is not
	native  engine.Precision // in which the op's kernel takes 16 bits itself
	asIs    bool             // the op's kernel takes 16 bits itself, wherever there are some
}

const (
	byRow      = engine.ByRow
	bySequence = engine.BySequence
)

var numericsOf = map[string]numerics{
	// Products: float32 sums of what was rounded.
	"linear":     {parts: byRow, native: engine.BF16},
	"linear.dx":  {parts: byRow, native: engine.BF16},
	"linear.dw":  {parts: byRow, sum: true, native: engine.BF16},
	"columnsums": {parts: byRow, sum: true},

	// Element by element, and moving columns.
	"add": {parts: byRow}, "mul": {parts: byRow}, "scale": {parts: byRow},
	"gelu": {parts: byRow}, "silu": {parts: byRow}, "squared_relu": {parts: byRow}, "sigmoid": {parts: byRow},
	"gelu.backward": {parts: byRow, saved: "s"}, "silu.backward": {parts: byRow}, "squared_relu.backward": {parts: byRow, saved: "s"}, "sigmoid.backward": {parts: byRow},
	"swiglu": {parts: byRow}, "swiglu.backward": {parts: byRow},
	"gate_silu": {parts: byRow}, "gate_silu.backward": {parts: byRow, saved: "h"},
	"rotary":  {parts: byRow},
	"columns": {parts: byRow}, "columns.backward": {parts: byRow}, "concat": {parts: byRow},
	"embedding": {parts: byRow}, "embedding.dw": {sum: true},
	"positions": {parts: byRow}, "positions.dw": {sum: true},
	"scalarmul": {},

	// Norms: the statistics are float32.
	"rmsnorm": {parts: byRow, saved: "r"}, "rmsnorm.backward": {parts: byRow, saved: "s", savedOf: []int{3}, unread: []int{3}},
	"layernorm": {parts: byRow, saved: "rr"}, "layernorm.backward": {parts: byRow, saved: "ss", savedOf: []int{3}, unread: []int{3}},
	"headnorm": {parts: byRow, saved: "rr"}, "headnorm.backward": {parts: byRow, saved: "ss", savedOf: []int{4}, unread: []int{4}},

	// Attention: the softmax and its denominators are float32.
	"attention": {parts: bySequence, saved: "r"}, "attention.backward": {parts: bySequence, savedOf: []int{1}},

	// Recurrences: steps, decays, skips and states are float32, and what the steps are made of.
	"causalconv": {parts: bySequence}, "causalconv.backward": {parts: bySequence, saved: "ss"},
	"causalconv_silu": {parts: bySequence}, "causalconv_silu.backward": {parts: bySequence, saved: "ss"},
	"softplus": {parts: byRow, exact: true, exactIn: []int{0}}, "softplus.backward": {parts: byRow, exact: true, exactIn: []int{0, 1}},
	"decay": {sum: true}, "decay.backward": {sum: true},
	"step_size": {sum: true}, "step_size.backward": {sum: true},
	"selective_scan": {exactIn: []int{1}, saved: "-"}, "selective_scan.backward": {exactIn: []int{1}, saved: "rshhssh", savedOf: []int{9}, unread: []int{9}},
	"ssd": {exactIn: []int{1}, saved: "-"}, "ssd.backward": {exactIn: []int{1}, saved: "rshhs", savedOf: []int{7}, unread: []int{7}},
	"invariant_scan": {parts: bySequence, saved: "pp"}, "invariant_scan.backward": {parts: bySequence, saved: "sssss", savedOf: []int{7}, unread: []int{7}},

	// The router decides, which rounding would change: logits, scores, gates and their gradients are float32.
	"route": {exact: true, exactIn: []int{0}, saved: "rrr----"}, "route.backward": {exact: true, exactIn: []int{0}, savedOf: []int{1}},
	"balance_loss": {exactIn: []int{0, 1}}, "balance_loss.backward": {exact: true},
	"z_loss": {exactIn: []int{0}, saved: "rr"}, "z_loss.backward": {exact: true, savedOf: []int{1}},
	"mean":    {},
	"experts": {exactIn: []int{1}, saved: "----hh"}, "experts.backward": {saved: "rss", savedOf: []int{5}, unread: []int{5}},

	// The loss: logits, softmax and sums are float32.
	"loss": {saved: "-hs", savedOf: []int{4, 5}, asIs: true}, "loss.total": {exact: true},
	"score": {exact: true, saved: "r", asIs: true}, "logits": {exact: true},
}

// withNumerics adds the table's entry of a kind to its layout.
func withNumerics(name string, lay engine.Layout) engine.Layout {
	n, ok := numericsOf[name]
	if !ok {
		return lay
	}
	lay.Numerics = engine.Numerics{
		Parts: n.parts, Exact: n.exact, Sum: n.sum, ExactIn: n.exactIn, Unread: n.unread, SavedOf: n.savedOf, Native: n.native,
		AsIs: n.asIs,
	}
	if n.savedOf == nil {
		lay.Numerics.SavedOf = []int{}
	}
	if len(lay.Saved) > len(n.saved) {
		Fail(name, "has %d saved buffers, the table of numerics %q", len(lay.Saved), n.saved)
	}
	for i := range lay.Saved {
		e := &lay.Saved[i]
		switch letter := n.saved[i]; letter {
		case 'h':
			e.Rows, e.Half = true, true
		case 'r':
			e.Rows = true
		case 'p':
			e.Same = true
		case 's', '-':
		default:
			panic(fmt.Sprintf("nn: numerics of %s: %q", name, letter))
		}
	}
	return lay
}
