package kernel

// Rows of tables of 16 bits. Dimensions: d columns, V table rows.

// GatherRowsBF16 is GatherRows from a table of BF16.
func GatherRowsBF16(p *Pool, out []float32, table []uint16, ids []int32, d int) {
	gatherHalf(p, active.widenBF16, out, table, ids, d)
}

// GatherRowsFP16 is GatherRows from a table of FP16.
func GatherRowsFP16(p *Pool, out []float32, table []uint16, ids []int32, d int) {
	gatherHalf(p, active.widenFP16, out, table, ids, d)
}

// ScatterRowsBF16 is ScatterRows to a table of BF16, rounded as by NarrowBF16.
func ScatterRowsBF16(p *Pool, table []uint16, rows []float32, ids []int32, d int) {
	scatterHalf(p, active.narrowBF16, table, rows, ids, d)
}

// ScatterRowsFP16 is ScatterRows to a table of FP16, rounded as by NarrowFP16.
func ScatterRowsFP16(p *Pool, table []uint16, rows []float32, ids []int32, d int) {
	scatterHalf(p, active.narrowFP16, table, rows, ids, d)
}

type gatherRowsHalf struct {
	widen func(dst []float32, src []uint16)
	out   []float32
	table []uint16
	ids   []int32
	d     int
}

var gatherHalfJobs jobs[gatherRowsHalf]

func gatherHalf(p *Pool, widen func([]float32, []uint16), out []float32, table []uint16, ids []int32, d int) {
	if len(out) < len(ids)*d {
		panic("kernel: gather: short out")
	}
	checkIDs(ids, len(table), d)
	launch(p, &gatherHalfJobs, gatherRowsHalf{widen, out, table, ids, d}, len(ids), grainFor(d))
}

func (t *gatherRowsHalf) run(lo, hi int) {
	for i := lo; i < hi; i++ {
		row := t.out[i*t.d : (i+1)*t.d]
		if id := int(t.ids[i]); id >= 0 {
			t.widen(row, t.table[id*t.d:(id+1)*t.d])
		} else {
			clear(row)
		}
	}
}

type scatterRowsHalf struct {
	narrow func(dst []uint16, src []float32)
	table  []uint16
	rows   []float32
	ids    []int32
	d      int
}

var scatterHalfJobs jobs[scatterRowsHalf]

func scatterHalf(p *Pool, narrow func([]uint16, []float32), table []uint16, rows []float32, ids []int32, d int) {
	if len(rows) < len(ids)*d {
		panic("kernel: scatter: short rows")
	}
	checkIDs(ids, len(table), d)
	launch(p, &scatterHalfJobs, scatterRowsHalf{narrow, table, rows, ids, d}, len(ids), grainFor(d))
}

func (t *scatterRowsHalf) run(lo, hi int) {
	for i := lo; i < hi; i++ {
		id := int(t.ids[i])
		t.narrow(t.table[id*t.d:(id+1)*t.d], t.rows[i*t.d:(i+1)*t.d])
	}
}
