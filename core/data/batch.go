package data

import (
	"github.com/archlab/archlab/core/data/internal/rng"
	"github.com/archlab/archlab/core/family"
)

// Mode says what happens where a window holds the end of one document and the start of another.
type Mode string

const (
	// Packed lets attention and state run across documents; EOD is a token like any other.
	Packed Mode = "packed"
	// Documents lists every EOD in Batch.Starts: it opens its document, and nothing crosses it. The targets are the
	// same as in Packed, so that losses of both modes are over the same tokens.
	Documents Mode = "documents"
)

// Modes lists the modes in the order of the documentation.
var Modes = []Mode{Packed, Documents}

// BatchConfig is the shape of batches and where they come from.
type BatchConfig struct {
	B, T int
	Mode Mode   // default Packed
	Seed uint64 // of the data, apart from the seeds of model and training
}

func (c *BatchConfig) check() error {
	if c.Mode == "" {
		c.Mode = Packed
	}
	switch {
	case c.B < 1:
		return errorf(ErrConfig, "batch", "got %d sequences, want at least 1", c.B)
	case c.T < 1:
		return errorf(ErrConfig, "context", "got %d tokens, want at least 1", c.T)
	case c.Mode != Packed && c.Mode != Documents:
		return errorf(ErrConfig, "mode", "unknown mode %q, want one of %q", c.Mode, Modes)
	}
	return nil
}

// Batcher cuts a text into windows of T tokens and serves them in a random order that is a pure function of the seed.
//
// An epoch visits every window once. Windows start at a random offset below T that changes with the epoch, so that the same
// tokens do not always share a window; the up to T-1 tokens left over at the two ends come back in other epochs.
//
// Text that is cut anew has other numbers of tokens in other epochs, by a fraction of a percent. Every epoch serves as many windows as the
// first one has, so that any step can be asked for without those before it: where an epoch has more, those left out are chosen at random; where
// it has fewer, its last windows are the first ones again. One that has not even enough for one window behind any offset is read in a circle.
type Batcher struct {
	text    TrainText
	cfg     BatchConfig
	windows uint64 // per epoch, whatever the offset
}

// NewBatcher checks that the text holds at least one window of every offset.
func NewBatcher(text TrainText, cfg BatchConfig) (*Batcher, error) {
	if err := cfg.check(); err != nil {
		return nil, err
	}
	if err := enough(text.Len(), cfg.T); err != nil {
		return nil, err
	}
	return &Batcher{text, cfg, windowsOf(text.Len(), cfg.T)}, nil
}

func enough(tokens, T int) error {
	if tokens >= 2*T {
		return nil
	}
	return errorf(ErrTooShort, "train split", "%d tokens are too few for windows of %d, want at least %d",
		tokens, T, 2*T).hint("use more text or a shorter context")
}

// windowsOf is the number of windows that fit behind any offset.
func windowsOf(tokens, T int) uint64 { return uint64(tokens-T) / uint64(T) }

// Windows is the number of windows in an epoch; an epoch has Windows*T tokens.
func (b *Batcher) Windows() int { return int(b.windows) }

// Batch is the batch of a step, counted from 0: sequences step*B to step*B+B-1 of the endless sequence of epochs.
func (b *Batcher) Batch(step int) (family.Batch, error) {
	if step < 0 {
		return family.Batch{}, errorf(ErrConfig, "step", "got %d, want at least 0", step)
	}
	B, T := b.cfg.B, b.cfg.T
	out := newBatch(B, T)
	window := make([]int32, T+1)
	for row := range B {
		if err := b.read(window, uint64(step)*uint64(B)+uint64(row)); err != nil {
			return family.Batch{}, err
		}
		fillRow(&out, row, window, T, b.cfg.Mode, b.text.Tokenizer().EOD())
	}
	return out, nil
}

// read fills a window with the i-th sequence.
func (b *Batcher) read(window []int32, i uint64) error {
	return b.text.during(i/b.windows, func(s *Stream) error {
		for at := b.at(i, s.Len()); len(window) > 0; {
			at %= s.Len()
			n := min(len(window), s.Len()-at)
			if err := s.Read(window[:n], at); err != nil {
				return err
			}
			window, at = window[n:], at+n
		}
		return nil
	})
}

// at is the position of the i-th sequence in its epoch's tokens.
func (b *Batcher) at(i uint64, tokens int) int {
	epoch, i := i/b.windows, i%b.windows
	have := uint64(1)
	if tokens >= 2*b.cfg.T {
		have = windowsOf(tokens, b.cfg.T)
	}
	key := rng.Hash(b.cfg.Seed, epoch)
	offset := rng.New(key).Intn(b.cfg.T)
	return offset + int(rng.Permute(i%have, have, key))*b.cfg.T
}

func newBatch(B, T int) family.Batch {
	return family.Batch{B: B, T: T, Tokens: make([]int32, B*T), Targets: make([]int32, B*T), Weights: make([]float32, B*T)}
}

// fillRow writes a window of n inputs and n targets (n+1 tokens) into a row; the rest of the row is EOD with weight 0.
func fillRow(out *family.Batch, row int, window []int32, n int, mode Mode, eod int32) {
	base := row * out.T
	for i := range out.T {
		if i >= n {
			out.Tokens[base+i], out.Targets[base+i] = eod, eod
			continue
		}
		out.Tokens[base+i], out.Targets[base+i] = window[i], window[i+1]
		out.Weights[base+i] = 1
		if mode == Documents && i > 0 && window[i] == eod {
			out.Starts = append(out.Starts, int32(base+i))
		}
	}
}
