package data

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"

	"github.com/archlab/archlab/core/family"
)

// EvalConfig is the shape of the fixed batches of a validation or test split.
type EvalConfig struct {
	B, T      int
	Mode      Mode // default Packed
	MaxTokens int  // targets to score, in windows spread evenly over the split; 0 = the whole split
}

// EvalSet is a split as fixed, non-overlapping windows. The whole split is one window after the other: every token but the
// stream's first is a target exactly once. With MaxTokens, windows of the same grid are taken at an even stride, so that few tokens still
// see the whole split rather than its first files, and each is scored as it would be with the whole split. The choice knows no seed: it
// depends on the stream, T and MaxTokens alone.
//
// The first token of a window sees no context, as in any evaluation with disjoint windows, so perplexities of different T differ.
type EvalSet struct {
	stream    *Stream
	cfg       EvalConfig
	targets   int
	windows   int     // that are scored
	grid      int     // that they are taken from
	documents []int64 // by window: the number, from 1, of the document in which it begins
	identity  string
}

// EvalBatch is a batch with what bits per byte need.
type EvalBatch struct {
	family.Batch
	// TargetBytes [B,T] is the number of bytes of text that each target stands for: 0 for EOD, whose loss still counts (of a Lossy
	// tokenizer, what no token stands for at the end of the document that it ends), and 0 where the weight is 0. Bits per byte = sum of -log2 p(target) over all targets / sum of TargetBytes.
	TargetBytes []int32
}

// NewEvalSet lays windows over a stream and reads it once. The last window may be partly padding with weight 0, and so may rows of the last
// batch.
func NewEvalSet(stream *Stream, cfg EvalConfig) (*EvalSet, error) {
	shape := BatchConfig{B: cfg.B, T: cfg.T, Mode: cfg.Mode}
	if err := shape.check(); err != nil {
		return nil, err
	}
	cfg.Mode = shape.Mode
	if cfg.MaxTokens < 0 {
		return nil, errorf(ErrConfig, "max_tokens", "got %d, want 0 (all) or more", cfg.MaxTokens)
	}
	e := &EvalSet{stream: stream, cfg: cfg, targets: stream.Len() - 1}
	// A selection leaves out the split's last window if that is not full: it is never cut but at its own end.
	full := e.targets / cfg.T
	if cfg.MaxTokens > 0 {
		e.targets = min(e.targets, cfg.MaxTokens)
	}
	if e.targets < 1 {
		return nil, errorf(ErrTooShort, "evaluation split", "%d tokens hold no target, want at least 2", stream.Len())
	}
	e.windows = (e.targets + cfg.T - 1) / cfg.T
	e.grid = max(full, e.windows)
	if err := e.survey(); err != nil {
		return nil, err
	}
	return e, nil
}

// window is the stream position of the i-th scored window and its number of targets, 0 beyond the last window.
func (e *EvalSet) window(i int) (at, targets int) {
	if i >= e.windows {
		return 0, 0
	}
	// The middle of the i-th of e.windows equal parts of the grid; i itself where all of the grid is scored.
	place := (2*i + 1) * e.grid / (2 * e.windows)
	return place * e.cfg.T, min(e.cfg.T, e.targets-i*e.cfg.T)
}

// survey numbers the documents up to the last window and hashes what is scored.
func (e *EvalSet) survey() error {
	tok := e.stream.tok
	sum := sha256.New()
	fmt.Fprintf(sum, "evaluation 1\n%s\n%s\nT %d windows %d targets %d\n", tok.Fingerprint(), e.cfg.Mode, e.cfg.T, e.windows, e.targets)
	e.documents = make([]int64, e.windows)
	window, raw := make([]int32, e.cfg.T+1), []byte(nil)
	var block [1 << 12]int32
	seen, document := 0, int64(0)
	for i := range e.windows {
		at, n := e.window(i)
		for seen <= at {
			b := block[:min(len(block), at+1-seen)]
			if err := e.stream.Read(b, seen); err != nil {
				return err
			}
			for j, id := range b {
				if id == tok.EOD() || seen+j == 0 {
					document++
				}
			}
			seen += len(b)
		}
		e.documents[i] = document
		if err := e.stream.Read(window[:n+1], at); err != nil {
			return err
		}
		raw = encodeTokens(raw[:0], window[:n+1], 4)
		sum.Write(raw)
		if e.stream.spans { // texts that differ in what the tokenizer drops have equal ids
			if err := e.stream.textBytes(window[:n], nil, at+1); err != nil {
				return err
			}
			raw = encodeTokens(raw[:0], window[:n], 4)
			sum.Write(raw)
		}
	}
	e.identity = hex.EncodeToString(sum.Sum(nil))
	return nil
}

// Len is the number of batches.
func (e *EvalSet) Len() int { return (e.windows + e.cfg.B - 1) / e.cfg.B }

// Targets is the number of targets, EOD included.
func (e *EvalSet) Targets() int { return e.targets }

// Identity is the SHA-256, in hex, of all that decides what is scored: the tokenizer, the mode, T, and each window's tokens. Scores of two
// runs are of the same evaluation exactly when their identities are equal. B does not matter.
func (e *EvalSet) Identity() string { return e.identity }

// Cluster is the number, from 1, of the document in which a row's window begins, and 0 where the row is padding. Rows of one document are
// not independent of each other.
func (e *EvalSet) Cluster(batch, row int) int64 {
	if i := batch*e.cfg.B + row; i >= 0 && i < e.windows {
		return e.documents[i]
	}
	return 0
}

// Batch is the i-th batch, 0 <= i < Len.
func (e *EvalSet) Batch(i int) (EvalBatch, error) {
	if i < 0 || i >= e.Len() {
		return EvalBatch{}, errorf(ErrConfig, "evaluation batch", "got %d, want [0,%d)", i, e.Len())
	}
	B, T := e.cfg.B, e.cfg.T
	out := EvalBatch{Batch: newBatch(B, T), TargetBytes: make([]int32, B*T)}
	window := make([]int32, T+1)
	for row := range B {
		at, n := e.window(i*B + row)
		if n > 0 {
			if err := e.stream.Read(window[:n+1], at); err != nil {
				return EvalBatch{}, err
			}
		}
		fillRow(&out.Batch, row, window, n, e.cfg.Mode, e.stream.tok.EOD())
		if n > 0 {
			if err := e.stream.textBytes(out.TargetBytes[row*T:row*T+n], out.Targets[row*T:row*T+n], at+1); err != nil {
				return EvalBatch{}, err
			}
		}
	}
	return out, nil
}
