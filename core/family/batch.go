package family

import "fmt"

// Batch is B sequences of T tokens with what each position should predict.
//
// Positions with weight 0 are not predicted: padding is any token with weight 0 at the end of a row.
type Batch struct {
	B, T    int
	Tokens  []int32   // [B,T]
	Targets []int32   // [B,T]
	Weights []float32 // [B,T]; the loss is the sum of weight x (-log p(target))
	// Starts lists, sorted, the flat indices in [0, B*T) at which a document begins inside a row. Attention and
	// recurrent state never cross a start, and positions count from it. The start of every row is implicit.
	Starts []int32
}

// Check says what is wrong with a batch for a vocabulary of the given size. Targets are checked where weights are not 0.
func (b Batch) Check(vocab int) error {
	n := b.B * b.T
	switch {
	case b.B < 1 || b.T < 1:
		return Errorf(InvalidArgument, "batch", "B=%d T=%d: both must be at least 1", b.B, b.T)
	case len(b.Tokens) != n:
		return Errorf(InvalidArgument, "batch.tokens", "got %d tokens, want B*T=%d", len(b.Tokens), n)
	case len(b.Targets) != n:
		return Errorf(InvalidArgument, "batch.targets", "got %d targets, want B*T=%d", len(b.Targets), n)
	case len(b.Weights) != n:
		return Errorf(InvalidArgument, "batch.weights", "got %d weights, want B*T=%d", len(b.Weights), n)
	}
	for i, t := range b.Tokens {
		if t < 0 || int(t) >= vocab {
			return Errorf(InvalidArgument, fmt.Sprintf("batch.tokens[%d]", i), "token %d is outside the vocabulary [0,%d)", t, vocab)
		}
		if w := b.Weights[i]; w != 0 {
			if w != w || w-w != 0 {
				return Errorf(InvalidArgument, fmt.Sprintf("batch.weights[%d]", i), "weight %v is not finite", w)
			}
			if y := b.Targets[i]; y < 0 || int(y) >= vocab {
				return Errorf(InvalidArgument, fmt.Sprintf("batch.targets[%d]", i), "target %d is outside the vocabulary [0,%d)", y, vocab)
			}
		}
	}
	last := int32(-1)
	for i, s := range b.Starts {
		if s <= last || int(s) >= n {
			return Errorf(InvalidArgument, fmt.Sprintf("batch.starts[%d]", i), "start %d: want ascending indices in [0,%d)", s, n)
		}
		last = s
	}
	return nil
}

// TrainRequest is one optimizer step.
type TrainRequest struct {
	MicroBatches []Batch // gradients of all are summed before the one update
	Optimizer    OptimizerStep
}

// TrainResult is what one optimizer step saw.
type TrainResult struct {
	Loss     float64 // sum of weight x (-log p(target)) of the main head, before the update
	Total    float64 // what was minimised: Loss plus auxiliary losses
	GradNorm float64 // global norm before clipping
	// Skipped says that Loss or GradNorm was not finite, so that weights and optimizer were left untouched.
	Skipped bool
	Metrics map[string]float64 // auxiliary: router load, each extra head's loss ...
	Seconds StepSeconds
}

// StepSeconds splits the time of one step inside the plugin.
type StepSeconds struct {
	Forward, Backward, Update float64
}

// ScoreResult holds one entry for each position of the batch; entries with weight 0 are 0 and false.
type ScoreResult struct {
	LogProbs []float32 // [B,T] natural logarithm of p(target)
	Correct  []bool    // [B,T] the target was the argmax (ties: the lowest token id)
}

// StateID names a decoding state of one model.
type StateID uint64

// ExtendItem feeds tokens to one state. A state may appear once in a request.
type ExtendItem struct {
	State  StateID
	Tokens []int32
}

// ExtendRequest feeds several states at once.
type ExtendRequest struct {
	Items []ExtendItem
	All   bool // logits of every fed position; otherwise of the last one of each item
	TopK  int  // 0: all V logits; otherwise only the k largest with their ids
	Draft int  // number of draft heads to answer for the last position of each item
}

// ExtendResult holds one row for each answered position, items in the request's order.
type ExtendResult struct {
	Rows   int       // number of answered positions
	Width  int       // V, or k with TopK
	Logits []float32 // [Rows,Width]; with TopK in descending order
	IDs    []int32   // [Rows,Width] token ids with TopK, else nil
	Draft  []float32 // [items,Draft,V] logits of the tokens after the next one, else nil
}

// TraceRequest runs a batch with sites captured and edited.
type TraceRequest struct {
	Batch   Batch
	Capture []string
	Edits   []Edit
}

// Edit changes the value at a site before it is used.
type Edit struct {
	Site string
	Kind string // "ablate", "patch", "scale", "add"
	Rows []int32
	Data Tensor
}

// TraceResult holds the captured sites in the order of the request.
type TraceResult struct {
	Captured []Tensor
	Score    ScoreResult
}

// Tensor is a dense array that crosses the contract.
type Tensor struct {
	DType string // "F32", "I32"
	Shape []int
	Data  []byte // little-endian
}
