package task

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"

	"github.com/archlab/archlab/core/data"
	"github.com/archlab/archlab/core/data/internal/rng"
	"github.com/archlab/archlab/core/family"
)

// SamplerConfig says how training examples are drawn.
type SamplerConfig struct {
	B    int
	Seed uint64 // of the data
	// Examples is the size of a fixed training set that is revisited in a new order every epoch, as in published settings; 0
	// draws fresh examples for ever.
	Examples int
}

// Sampler serves training batches, a pure function of (task, config, step).
type Sampler struct {
	task Task
	cfg  SamplerConfig
}

// NewSampler checks the config.
func NewSampler(task Task, cfg SamplerConfig) (*Sampler, error) {
	if cfg.B < 1 {
		return nil, configError("batch", "got %d sequences, want at least 1", cfg.B)
	}
	if cfg.Examples < 0 {
		return nil, configError("examples", "got %d, want 0 (fresh examples for ever) or more", cfg.Examples)
	}
	return &Sampler{task, cfg}, nil
}

// Batch is the batch of a step, counted from 0.
func (s *Sampler) Batch(step int) (family.Batch, error) {
	if step < 0 {
		return family.Batch{}, configError("step", "got %d, want at least 0", step)
	}
	out := newBatch(s.cfg.B, s.task.Length())
	for row := range s.cfg.B {
		i := uint64(step)*uint64(s.cfg.B) + uint64(row)
		if n := uint64(s.cfg.Examples); n > 0 {
			epoch := i / n
			i = rng.Permute(i%n, n, rng.Hash(s.cfg.Seed, epoch))
		}
		putRow(&out, row, s.task.Example(data.Train, s.cfg.Seed, int(i)))
	}
	return out, nil
}

// Set is a fixed set of examples of one split, in batches of B; the last batch may end in rows of weight 0.
type Set struct {
	task     Task
	split    data.Split
	seed     uint64
	b        int
	examples int
}

// NewSet makes the set of the first so many examples of a split for a seed. Keep the seed fixed across models and runs that are to be
// compared.
func NewSet(task Task, split data.Split, seed uint64, b, examples int) (*Set, error) {
	if b < 1 || examples < 1 {
		return nil, configError("examples", "got %d examples in batches of %d, want at least 1 each", examples, b)
	}
	return &Set{task, split, seed, b, examples}, nil
}

// Len is the number of batches.
func (s *Set) Len() int { return (s.examples + s.b - 1) / s.b }

// Identity is a SHA-256, in hex, of all that decides what is scored: the task's parameters, the split, the seed, the number of examples, and
// the examples themselves, which another version of a generator may draw otherwise. B does not matter. It generates every example.
func (s *Set) Identity() string {
	sum := sha256.New()
	info := s.task.Info()
	fmt.Fprintf(sum, "task 1\n%s %v\n%s seed %d examples %d\n", info.Name, info.Parameters, s.split, s.seed, s.examples)
	for i := range s.examples {
		e := s.task.Example(s.split, s.seed, i)
		for _, field := range []any{e.Tokens, e.Targets, e.Weights} {
			_ = binary.Write(sum, binary.LittleEndian, field) // cannot fail: slices of fixed-size numbers into a hash
		}
	}
	return hex.EncodeToString(sum.Sum(nil))
}

// Batch is the i-th batch, 0 <= i < Len.
func (s *Set) Batch(i int) (family.Batch, error) {
	if i < 0 || i >= s.Len() {
		return family.Batch{}, configError("batch", "got %d, want [0,%d)", i, s.Len())
	}
	out := newBatch(s.b, s.task.Length())
	for row := range s.b {
		if index := i*s.b + row; index < s.examples {
			putRow(&out, row, s.task.Example(s.split, s.seed, index))
		}
	}
	return out, nil
}

func newBatch(B, T int) family.Batch {
	return family.Batch{B: B, T: T, Tokens: make([]int32, B*T), Targets: make([]int32, B*T), Weights: make([]float32, B*T)}
}

func putRow(out *family.Batch, row int, e Example) {
	at := row * out.T
	copy(out.Tokens[at:], e.Tokens)
	copy(out.Targets[at:], e.Targets)
	copy(out.Weights[at:], e.Weights)
}
