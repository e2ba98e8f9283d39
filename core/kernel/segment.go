package kernel

// A Segment is one sequence, or a part of one, among the packed rows.
type Segment struct {
	Start, Len int // rows [Start,Start+Len) of the packed matrices
	Pos        int // position of the first row in its document (rotary, window, cache length before it)
}

// checkSegments panics unless the segments tile the rows [0,m) in order. Segments
// of length 0 are allowed.
func checkSegments(segs []Segment, m int) {
	if segmentRows(segs) != m {
		panic("kernel: segments: do not cover the rows")
	}
}

// segmentRows returns the number of rows that the segments tile in order.
func segmentRows(segs []Segment) int {
	row := 0
	for i := range segs {
		s := &segs[i]
		if s.Start != row || s.Len < 0 || s.Pos < 0 {
			panic("kernel: segments: not in order, or negative")
		}
		row += s.Len
	}
	return row
}

// checkStates panics unless states is nil or holds one slice a segment, each nil
// or at least n long.
func checkStates(states [][]float32, segs []Segment, n int) {
	if states == nil {
		return
	}
	if len(states) != len(segs) {
		panic("kernel: segments: not one state a segment")
	}
	for _, s := range states {
		if s != nil && len(s) < n {
			panic("kernel: segments: short state")
		}
	}
}

func stateOf(states [][]float32, i int) []float32 {
	if states == nil {
		return nil
	}
	return states[i]
}
