package kernel

// Mamba's scan (scan.go) with what stands around it: the step's bias and softplus
// before and the gate after. A block of 16 lanes takes 16 steps at a time through rows
// that stay in the first-level cache:
//
//	dt = softplus(step + bias)     y = silu(gate)·scan(u, dt)
//
// so that neither dt nor the scan's own output ever lies in memory.

// scanChunk is the number of steps between two saved states: what the backward pass
// holds of a chunk stays in the first-level cache for Mamba's N of 16.
const scanChunk = 16

// selectiveInputs are u, step, gate [m,D], a [D,N], b, c [m,N], skip and bias [D].
type selectiveInputs struct {
	u, step, a, b, c, skip, bias, gate []float32
	segs                               []Segment
	scanShape
}

func (t *selectiveInputs) check(m int) {
	t.scanShape.check(m, t.u, t.step, t.a, t.b, t.c, t.skip, t.segs)
	if len(t.skip) < t.p || len(t.bias) < t.p || len(t.gate) < m*t.p {
		panic("kernel: scan: short argument")
	}
}

type selectiveScan struct {
	selectiveInputs
	y      []float32
	states [][]float32
	saved  []float32
	group  int // blocks of a piece
}

var selectiveScanJobs jobs[selectiveScan]

// SelectiveScan runs Mamba's scan. y, u, step, gate [m,D], a [D,N] (negative), b, c
// [m,N], skip, bias [D]. states, one [D,N] a segment, are the states before the first
// row and are updated; nil = zeros, not kept. saved, of length SelectiveScanSaved, is
// filled for the backward pass; nil if there is none.
func SelectiveScan(p *Pool, y, u, step, a, b, c, skip, bias, gate []float32, segs []Segment, states [][]float32, saved []float32, m int, dims ScanDims) {
	t := selectiveScan{selectiveInputs{u, step, a, b, c, skip, bias, gate, segs, dims.shape()}, y, states, saved, forwardBlocks}
	t.check(m)
	checkStates(states, segs, dims.D*dims.N)
	if len(y) < m*dims.D || saved != nil && len(saved) < t.scanShape.saved(m, len(segs)) {
		panic("kernel: scan: short output")
	}
	for t.group > 1 && len(segs)*t.groups(t.group) < 4*p.Threads() {
		t.group /= 2 // narrow models, single sequences: all threads have work rather than long rows; no bit depends on it
	}
	launch(p, &selectiveScanJobs, t, len(segs)*t.groups(t.group), 1)
}

// forwardBlocks is the most blocks of lanes whose rows the forward pass fetches at a time.
const forwardBlocks = 4

// groups is the number of groups of so many blocks.
func (s *scanShape) groups(of int) int { return (s.blocks() + of - 1) / of }

// run handles pairs of a segment and a group of blocks.
func (t *selectiveScan) run(lo, hi int) {
	nl, blocks, groups := t.n*lanes, t.blocks(), t.groups(t.group)
	own := 2*nl + 2*rowsLen
	work := scratch.take(forwardBlocks*(own+3*rowsLen) + workRows*rowsLen + decaysLen)
	g := selectiveGroups.take()
	for piece := lo; piece < hi; piece++ {
		si, first := piece/groups, piece%groups*t.group
		s, state := &t.segs[si], stateOf(t.states, si)
		n := min(t.group, blocks-first)
		shared := g.rows.cut(work.f[forwardBlocks*own:], t.group)
		for i := range n {
			k := &g.blocks[i]
			k.h = t.block(k, first+i, work.f[i*own:(i+1)*own])[:nl]
			k.work, k.decays = shared[:workRows*rowsLen], shared[workRows*rowsLen:]
			clear(k.h)
			if state != nil {
				active.transpose(k.h, lanes, state[k.channel*t.n:], t.n, k.lanes, t.n)
			}
		}
		for r := 0; r < s.Len; r += scanChunk {
			row, steps := s.Start+r, min(scanChunk, s.Len-r)
			t.take(&g.rows, row, first, steps)
			for i := range n {
				k := &g.blocks[i]
				if t.saved != nil {
					at := ((t.savedChunk(t.segs, si)+r/scanChunk)*blocks + first + i) * nl
					copy(t.saved[at:at+nl], k.h)
				}
				t.load(k, &g.rows, i, row, steps)
				k.fetch(t.p, row+scanChunk, r+scanChunk < s.Len, t.step, t.u, t.gate, t.y)
				active.scanSteps(k)
				active.siluMul(k.z, k.row(rowY), k.z)
			}
			t.put(t.y, g.rows.z, row, first, steps)
		}
		for i := range n {
			if k := &g.blocks[i]; state != nil {
				active.transpose(state[k.channel*t.n:], t.n, k.h, lanes, t.n, k.lanes)
			}
		}
	}
	selectiveGroups.put(g)
	scratch.put(work)
}

// selectiveGroup is a group of blocks at work.
type selectiveGroup struct {
	rows   groupRows
	blocks [forwardBlocks]selectiveBlock
}

var selectiveGroups jobs[selectiveGroup]

// groupRows are a chunk's rows of the blocks of a group, [blocks,scanChunk,16]: gate,
// step and u, and for the backward pass dy. Results take the place of what they are
// made of.
type groupRows struct{ z, raw, u, dy []float32 }

// cut cuts the rows of so many blocks out of memory, not those of dy, and answers the rest.
func (g *groupRows) cut(work []float32, blocks int) []float32 {
	n := blocks * rowsLen
	g.z, g.raw, g.u = work[:n], work[n:2*n], work[2*n:3*n]
	return work[3*n:]
}

// take copies rows of the blocks from first on.
func (t *selectiveInputs) take(g *groupRows, row, first, steps int) {
	t.takeRows(g.raw, t.step, row, first, steps)
	t.takeRows(g.u, t.u, row, first, steps)
	t.takeRows(g.z, t.gate, row, first, steps)
}

// A selectiveBlock is a run of at most scanChunk steps of one block of lanes. Lanes
// that are not in use are zeros.
type selectiveBlock struct {
	n       int // states
	channel int // first channel
	lanes   int // channels in use, at most 16
	steps   int
	b, c    []float32 // [steps,N]

	a          []float32 // [N,16] in units of log2(e)
	skip, bias []float32 // [scanChunk,16]: the same for all steps
	h          []float32 // [N,16]: before the steps; updated by the forward pass

	z, raw, u []float32 // [steps,16]: gate, step+bias, u
	work      []float32 // [workRows,steps,16], see row
	decays    []float32 // of length decaysLen

	// What the next chunk will read or write, in rows ldNext apart: copying a chunk's rows would wait for memory.
	next   [7][]float32
	ldNext int
}

const (
	// rowsLen is what [scanChunk,16] takes. Buffers that a step reads and writes at the
	// same index lie an odd number of lines apart: a load that follows a store to an
	// address equal in its low 12 bits waits.
	rowsLen = scanChunk*lanes + lanes
	// decaysLen is what the decays of four states take.
	decaysLen = scanChunk*4*lanes + lanes
)

// The rows of a block's work, which the generator knows too: dt·u, the output before
// the gate, dt; the gradient of that output, and sums over states of dh·b and of dh·h·a
// in units of log2(e).
const (
	rowX = iota
	rowY
	rowDt
	workRows // of the forward pass
	rowG     = iota - 1
	rowS1
	rowS2
	backWorkRows
)

// row answers a row of the block's work [steps,16].
func (k *selectiveBlock) row(i int) []float32 { return k.work[i*rowsLen:][:k.steps*lanes] }

// block describes the blk'th block of lanes in k, on memory of which it answers the rest.
func (t *selectiveInputs) block(k *selectiveBlock, blk int, work []float32) []float32 {
	k.n, k.channel = t.n, blk*lanes
	k.lanes = min(lanes, t.p-k.channel)
	k.a, work = work[:t.n*lanes], work[t.n*lanes:]
	k.skip, work = work[:scanChunk*lanes], work[rowsLen:]
	k.bias, work = work[:scanChunk*lanes], work[rowsLen:]
	if k.lanes < lanes {
		clear(k.a)
	}
	active.transpose(k.a, lanes, t.a[k.channel*t.n:], t.n, k.lanes, t.n)
	active.scale(k.a, k.a, log2e)
	clear(k.skip[:lanes])
	clear(k.bias[:lanes])
	copy(k.skip, t.skip[k.channel:k.channel+k.lanes])
	copy(k.bias, t.bias[k.channel:k.channel+k.lanes])
	for at := lanes; at < len(k.skip); at *= 2 {
		copy(k.skip[at:], k.skip[:at])
		copy(k.bias[at:], k.bias[:at])
	}
	return work
}

// load computes all that the recurrence needs of the i'th block's fetched rows: y is skip·u.
func (t *selectiveInputs) load(k *selectiveBlock, g *groupRows, i, row, steps int) {
	k.steps = steps
	k.b, k.c = t.b[row*t.n:], t.c[row*t.n:]
	lo, n := i*scanChunk*lanes, steps*lanes
	k.z, k.raw, k.u = g.z[lo:lo+n], g.raw[lo:lo+n], g.u[lo:lo+n]
	active.add(k.raw, k.raw, k.bias[:n])
	dt := k.row(rowDt)
	active.activate(actSoftplus, dt, k.raw)
	active.mul(k.row(rowX), dt, k.u)
	active.mul(k.row(rowY), k.skip[:n], k.u)
}

// fetch says which rows of which matrices of the block's channels come next, if any.
func (k *selectiveBlock) fetch(ld, row int, any bool, x ...[]float32) {
	k.ldNext = ld
	for i := range x {
		k.next[i] = nil
		if any {
			k.next[i] = x[i][row*ld+k.channel:]
		}
	}
}

// takeRows copies rows of x [m,D], the columns of the blocks from first on, to dst, of
// length rowsLen a block, block by block.
func (t *selectiveInputs) takeRows(dst, x []float32, row, first, steps int) {
	channels := min(len(dst)/rowsLen*lanes, t.p-first*lanes)
	full, last := channels/lanes, channels%lanes
	src := x[row*t.p+first*lanes:]
	active.takeBlocks(dst, src, t.p, steps, full)
	if last > 0 {
		src, dst := src[full*lanes:], dst[full*scanChunk*lanes:]
		for r := range steps {
			to := dst[r*lanes:][:lanes]
			clear(to[copy(to, src[r*t.p:r*t.p+last]):])
		}
	}
}

// put is takeRows the other way.
func (t *selectiveInputs) put(x, src []float32, row, first, steps int) {
	channels := min(len(src)/rowsLen*lanes, t.p-first*lanes)
	full, last := channels/lanes, channels%lanes
	dst := x[row*t.p+first*lanes:]
	active.putBlocks(dst, t.p, src, steps, full)
	if last > 0 {
		dst, src := dst[full*lanes:], src[full*scanChunk*lanes:]
		for r := range steps {
			copy(dst[r*t.p:], src[r*lanes:r*lanes+last])
		}
	}
}

// takeBlocksGeneric sets dst [blocks,scanChunk,16] to rows that are ld apart.
func takeBlocksGeneric(dst, src []float32, ld, rows, blocks int) {
	for r := range rows {
		for i := range blocks {
			copy(dst[(i*scanChunk+r)*lanes:][:lanes], src[r*ld+i*lanes:])
		}
	}
}

// putBlocksGeneric sets rows that are ld apart to src [blocks,scanChunk,16].
func putBlocksGeneric(dst []float32, ld int, src []float32, rows, blocks int) {
	for r := range rows {
		for i := range blocks {
			copy(dst[r*ld+i*lanes:][:lanes], src[(i*scanChunk+r)*lanes:])
		}
	}
}

// scanStepsGeneric is the recurrence.
func scanStepsGeneric(k *selectiveBlock) {
	dts, xs, ys := k.row(rowDt), k.row(rowX), k.row(rowY)
	for s := range k.steps {
		b, c := k.b[s*k.n:][:k.n], k.c[s*k.n:][:k.n]
		for l := range k.lanes {
			dt, x, y := dts[s*lanes+l], xs[s*lanes+l], ys[s*lanes+l]
			for n := range b {
				h := exp2Neg(dt*k.a[n*lanes+l])*k.h[n*lanes+l] + x*b[n]
				k.h[n*lanes+l] = h
				y += c[n] * h
			}
			ys[s*lanes+l] = y
		}
	}
}
