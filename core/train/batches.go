package train

import (
	"context"
	"fmt"

	"github.com/archlab/archlab/core/family"
)

// prepared is one step's batches, ready to be sent.
type prepared struct {
	step   int
	micro  []family.Batch
	tokens int // positions fed: B x T
	err    error
}

// prefetch makes the batches of steps from, from+1 ... one ahead of the consumer, so that the next batch is made while
// the plugin works. It ends with ctx or after the first error. Receivers must drain or cancel.
func prefetch(ctx context.Context, data Data, from, micro int) <-chan prepared {
	out := make(chan prepared)
	go func() {
		for step := from; ; step++ {
			p := prepare(data, step, micro)
			select {
			case out <- p:
			case <-ctx.Done():
				return
			}
			if p.err != nil {
				return
			}
		}
	}()
	return out
}

// prepare makes the batches of one step: weights are divided by their sum over the whole step, so that the loss of the
// step is the mean over what it predicts however the step is cut into micro-batches.
func prepare(data Data, step, micro int) prepared {
	b, err := data.Batch(step)
	if err != nil {
		return prepared{step: step, err: fmt.Errorf("batch of step %d: %w", step, err)}
	}
	var sum float64
	for _, w := range b.Weights {
		sum += float64(w)
	}
	if !(sum > 0) {
		return prepared{step: step, err: fmt.Errorf("batch of step %d: nothing to predict: the weights sum to %v", step, sum)}
	}
	weights := make([]float32, len(b.Weights))
	for i, w := range b.Weights {
		weights[i] = float32(float64(w) / sum)
	}
	b.Weights = weights
	parts, err := split(b, micro)
	return prepared{step: step, micro: parts, tokens: b.B * b.T, err: err}
}

// split cuts a batch along B into n parts of equal size that share its memory.
func split(b family.Batch, n int) ([]family.Batch, error) {
	if n <= 1 {
		return []family.Batch{b}, nil
	}
	if b.B%n != 0 {
		return nil, fmt.Errorf("batch of %d sequences cannot be cut into %d micro-batches of equal size", b.B, n)
	}
	rows := b.B / n
	size := rows * b.T
	out := make([]family.Batch, n)
	starts := b.Starts
	for i := range out {
		lo, hi := i*size, (i+1)*size
		out[i] = family.Batch{B: rows, T: b.T, Tokens: b.Tokens[lo:hi], Targets: b.Targets[lo:hi], Weights: b.Weights[lo:hi]}
		for len(starts) > 0 && int(starts[0]) < hi {
			out[i].Starts = append(out[i].Starts, starts[0]-int32(lo))
			starts = starts[1:]
		}
	}
	return out, nil
}
