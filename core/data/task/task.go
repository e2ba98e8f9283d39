// Package task generates synthetic sequences that test one ability each: recall, selection, induction, arithmetic.
//
// It is not a benchmark suite with stored examples: an example is a pure function of (task, split, seed, index), so nothing is
// downloaded and nothing has to be stored to resume. Training, validation and test examples are disjoint by construction:
// the hash of an example's problem decides its split, and a generator redraws until the problem belongs to the split that was
// asked for.
//
//	t, err := task.Open(task.Config{Kind: "mqar", Preset: "cpu"})
//	train, err := task.NewSampler(t, task.SamplerConfig{B: 32, Seed: 1})
//	batch := train.Batch(step)
//
// Weights are 1 on scored positions and 0 elsewhere. Dimensions: B batch, T time.
package task

import (
	"encoding/binary"
	"hash/fnv"

	"github.com/archlab/archlab/core/data"
	"github.com/archlab/archlab/core/data/internal/rng"
)

// Task is a generator of examples with a fixed length. Implementations are safe for concurrent use.
type Task interface {
	Info() Info
	Length() int // T
	// Answers lists the tokens that can be an answer: a guesser that draws one of them uniformly is right with Info().Chance.
	Answers() []int32
	// Example generates the index-th example of a split for a seed.
	Example(split data.Split, seed uint64, index int) Example
}

// Verifiable is a task whose answers are text that can be checked exactly, for test-time compute.
type Verifiable interface {
	Task
	Tokenizer() data.Tokenizer
	// Prompt is the index-th problem of a split as text, the same as in Example. Feed data.PromptTokens of it and stop at EOD.
	Prompt(split data.Split, seed uint64, index int) string
	// Solution is a right completion of a problem; an error where it is none of the task's.
	Solution(prompt string) (string, error)
	// Answer is what votes compare: the final answer in a completion, if it has one. It is "" exactly where ok is false.
	Answer(completion string) (answer string, ok bool)
	// Verify says whether the final answer in a completion is right.
	Verify(prompt, completion string) bool
}

// Info is what a report says of a task.
type Info struct {
	Name   string `json:"name"`
	Source string `json:"source"` // paper, and what its setting is
	Vocab  int    `json:"vocab"`
	// Chance is the accuracy by token of guessing uniformly among the tokens that can be an answer.
	Chance float64 `json:"chance"`
	// ContextChance is the accuracy of guessing among the candidates that the sequence itself shows: what a model reaches
	// that has learned what an answer looks like, but recalls nothing.
	ContextChance float64 `json:"context_chance"`
	Parameters    Values  `json:"parameters"`
	// Whole says that a sequence counts as right only where all of its answers are; otherwise accuracy is counted by token.
	Whole bool `json:"whole,omitempty"`
	kind  *Kind
}

// Example is one sequence.
type Example struct {
	Tokens  []int32   // [T]
	Targets []int32   // [T]; 0 where the weight is 0
	Weights []float32 // [T]; 1 on scored positions
}

func newExample(T int) Example {
	return Example{make([]int32, T), make([]int32, T), make([]float32, T)}
}

func (e *Example) score(at int, target int32) {
	e.Targets[at] = target
	e.Weights[at] = 1
}

// splitShares divides problems: of 8, 6 for training and 1 each for validation and test. Wider than a corpus's shares, since a
// redraw costs time.
const splitParts = 8

// splitOf decides the split of a problem, whatever seed it was drawn with.
func splitOf(problem uint64) data.Split {
	switch rng.Mix(problem) % splitParts {
	case 6:
		return data.Validation
	case 7:
		return data.Test
	}
	return data.Train
}

// hashTokens names a problem by its tokens.
func hashTokens(tokens []int32) uint64 {
	h := fnv.New64a()
	var b [4]byte
	for _, t := range tokens {
		binary.LittleEndian.PutUint32(b[:], uint32(t))
		h.Write(b[:])
	}
	return h.Sum64()
}

// draw calls generate with fresh generators until the problem that it answers belongs to the split. Attempts is bounded only for
// the check at Open; 0 means no bound.
func draw(split data.Split, seed uint64, index, attempts int, generate func(*rng.Source) (problem uint64)) bool {
	for try := 0; attempts == 0 || try < attempts; try++ {
		if splitOf(generate(rng.New(seed, uint64(split), uint64(index), uint64(try)))) == split {
			return true
		}
	}
	return false
}
