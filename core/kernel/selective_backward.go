package kernel

// Backward pass of Mamba's scan. The states inside a chunk are computed again from
// the saved state at its start, and so are the steps and the output before the gate;
// the gradient of the state runs from the last chunk to the first. Dimensions as in
// scan.go.

// groupBlocks is the number of blocks of lanes whose contributions to db and dc
// are added up one after the other; the groups' sums are combined in order.
const groupBlocks = 8

// SelectiveScanBackwardScratch returns the length of scratch for
// SelectiveScanBackward.
func SelectiveScanBackwardScratch(m, segments int, dims ScanDims) int {
	s := dims.shape()
	return 2*s.groups(groupBlocks)*m*dims.N + segments*(dims.D*dims.N+2*dims.D)
}

type selectiveBackward struct {
	selectiveInputs
	du, dstep, dgate, dy []float32
	saved                []float32
	dbPart, dcPart       []float32 // [groups,m,N]
	daPart               []float32 // [segments,D,N]
	dskipPart, dbiasPart []float32 // [segments,D]
	m                    int
}

var selectiveBackwardJobs jobs[selectiveBackward]

// SelectiveScanBackward sets du, dstep, dgate [m,D], da [D,N], db, dc [m,N], dskip
// and dbias [D] from dy [m,D], the forward's inputs and saved. scratch has the length
// SelectiveScanBackwardScratch.
func SelectiveScanBackward(p *Pool, du, dstep, da, db, dc, dskip, dbias, dgate, dy, u, step, a, b, c, skip, bias, gate []float32, segs []Segment, saved []float32, m int, dims ScanDims, work []float32) {
	t := selectiveBackward{
		selectiveInputs: selectiveInputs{u, step, a, b, c, skip, bias, gate, segs, dims.shape()},
		du:              du, dstep: dstep, dgate: dgate, dy: dy, saved: saved, m: m,
	}
	t.check(m)
	t.checkBackward(du, dstep, da, db, dc, dskip, dy, u, step, a, b, c, skip, segs, saved, m)
	if len(dgate) < m*dims.D || len(dbias) < dims.D || len(work) < SelectiveScanBackwardScratch(m, len(segs), dims) {
		panic("kernel: scan backward: short argument")
	}
	groups, n := t.groups(groupBlocks), len(segs)
	size := groups * m * t.n
	t.dbPart, work = work[:size], work[size:]
	t.dcPart, work = work[:size], work[size:]
	t.daPart, work = work[:n*t.decays()], work[n*t.decays():]
	t.dskipPart, t.dbiasPart = work[:n*t.p], work[n*t.p:2*n*t.p]
	launch(p, &selectiveBackwardJobs, t, n*groups, 1)
	combineBlocks(da, t.daPart, n, t.decays())
	combineBlocks(dskip, t.dskipPart, n, t.p)
	combineBlocks(dbias, t.dbiasPart, n, t.p)
	addParts(p, db[:m*t.n], t.dbPart)
	addParts(p, dc[:m*t.n], t.dcPart)
}

func (s *scanShape) checkBackward(du, ddt, da, db, dc, dskip, dy, u, dt, a, b, c, skip []float32, segs []Segment, saved []float32, m int) {
	s.check(m, u, dt, a, b, c, skip, segs)
	if len(du) < m*s.h*s.p || len(dy) < m*s.h*s.p || len(ddt) < m*s.dtWidth() || len(da) < s.decays() ||
		len(db) < m*s.g*s.n || len(dc) < m*s.g*s.n || skip != nil && len(dskip) < s.skips() ||
		len(saved) < s.saved(m, len(segs)) {
		panic("kernel: scan backward: short argument")
	}
}

// A selectiveBackBlock is a selectiveBlock whose steps are taken backwards.
type selectiveBackBlock struct {
	selectiveBlock
	dy           []float32 // [steps,16]
	dh           []float32 // [N,16]: gradient of the state after the last step, updated
	da           []float32 // [N,16]; +=
	dskip, dbias []float32 // [scanChunk,16]; +=
	db, dc       []float32 // [steps,N,sumLanes]; +=
	hs           []float32 // of length statesLen
}

// statesLen is what the states of up to four vectors of lanes before, between and after
// a chunk's steps take.
const statesLen = (scanChunk+1)*4*lanes + lanes

// selectiveBackGroup is a group of blocks at work.
type selectiveBackGroup struct {
	rows   groupRows
	blocks [groupBlocks]selectiveBackBlock
}

var selectiveBackGroups jobs[selectiveBackGroup]

// run handles pairs of a segment and a group of blocks.
func (t *selectiveBackward) run(lo, hi int) {
	nl, width := t.n*lanes, active.sumLanes
	groups, blocks := t.groups(groupBlocks), t.blocks()
	sums := scanChunk*t.n*width + lanes
	own := 3*nl + 4*rowsLen
	work := scratch.take(groupBlocks*(own+4*rowsLen) + backWorkRows*rowsLen + statesLen + decaysLen + 2*sums)
	g := selectiveBackGroups.take()
	for piece := lo; piece < hi; piece++ {
		si, gi := piece/groups, piece%groups
		s, first := &t.segs[si], gi*groupBlocks
		n := min(groupBlocks, blocks-first)
		shared := g.rows.cut(work.f[groupBlocks*own:], groupBlocks)
		g.rows.dy, shared = shared[:groupBlocks*rowsLen], shared[groupBlocks*rowsLen:]
		db, dc, shared := shared[:sums], shared[sums:2*sums], shared[2*sums:]
		for i := range n {
			k := &g.blocks[i]
			f := t.block(&k.selectiveBlock, first+i, work.f[i*own:(i+1)*own])
			clear(f)
			k.dh, k.da = f[:nl], f[nl:2*nl]
			k.dskip, k.dbias = f[2*nl:2*nl+scanChunk*lanes], f[2*nl+rowsLen:]
			k.db, k.dc = db, dc
			k.work, k.hs, k.decays = shared, shared[backWorkRows*rowsLen:], shared[backWorkRows*rowsLen+statesLen:]
		}
		for r := (s.Len+scanChunk-1)/scanChunk*scanChunk - scanChunk; r >= 0; r -= scanChunk {
			row, steps := s.Start+r, min(scanChunk, s.Len-r)
			clear(db[:steps*t.n*width])
			clear(dc[:steps*t.n*width])
			t.take(&g.rows, row, first, steps)
			t.takeRows(g.rows.dy, t.dy, row, first, steps)
			at := ((t.savedChunk(t.segs, si)+r/scanChunk)*blocks + first) * nl
			for i := range n {
				k := &g.blocks[i]
				k.h = t.saved[at+i*nl : at+(i+1)*nl]
				t.load(&k.selectiveBlock, &g.rows, i, row, steps)
				k.dy = g.rows.dy[i*scanChunk*lanes:][:steps*lanes]
				k.fetch(t.p, row-scanChunk, r > 0, t.step, t.u, t.gate, t.dy, t.dgate, t.dstep, t.du)
				k.back()
			}
			t.put(t.dgate, g.rows.z, row, first, steps)
			t.put(t.dstep, g.rows.raw, row, first, steps)
			t.put(t.du, g.rows.u, row, first, steps)
			part := (gi*t.m + row) * t.n
			active.laneSums(t.dbPart[part:part+steps*t.n], db)
			active.laneSums(t.dcPart[part:part+steps*t.n], dc)
		}
		for i := range n {
			k := &g.blocks[i]
			channel := si*t.p + k.channel
			transpose(t.daPart[channel*t.n:], t.n, k.da, lanes, t.n, k.lanes)
			sumSteps(t.dskipPart[channel:channel+k.lanes], k.dskip)
			sumSteps(t.dbiasPart[channel:channel+k.lanes], k.dbias)
		}
	}
	selectiveBackGroups.put(g)
	scratch.put(work)
}

// back takes the loaded steps backwards; the gradients take the places of z, raw and u.
func (k *selectiveBackBlock) back() {
	n := k.steps * lanes
	skip, dt, g, s1, s2 := k.skip[:n], k.row(rowDt), k.row(rowG), k.row(rowS1), k.row(rowS2)
	active.siluMulBackward(g, k.z, k.dy, stepOnes[:n], k.z)
	active.mulAdd(k.dskip[:n], g, k.u)
	clear(s1)
	clear(s2)
	active.scanStepsBack(k)
	active.mul(k.z, k.z, k.row(rowY))
	active.scale(s2, s2, ln2)
	active.mulAdd(s2, k.u, s1)
	active.activateBackward(actSoftplus, k.raw, s2, k.raw)
	active.add(k.dbias[:n], k.dbias[:n], k.raw)
	active.mul(k.u, skip, g)
	active.mulAdd(k.u, dt, s1)
}

// stepOnes is 1 for every lane and step of a chunk.
var stepOnes = func() (ones [scanChunk * lanes]float32) {
	for i := range ones {
		ones[i] = 1
	}
	return ones
}()

// sumSteps sets each lane of out to the sum of its steps in x [scanChunk,16].
func sumSteps(out, x []float32) {
	for l := range out {
		var sum float32
		for s := range scanChunk {
			sum += x[s*lanes+l]
		}
		out[l] = sum
	}
}

// scanStepsBackGeneric computes a block's states again, adds their outputs to y, and
// takes the steps backwards.
func scanStepsBackGeneric(k *selectiveBackBlock) {
	dt, x, y, g, s1, s2 := k.row(rowDt), k.row(rowX), k.row(rowY), k.row(rowG), k.row(rowS1), k.row(rowS2)
	for l := range k.lanes {
		for n := range k.n {
			i := n*lanes + l
			a := k.a[i]
			var h [scanChunk + 1]float32
			var e [scanChunk]float32
			h[0] = k.h[i]
			for s := range k.steps {
				e[s] = exp2Neg(dt[s*lanes+l] * a)
				h[s+1] = e[s]*h[s] + x[s*lanes+l]*k.b[s*k.n+n]
			}
			for s := k.steps - 1; s >= 0; s-- {
				r, sum := s*lanes+l, (s*k.n+n)*lanes+l
				b, c := k.b[s*k.n+n], k.c[s*k.n+n]
				dh := k.dh[i] + g[r]*c
				y[r] += c * h[s+1]
				k.dc[sum] += g[r] * h[s+1]
				k.db[sum] += dh * x[r]
				s1[r] += dh * b
				dh *= e[s]
				k.dh[i] = dh
				w := dh * h[s]
				k.da[i] += w * dt[r]
				s2[r] += w * a
			}
		}
	}
}
