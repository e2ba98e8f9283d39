package kernel

import (
	"runtime"
	"sync"
	"sync/atomic"
)

// Pool runs the pieces of one operation on a fixed number of threads. A nil
// *Pool is valid and runs everything on the calling goroutine. A Pool may be
// shared: operations started from several goroutines run one after the other.
// Results never depend on the number of threads.
type Pool struct {
	threads int
	mu      sync.Mutex // held for one operation at a time

	// state is open while an operation takes helpers, plus the number of helpers at
	// work on it.
	state  atomic.Int64
	_      [120]byte     // those who look at state do not slow those who take pieces
	parked atomic.Int32  // helpers that wait for a token, or are about to
	wake   chan struct{} // tokens; a spare one wakes a helper for nothing

	// The operation that is running.
	task     task
	n, grain int
	next     atomic.Int64
	fault    atomic.Pointer[any] // what a piece on a helper panicked with
	closed   atomic.Bool
}

const open = 1 << 32

// A step runs hundreds of operations back to back with gaps of microseconds, while to wake a thread that sleeps takes a
// hundred. A goroutine that waits therefore looks out, in rounds of a microsecond or two: between them it offers the core to other
// threads, among them the one that it waits for, should the operating system have put both on one core.
const (
	looks  = 16  // a round
	rounds = 256 // before a helper sleeps
	turns  = 32  // rounds after which Go may have the thread for other goroutines: those of a call that has just come
)

// A task is an operation split in pieces. run handles the items [lo,hi) of one
// piece; pieces run in any order and at the same time.
type task interface{ run(lo, hi int) }

// NewPool starts a pool of the given number of threads, the caller's included.
// Fewer than one counts as one.
func NewPool(threads int) *Pool {
	if threads < 1 {
		threads = 1
	}
	p := &Pool{threads: threads, wake: make(chan struct{}, threads)}
	for range threads - 1 {
		go p.worker()
	}
	return p
}

// Threads reports the number of threads; 1 for a nil pool.
func (p *Pool) Threads() int {
	if p == nil {
		return 1
	}
	return p.threads
}

// Close stops the pool's threads. The pool then still works, serially.
func (p *Pool) Close() {
	if p == nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.closed.Swap(true) {
		close(p.wake)
	}
}

// worker is the life of a helper: it joins operations, looks out for the next one for a while, and then sleeps.
func (p *Pool) worker() {
	for {
		for i := 0; i < rounds; i++ {
			for p.lookOut() {
				p.help()
				i = 0
			}
			wait(i)
		}
		p.parked.Add(1)
		if p.state.Load() < open { // else it opened before it could see that we park
			if _, ok := <-p.wake; !ok {
				return
			}
		}
		p.parked.Add(-1)
	}
}

// lookOut is a round of looking out for an operation. It reports whether the caller has joined one.
func (p *Pool) lookOut() bool {
	for range looks {
		if p.join() {
			return true
		}
		pause()
	}
	return false
}

// join makes the caller a helper of the operation that is open, if there is one.
func (p *Pool) join() bool {
	for {
		s := p.state.Load()
		if s < open {
			return false
		}
		if p.state.CompareAndSwap(s, s+1) {
			return true
		}
	}
}

// help takes part in the operation that the caller has joined. A panic of a piece is
// kept for the goroutine that started the operation.
func (p *Pool) help() {
	defer p.leave()
	p.pieces()
}

func (p *Pool) leave() {
	if x := recover(); x != nil {
		p.fail(x)
	}
	p.state.Add(-1)
}

func (p *Pool) fail(x any) { p.fault.CompareAndSwap(nil, &x) }

// pieces takes pieces of the running operation until none is left.
func (p *Pool) pieces() {
	for {
		lo := (int(p.next.Add(1)) - 1) * p.grain
		if lo >= p.n {
			return
		}
		p.task.run(lo, min(lo+p.grain, p.n))
	}
}

// each runs t over items [0,n) in pieces of grain items. The pieces are the same
// whatever the number of threads. If one panics, so does each, on whichever thread
// that was; the other pieces may have run or not. The pool stays usable.
func (p *Pool) each(t task, n, grain int) {
	grain = max(grain, 1)
	if p == nil || p.threads == 1 || n <= grain {
		serial(t, n, grain)
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed.Load() {
		serial(t, n, grain)
		return
	}
	p.task, p.n, p.grain = t, n, grain
	p.next.Store(0)
	p.fault.Store(nil)
	p.state.Add(open)
	for range min(int(p.parked.Load()), (n+grain-1)/grain-1) {
		select {
		case p.wake <- struct{}{}:
		default: // enough tokens lie there
		}
	}
	p.lead()
	if x := p.fault.Load(); x != nil {
		panic(*x)
	}
}

// lead does the caller's share of the operation and closes it, even if a piece panics:
// helpers must not find it open, nor its task gone, and the next one must not meet them.
func (p *Pool) lead() {
	defer p.finish()
	p.pieces()
}

func (p *Pool) finish() {
	p.state.Add(-open)
	// Helpers are at their last pieces.
	for i := 0; !p.quiet(); i++ {
		wait(i)
	}
	p.task = nil
}

// wait lets others have the core after round i of looking out: a helper, perhaps, that was put aside.
func wait(i int) {
	if i%turns == turns-1 {
		runtime.Gosched()
		return
	}
	yield()
}

// quiet is a round of looking out for the last helper to leave. It reports whether that has happened.
func (p *Pool) quiet() bool {
	for range looks {
		if p.state.Load() == 0 {
			return true
		}
		pause()
	}
	return false
}

func serial(t task, n, grain int) {
	for lo := 0; lo < n; lo += grain {
		t.run(lo, min(lo+grain, n))
	}
}

// jobs is a free list of values that outlive a stack frame, such as tasks: starting
// an operation allocates nothing once as many have run at the same time before.
type jobs[T any] struct {
	mu   sync.Mutex
	free []*T
}

func (l *jobs[T]) take() *T {
	l.mu.Lock()
	defer l.mu.Unlock()
	last := len(l.free) - 1
	if last < 0 {
		return new(T)
	}
	t := l.free[last]
	l.free = l.free[:last]
	return t
}

// put takes t back and drops its references to the caller's memory.
func (l *jobs[T]) put(t *T) {
	var zero T
	*t = zero
	l.mu.Lock()
	l.free = append(l.free, t)
	l.mu.Unlock()
}

// launch runs the task t over items [0,n) in pieces of grain items.
func launch[T any, P interface {
	*T
	task
}](p *Pool, list *jobs[T], t T, n, grain int) {
	if n <= 0 {
		return
	}
	j := list.take()
	*j = t
	p.each(P(j), n, grain)
	list.put(j)
}

// pieceWork is the number of scalar steps that a piece should hold, so that
// handing it out costs little beside it.
const pieceWork = 1 << 14

// grainFor returns how many items of the given cost make one piece.
func grainFor(cost int) int { return max(1, pieceWork/max(1, cost)) }
