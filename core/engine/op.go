// Package engine compiles a Gorgonia expression graph to a plan and runs it: one arena planned by liveness, kernels
// bound once, no allocation a step, a profile of every op. It is not a tape machine and has no derivatives of its own:
// gradients are nodes of the graph like any other, put there by Gorgonia.
//
//	grads, backward, err := engine.Differentiate(loss, names, nodes)
//	plan, err := engine.Compile(graph, gorgonia.Nodes{loss}, engine.Options{Params: params, Grads: grads, Backward: backward, ...})
//	err = plan.Run(&engine.Run{Rows: m, Segments: segments})
//	params.Update(pool, step, params.GradNorm(pool))
//
// Dimensions: M rows (packed tokens; the first axis of every activation).
package engine

import (
	"github.com/archlab/archlab/core/kernel"
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// Op is a Gorgonia op that the engine runs by a kernel bound once, at compile time. Ops without it run by their own Do.
//
// Rows: activations are [M, ...] with M the plan's capacity; at run time only Run.Rows of them are in use, packed from
// row 0. An op computes those rows and leaves the others alone.
type Op interface {
	gorgonia.Op
	// Layout states the memory that the op needs beside its output.
	Layout(inputs []tensor.Shape) Layout
	// Bind makes the kernel for one node. Buffers stay where they are for the life of the plan.
	Bind(b Binding) (Kernel, error)
}

// Layout is the memory of one node beside its value.
type Layout struct {
	// Saved buffers hold statistics and gradients that later ops read through Buffer.Saved or as a node of their own through
	// Saved. Each lives until its last reader has run, and so does the node's value: Numerics.SavedOf and Unread say who reads what.
	Saved []Extent
	// Scratch is needed only while the op runs, in float32s.
	Scratch int
	// Pure says that the output depends on the inputs alone, not on the run. What is computed from parameters by pure ops
	// is computed once until they change, in plans that ask for it.
	Pure bool
	// InPlace lists inputs whose memory the output may take over when nobody reads them later.
	InPlace []int
	// Takes lists saved buffers that may be an input's, with what is in it, when nobody reads that one later: how a sum is carried
	// through several ops. Where the two are not the same memory the kernel copies. It looks at no other saved buffer of that input.
	Takes []Take
	// Numerics is what the engine must know to run the op in a precision of 16 bits. Unread and SavedOf count in every precision:
	// memory that no op reads any more is given to others.
	Numerics Numerics
}

// Take says that a saved buffer may take over saved buffer Of of an input.
type Take struct{ Saved, Input, Of int }

// Numerics says which of an op's values may have 16 bits, and how few rows of them the op can see at once. Unless Native says
// otherwise the op sees float32: the engine widens what it reads to staging memory and rounds what it wrote. The zero value is
// right for every op.
type Numerics struct {
	// Parts says which rows the op may be run on at a time, so that staging memory stays small.
	Parts Parts
	// Exact says that the value stays float32 although it has a row for each of the run.
	Exact bool
	// Sum says that the value has no rows: it is a sum over the rows of the run, as a parameter's gradient is.
	Sum bool
	// ExactIn lists inputs that must not be rounded to 16 bits by the ops that make them.
	ExactIn []int
	// Unread lists inputs whose value the op does not look at: only at their saved buffers.
	Unread []int
	// Native is the precision in which the op's kernel takes 16-bit values as they lie in memory, where all of its values
	// with rows have them; empty: none.
	Native Precision
	// AsIs says that the op's kernel takes all of its buffers as they lie in memory, of 16 or of 32 bits.
	AsIs bool
	// SavedOf lists the inputs whose saved buffers the op reads; nil means any.
	SavedOf []int
}

// Parts is a way of running an op on some of a run's rows after the others.
type Parts int

const (
	// Whole runs the op once.
	Whole Parts = iota
	// ByRow runs it on any consecutive rows, with the parts of sequences that they are: a row of an output depends on the
	// same row of the inputs, on its position, and on inputs without rows.
	ByRow
	// BySequence runs it on whole sequences, which know nothing of each other.
	BySequence
)

// Extent is the size of a buffer.
type Extent struct {
	Len int
	Int bool // int32 instead of float32
	// Rows says that the buffer has Len/M values for each row of the run. In an op that runs in Parts, a buffer without
	// rows is a sum over the rows of the run, unless it is Same: computed from inputs without rows.
	Rows, Same bool
	// Half allows 16 bits in precisions that have them: for what is an activation or the gradient of one, and not a statistic.
	Half bool
}

// Buffer is where a node's value lives. Exactly one of F32, I32 and, where the engine keeps 16 bits, F16 is set. A kernel
// sees F16 only where Numerics.Native or AsIs asks for it.
type Buffer struct {
	Shape tensor.Shape
	F32   []float32
	I32   []int32
	F16   []uint16 // in the format of the plan's precision
	Saved []Buffer // of the node that made it
}

// Binding is everything that a kernel may touch.
type Binding struct {
	In      []Buffer
	Out     Buffer
	Saved   []Buffer
	Scratch []float32
	Pool    *kernel.Pool
	Slot    int // of a Stateful op: its index in SequenceState.Slots
	// Precision is what Bind chooses the kernel by; the choice by CPU feature is the kernel's own.
	Precision Precision
}

// Kernel runs one node. It must not allocate.
type Kernel func(r *Run)

// Run is one execution of a plan.
type Run struct {
	Rows     int              // rows in use, at most the plan's capacity
	Segments []kernel.Segment // the sequences that the rows belong to, in order, covering [0, Rows)
	// States holds one entry a segment while decoding, nil otherwise.
	States []*SequenceState
	// Select lists the rows whose logits are wanted.
	Select []int32
	// FLOPs is added to by every kernel: what it really computed, a multiply-add counting as two.
	FLOPs float64
}

// Stateful is an Op that carries something from token to token while decoding.
type Stateful interface {
	Op
	State() StateSpec
}

// StateSpec is what a Stateful op keeps of one sequence.
type StateSpec struct {
	Name string
	// Fixed is a number of float32s that does not grow with the sequence (convolution tails, recurrent states).
	Fixed int
	// PerToken lists areas that grow by that many float32s a token (keys, values).
	PerToken []int
	// Window is the number of last tokens that PerToken areas must keep; 0 keeps all.
	Window int
}

// SequenceState is the decoding state of one sequence: a slot for every Stateful op of the model, in graph order.
type SequenceState struct {
	Slots []Slot
}

// Slot is what one Stateful op keeps of one sequence. Areas hold the tokens from position Base on and have room for
// the tokens of the current run.
type Slot struct {
	Fixed []float32
	Areas [][]float32
	Base  int // a multiple of 256, so that blocks aligned to positions stay aligned
}
