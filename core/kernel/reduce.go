package kernel

// reduceBlock is the number of elements that one partial sum covers.
const reduceBlock = 1 << 13

type reduce struct {
	x      []float32
	part   []float32
	finite bool
}

var reduceJobs jobs[reduce]

// SumSquares returns the sum of x². Blocks of 8192 elements are summed in 16 lanes
// of float32 (8 with AVX2) and combined in order in float64.
func SumSquares(p *Pool, x []float32) float64 {
	part := scratch.take((len(x) + reduceBlock - 1) / reduceBlock)
	launch(p, &reduceJobs, reduce{x, part.f, false}, len(x), reduceBlock)
	s := 0.0
	for _, v := range part.f {
		s += float64(v)
	}
	scratch.put(part)
	return s
}

// AllFinite reports whether x holds neither NaN nor an infinity.
func AllFinite(p *Pool, x []float32) bool {
	part := scratch.take((len(x) + reduceBlock - 1) / reduceBlock)
	launch(p, &reduceJobs, reduce{x, part.f, true}, len(x), reduceBlock)
	ok := true
	for _, v := range part.f {
		ok = ok && v == 0
	}
	scratch.put(part)
	return ok
}

func (t *reduce) run(lo, hi int) {
	x := t.x[lo:hi]
	if !t.finite {
		t.part[lo/reduceBlock] = active.dot(x, x)
		return
	}
	t.part[lo/reduceBlock] = 1
	if active.finite(x) {
		t.part[lo/reduceBlock] = 0
	}
}
