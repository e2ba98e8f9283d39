package kernel

// The selective scan of Mamba (Gu & Dao 2023, eq. 2-4) and of Mamba-2 (Dao & Gu
// 2024): for each channel with N states,
//
//	h_t = e_t·h_{t-1} + (dt_t·u_t)·B_t     y_t = skip·u_t + sum over n of C_t·h_t
//
// with e_t = exp(dt_t·A) for each state (Mamba) or for each head (Mamba-2).
// Dimensions: m rows, D channels or H heads of P channels, N states, G groups of
// heads that share B and C.
//
// Both are plain recurrences, computed for 16 channels (lanes) at a time: the same
// bits whether a sequence runs whole, in chunks or step by step.

// ScanDims are the sizes of Mamba's scan.
type ScanDims struct{ D, N int }

// SSDDims are the sizes of Mamba-2's scan: H heads of P channels, G groups of B and
// C (H a multiple of G), N states.
type SSDDims struct{ H, P, G, N int }

const (
	lanes = 16 // channels in a block
)

// scanShape describes either scan: Mamba's is one head of D channels with a decay
// for each channel and state, Mamba-2's has one decay a head.
type scanShape struct {
	h, p, g, n int
	scalar     bool // decay and dt belong to the head
}

func (d ScanDims) shape() scanShape { return scanShape{1, d.D, 1, d.N, false} }
func (d SSDDims) shape() scanShape  { return scanShape{d.H, d.P, d.G, d.N, true} }

// blocks returns the blocks of lanes in a head.
func (s *scanShape) blocks() int { return (s.p + lanes - 1) / lanes }

// dtWidth returns the columns of dt.
func (s *scanShape) dtWidth() int {
	if s.scalar {
		return s.h
	}
	return s.p
}

// decays returns the size of A.
func (s *scanShape) decays() int {
	if s.scalar {
		return s.h
	}
	return s.p * s.n
}

// skips returns the size of skip.
func (s *scanShape) skips() int {
	if s.scalar {
		return s.h
	}
	return s.p
}

// chunk returns the number of steps between two saved states.
func (s *scanShape) chunk() int {
	if s.scalar {
		return SSDChunk
	}
	return scanChunk
}

func (s *scanShape) saved(m, segments int) int {
	return (m/s.chunk() + segments) * s.h * s.blocks() * s.n * lanes
}

// savedChunk returns the index of a segment's first chunk among the saved states.
func (s *scanShape) savedChunk(segs []Segment, si int) int { return segs[si].Start/s.chunk() + si }

// SelectiveScanSaved returns the length of saved for m rows in the given number of
// segments.
func SelectiveScanSaved(m, segments int, dims ScanDims) int {
	s := dims.shape()
	return s.saved(m, segments)
}

// SSDSaved returns the length of saved for m rows in the given number of segments.
func SSDSaved(m, segments int, dims SSDDims) int {
	s := dims.shape()
	return s.saved(m, segments)
}

type scan struct {
	y, u, dt, a, b, c, skip []float32
	segs                    []Segment
	states                  [][]float32
	saved                   []float32
	scanShape
}

var scanJobs jobs[scan]

// SelectiveScan runs Mamba's scan. y, u, dt [m,D] (dt after the softplus), a [D,N]
// (negative), b, c [m,N], skip [D] or nil. states, one [D,N] a segment, are the
// states before the first row and are updated; nil = zeros, not kept. saved, of
// length SelectiveScanSaved, is filled for the backward pass; nil if there is none.
func SelectiveScan(p *Pool, y, u, dt, a, b, c, skip []float32, segs []Segment, states [][]float32, saved []float32, m int, dims ScanDims) {
	runScan(p, y, u, dt, a, b, c, skip, segs, states, saved, m, dims.shape())
}

// SSD runs Mamba-2's scan. y, u [m,H*P], dt [m,H] (after the softplus), a [H]
// (negative), b, c [m,G*N], skip [H] or nil; states, one [H,P,N] a segment, and
// saved, of length SSDSaved, as in SelectiveScan.
func SSD(p *Pool, y, u, dt, a, b, c, skip []float32, segs []Segment, states [][]float32, saved []float32, m int, dims SSDDims) {
	runScan(p, y, u, dt, a, b, c, skip, segs, states, saved, m, dims.shape())
}

func (s *scanShape) check(m int, u, dt, a, b, c, skip []float32, segs []Segment) {
	checkSegments(segs, m)
	if s.h < 1 || s.p < 1 || s.n < 1 || s.g < 1 || s.h%s.g != 0 {
		panic("kernel: scan: wrong dimensions")
	}
	if len(u) < m*s.h*s.p || len(dt) < m*s.dtWidth() || len(a) < s.decays() ||
		len(b) < m*s.g*s.n || len(c) < m*s.g*s.n || skip != nil && len(skip) < s.skips() {
		panic("kernel: scan: short argument")
	}
}

func runScan(p *Pool, y, u, dt, a, b, c, skip []float32, segs []Segment, states [][]float32, saved []float32, m int, s scanShape) {
	s.check(m, u, dt, a, b, c, skip, segs)
	checkStates(states, segs, s.h*s.p*s.n)
	if len(y) < m*s.h*s.p || saved != nil && len(saved) < s.saved(m, len(segs)) {
		panic("kernel: scan: short output")
	}
	launch(p, &scanJobs, scan{y, u, dt, a, b, c, skip, segs, states, saved, s}, len(segs)*s.h*s.blocks(), 1)
}

// run handles pairs of a segment and a block of lanes.
func (t *scan) run(lo, hi int) {
	n, chunk := t.n, t.chunk()
	blocks := t.h * t.blocks()
	work := scratch.take(2*n*lanes + lanes)
	h, rest := work.f[:n*lanes], work.f[n*lanes:]
	k := scanBlocks.take()
	for piece := lo; piece < hi; piece++ {
		si, blk := piece/blocks, piece%blocks
		s := &t.segs[si]
		state := stateOf(t.states, si)
		*k = t.block(blk, t.u, t.dt, t.a, t.b, t.c, t.skip, rest)
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
			active.scanSteps(k)
		}
		if state != nil {
			active.transpose(state[k.channel*n:], n, h, lanes, n, k.lanes)
		}
	}
	scanBlocks.put(k)
	scratch.put(work)
}

var scanBlocks jobs[scanBlock]

// A scanBlock is a run of steps of one block of lanes.
type scanBlock struct {
	scalar     bool
	n          int // states
	channel    int // first channel
	lanes      int // channels in use, at most 16
	row, steps int
	ldu, lddt  int
	ldb        int

	u0, dt0, b0, c0 []float32 // from row 0
	y, u, dt, b, c  []float32 // from the first step's row

	a    []float32 // [N,16] in units of log2(e), or [1] as given if scalar
	skip []float32 // [16]
	h    []float32 // [N,16], updated
}

// block describes the blk'th block of lanes. work holds n*lanes+lanes floats.
func (s *scanShape) block(blk int, u, dt, a, b, c, skip, work []float32) scanBlock {
	head, p0 := blk/s.blocks(), blk%s.blocks()*lanes
	k := scanBlock{
		scalar: s.scalar, n: s.n, channel: head*s.p + p0, lanes: min(lanes, s.p-p0),
		ldu: s.h * s.p, lddt: s.dtWidth(), ldb: s.g * s.n,
	}
	group := head / (s.h / s.g)
	k.u0, k.b0, k.c0 = u[k.channel:], b[group*s.n:], c[group*s.n:]
	k.skip = work[:lanes]
	clear(k.skip)
	if s.scalar {
		k.dt0, k.a = dt[head:], a[head:head+1]
		if skip != nil {
			for i := range k.lanes {
				k.skip[i] = skip[head]
			}
		}
		return k
	}
	k.dt0, k.a = dt[p0:], work[lanes:lanes+s.n*lanes]
	if k.lanes < lanes {
		clear(k.a)
	}
	active.transpose(k.a, lanes, a[p0*s.n:], s.n, k.lanes, s.n)
	active.scale(k.a, k.a, log2e)
	if skip != nil {
		copy(k.skip, skip[p0:p0+k.lanes])
	}
	return k
}

// at moves the block to the given rows.
func (k *scanBlock) at(row, steps int) {
	k.row, k.steps = row, steps
	k.u, k.dt, k.b, k.c = k.u0[row*k.ldu:], k.dt0[row*k.lddt:], k.b0[row*k.ldb:], k.c0[row*k.ldb:]
}

// laneDt returns the dt of a lane at a step.
func (k *scanBlock) laneDt(step, lane int) float32 {
	if k.scalar {
		return k.dt[step*k.lddt]
	}
	return k.dt[step*k.lddt+lane]
}

func scanStepsGeneric(k *scanBlock) {
	for s := range k.steps {
		b, c := k.b[s*k.ldb:][:k.n], k.c[s*k.ldb:][:k.n]
		for l := range k.lanes {
			u, dt := k.u[s*k.ldu+l], k.laneDt(s, l)
			x, y := dt*u, k.skip[l]*u
			var e float32
			if k.scalar {
				e = exp2Neg(dt * k.a[0] * log2e)
			}
			for n := range b {
				if !k.scalar {
					e = exp2Neg(dt * k.a[n*lanes+l])
				}
				h := e*k.h[n*lanes+l] + x*b[n]
				k.h[n*lanes+l] = h
				y += c[n] * h
			}
			k.y[s*k.ldu+l] = y
		}
	}
}
