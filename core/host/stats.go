package host

import (
	"context"
	"strings"
	"sync"
	"time"

	"google.golang.org/grpc/stats"
)

// CallStats sums the calls of one kind.
type CallStats struct {
	Calls    int64   `json:"calls"`
	Errors   int64   `json:"errors"`
	Seconds  float64 `json:"seconds"`  // wall time from the host's side
	Busy     float64 `json:"busy"`     // wall time inside the family, as the plugin reports it
	Overhead float64 `json:"overhead"` // Seconds less Busy, over the calls whose plugin reported: the price of the wire
	Sent     int64   `json:"sent"`     // bytes of messages to the plugin
	Received int64   `json:"received"` // bytes of messages from the plugin
}

func (a CallStats) plus(b CallStats) CallStats {
	return CallStats{
		a.Calls + b.Calls, a.Errors + b.Errors, a.Seconds + b.Seconds, a.Busy + b.Busy, a.Overhead + b.Overhead,
		a.Sent + b.Sent, a.Received + b.Received,
	}
}

// Stats is what a plugin's calls have cost so far.
type Stats struct {
	Total CallStats            `json:"total"`
	Calls map[string]CallStats `json:"calls"` // by call in lower case: "train", "score" ...
}

// meter counts calls; it is also gRPC's stats.Handler, which sees the bytes.
type meter struct {
	mu    sync.Mutex
	calls map[string]*CallStats
}

func newMeter() *meter { return &meter{calls: map[string]*CallStats{}} }

// of answers the entry of a call; the lock is held.
func (m *meter) of(call string) *CallStats {
	c := m.calls[call]
	if c == nil {
		c = &CallStats{}
		m.calls[call] = c
	}
	return c
}

// count adds one finished call.
func (m *meter) count(call string, wall, busy time.Duration, failed bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	c := m.of(call)
	c.Calls++
	if failed {
		c.Errors++
	}
	c.Seconds += wall.Seconds()
	c.Busy += busy.Seconds()
	if busy > 0 {
		c.Overhead += max(0, wall-busy).Seconds()
	}
}

// snapshot copies the counts.
func (m *meter) snapshot() Stats {
	m.mu.Lock()
	defer m.mu.Unlock()
	out := Stats{Calls: make(map[string]CallStats, len(m.calls))}
	for k, c := range m.calls {
		out.Calls[k] = *c
		out.Total = out.Total.plus(*c)
	}
	return out
}

type callKey struct{}

const service = "/archlab.v1.Family/"

// TagRPC implements stats.Handler.
func (m *meter) TagRPC(ctx context.Context, info *stats.RPCTagInfo) context.Context {
	if call, ok := strings.CutPrefix(info.FullMethodName, service); ok {
		return context.WithValue(ctx, callKey{}, strings.ToLower(call))
	}
	return ctx // health, stdio, controller
}

// HandleRPC implements stats.Handler.
func (m *meter) HandleRPC(ctx context.Context, s stats.RPCStats) {
	call, ok := ctx.Value(callKey{}).(string)
	if !ok {
		return
	}
	switch s := s.(type) {
	case *stats.OutPayload:
		m.mu.Lock()
		m.of(call).Sent += int64(s.WireLength)
		m.mu.Unlock()
	case *stats.InPayload:
		m.mu.Lock()
		m.of(call).Received += int64(s.WireLength)
		m.mu.Unlock()
	}
}

// TagConn implements stats.Handler.
func (m *meter) TagConn(ctx context.Context, _ *stats.ConnTagInfo) context.Context { return ctx }

// HandleConn implements stats.Handler.
func (m *meter) HandleConn(context.Context, stats.ConnStats) {}

var _ stats.Handler = (*meter)(nil)
