package model

import (
	"context"
	"errors"
	"runtime"
	"time"

	"github.com/archlab/archlab/core/engine"
	"github.com/archlab/archlab/core/family"
	"github.com/archlab/archlab/core/kernel"
	"github.com/archlab/archlab/core/nn"
)

// lm is a built model. One call runs at a time: whoever holds the token in busy.
type lm struct {
	arch    Architecture
	specs   []nn.ParamSpec
	card    family.Card
	limit   int   // the longest sequence; 0 for any
	blocks  bool  // training computes blocks again
	memory  int64 // the machine's, in bytes; 0: unknown
	params  *engine.Params
	scale   engine.LossScale // FP16
	pool    *kernel.Pool
	plans   planCache
	usage   usage
	decoder decoder
	busy    chan struct{} // holds a token while nobody runs
	gone    bool
}

func newModel(arch Architecture, specs []nn.ParamSpec, limit int, card family.Card, req family.BuildRequest) (*lm, error) {
	if err := fits(specs, memory()); err != nil {
		return nil, err
	}
	params, err := engine.NewParams(paramList(specs))
	if err != nil {
		return nil, family.Errorf(family.Internal, "", "%v", err)
	}
	for i, p := range params.All() {
		specs[i].Fill(req.Seed, p.W)
	}
	threads := req.Threads
	if threads == 0 {
		threads = runtime.GOMAXPROCS(0)
	}
	m := &lm{
		arch: arch, specs: specs, card: card, limit: limit,
		blocks:  req.Recompute == family.RecomputeBlock,
		memory:  memory(),
		params:  params,
		scale:   engine.LossScale{Scale: engine.FirstScale},
		pool:    kernel.NewPool(threads),
		usage:   usage{ops: engine.Stats{}},
		decoder: decoder{states: map[family.StateID]*state{}},
		busy:    make(chan struct{}, 1),
	}
	m.busy <- struct{}{}
	return m, nil
}

// paramList is the specs as the engine wants them.
func paramList(specs []nn.ParamSpec) []engine.ParamSpec {
	list := make([]engine.ParamSpec, len(specs))
	for i, s := range specs {
		list[i] = engine.ParamSpec{Name: s.Name, Shape: s.Shape, Decay: s.Decay, Fixed: s.Buffer, Matrices: s.Matrices}
	}
	return list
}

// enter waits for the model's turn, unless ctx ends first.
func (m *lm) enter(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return canceled(err)
	}
	select {
	case <-m.busy:
	case <-ctx.Done():
		return canceled(ctx.Err())
	}
	if m.gone {
		m.busy <- struct{}{}
		return family.Errorf(family.NotFound, "model", "the model was released")
	}
	return nil
}

func (m *lm) leave() { m.busy <- struct{}{} }

// Trace is not among the model's capabilities.
func (m *lm) Trace(context.Context, family.TraceRequest) (family.TraceResult, error) {
	return family.TraceResult{}, family.Errorf(family.Unimplemented, "trace", "this family does not trace")
}

// Quantize is not among the model's capabilities.
func (m *lm) Quantize(_ context.Context, scheme string) (family.Card, error) {
	return family.Card{}, family.Errorf(family.Unimplemented, "scheme", "got %q; this family does not quantize", scheme)
}

// Release frees everything.
func (m *lm) Release(ctx context.Context) error {
	if err := m.enter(ctx); err != nil {
		return err
	}
	defer m.leave()
	m.gone = true
	m.pool.Close()
	m.plans, m.decoder, m.params = planCache{}, decoder{}, nil
	return nil
}

// work is enter for the calls whose wall time Profile reports; what it answers replaces leave.
func (m *lm) work(ctx context.Context) (leave func(), err error) {
	if err := m.enter(ctx); err != nil {
		return nil, err
	}
	start := time.Now()
	return func() {
		m.usage.busy += time.Since(start)
		m.leave()
	}, nil
}

// run executes a plan and keeps the books.
func (m *lm) run(ctx context.Context, p *engine.Plan, r *engine.Run) error {
	err := p.RunContext(ctx, r)
	m.usage.flops += r.FLOPs
	if err == nil {
		return nil
	}
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return canceled(err)
	}
	return family.Errorf(family.Internal, "", "%v", err)
}

func canceled(err error) error {
	return family.Errorf(family.Canceled, "", "the call was cancelled: %v", err)
}
