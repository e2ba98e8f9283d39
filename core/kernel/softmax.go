package kernel

// Softmax over rows. Dimensions: m rows of n.

type softmaxRows struct {
	y, x []float32
	n    int
	log  bool
}

var softmaxRowsJobs jobs[softmaxRows]

// SoftmaxRows sets each row of y [m,n] to the softmax of the row of x. y may be x.
func SoftmaxRows(p *Pool, y, x []float32, m, n int) {
	if len(y) < m*n || len(x) < m*n {
		panic("kernel: softmax: short argument")
	}
	launch(p, &softmaxRowsJobs, softmaxRows{y, x, n, false}, m, grainFor(8*n))
}

// LogSoftmaxRows sets each row of y [m,n] to the log-softmax of the row of x. y
// may be x.
func LogSoftmaxRows(p *Pool, y, x []float32, m, n int) {
	if len(y) < m*n || len(x) < m*n {
		panic("kernel: log softmax: short argument")
	}
	launch(p, &softmaxRowsJobs, softmaxRows{y, x, n, true}, m, grainFor(8*n))
}

func (t *softmaxRows) run(lo, hi int) {
	for i := lo; i < hi; i++ {
		x, y := t.x[i*t.n:(i+1)*t.n], t.y[i*t.n:(i+1)*t.n]
		top := active.max(x)
		if t.log {
			lse := top + log32(active.sumExp(x, top))
			active.addScalar(y, x, -lse)
			continue
		}
		active.scale(y, y, 1/active.expInto(y, x, 1, top))
	}
}

type softmaxRowsBackward struct {
	dx, dy, y []float32
	n         int
	log       bool
}

var softmaxRowsBackwardJobs jobs[softmaxRowsBackward]

// SoftmaxRowsBackward sets dx = y·(dy - sum(dy·y)) row by row, from the forward's
// output y. dx may be dy.
func SoftmaxRowsBackward(p *Pool, dx, dy, y []float32, m, n int) {
	if len(dx) < m*n || len(dy) < m*n || len(y) < m*n {
		panic("kernel: softmax backward: short argument")
	}
	launch(p, &softmaxRowsBackwardJobs, softmaxRowsBackward{dx, dy, y, n, false}, m, grainFor(2*n))
}

// LogSoftmaxRowsBackward sets dx = dy - exp(y)·sum(dy) row by row, from the
// forward's output y. dx may be dy.
func LogSoftmaxRowsBackward(p *Pool, dx, dy, y []float32, m, n int) {
	if len(dx) < m*n || len(dy) < m*n || len(y) < m*n {
		panic("kernel: log softmax backward: short argument")
	}
	launch(p, &softmaxRowsBackwardJobs, softmaxRowsBackward{dx, dy, y, n, true}, m, grainFor(8*n))
}

func (t *softmaxRowsBackward) run(lo, hi int) {
	for i := lo; i < hi; i++ {
		at, to := i*t.n, (i+1)*t.n
		dx, dy, y := t.dx[at:to], t.dy[at:to], t.y[at:to]
		if t.log {
			s := active.sum(dy)
			for j, v := range y {
				dx[j] = dy[j] - s*exp32(v)
			}
			continue
		}
		s := active.dot(dy, y)
		for j, v := range y {
			dx[j] = v * (dy[j] - s)
		}
	}
}
