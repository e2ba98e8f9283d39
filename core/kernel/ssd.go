package kernel

// The recurrence of Mamba-2 (scan.go).

type ssd struct {
	y, u, dt, a, b, c, skip []float32
	segs                    []Segment
	states                  [][]float32
	saved                   []float32
	scanShape
}

var ssdJobs jobs[ssd]

// SSD runs Mamba-2's scan. y, u [m,H*P], dt [m,H] (after the softplus), a [H]
// (negative), b, c [m,G*N], skip [H] or nil; states, one [H,P,N] a segment, and
// saved, of length SSDSaved, as in SelectiveScan.
func SSD(p *Pool, y, u, dt, a, b, c, skip []float32, segs []Segment, states [][]float32, saved []float32, m int, dims SSDDims) {
	s := dims.shape()
	s.check(m, u, dt, a, b, c, skip, segs)
	checkStates(states, segs, s.h*s.p*s.n)
	if len(y) < m*s.h*s.p || saved != nil && len(saved) < s.saved(m, len(segs)) {
		panic("kernel: scan: short output")
	}
	launch(p, &ssdJobs, ssd{y, u, dt, a, b, c, skip, segs, states, saved, s}, len(segs)*s.h*s.blocks(), 1)
}

// run handles pairs of a segment and a block of lanes.
func (t *ssd) run(lo, hi int) {
	n, chunk := t.n, t.chunk()
	blocks := t.h * t.blocks()
	work := scratch.take(n*lanes + lanes)
	h, skip := work.f[:n*lanes], work.f[n*lanes:]
	k := ssdBlocks.take()
	for piece := lo; piece < hi; piece++ {
		si, blk := piece/blocks, piece%blocks
		s := &t.segs[si]
		state := stateOf(t.states, si)
		*k = t.block(blk, skip)
		k.h = h
		clear(h)
		if state != nil {
			active.transpose(h, lanes, state[k.channel*n:], n, k.lanes, n)
		}
		for r := 0; r < s.Len; r += chunk {
			if t.saved != nil {
				at := ((t.savedChunk(t.segs, si)+r/chunk)*blocks + blk) * n * lanes
				copy(t.saved[at:at+n*lanes], h)
			}
			k.at(s.Start+r, min(chunk, s.Len-r))
			k.y = t.y[k.row*k.ldu+k.channel:]
			active.ssdSteps(k)
		}
		if state != nil {
			active.transpose(state[k.channel*n:], n, h, lanes, n, k.lanes)
		}
	}
	ssdBlocks.put(k)
	scratch.put(work)
}

var ssdBlocks jobs[ssdBlock]

// An ssdBlock is a run of steps of one block of lanes.
type ssdBlock struct {
	n          int // states
	channel    int // first channel
	lanes      int // channels in use, at most 16
	row, steps int
	ldu, lddt  int
	ldb        int

	u0, dt0, b0, c0 []float32 // from row 0
	y, u, dt, b, c  []float32 // from the first step's row

	a    []float32 // [1]
	skip []float32 // [16]
	h    []float32 // [N,16], updated
}

// block describes the blk'th block of lanes; skip [16] is filled for it.
func (t *ssd) block(blk int, skip []float32) ssdBlock {
	head, p0 := blk/t.blocks(), blk%t.blocks()*lanes
	k := ssdBlock{
		n: t.n, channel: head*t.p + p0, lanes: min(lanes, t.p-p0),
		ldu: t.h * t.p, lddt: t.h, ldb: t.g * t.n,
	}
	group := head / (t.h / t.g)
	k.u0, k.b0, k.c0 = t.u[k.channel:], t.b[group*t.n:], t.c[group*t.n:]
	k.dt0, k.a = t.dt[head:], t.a[head:head+1]
	k.skip = skip[:lanes]
	clear(k.skip)
	if t.skip != nil {
		for i := range k.lanes {
			k.skip[i] = t.skip[head]
		}
	}
	return k
}

// at moves the block to the given rows.
func (k *ssdBlock) at(row, steps int) {
	k.row, k.steps = row, steps
	k.u, k.dt, k.b, k.c = k.u0[row*k.ldu:], k.dt0[row*k.lddt:], k.b0[row*k.ldb:], k.c0[row*k.ldb:]
}

func ssdStepsGeneric(k *ssdBlock) {
	for s := range k.steps {
		b, c := k.b[s*k.ldb:][:k.n], k.c[s*k.ldb:][:k.n]
		dt := k.dt[s*k.lddt]
		e := exp2Neg(dt * k.a[0] * log2e)
		for l := range k.lanes {
			u := k.u[s*k.ldu+l]
			x, y := dt*u, k.skip[l]*u
			for n := range b {
				h := e*k.h[n*lanes+l] + x*b[n]
				k.h[n*lanes+l] = h
				y += c[n] * h
			}
			k.y[s*k.ldu+l] = y
		}
	}
}
