package kernel

// Dimensions: m rows, d or n columns, V table rows.

type gather struct {
	out, table []float32
	ids        []int32
	d          int
}

var gatherJobs jobs[gather]

// GatherRows sets out[i] = table[ids[i]] for every id; a negative id gives a row
// of zeros. out [len(ids),d], table [V,d].
func GatherRows(p *Pool, out, table []float32, ids []int32, d int) {
	if len(out) < len(ids)*d {
		panic("kernel: gather: short out")
	}
	checkIDs(ids, len(table), d)
	launch(p, &gatherJobs, gather{out, table, ids, d}, len(ids), grainFor(d))
}

func (t *gather) run(lo, hi int) {
	d := t.d
	for i := lo; i < hi; i++ {
		row := t.out[i*d : i*d+d]
		if id := int(t.ids[i]); id >= 0 {
			copy(row, t.table[id*d:id*d+d])
		} else {
			clear(row)
		}
	}
}

type scatter struct {
	dtable, dout []float32
	ids          []int32
	d            int
}

var scatterJobs jobs[scatter]

// ScatterRows sets table[ids[i]] = rows[i] for every id. No two ids may be the same, and none negative. rows [len(ids),d],
// table [V,d].
func ScatterRows(p *Pool, table, rows []float32, ids []int32, d int) {
	if len(rows) < len(ids)*d {
		panic("kernel: scatter: short rows")
	}
	checkIDs(ids, len(table), d)
	launch(p, &placeJobs, place{table, rows, ids, d}, len(ids), grainFor(d))
}

type place struct {
	table, rows []float32
	ids         []int32
	d           int
}

var placeJobs jobs[place]

func (t *place) run(lo, hi int) {
	for i, id := range t.ids[lo:hi] {
		copy(t.table[int(id)*t.d:][:t.d], t.rows[(lo+i)*t.d:])
	}
}

// ScatterAddRows is the backward pass of GatherRows: dtable[ids[i]] += dout[i],
// in the order of i. Negative ids are skipped.
func ScatterAddRows(p *Pool, dtable, dout []float32, ids []int32, d int) {
	if len(dout) < len(ids)*d {
		panic("kernel: scatter: short dout")
	}
	checkIDs(ids, len(dtable), d)
	// Split by columns: rows that share an id then meet in one piece, in order.
	launch(p, &scatterJobs, scatter{dtable, dout, ids, d}, d, max(64, grainFor(len(ids))))
}

func (t *scatter) run(lo, hi int) {
	for i, id := range t.ids {
		if id < 0 {
			continue
		}
		dst := t.dtable[int(id)*t.d+lo : int(id)*t.d+hi]
		active.add(dst, dst, t.dout[i*t.d+lo:i*t.d+hi])
	}
}

func checkIDs(ids []int32, size, d int) {
	for _, id := range ids {
		if (int(id)+1)*d > size {
			panic("kernel: rows: id outside the table")
		}
	}
}

type addBias struct {
	out, x, bias []float32
	n            int
}

var addBiasJobs jobs[addBias]

// AddBias sets out[i] = x[i] + bias for each of m rows of n. out may be x.
func AddBias(p *Pool, out, x, bias []float32, m, n int) {
	if len(out) < m*n || len(x) < m*n || len(bias) < n {
		panic("kernel: add bias: short argument")
	}
	launch(p, &addBiasJobs, addBias{out, x, bias[:n], n}, m, grainFor(n))
}

func (t *addBias) run(lo, hi int) {
	for i := lo; i < hi; i++ {
		active.add(t.out[i*t.n:(i+1)*t.n], t.x[i*t.n:(i+1)*t.n], t.bias)
	}
}

// rowBlock is the number of rows whose contributions to a sum over rows are added
// up one after the other; the blocks' sums are then combined in order.
const rowBlock = 64

func rowBlocks(m int) int { return (m + rowBlock - 1) / rowBlock }

// combineBlocks sets out[j] to the sum over blocks of part[b*n+j], in float64.
func combineBlocks(out, part []float32, blocks, n int) {
	const width = 64 // columns at a time, so that lines of part are read once
	var sum [width]float64
	for j := 0; j < n; j += width {
		w := min(width, n-j)
		clear(sum[:])
		for b := range blocks {
			for i, v := range part[b*n+j : b*n+j+w] {
				sum[i] += float64(v)
			}
		}
		for i := range w {
			out[j+i] = float32(sum[i])
		}
	}
}

type columnSums struct {
	part, x []float32
	n       int
}

var columnSumsJobs jobs[columnSums]

// ColumnSums sets out[j] to the sum of column j of x [m,n] (the gradient of a
// bias).
func ColumnSums(p *Pool, out, x []float32, m, n int) {
	if len(out) < n || len(x) < m*n {
		panic("kernel: column sums: short argument")
	}
	blocks := rowBlocks(m)
	part := scratch.take(blocks * n)
	launch(p, &columnSumsJobs, columnSums{part.f, x, n}, m, rowBlock)
	combineBlocks(out, part.f, blocks, n)
	scratch.put(part)
}

func (t *columnSums) run(lo, hi int) {
	sum := t.start(lo)
	for i := lo; i < hi; i += sumRows {
		t.add(sum, i, min(sumRows, hi-i))
	}
}

// start clears and returns the sums of the block of rows that starts at lo.
func (t *columnSums) start(lo int) []float32 {
	b := lo / rowBlock
	sum := t.part[b*t.n : (b+1)*t.n]
	clear(sum)
	return sum
}

// sumRows is the number of rows that are added at a time.
const sumRows = 4

// add adds up to sumRows rows from i on to a block's sums, one after the other.
func (t *columnSums) add(sum []float32, i, rows int) {
	if rows == sumRows {
		active.addRows(sum, t.x[i*t.n:(i+sumRows)*t.n])
		return
	}
	for ; rows > 0; i, rows = i+1, rows-1 {
		active.add(sum, sum, t.x[i*t.n:(i+1)*t.n])
	}
}
