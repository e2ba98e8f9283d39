package data

import "github.com/archlab/archlab/core/family"

// EvalConfig is the shape of the fixed batches of a validation or test split.
type EvalConfig struct {
	B, T      int
	Mode      Mode // default Packed
	MaxTokens int  // only the first this many targets; 0 = the whole split
}

// EvalSet is a split as fixed, non-overlapping windows: every token but the stream's first is a target exactly once. The first token
// of a window sees no context, as in any evaluation with disjoint windows, so perplexities of different T differ.
type EvalSet struct {
	stream  *Stream
	cfg     EvalConfig
	targets int
}

// EvalBatch is a batch with what bits per byte need.
type EvalBatch struct {
	family.Batch
	// TargetBytes [B,T] is the number of bytes of text that each target stands for: 0 for EOD, whose loss still counts, and 0
	// where the weight is 0. Bits per byte = sum of -log2 p(target) over all targets / sum of TargetBytes.
	TargetBytes []int32
}

// NewEvalSet lays windows over a stream. The last one may be partly padding with weight 0, and so may rows of the last batch.
func NewEvalSet(stream *Stream, cfg EvalConfig) (*EvalSet, error) {
	shape := BatchConfig{B: cfg.B, T: cfg.T, Mode: cfg.Mode}
	if err := shape.check(); err != nil {
		return nil, err
	}
	cfg.Mode = shape.Mode
	if cfg.MaxTokens < 0 {
		return nil, errorf(ErrConfig, "max_tokens", "got %d, want 0 (all) or more", cfg.MaxTokens)
	}
	e := &EvalSet{stream, cfg, stream.Len() - 1}
	if cfg.MaxTokens > 0 {
		e.targets = min(e.targets, cfg.MaxTokens)
	}
	if e.targets < 1 {
		return nil, errorf(ErrTooShort, "evaluation split", "%d tokens hold no target, want at least 2", stream.Len())
	}
	return e, nil
}

// Len is the number of batches.
func (e *EvalSet) Len() int {
	n := e.cfg.B * e.cfg.T
	return (e.targets + n - 1) / n
}

// Targets is the number of targets, EOD included.
func (e *EvalSet) Targets() int { return e.targets }

// Batch is the i-th batch, 0 <= i < Len.
func (e *EvalSet) Batch(i int) (EvalBatch, error) {
	if i < 0 || i >= e.Len() {
		return EvalBatch{}, errorf(ErrConfig, "evaluation batch", "got %d, want [0,%d)", i, e.Len())
	}
	B, T := e.cfg.B, e.cfg.T
	out := EvalBatch{Batch: newBatch(B, T), TargetBytes: make([]int32, B*T)}
	window := make([]int32, T+1)
	for row := range B {
		at := (i*B + row) * T
		n := max(0, min(T, e.targets-at))
		if n > 0 {
			if err := e.stream.Read(window[:n+1], at); err != nil {
				return EvalBatch{}, err
			}
		}
		fillRow(&out.Batch, row, window, n, e.cfg.Mode, e.stream.tok.EOD())
		for j := row * T; j < row*T+n; j++ {
			out.TargetBytes[j] = int32(e.stream.tok.TokenBytes(out.Targets[j]))
		}
	}
	return out, nil
}
