package kernel

import (
	"fmt"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// An operation at work on its own buffers. reset restores inputs that run changes.
type operation struct {
	name  string
	reset func()
	run   func(p *Pool)
	outs  [][]float32
}

// operations returns every parallel operation at a size with several pieces and
// ragged edges.
func operations() []operation {
	r := source(21)
	const m, d, v = 197, 72, 301
	segs := segments(70, 1, 0, 126)
	f := func(n int) []float32 { return make([]float32, n) }
	x, dy, gain, bias := normals(r, m*d, 1), normals(r, m*d, 1), normals(r, d, 1), normals(r, d, 1)
	ids := make([]int32, m)
	for i := range ids {
		ids[i] = int32(r.IntN(40)) - 1
	}
	var ops []operation
	add := func(name string, run func(p *Pool), outs ...[]float32) {
		ops = append(ops, operation{name: name, run: run, outs: outs, reset: func() {}})
	}
	inPlace := func(name string, run func(p *Pool), outs ...[]float32) {
		var saved [][]float32
		for _, o := range outs {
			saved = append(saved, append([]float32(nil), o...))
		}
		ops = append(ops, operation{name: name, run: run, outs: outs, reset: func() {
			for i, o := range outs {
				copy(o, saved[i])
			}
		}})
	}

	c := f(300 * 310)
	a, b := normals(r, 300*290, 1), normals(r, 290*310, 1)
	add("gemm", func(p *Pool) { Gemm(p, false, false, 130, 310, 290, a, 290, b, 310, 0, c, 310) }, c)
	ct := f(100 * 310)
	add("gemm few rows, b transposed", func(p *Pool) { Gemm(p, false, true, 100, 300, 290, a, 290, b, 290, 0, ct, 310) }, ct)
	// Three heights of pieces among one, two and three threads; the second packs A.
	tall, taller := f(290*70), f(600*40)
	add("gemm, a transposed", func(p *Pool) { Gemm(p, true, false, 290, 70, 300, a, 290, b, 100, 0, tall, 70) }, tall)
	add("gemm, a transposed and far apart", func(p *Pool) { Gemm(p, true, false, 600, 40, 140, a, 600, b, 100, 0, taller, 40) }, taller)
	out, stat, stat2, dx, dg, db := f(m*d), f(m), f(m), f(m*d), f(d), f(d)
	big, bigOut := normals(r, pieceWork+3, 1), f(pieceWork+3)
	add("add", func(p *Pool) { Add(p, bigOut, big, big) }, bigOut)
	add("gelu", func(p *Pool) { GELU(p, bigOut, big) }, bigOut)
	add("silu gate", func(p *Pool) { SiLUGate(p, bigOut, big, big, len(big)) }, bigOut)
	add("swiglu", func(p *Pool) { SwiGLU(p, bigOut, big, 200, 40) }, bigOut)
	add("swiglu backward", func(p *Pool) { SwiGLUBackward(p, bigOut, big, big, 200, 40) }, bigOut)
	add("rms norm", func(p *Pool) { RMSNorm(p, out, stat, x, gain, m, d, 1e-5) }, out, stat)
	add("rms norm backward", func(p *Pool) { RMSNormBackward(p, dx, dg, dy, x, gain, stat, m, d) }, dx, dg)
	add("layer norm", func(p *Pool) { LayerNorm(p, out, stat2, stat, x, gain, bias, m, d, 1e-5) }, out, stat2, stat)
	add("layer norm backward", func(p *Pool) { LayerNormBackward(p, dx, dg, db, dy, x, gain, stat2, stat, m, d) }, dx, dg, db)
	add("gather", func(p *Pool) { GatherRows(p, out, x, ids, d) }, out)
	table := f(40 * d)
	inPlace("scatter", func(p *Pool) { ScatterAddRows(p, table, dy, ids, d) }, table)
	add("add bias", func(p *Pool) { AddBias(p, out, x, bias, m, d) }, out)
	add("column sums", func(p *Pool) { ColumnSums(p, dg, x, m, d) }, dg)
	add("gelu backward with sums", func(p *Pool) { GELUBackwardSums(p, dx, dg, dy, x, m, d) }, dx, dg)
	turned := append([]float32(nil), x...)
	inPlace("rotary", func(p *Pool) { Rotary(p, turned, turned, m, d, 3, 22, segs, 1e4, false) }, turned)

	att := AttentionDims{H: 4, G: 2, K: 9, Scale: 0.3}
	qkv := normals(r, m*8*9, 1)
	attOut, lse, dqkv := f(m*36), f(m*4), f(m*72)
	add("attention", func(p *Pool) { Attention(p, attOut, lse, qkv, segs, nil, att) }, attOut, lse)
	add("attention backward", func(p *Pool) { AttentionBackward(p, dqkv, dy, attOut, lse, qkv, segs, att) }, dqkv)
	w, dw := normals(r, d*4, 1), f(d*4)
	conv := ConvDims{D: d, W: 4, SiLU: true}
	add("conv", func(p *Pool) { CausalConv(p, out, x, w, bias, m, segs, nil, conv) }, out)
	add("conv backward", func(p *Pool) { CausalConvBackward(p, dx, dw, db, dy, x, w, bias, m, segs, conv) }, dx, dw, db)
	for _, s := range []struct {
		name  string
		shape scanShape
	}{{"selective scan", ScanDims{150, 5}.shape()}, {"ssd", SSDDims{12, 20, 2, 6}.shape()}} {
		in := scanInputs(s.shape, m)
		y, saved, work := f(len(in[0])), f(s.shape.saved(m, len(segs))), f(s.shape.backwardScratch(m, len(segs)))
		var g [][]float32
		for _, x := range in {
			g = append(g, f(len(x)))
		}
		add(s.name, func(p *Pool) {
			runScan(p, y, in, segs, nil, saved, m, s.shape)
		}, y, saved)
		dy := normals(r, len(y), 1)
		add(s.name+" backward", func(p *Pool) {
			runScanBackward(p, g, dy, in, segs, saved, m, s.shape, work)
		}, g...)
	}
	gate, slot := normals(r, m, 1), make([]int32, m)
	for i := range slot {
		slot[i] = int32((i*5)%m) - 1
	}
	add("combine", func(p *Pool) { CombineRows(p, out, x, gate, slot, m, 1, d) }, out)
	add("combine backward", func(p *Pool) { CombineRowsBackward(p, dx, stat, dy, x, gate, slot, m, 1, d) }, dx, stat)
	logits := normals(r, m*v, 1)
	inPlace("softmax loss", func(p *Pool) { stat[0] = float32(SoftmaxLoss(p, logits, v, ids, nil, stat2, nil, m, v, true, 1)) }, logits, stat, stat2)
	add("softmax", func(p *Pool) { SoftmaxRows(p, out, x, m, d) }, out)
	add("log softmax", func(p *Pool) { LogSoftmaxRows(p, out, x, m, d) }, out)
	add("log softmax backward", func(p *Pool) { LogSoftmaxRowsBackward(p, dx, dy, x, m, d) }, dx)
	weights, m1, m2 := normals(r, len(big), 1), f(len(big)), f(len(big))
	o := AdamW{LR: 0.1, Beta1: 0.9, Beta2: 0.9, Eps: 1e-8, GradScale: 1, Correction1: 0.1, Correction2: 0.1}
	inPlace("adamw", func(p *Pool) { o.Step(p, weights, big, m1, m2) }, weights, m1, m2)
	inPlace("lion", func(p *Pool) { Lion{LR: 0.1, Beta1: 0.9, Beta2: 0.99, GradScale: 1}.Step(p, weights, big, m1) }, weights, m1)
	square := normals(r, 70*90, 1)
	inPlace("orthogonalize", func(p *Pool) { Orthogonalize(p, square, 70, 90) }, square)
	sum := f(2)
	add("sum squares", func(p *Pool) {
		s := SumSquares(p, big)
		sum[0] = float32(s)
		sum[1] = float32(s - float64(sum[0]))
	}, sum)
	return ops
}

func TestThreadsChangeNoBit(t *testing.T) {
	two, three := NewPool(2), NewPool(3)
	defer two.Close()
	defer three.Close()
	forEachISA(t, func(t *testing.T) {
		for _, o := range operations() {
			o.reset()
			o.run(nil)
			var want [][]float32
			for _, x := range o.outs {
				want = append(want, append([]float32(nil), x...))
			}
			for _, p := range []*Pool{NewPool(1), two, three} {
				o.reset()
				o.run(p)
				for i, x := range o.outs {
					expectBits(t, o.name, x, want[i])
				}
			}
		}
	})
}

func TestNothingAllocates(t *testing.T) {
	p := NewPool(2)
	defer p.Close()
	forEachISA(t, func(t *testing.T) {
		for _, o := range operations() {
			for _, pool := range []*Pool{nil, p} {
				o.run(pool)
				if n := testing.AllocsPerRun(3, func() { o.run(pool) }); n != 0 {
					t.Errorf("%s, %d threads: %g allocations a run", o.name, pool.Threads(), n)
				}
			}
		}
	})
}

// A bomb panics on one side alone: on the goroutine that started the operation, or on
// a helper. Each side waits in its first piece until the other has one.
type bomb struct {
	caller    string
	onCaller  bool
	both      bool
	here      sync.Once
	there     sync.Once
	met       sync.WaitGroup
	survivors atomic.Int64
}

func newBomb(onCaller, both bool) *bomb {
	b := &bomb{caller: goroutine(), onCaller: onCaller, both: both}
	b.met.Add(2)
	return b
}

func (b *bomb) run(int, int) {
	onCaller := goroutine() == b.caller
	if onCaller {
		b.here.Do(b.met.Done)
	} else {
		b.there.Do(b.met.Done)
	}
	b.met.Wait()
	if b.both || onCaller == b.onCaller {
		panic(fmt.Sprintf("on caller: %v", onCaller))
	}
	b.survivors.Add(1)
}

// goroutine names the calling goroutine.
func goroutine() string {
	var stack [64]byte
	return strings.Fields(string(stack[:runtime.Stack(stack[:], false)]))[1]
}

// caught runs f and returns what it panics with.
func caught(f func()) (x any) {
	defer func() { x = recover() }()
	f()
	return nil
}

// A panic in a piece comes out of the operation whichever thread it hits, and the pool
// goes on with all of its threads, neither busy nor stuck.
func TestPoolSurvivesPanics(t *testing.T) {
	p := NewPool(3)
	defer p.Close()
	for range 50 {
		for _, c := range []struct {
			name           string
			onCaller, both bool
			want           string
		}{
			{"on the caller", true, false, "on caller: true"},
			{"on a helper", false, false, "on caller: false"},
			{"everywhere", true, true, "on caller: true"},
		} {
			b := newBomb(c.onCaller, c.both)
			if got := caught(func() { p.each(b, 8, 1) }); got != c.want {
				t.Fatalf("%s: got panic %v, want %s", c.name, got, c.want)
			}
			if n := p.state.Load(); n != 0 || p.task != nil {
				t.Fatalf("%s: state %d, task %v after a panic", c.name, n, p.task)
			}
			if !c.both && b.survivors.Load() == 0 {
				t.Fatalf("%s: no piece of the other side has run", c.name)
			}
			// All three threads meet in the next operation: none is lost.
			m := &meeting{all: make(chan struct{}), want: 3}
			if got := caught(func() { p.each(m, 3, 1) }); got != nil {
				t.Fatalf("%s: the next operation panics with %v", c.name, got)
			}
		}
	}
}

// meeting is a task whose pieces wait for each other.
type meeting struct {
	came atomic.Int64
	want int64
	all  chan struct{}
}

func (m *meeting) run(int, int) {
	if m.came.Add(1) == m.want {
		close(m.all)
	}
	<-m.all
}

// What no check at an operation's door has found panics alike on any number of threads.
func TestOperationPanicsAlikeOnAnyThreads(t *testing.T) {
	ids := make([]int32, 3*pieceWork)
	out, table := make([]float32, len(ids)), []float32{1}
	p := NewPool(2)
	defer p.Close()
	want := fmt.Sprint(caught(func() { GatherRows(nil, out, table, ids, -1) }))
	if !strings.Contains(want, "out of range") {
		t.Fatalf("got panic %s, want one of a piece", want)
	}
	for range 20 {
		// Pieces are ranges of rows, so that only the message's numbers may differ.
		if got := fmt.Sprint(caught(func() { GatherRows(p, out, table, ids, -1) })); !strings.Contains(got, "out of range") {
			t.Fatalf("got panic %s, want %s", got, want)
		}
		clear(out)
		GatherRows(p, out, table, ids, 1)
		if sum := SumSquares(p, out); sum != float64(len(ids)) {
			t.Fatalf("afterwards %g of %d rows are there", sum, len(ids))
		}
	}
}

type recorder struct {
	mu   sync.Mutex
	seen []int
}

func (r *recorder) run(lo, hi int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for i := lo; i < hi; i++ {
		r.seen[i]++
	}
}

func TestPoolCoversEachItemOnce(t *testing.T) {
	for _, threads := range []int{0, 1, 2, 5} {
		p := NewPool(threads)
		if p.Threads() != max(threads, 1) {
			t.Errorf("a pool of %d has %d threads", threads, p.Threads())
		}
		for _, n := range []int{0, 1, 2, 7, 100} {
			for _, grain := range []int{0, 1, 3, 200} {
				r := &recorder{seen: make([]int, n)}
				p.each(r, n, grain)
				for i, c := range r.seen {
					if c != 1 {
						t.Fatalf("threads %d, n %d, grain %d: item %d ran %d times", threads, n, grain, i, c)
					}
				}
			}
		}
		p.Close()
		p.Close()
		r := &recorder{seen: make([]int, 9)}
		p.each(r, 9, 1) // serially
		if r.seen[8] != 1 {
			t.Error("a closed pool does not run")
		}
	}
	var none *Pool
	none.Close()
	if none.Threads() != 1 {
		t.Error("a nil pool has one thread")
	}
}

// Several goroutines may share a pool.
func TestPoolIsShared(t *testing.T) {
	p := NewPool(3)
	defer p.Close()
	var wg sync.WaitGroup
	for g := range 4 {
		wg.Go(func() {
			x := normals(source(uint64(g)), 40*50, 1)
			want, got := make([]float32, 40*40), make([]float32, 40*40)
			Gemm(nil, false, true, 40, 40, 50, x, 50, x, 50, 0, want, 40)
			for range 20 {
				Gemm(p, false, true, 40, 40, 50, x, 50, x, 50, 0, got, 40)
				big := make([]float32, 3*pieceWork)
				Add(p, big, big, big)
			}
			for i := range want {
				if got[i] != want[i] {
					t.Error("a shared pool changes results")
					return
				}
			}
		})
	}
	wg.Wait()
}

// Helpers without work sleep, and wake for the next operation.
func TestPoolSleepsWhenIdle(t *testing.T) {
	p := NewPool(3)
	defer p.Close()
	for range 5 {
		for i := 0; p.parked.Load() != 2; i++ {
			if i == 10_000 {
				t.Fatalf("%d of 2 helpers sleep after ten seconds without work", p.parked.Load())
			}
			time.Sleep(time.Millisecond)
		}
		m := &meeting{all: make(chan struct{}), want: 3}
		p.each(m, 3, 1)
	}
}
