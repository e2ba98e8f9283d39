package kernel

// Backward passes of the scans. The states inside a chunk are computed again from
// the saved state at its start; the gradient of the state runs from the last chunk
// to the first. Dimensions as in scan.go.

// groupBlocks is the number of blocks of lanes whose contributions to db and dc
// are added up one after the other; the groups' sums are combined in order.
const groupBlocks = 8

// groups returns the number of groups of blocks in one set of heads that share B
// and C, and the blocks in a full group. A Mamba-2 head is never split.
func (s *scanShape) groups() (perSet, blocks int) {
	set := s.h / s.g * s.blocks()
	blocks = groupBlocks
	if s.scalar {
		blocks = max(1, groupBlocks/s.blocks()) * s.blocks()
	}
	return (set + blocks - 1) / blocks, blocks
}

func (s *scanShape) backwardScratch(m, segments int) int {
	perSet, _ := s.groups()
	return 2*perSet*s.g*m*s.n + segments*(s.decays()+s.skips())
}

// SelectiveScanBackwardScratch returns the length of scratch for
// SelectiveScanBackward.
func SelectiveScanBackwardScratch(m, segments int, dims ScanDims) int {
	s := dims.shape()
	return s.backwardScratch(m, segments)
}

// SSDBackwardScratch returns the length of scratch for SSDBackward.
func SSDBackwardScratch(m, segments int, dims SSDDims) int {
	s := dims.shape()
	return s.backwardScratch(m, segments)
}

type scanBackward struct {
	du, ddt, dy, u, dt, a, b, c, skip []float32
	segs                              []Segment
	saved                             []float32
	dbPart, dcPart                    []float32 // [groups,m,N]
	daPart, dskipPart                 []float32 // [segments, size of a or skip]
	m                                 int
	scanShape
}

var scanBackwardJobs jobs[scanBackward]

// SelectiveScanBackward sets du, ddt [m,D], da [D,N], db, dc [m,N] and dskip [D]
// (nil if skip is) from dy [m,D], the forward's inputs and saved. scratch has the
// length SelectiveScanBackwardScratch.
func SelectiveScanBackward(p *Pool, du, ddt, da, db, dc, dskip, dy, u, dt, a, b, c, skip []float32, segs []Segment, saved []float32, m int, dims ScanDims, scratch []float32) {
	runScanBackward(p, du, ddt, da, db, dc, dskip, dy, u, dt, a, b, c, skip, segs, saved, m, dims.shape(), scratch)
}

// SSDBackward sets du [m,H*P], ddt [m,H], da [H], db, dc [m,G*N] and dskip [H] (nil
// if skip is) from dy [m,H*P], the forward's inputs and saved. scratch has the
// length SSDBackwardScratch.
func SSDBackward(p *Pool, du, ddt, da, db, dc, dskip, dy, u, dt, a, b, c, skip []float32, segs []Segment, saved []float32, m int, dims SSDDims, scratch []float32) {
	runScanBackward(p, du, ddt, da, db, dc, dskip, dy, u, dt, a, b, c, skip, segs, saved, m, dims.shape(), scratch)
}

func runScanBackward(p *Pool, du, ddt, da, db, dc, dskip, dy, u, dt, a, b, c, skip []float32, segs []Segment, saved []float32, m int, s scanShape, work []float32) {
	s.check(m, u, dt, a, b, c, skip, segs)
	if len(du) < m*s.h*s.p || len(dy) < m*s.h*s.p || len(ddt) < m*s.dtWidth() || len(da) < s.decays() ||
		len(db) < m*s.g*s.n || len(dc) < m*s.g*s.n || skip != nil && len(dskip) < s.skips() ||
		len(saved) < s.saved(m, len(segs)) || len(work) < s.backwardScratch(m, len(segs)) {
		panic("kernel: scan backward: short argument")
	}
	perSet, _ := s.groups()
	t := scanBackward{du: du, ddt: ddt, dy: dy, u: u, dt: dt, a: a, b: b, c: c, skip: skip, segs: segs, saved: saved, m: m, scanShape: s}
	size := perSet * s.g * m * s.n
	t.dbPart, work = work[:size], work[size:]
	t.dcPart, work = work[:size], work[size:]
	t.daPart, work = work[:len(segs)*s.decays()], work[len(segs)*s.decays():]
	t.dskipPart = work[:len(segs)*s.skips()]
	launch(p, &scanBackwardJobs, t, len(segs)*s.g*perSet, 1)
	combineBlocks(da, t.daPart, len(segs), s.decays())
	if skip != nil {
		combineBlocks(dskip, t.dskipPart, len(segs), s.skips())
	}
	launch(p, &scanCombineJobs, scanCombine{db, t.dbPart, m, s.n, s.g, perSet}, m, grainFor(perSet*s.g*s.n))
	launch(p, &scanCombineJobs, scanCombine{dc, t.dcPart, m, s.n, s.g, perSet}, m, grainFor(perSet*s.g*s.n))
}

// scanCombine adds up the groups' parts [groups,m,N] into out [m,G*N].
type scanCombine struct {
	out, part       []float32
	m, n, g, perSet int
}

var scanCombineJobs jobs[scanCombine]

func (t *scanCombine) run(lo, hi int) {
	for r := lo; r < hi; r++ {
		for g := range t.g {
			out := t.out[(r*t.g+g)*t.n:][:t.n]
			clear(out)
			for i := g * t.perSet; i < (g+1)*t.perSet; i++ {
				for n, v := range t.part[(i*t.m+r)*t.n:][:t.n] {
					out[n] += v
				}
			}
		}
	}
}

// A scanBackBlock is a run of steps of one block of lanes, taken backwards.
type scanBackBlock struct {
	scanBlock
	dy, du, ddt []float32 // from the first step's row
	ddtLanes    []float32 // [steps,16]: ddt by lane if scalar, += as du with add
	add         bool      // add to du and ddt instead of setting them
	hs          []float32 // [steps+1,N,16]: states, the first before the first step
	es          []float32 // [steps,N,16] decays; [steps,16] if scalar
	dh          []float32 // [N,16]: gradient of the state after the last step, updated
	da          []float32 // [N,16], [16] if scalar; +=
	dskip       []float32 // [16]; +=
	db, dc      []float32 // [steps,N,16]; +=
}

// backStates is the number of states that the backward pass takes at a time, so
// that what it holds of them stays in the first-level cache.
const backStates = 16

// run handles pairs of a segment and a group of blocks.
func (t *scanBackward) run(lo, hi int) {
	perSet, full := t.groups()
	chunk, nl := t.chunk(), t.n*lanes
	setBlocks := t.h * t.blocks() / t.g
	k := scanBackBlocks.take()
	part := chunk * min(t.n, backStates) * lanes
	perBlock := 2*nl + lanes // dh, da, dskip
	// Buffers that a step reads and writes at the same index lie an odd number of lines
	// apart: a load that follows a store to an address equal in its low 12 bits waits.
	const skew = 9 * lanes
	work := scratch.take(4*part + part/chunk + 4*skew + full*perBlock + chunk*lanes + nl + 3*lanes)
	for piece := lo; piece < hi; piece++ {
		si, gi := piece/(t.g*perSet), piece%(t.g*perSet)
		first := gi/perSet*setBlocks + gi%perSet*full
		g := scanGroup{
			scanBackward: t, k: k, si: si, gi: gi,
			first: first, last: min(first+full, (gi/perSet+1)*setBlocks), perBlock: perBlock,
		}
		f := work.f
		g.hs, f = f[:part+part/chunk], f[part+part/chunk+skew:]
		g.es, f = f[:part], f[part+skew:]
		g.db, f = f[:part], f[part+skew:]
		g.dc, f = f[:part], f[part+skew:]
		g.carry, f = f[:full*perBlock], f[full*perBlock:]
		g.ddtLanes, f = f[:chunk*lanes], f[chunk*lanes:]
		g.none, g.rest = f[:2*lanes], f[2*lanes:]
		clear(g.carry)
		s := &t.segs[si]
		for r := (s.Len+chunk-1)/chunk*chunk - chunk; r >= 0; r -= chunk {
			for n0 := 0; n0 < t.n; n0 += backStates {
				g.states(r, min(chunk, s.Len-r), n0, min(backStates, t.n-n0))
			}
		}
		for blk := g.first; blk < g.last; blk++ {
			own := g.carry[(blk-g.first)*perBlock:][:perBlock]
			t.storeParts(si, blk, own[nl:2*nl], own[2*nl:])
		}
	}
	scanBackBlocks.put(k)
	scratch.put(work)
}

// A scanGroup is a segment and a group of blocks at work.
type scanGroup struct {
	*scanBackward
	k              *scanBackBlock
	si, gi         int
	first, last    int // blocks
	perBlock       int
	hs, es, db, dc []float32 // of one chunk and some states
	carry          []float32 // [blocks,perBlock]
	ddtLanes       []float32
	none, rest     []float32
}

// states runs the steps [r,r+steps) of the segment backwards for the states
// [n0,n0+n) of every block of the group.
func (g *scanGroup) states(r, steps, n0, n int) {
	s := &g.segs[g.si]
	clear(g.db)
	clear(g.dc)
	nl, blocks := g.n*lanes, g.h*g.blocks()
	for blk := g.first; blk < g.last; blk++ {
		own := g.carry[(blk-g.first)*g.perBlock:][:g.perBlock]
		k := g.k
		*k = scanBackBlock{scanBlock: g.block(blk, g.u, g.dt, g.a, g.b, g.c, g.skip, g.rest), ddtLanes: g.ddtLanes}
		k.at(s.Start+r, steps)
		k.n, k.b, k.c = n, k.b[n0:], k.c[n0:]
		k.dy, k.du = g.dy[k.row*k.ldu+k.channel:], g.du[k.row*k.ldu+k.channel:]
		k.ddt = g.ddt[k.row*k.lddt:]
		k.hs, k.es, k.db, k.dc = g.hs, g.es, g.db, g.dc
		k.dh, k.da, k.dskip = own[n0*lanes:nl], own[nl+n0*lanes:2*nl], own[2*nl:]
		k.add = n0 > 0
		if g.scalar {
			k.da = own[nl : nl+lanes]
			k.ddt = k.ddt[blk/g.blocks():]
		} else {
			k.a = k.a[n0*lanes:]
			k.ddt = k.ddt[k.channel:]
		}
		if k.add { // the terms with skip are in already
			clear(g.none)
			k.skip, k.dskip = g.none[:lanes], g.none[lanes:]
		}
		at := ((g.savedChunk(g.segs, g.si)+r/g.chunk())*blocks+blk)*nl + n0*lanes
		copy(k.hs[:n*lanes], g.saved[at:at+n*lanes])
		if g.scalar {
			k.addHeadDt(blk%g.blocks() == 0 && n0 == 0)
			continue
		}
		active.scanStepsBack(k)
	}
	for i := range steps {
		at := (g.gi*g.m+s.Start+r+i)*g.n + n0
		active.laneSums(g.dbPart[at:at+n], g.db[i*n*lanes:])
		active.laneSums(g.dcPart[at:at+n], g.dc[i*n*lanes:])
	}
}

// addHeadDt runs the steps and adds up ddt over the lanes, and over the head's
// blocks and states.
func (k *scanBackBlock) addHeadDt(first bool) {
	clear(k.ddtLanes)
	active.scanStepsBack(k)
	for i := range k.steps {
		sum := laneSum((*[lanes]float32)(k.ddtLanes[i*lanes:]))
		if !first {
			sum += k.ddt[i*k.lddt]
		}
		k.ddt[i*k.lddt] = sum
	}
}

var scanBackBlocks jobs[scanBackBlock]

// storeParts writes a block's da and dskip to its segment's parts.
func (t *scanBackward) storeParts(si, blk int, da, dskip []float32) {
	head, p0 := blk/t.blocks(), blk%t.blocks()*lanes
	if !t.scalar {
		transpose(t.daPart[(si*t.p+p0)*t.n:], t.n, da, lanes, t.n, min(lanes, t.p-p0))
		copy(t.dskipPart[si*t.p+p0:], dskip[:min(lanes, t.p-p0)])
		return
	}
	a, s := &t.daPart[si*t.h+head], &t.dskipPart[si*t.h+head]
	if p0 == 0 {
		*a, *s = 0, 0
	}
	*a += laneSum((*[lanes]float32)(da))
	*s += laneSum((*[lanes]float32)(dskip))
}

func scanStepsBackGeneric(k *scanBackBlock) {
	nl := k.n * lanes
	for s := range k.steps {
		for l := range k.lanes {
			dt := k.laneDt(s, l)
			x := dt * k.u[s*k.ldu+l]
			for n := range k.n {
				i := n*lanes + l
				var e float32
				if !k.scalar {
					e = exp32(dt * k.a[i])
					k.es[s*nl+i] = e
				} else if n == 0 {
					e = exp32(dt * k.a[0])
					k.es[s*lanes+l] = e
				} else {
					e = k.es[s*lanes+l]
				}
				k.hs[(s+1)*nl+i] = e*k.hs[s*nl+i] + x*k.b[s*k.ldb+n]
			}
		}
	}
	for s := k.steps - 1; s >= 0; s-- {
		var ddt [lanes]float32
		for l := range k.lanes {
			u, dt, g := k.u[s*k.ldu+l], k.laneDt(s, l), k.dy[s*k.ldu+l]
			x := dt * u
			k.dskip[l] += g * u
			var s1, s2, sw float32
			for n := range k.n {
				i := n*lanes + l
				b, e := k.b[s*k.ldb+n], k.es[s*lanes+l]
				if !k.scalar {
					e = k.es[s*nl+i]
				}
				dh := k.dh[i] + g*k.c[s*k.ldb+n]
				k.dc[s*nl+i] += g * k.hs[(s+1)*nl+i]
				k.db[s*nl+i] += dh * x
				s1 += dh * b
				dh *= e
				k.dh[i] = dh
				w := dh * k.hs[s*nl+i]
				if k.scalar {
					sw += w
				} else {
					k.da[i] += w * dt
					s2 += w * k.a[i]
				}
			}
			if k.scalar {
				k.da[l] += sw * dt
				s2 = sw * k.a[0]
			}
			du := k.skip[l]*g + dt*s1
			ddt[l] = u*s1 + s2
			if k.add {
				du += k.du[s*k.ldu+l]
				if !k.scalar {
					ddt[l] += k.ddt[s*k.lddt+l]
				}
			}
			k.du[s*k.ldu+l] = du
		}
		if k.scalar {
			copy(k.ddtLanes[s*lanes:], ddt[:])
		} else {
			copy(k.ddt[s*k.lddt:][:k.lanes], ddt[:])
		}
	}
}
