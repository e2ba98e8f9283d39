package kernel

// Routed experts. Dimensions: m tokens, e experts, k experts a token, d width. A
// slot is one assignment of a token to an expert: slot i*k+j is token i's j-th.

// TopK sets idx [m,k] to the columns of the k greatest values of each row of
// scores [m,e], in descending order; ties go to the lower column. NaN counts as
// less than everything.
func TopK(p *Pool, idx []int32, scores []float32, m, e, k int) {
	if k > e || len(idx) < m*k || len(scores) < m*e {
		panic("kernel: top-k: short argument")
	}
	launch(p, &topKJobs, topK{idx, scores, e, k}, m, grainFor(2*e*k))
}

type topK struct {
	idx    []int32
	scores []float32
	e, k   int
}

var topKJobs jobs[topK]

func (t *topK) run(lo, hi int) {
	for i := lo; i < hi; i++ {
		row, out := t.scores[i*t.e:(i+1)*t.e], t.idx[i*t.k:i*t.k]
		for c, v := range row {
			// Insert after all that are at least as great.
			at := len(out)
			for at > 0 && before(v, row[out[at-1]]) {
				at--
			}
			if at == t.k {
				continue
			}
			if len(out) < t.k {
				out = append(out, 0)
			}
			copy(out[at+1:], out[at:])
			out[at] = int32(c)
		}
	}
}

// before reports whether v comes before w in descending order.
func before(v, w float32) bool { return v > w || w != w && v == v }

// CountingSort lists the n slots sorted by expert, keeping their order within one:
// order [>=offsets[e]] holds slot numbers, those of expert x at
// [offsets[x],offsets[x+1]). Slots with expert < 0 are dropped. offsets has e+1
// entries.
func CountingSort(order, offsets []int32, expert []int32, n, e int) {
	if len(offsets) < e+1 || len(expert) < n {
		panic("kernel: counting sort: short argument")
	}
	clear(offsets[:e+1])
	kept := 0
	for _, x := range expert[:n] {
		if int(x) >= e {
			panic("kernel: counting sort: expert out of range")
		}
		if x >= 0 {
			offsets[x]++
			kept++
		}
	}
	if len(order) < kept {
		panic("kernel: counting sort: short order")
	}
	sum := int32(0)
	for x, c := range offsets[:e+1] {
		offsets[x] = sum
		sum += c
	}
	for s, x := range expert[:n] {
		if x >= 0 {
			order[offsets[x]] = int32(s)
			offsets[x]++
		}
	}
	copy(offsets[1:e+1], offsets[:e])
	offsets[0] = 0
}

// InvertOrder sets slot[order[i]] = i for each entry of order and -1 for every
// other of the n slots: the row of the sorted matrices that holds each slot.
func InvertOrder(slot, order []int32, n int) {
	if len(slot) < n {
		panic("kernel: invert order: short slot")
	}
	for i := range slot[:n] {
		slot[i] = -1
	}
	for i, s := range order {
		slot[s] = int32(i)
	}
}

type combine struct {
	out, y, gate []float32
	slot         []int32
	k, d         int
}

var combineJobs jobs[combine]

// CombineRows sets out[i] = sum over j of gate[i,j] · y[slot[i,j]], in the order of
// j. out [m,d], y [rows,d], gate and slot [m,k]; slots < 0 are skipped.
func CombineRows(p *Pool, out, y, gate []float32, slot []int32, m, k, d int) {
	if len(out) < m*d || len(gate) < m*k || len(slot) < m*k {
		panic("kernel: combine: short argument")
	}
	checkIDs(slot[:m*k], len(y), d)
	launch(p, &combineJobs, combine{out: out, y: y, gate: gate, slot: slot, k: k, d: d}, m, grainFor(k*d))
}

func (t *combine) run(lo, hi int) {
	d := t.d
	for i := lo; i < hi; i++ {
		out := t.out[i*d : i*d+d]
		clear(out)
		for j := i * t.k; j < (i+1)*t.k; j++ {
			if s := int(t.slot[j]); s >= 0 {
				active.axpy(out, t.gate[j], t.y[s*d:s*d+d])
			}
		}
	}
}

type combineBackward struct {
	dy, dgate, dout, y, gate []float32
	slot                     []int32
	k, d                     int
}

var combineBackwardJobs jobs[combineBackward]

// CombineRowsBackward sets dy[slot[i,j]] = gate[i,j]·dout[i] and dgate[i,j] =
// dout[i]·y[slot[i,j]] (0 where the slot is < 0). Each row of y belongs to at most
// one slot; rows of dy that belong to none are left alone.
func CombineRowsBackward(p *Pool, dy, dgate, dout, y, gate []float32, slot []int32, m, k, d int) {
	if len(dout) < m*d || len(gate) < m*k || len(dgate) < m*k || len(slot) < m*k {
		panic("kernel: combine backward: short argument")
	}
	checkIDs(slot[:m*k], min(len(y), len(dy)), d)
	launch(p, &combineBackwardJobs, combineBackward{dy, dgate, dout, y, gate, slot, k, d}, m, grainFor(2*k*d))
}

func (t *combineBackward) run(lo, hi int) {
	d := t.d
	for i := lo; i < hi; i++ {
		dout := t.dout[i*d : i*d+d]
		for j := i * t.k; j < (i+1)*t.k; j++ {
			s := int(t.slot[j])
			if s < 0 {
				t.dgate[j] = 0
				continue
			}
			active.scale(t.dy[s*d:s*d+d], dout, t.gate[j])
			t.dgate[j] = active.dot(dout, t.y[s*d:s*d+d])
		}
	}
}
