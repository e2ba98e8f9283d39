package kernel

// Backward pass of Mamba's scan. The states inside a chunk are computed again from
// the saved state at its start; the gradient of the state runs from the last chunk
// to the first. Dimensions as in scan.go.

// scanChunk is the number of steps between two saved states: what the backward pass
// holds of a chunk stays in the first-level cache for Mamba's N of 16.
const scanChunk = 16

// groupBlocks is the number of blocks of lanes whose contributions to db and dc
// are added up one after the other; the groups' sums are combined in order.
const groupBlocks = 8

func (d ScanDims) groups() int { return (d.D + groupBlocks*lanes - 1) / (groupBlocks * lanes) }

// SelectiveScanBackwardScratch returns the length of scratch for
// SelectiveScanBackward.
func SelectiveScanBackwardScratch(m, segments int, dims ScanDims) int {
	return 2*dims.groups()*m*dims.N + segments*(dims.D*dims.N+dims.D)
}

type scanBackward struct {
	du, ddt, dy, u, dt, a, b, c, skip []float32
	segs                              []Segment
	saved                             []float32
	dbPart, dcPart                    []float32 // [groups,m,N]
	daPart, dskipPart                 []float32 // [segments,D,N], [segments,D]
	m                                 int
	scanShape
}

var scanBackwardJobs jobs[scanBackward]

// SelectiveScanBackward sets du, ddt [m,D], da [D,N], db, dc [m,N] and dskip [D]
// (nil if skip is) from dy [m,D], the forward's inputs and saved. scratch has the
// length SelectiveScanBackwardScratch.
func SelectiveScanBackward(p *Pool, du, ddt, da, db, dc, dskip, dy, u, dt, a, b, c, skip []float32, segs []Segment, saved []float32, m int, dims ScanDims, work []float32) {
	s := dims.shape()
	s.checkBackward(du, ddt, da, db, dc, dskip, dy, u, dt, a, b, c, skip, segs, saved, m)
	if len(work) < SelectiveScanBackwardScratch(m, len(segs), dims) {
		panic("kernel: scan backward: short argument")
	}
	groups := dims.groups()
	t := scanBackward{du: du, ddt: ddt, dy: dy, u: u, dt: dt, a: a, b: b, c: c, skip: skip, segs: segs, saved: saved, m: m, scanShape: s}
	size := groups * m * s.n
	t.dbPart, work = work[:size], work[size:]
	t.dcPart, work = work[:size], work[size:]
	t.daPart, work = work[:len(segs)*s.decays()], work[len(segs)*s.decays():]
	t.dskipPart = work[:len(segs)*s.skips()]
	launch(p, &scanBackwardJobs, t, len(segs)*groups, 1)
	combineBlocks(da, t.daPart, len(segs), s.decays())
	if skip != nil {
		combineBlocks(dskip, t.dskipPart, len(segs), s.skips())
	}
	addParts(p, db[:m*s.n], t.dbPart)
	addParts(p, dc[:m*s.n], t.dcPart)
}

func (s *scanShape) checkBackward(du, ddt, da, db, dc, dskip, dy, u, dt, a, b, c, skip []float32, segs []Segment, saved []float32, m int) {
	s.check(m, u, dt, a, b, c, skip, segs)
	if len(du) < m*s.h*s.p || len(dy) < m*s.h*s.p || len(ddt) < m*s.dtWidth() || len(da) < s.decays() ||
		len(db) < m*s.g*s.n || len(dc) < m*s.g*s.n || skip != nil && len(dskip) < s.skips() ||
		len(saved) < s.saved(m, len(segs)) {
		panic("kernel: scan backward: short argument")
	}
}

// A scanBackBlock is a run of at most scanChunk steps of one block of lanes, taken
// backwards: h is the state before the first of them.
type scanBackBlock struct {
	scanBlock
	dy, du, ddt []float32 // from the first step's row
	dh          []float32 // [N,16]: gradient of the state after the last step, updated
	da          []float32 // [N,16]; +=
	dskip       []float32 // [16]; +=
	db, dc      []float32 // [steps,N,sumLanes]; +=
	work        []float32 // of length scanBackWork
}

// scanBackWork holds, for every step, six rows of lanes, and the states and decays
// of up to four vectors of lanes.
const scanBackWork = scanChunk*6*lanes + (2*scanChunk+1)*4*lanes + 2*skew

// Buffers that a step reads and writes at the same index lie an odd number of lines
// apart: a load that follows a store to an address equal in its low 12 bits waits.
const skew = 9 * lanes

// scanBackGroup is a group of blocks at work.
type scanBackGroup struct{ blocks [groupBlocks]scanBackBlock }

var scanBackGroups jobs[scanBackGroup]

// run handles pairs of a segment and a group of blocks.
func (t *scanBackward) run(lo, hi int) {
	nl, width := t.n*lanes, active.sumLanes
	groups, blocks := (t.blocks()+groupBlocks-1)/groupBlocks, t.blocks()
	sums := scanChunk * t.n * width
	perBlock := 3*nl + 2*lanes // dh, da, A, dskip, skip
	work := scratch.take(2*sums + skew + groupBlocks*perBlock + scanBackWork)
	g := scanBackGroups.take()
	for piece := lo; piece < hi; piece++ {
		si, gi := piece/groups, piece%groups
		s, first := &t.segs[si], gi*groupBlocks
		n := min(groupBlocks, blocks-first)
		db, dc, f := work.f[:sums], work.f[sums+skew:2*sums+skew], work.f[2*sums+skew:]
		clear(f[:n*perBlock])
		for i := range n {
			k := &g.blocks[i]
			own := f[i*perBlock : (i+1)*perBlock]
			k.scanBlock = t.block(first+i, t.u, t.dt, t.a, t.b, t.c, t.skip, own[2*nl+lanes:])
			k.dh, k.da, k.dskip = own[:nl], own[nl:2*nl], own[2*nl:2*nl+lanes]
			k.db, k.dc, k.work = db, dc, f[groupBlocks*perBlock:]
		}
		for r := (s.Len+scanChunk-1)/scanChunk*scanChunk - scanChunk; r >= 0; r -= scanChunk {
			steps := min(scanChunk, s.Len-r)
			clear(db[:steps*t.n*width])
			clear(dc[:steps*t.n*width])
			at := ((t.savedChunk(t.segs, si)+r/scanChunk)*blocks + first) * nl
			for i := range n {
				k := &g.blocks[i]
				k.at(s.Start+r, steps)
				row := k.row*k.ldu + k.channel
				k.dy, k.du, k.ddt = t.dy[row:], t.du[row:], t.ddt[row:]
				k.h = t.saved[at+i*nl : at+(i+1)*nl]
				active.scanStepsBack(k)
			}
			row := (gi*t.m + s.Start + r) * t.n
			active.laneSums(t.dbPart[row:row+steps*t.n], db)
			active.laneSums(t.dcPart[row:row+steps*t.n], dc)
		}
		for i := range n {
			k := &g.blocks[i]
			transpose(t.daPart[(si*t.p+k.channel)*t.n:], t.n, k.da, lanes, t.n, k.lanes)
			copy(t.dskipPart[si*t.p+k.channel:], k.dskip[:k.lanes])
		}
	}
	scanBackGroups.put(g)
	scratch.put(work)
}

func scanStepsBackGeneric(k *scanBackBlock) {
	for l := range k.lanes {
		var s1, s2 [scanChunk]float32
		for n := range k.n {
			i := n*lanes + l
			a := k.a[i]
			var h [scanChunk + 1]float32
			var e [scanChunk]float32
			h[0] = k.h[i]
			for s := range k.steps {
				dt := k.dt[s*k.lddt+l]
				e[s] = exp2Neg(dt * a)
				h[s+1] = e[s]*h[s] + dt*k.u[s*k.ldu+l]*k.b[s*k.ldb+n]
			}
			for s := k.steps - 1; s >= 0; s-- {
				dt, g := k.dt[s*k.lddt+l], k.dy[s*k.ldu+l]
				dh := k.dh[i] + g*k.c[s*k.ldb+n]
				k.dc[(s*k.n+n)*lanes+l] += g * h[s+1]
				k.db[(s*k.n+n)*lanes+l] += dh * (dt * k.u[s*k.ldu+l])
				s1[s] += dh * k.b[s*k.ldb+n]
				dh *= e[s]
				k.dh[i] = dh
				w := dh * h[s]
				k.da[i] += w * dt
				s2[s] += w * a
			}
		}
		for s := range k.steps {
			u, dt, g := k.u[s*k.ldu+l], k.dt[s*k.lddt+l], k.dy[s*k.ldu+l]
			k.dskip[l] += g * u
			k.du[s*k.ldu+l] = k.skip[l]*g + dt*s1[s]
			k.ddt[s*k.lddt+l] = u*s1[s] + ln2*s2[s]
		}
	}
}
