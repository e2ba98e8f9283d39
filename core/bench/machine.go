package bench

import (
	"context"
	"fmt"
	"runtime"
	"time"

	"github.com/archlab/archlab/core/kernel"
)

// Machine is what the machine can do at best and what the kernels reach of it.
type Machine struct {
	CPU        string      `json:"cpu"`
	Features   []string    `json:"features"` // the instruction set in use, then what the CPU offers
	Threads    int         `json:"threads"`
	Caches     []Cache     `json:"caches"`
	Peaks      []Peak      `json:"peaks"`
	Bandwidths []Bandwidth `json:"bandwidths"`
	Products   []Product   `json:"products,omitempty"`
	Missing    []string    `json:"missing,omitempty"` // what cannot be measured here, and why
	Rounds     int         `json:"rounds"`
	When       time.Time   `json:"when"`
}

// Peak is the rate of a loop that computes on registers alone, a multiply-add counting as two operations.
type Peak struct {
	Arithmetic string `json:"arithmetic"` // "fp32", "bf16", "int8"
	Threads    int    `json:"threads"`
	Operations Rate   `json:"operations"` // a second
}

// Bandwidth is the rate of a loop that only reads.
type Bandwidth struct {
	Level   string `json:"level"`   // "L1", "L2", "L3", "DRAM"
	Buffer  int64  `json:"buffer"`  // bytes that each thread reads over and over
	Threads int    `json:"threads"` // at the same time, each its own buffer
	Bytes   Rate   `json:"bytes"`   // a second
}

// MachineOptions says how to measure.
type MachineOptions struct {
	CPU      string
	Threads  int // the largest number of threads; 0: as many as Go runs at the same time
	Rounds   int // samples of each figure; 0: 7
	Slice    time.Duration
	Products bool // measure matrix products too
	Progress func(done float64)
}

// MeasureMachine takes the roofline and, on demand, what matrix products reach of it, all in turns.
func MeasureMachine(ctx context.Context, o MachineOptions) (*Machine, error) {
	if o.Threads == 0 {
		o.Threads = runtime.GOMAXPROCS(0)
	}
	if o.Rounds == 0 {
		o.Rounds = 7
	}
	if o.Slice == 0 {
		o.Slice = 10 * time.Millisecond
	}
	m := &Machine{CPU: o.CPU, Features: kernel.Features(), Threads: o.Threads, Rounds: o.Rounds, When: time.Now().UTC()}
	m.Caches, _ = Caches()
	var probes []*probe
	var finish []func()
	add := func(run func(n int) float64, done func(r Rate)) {
		p := &probe{run: run}
		probes = append(probes, p)
		finish = append(finish, func() { done(rateOf(p.samples)) })
	}
	levels := m.levels()
	buffer := filled(int(levels[len(levels)-1].Buffer) / 4 * o.Threads)
	for _, threads := range threadCounts(o.Threads) {
		pool := kernel.NewPool(threads)
		defer pool.Close()
		for _, a := range []kernel.Arithmetic{kernel.FP32Arithmetic, kernel.BF16Arithmetic, kernel.INT8Arithmetic} {
			if kernel.Peak(nil, a, 1) == 0 {
				if threads == 1 {
					m.Missing = append(m.Missing, fmt.Sprintf("%s: %s has no instruction for it here", a, m.Features[0]))
				}
				continue
			}
			add(func(n int) float64 { return kernel.Peak(pool, a, n<<10) }, func(r Rate) {
				m.Peaks = append(m.Peaks, Peak{a.String(), threads, r})
			})
		}
		for _, l := range levels {
			x := buffer[:int(l.Buffer)/4*threads]
			add(func(n int) float64 { _, bytes := kernel.Read(pool, x, n); return bytes }, func(r Rate) {
				m.Bandwidths = append(m.Bandwidths, Bandwidth{l.Level, l.Buffer, threads, r})
			})
		}
		if o.Products {
			for _, c := range Cases() {
				p := c
				p.Threads = threads
				add(p.probe(pool), func(r Rate) {
					p.Operations = r
					m.Products = append(m.Products, p.Product)
				})
			}
		}
	}
	if err := alternate(ctx, probes, o.Rounds, o.Slice, o.Progress); err != nil {
		return nil, err
	}
	for _, f := range finish {
		f()
	}
	for i := range m.Products {
		p := &m.Products[i]
		if peak := m.Peak(p.Arithmetic, p.Threads); peak > 0 {
			p.OfPeak = p.Operations.Median / peak
		}
		if p.Level != "" {
			if b := m.Bandwidth(p.Level, p.Threads); b > 0 {
				p.OfBandwidth = p.Operations.Median / p.operations() * p.WeightBytes / b
			}
		}
	}
	return m, nil
}

// levels answers a buffer size for each level that fits well within it, and well beyond all of them for DRAM.
func (m *Machine) levels() []Bandwidth {
	var out []Bandwidth
	last := int64(0)
	for _, c := range m.Caches {
		size := c.Bytes / 2
		if c.Shared != 1 && c.Level > 2 { // others read there at the same time
			size = max(2*last, c.Bytes/int64(2*max(1, m.Threads)))
		}
		if size <= last {
			continue
		}
		out = append(out, Bandwidth{Level: fmt.Sprintf("L%d", c.Level), Buffer: size &^ 4095})
		last = c.Bytes
	}
	beyond := max(32<<20, min(4*last, 512<<20)/int64(m.Threads))
	return append(out, Bandwidth{Level: "DRAM", Buffer: beyond})
}

// Peak is the median rate of an arithmetic on so many threads, 0 if it was not measured.
func (m *Machine) Peak(arithmetic string, threads int) float64 {
	for _, p := range m.Peaks {
		if p.Arithmetic == arithmetic && p.Threads == threads {
			return p.Operations.Median
		}
	}
	return 0
}

// Bandwidth is the median rate of reading a level on so many threads, 0 if it was not measured.
func (m *Machine) Bandwidth(level string, threads int) float64 {
	for _, b := range m.Bandwidths {
		if b.Level == level && b.Threads == threads {
			return b.Bytes.Median
		}
	}
	return 0
}

// TakeBetter replaces each limit by that of another measurement where that is higher: a limit that was passed is none.
func (m *Machine) TakeBetter(o *Machine) {
	for i := range m.Peaks {
		p := &m.Peaks[i]
		for _, q := range o.Peaks {
			if q.Arithmetic == p.Arithmetic && q.Threads == p.Threads && q.Operations.Median > p.Operations.Median {
				*p = q
			}
		}
	}
	for i := range m.Bandwidths {
		b := &m.Bandwidths[i]
		for _, q := range o.Bandwidths {
			if q.Level == b.Level && q.Threads == b.Threads && q.Bytes.Median > b.Bytes.Median {
				*b = q
			}
		}
	}
}

// threadCounts is 1 and all.
func threadCounts(all int) []int {
	if all <= 1 {
		return []int{1}
	}
	return []int{1, all}
}

// filled answers n floats that have been written: memory never touched is one page of zeros that any cache holds.
func filled(n int) []float32 {
	x := make([]float32, n)
	for i := range x {
		x[i] = float32(i%13) - 6
	}
	return x
}

// FP32Peak is the FP32 rate of a loop on registers on so many threads, in operations a second: the best of samples that
// take a tenth of a second in all.
func FP32Peak(threads int) float64 {
	pool := kernel.NewPool(threads)
	defer pool.Close()
	p := &probe{run: func(n int) float64 { return kernel.Peak(pool, kernel.FP32Arithmetic, n<<10) }}
	if err := alternate(context.Background(), []*probe{p}, 10, 8*time.Millisecond, nil); err != nil {
		return 0
	}
	return rateOf(p.samples).Best
}
