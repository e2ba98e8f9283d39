package train

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"time"

	"github.com/archlab/archlab/core/family"
	"github.com/archlab/archlab/core/record"
)

// DeadlineError says that a call took longer than the experiment allows.
type DeadlineError struct {
	Call  string
	Limit time.Duration
}

func (e *DeadlineError) Error() string {
	return fmt.Sprintf("call %s did not answer within %v", e.Call, e.Limit)
}

// guard gives every call of a model the experiment's deadline and adds up the wall time of Train and Score, and what the
// plugin says of its steps.
type guard struct {
	m      family.Model
	limit  time.Duration
	wall   atomic.Int64 // nanoseconds inside Train and Score
	mu     sync.Mutex
	phases record.Phases
}

// steps is how the plugin split its training steps so far.
func (g *guard) steps() record.Phases {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.phases
}

func (g *guard) seconds() float64 { return time.Duration(g.wall.Load()).Seconds() }

// call runs f under the deadline. A deadline that passed while the caller's own context is alive is a *DeadlineError.
func (g *guard) call(ctx context.Context, name string, timed bool, f func(ctx context.Context) error) error {
	inner := ctx
	if g.limit > 0 {
		var cancel context.CancelFunc
		inner, cancel = context.WithTimeout(ctx, g.limit)
		defer cancel()
	}
	begin := time.Now()
	err := f(inner)
	if timed {
		g.wall.Add(int64(time.Since(begin)))
	}
	if err != nil && ctx.Err() == nil && errors.Is(inner.Err(), context.DeadlineExceeded) {
		return &DeadlineError{Call: name, Limit: g.limit}
	}
	return err
}

func (g *guard) Train(ctx context.Context, req family.TrainRequest) (res family.TrainResult, err error) {
	err = g.call(ctx, "Train", true, func(ctx context.Context) (err error) { res, err = g.m.Train(ctx, req); return })
	if s := res.Seconds; err == nil && s.Forward >= 0 && s.Backward >= 0 && s.Update >= 0 {
		g.mu.Lock()
		g.phases = g.phases.Plus(record.Phases{Forward: s.Forward, Backward: s.Backward, Update: s.Update})
		g.mu.Unlock()
	}
	return
}

func (g *guard) Score(ctx context.Context, b family.Batch) (res family.ScoreResult, err error) {
	err = g.call(ctx, "Score", true, func(ctx context.Context) (err error) { res, err = g.m.Score(ctx, b); return })
	return
}

func (g *guard) Open(ctx context.Context, n int) (ids []family.StateID, err error) {
	err = g.call(ctx, "Open", false, func(ctx context.Context) (err error) { ids, err = g.m.Open(ctx, n); return })
	return
}

func (g *guard) Extend(ctx context.Context, req family.ExtendRequest) (res family.ExtendResult, err error) {
	err = g.call(ctx, "Extend", false, func(ctx context.Context) (err error) { res, err = g.m.Extend(ctx, req); return })
	return
}

func (g *guard) Fork(ctx context.Context, states []family.StateID) (ids []family.StateID, err error) {
	err = g.call(ctx, "Fork", false, func(ctx context.Context) (err error) { ids, err = g.m.Fork(ctx, states); return })
	return
}

func (g *guard) Rewind(ctx context.Context, state family.StateID, n int) error {
	return g.call(ctx, "Rewind", false, func(ctx context.Context) error { return g.m.Rewind(ctx, state, n) })
}

func (g *guard) Close(ctx context.Context, states []family.StateID) error {
	return g.call(ctx, "Close", false, func(ctx context.Context) error { return g.m.Close(ctx, states) })
}

func (g *guard) Trace(ctx context.Context, req family.TraceRequest) (res family.TraceResult, err error) {
	err = g.call(ctx, "Trace", false, func(ctx context.Context) (err error) { res, err = g.m.Trace(ctx, req); return })
	return
}

func (g *guard) Quantize(ctx context.Context, scheme string) (card family.Card, err error) {
	err = g.call(ctx, "Quantize", false, func(ctx context.Context) (err error) { card, err = g.m.Quantize(ctx, scheme); return })
	return
}

func (g *guard) Save(ctx context.Context, part family.Part, w io.Writer) error {
	return g.call(ctx, "Save", false, func(ctx context.Context) error { return g.m.Save(ctx, part, w) })
}

func (g *guard) Load(ctx context.Context, part family.Part, r io.Reader) error {
	return g.call(ctx, "Load", false, func(ctx context.Context) error { return g.m.Load(ctx, part, r) })
}

func (g *guard) Profile(ctx context.Context, reset bool) (p family.Profile, err error) {
	err = g.call(ctx, "Profile", false, func(ctx context.Context) (err error) { p, err = g.m.Profile(ctx, reset); return })
	return
}

func (g *guard) Release(ctx context.Context) error {
	return g.call(ctx, "Release", false, func(ctx context.Context) error { return g.m.Release(ctx) })
}
