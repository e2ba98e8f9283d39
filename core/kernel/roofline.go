package kernel

import "sync/atomic"

// Arithmetic is a kind of multiply-add whose limit a loop on registers shows.
type Arithmetic int

// The kinds of arithmetic: operands and, behind the arrow, what products are added in.
const (
	FP32Arithmetic Arithmetic = iota // float32 -> float32
	BF16Arithmetic                   // bfloat16 -> float32
	INT8Arithmetic                   // uint8 and int8 -> int32
)

// String is the kind's name.
func (a Arithmetic) String() string { return [...]string{"fp32", "bf16", "int8"}[a] }

// roofArgs are the arguments of a loop of the roofline. The generator knows the offsets.
type roofArgs struct {
	n       int     // rounds; of a reader, the bytes of each of four streams
	p, sums *uint32 // operands or what is read; the accumulators in the end
	passes  int     // of a reader
}

// A peakLoop runs rounds on registers. It does lanes multiply-adds a round.
type peakLoop struct {
	run   func(args *roofArgs)
	lanes int
	one   uint32   // a word of ones in the operands' format
	need  []string // CPU features beyond the table's
}

// roofSums is room for the accumulators of any loop.
type roofSums [24 * 16]uint32

// roofOperands is room for three vectors.
type roofOperands [3 * 16]uint32

type peakTask struct {
	loop   *peakLoop
	rounds int
}

var peakJobs jobs[peakTask]

func (t *peakTask) run(lo, hi int) {
	for range hi - lo {
		t.loop.count(t.rounds)
	}
}

// count runs the loop with operands of one and returns its accumulators' bits.
func (l *peakLoop) count(rounds int) (sums roofSums) {
	var operands roofOperands
	for i := range 32 {
		operands[i] = l.one
	}
	for i := range 16 {
		operands[32+i] = 0x00010001
	}
	l.run(&roofArgs{n: rounds, p: &operands[0], sums: &sums[0]})
	return sums
}

// Peak computes on registers alone, rounds times on each thread of the pool, and returns
// how many operations that were, a multiply-add counting as two: divided by the time it
// took, the most that any kernel can reach. It returns 0 if the instruction set in use
// has no such arithmetic, and panics on rounds below 1.
func Peak(p *Pool, a Arithmetic, rounds int) float64 {
	if rounds < 1 {
		panic("kernel: peak: no rounds")
	}
	loop := active.peakLoop(a)
	if loop == nil {
		return 0
	}
	launch(p, &peakJobs, peakTask{loop, rounds}, p.Threads(), 1)
	return 2 * float64(loop.lanes) * float64(rounds) * float64(p.Threads())
}

// peakLoop is the table's loop for a, nil without one.
func (s *isa) peakLoop(a Arithmetic) *peakLoop {
	l := &s.peaks[a]
	if l.run == nil || !hasAll(l.need) {
		return nil
	}
	return l
}

// readUnit is what a reader takes of its four streams at a time, in floats.
const readUnit = 4 * 64

type readTask struct {
	x      []float32
	each   int // floats of a thread, a multiple of readUnit
	passes int
	sum    atomic.Uint32
}

var readJobs jobs[readTask]

func (t *readTask) run(lo, hi int) {
	var sums roofSums
	for i := lo; i < hi; i++ {
		active.read(t.x[i*t.each:(i+1)*t.each], t.passes, &sums)
		total := uint32(0)
		for _, s := range sums {
			total += s
		}
		t.sum.Add(total)
	}
}

// Read reads x passes times, each thread of the pool its own part of it over and over,
// and returns the sum of x's bits as 32-bit words, times passes, and the bytes read.
// What is left of x behind whole units of 1 KiB a thread is not read.
func Read(p *Pool, x []float32, passes int) (sum uint32, bytes float64) {
	n := p.Threads()
	each := len(x) / n / readUnit * readUnit
	if each == 0 || passes < 1 {
		return 0, 0
	}
	j := readJobs.take()
	j.x, j.each, j.passes = x, each, passes
	p.each(j, n, 1)
	sum = j.sum.Load()
	j.x = nil
	j.sum.Store(0)
	readJobs.put(j)
	return sum, 4 * float64(each) * float64(n) * float64(passes)
}
