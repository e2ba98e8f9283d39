package engine

import (
	"context"
	"fmt"
	"time"

	"github.com/archlab/archlab/core/kernel"
	"gorgonia.org/gorgonia"
)

// Options says how to compile a graph.
type Options struct {
	Params    *Params      // parameter nodes are bound by name; nil for a graph without any
	Pool      *kernel.Pool // nil runs on one thread
	Capacity  int          // M: the rows that the graph was built for
	Precision Precision    // empty means FP32
	// Sequence is the length of the longest sequence to expect, 0 for Capacity: precisions of 16 bits plan memory by it, and
	// take more, once, where a run has a longer one.
	Sequence int
	// Grads lists gradient nodes with the parameters whose Grad they fill. The plan writes there directly where it can.
	Grads []Gradient

	// Backward is the id from which nodes belong to the backward pass; 0 means that there is none.
	Backward int64

	// BackwardAfter lists forward nodes after which the backward pass runs as far as it can: what the first is computed by comes
	// first, then all of the backward pass that can be computed by then, then the same for the next one, and the rest at last.
	// What only one of them needs is dead before the next. It takes Backward.
	BackwardAfter []*gorgonia.Node

	// Recompute lists parts of the forward pass that the backward pass computes again rather than have them kept.
	Recompute []Block

	// Limit is the largest arena in bytes; 0 means any. Compile answers a *MemoryError rather than take more.
	Limit int64
	// KeepDerived keeps what pure ops compute from parameters alone from run to run, until Params change: for plans that
	// run often between changes.
	KeepDerived bool

	// NoSharing gives every value memory and a step of its own, and Poison fills memory with NaN as soon as it is dead. They are
	// how the memory plan is tested.
	NoSharing, Poison bool
}

// Plan is a compiled graph: kernels in order over memory that never moves. One plan runs once at a time.
type Plan struct {
	steps    []step
	inputs   map[string]Buffer
	values   map[*gorgonia.Node]*value
	arena    []float32
	copies   []gradCopy
	poison   []poisoned
	capacity int
	compile  time.Duration
	bytes    int64
	stateful []StateSpec
	mixes    bool
	derived  int // the first steps, which depend on parameters alone
	ran      bool
	version  int64 // of the parameters that the derived values are of; -1 before the first run
	params   *Params
	seconds  [2]time.Duration // forward, backward
	again    Again
}

type step struct {
	kernel Kernel // nil of a step that the one before it does as well
	kind   string
	name   string
	again  bool // computed before, in the forward pass
	calls  int64
	rows   int64 // over all calls
	nanos  int64
	flops  float64
	pass   int // 0 forward, 1 backward
	traffic
}

type gradCopy struct{ to, from []float32 }

// poisoned is memory that dies at a step.
type poisoned struct {
	step int
	mem  []float32
}

// Run executes the plan.
func (p *Plan) Run(r *Run) error { return p.RunContext(context.Background(), r) }

// RunContext executes the plan, looking between ops whether the context is done. After an error the values are
// undefined, and so are the states of r.
func (p *Plan) RunContext(ctx context.Context, r *Run) (err error) {
	if r.Rows < 0 || r.Rows > p.capacity {
		return fmt.Errorf("engine: run of %d rows, want at most %d", r.Rows, p.capacity)
	}
	at := -1
	defer func() {
		if x := recover(); x != nil {
			err = fmt.Errorf("engine: step %d (%s): %v", at, p.steps[at].name, x)
		}
	}()
	if p.poison != nil && !p.ran { // afterwards everything is poisoned as it dies
		poison(p.arena)
	}
	p.ran = true
	dead := 0
	done := ctx.Done()
	before := r.FLOPs
	clock := time.Now()
	p.seconds, p.again = [2]time.Duration{}, Again{}
	first := 0
	if p.derived > 0 && p.version == p.params.version {
		first = p.derived
	}
	for i := first; i < len(p.steps); i++ {
		at = i
		if done != nil {
			select {
			case <-done:
				return ctx.Err()
			default:
			}
		}
		s := &p.steps[i]
		if s.kernel != nil {
			s.kernel(r)
		}
		now := time.Now()
		took := now.Sub(clock)
		s.calls++
		s.rows += int64(r.Rows)
		s.nanos += int64(took)
		p.seconds[s.pass] += took
		s.flops += r.FLOPs - before
		if s.again {
			p.again.Seconds += took.Seconds()
			p.again.FLOPs += r.FLOPs - before
		}
		clock, before = now, r.FLOPs
		for ; dead < len(p.poison) && p.poison[dead].step == i; dead++ {
			poison(p.poison[dead].mem)
		}
	}
	for _, c := range p.copies {
		copy(c.to, c.from)
	}
	if p.derived > 0 {
		p.version = p.params.version
	}
	return nil
}

// Input answers the buffer of a data input, to be written before Run.
func (p *Plan) Input(name string) (Buffer, bool) {
	b, ok := p.inputs[name]
	return b, ok
}

// Buffer answers where a node's value lies. Only outputs, inputs and parameters still hold it after Run.
func (p *Plan) Buffer(n *gorgonia.Node) (Buffer, bool) {
	v, ok := p.values[n]
	if !ok {
		return Buffer{}, false
	}
	return v.buf, true
}

// Capacity is the number of rows that the plan was compiled for.
func (p *Plan) Capacity() int { return p.capacity }

// ArenaBytes is the memory of activations, gradients of activations and scratch.
func (p *Plan) ArenaBytes() int64 { return 4 * int64(len(p.arena)) }

// ValueBytes is what the same values would take without sharing memory.
func (p *Plan) ValueBytes() int64 { return p.bytes }

// MixesRows says that the plan holds ops of Gorgonia's own that read several rows at once, such as sums and matrix
// products. They know nothing of Run.Rows and read the rows that are not in use as well, so that their results mean
// something only in runs at full capacity or where every row stays on its own.
func (p *Plan) MixesRows() bool { return p.mixes }

// Seconds is how long the last run took in the forward and in the backward pass.
func (p *Plan) Seconds() (forward, backward float64) {
	return p.seconds[0].Seconds(), p.seconds[1].Seconds()
}

// Again is what a run computed a second time, for Options.Recompute.
type Again struct{ Seconds, FLOPs float64 }

// Again is what the last run computed a second time, in its backward pass.
func (p *Plan) Again() Again { return p.again }

// CompileTime is how long Compile took.
func (p *Plan) CompileTime() time.Duration { return p.compile }

// States lists what the plan's stateful ops keep of a sequence, in the order of their slots.
func (p *Plan) States() []StateSpec { return p.stateful }
