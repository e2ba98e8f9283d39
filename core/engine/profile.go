package engine

import "sort"

// OpStat sums the runs of one kind of op.
type OpStat struct {
	Op                 string
	Calls, Nanoseconds int64
	FLOPs              float64
	// Bytes are the op's inputs, output and saved buffers, each once, for the rows in use: what an op that keeps nothing
	// in a cache must move. A table counts whole.
	Bytes float64
}

// Stats adds up runs of plans by kind of op.
type Stats map[string]OpStat

// Add adds one entry.
func (s Stats) Add(o OpStat) {
	x := s[o.Op]
	x.Op = o.Op
	x.Calls += o.Calls
	x.Nanoseconds += o.Nanoseconds
	x.FLOPs += o.FLOPs
	x.Bytes += o.Bytes
	s[o.Op] = x
}

// List answers the entries by time, longest first, then by name.
func (s Stats) List() []OpStat {
	list := make([]OpStat, 0, len(s))
	for _, x := range s {
		list = append(list, x)
	}
	sort.Slice(list, func(i, j int) bool {
		if list[i].Nanoseconds != list[j].Nanoseconds {
			return list[i].Nanoseconds > list[j].Nanoseconds
		}
		return list[i].Op < list[j].Op
	})
	return list
}

// Profile adds what the plan's steps took since it was compiled, or since the last call with reset, to s.
func (p *Plan) Profile(s Stats, reset bool) {
	for i := range p.steps {
		x := &p.steps[i]
		if x.calls > 0 && x.kernel != nil {
			s.Add(OpStat{x.kind, x.calls, x.nanos, x.flops, x.traffic.of(x.calls, x.rows)})
		}
		if reset {
			x.calls, x.rows, x.nanos, x.flops = 0, 0, 0, 0
		}
	}
}
