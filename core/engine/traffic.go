package engine

// traffic is the memory of a step's inputs, output and saved buffers in bytes: of each row of activations, and of what
// does not depend on rows.
type traffic struct{ row, fixed float64 }

// of is what so many calls with so many rows in all moved.
func (t traffic) of(calls, rows int64) float64 { return t.row*float64(rows) + t.fixed*float64(calls) }

// trafficOf sums the buffers that a kernel is bound to, at a capacity of so many rows.
func trafficOf(b Binding, capacity int) traffic {
	var t traffic
	hasRows := func(b Buffer) bool { return len(b.Shape) > 0 && b.Shape[0] == capacity }
	for _, x := range b.In {
		t.add(x, capacity, hasRows(x))
	}
	t.add(b.Out, capacity, hasRows(b.Out))
	for _, x := range b.Saved { // a length is all that is known of them
		t.add(x, capacity, capacity > 0 && (len(x.F32)+len(x.I32)+len(x.F16))%capacity == 0)
	}
	return t
}

// add counts a buffer, by rows if it has one part for each.
func (t *traffic) add(b Buffer, capacity int, byRow bool) {
	bytes := 4*float64(len(b.F32)+len(b.I32)) + 2*float64(len(b.F16))
	if byRow && capacity > 0 {
		t.row += bytes / float64(capacity)
		return
	}
	t.fixed += bytes
}
