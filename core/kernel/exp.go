package kernel

// Exp sets y = factor·exp(x) over len(y) elements. y may be x.
func Exp(p *Pool, y, x []float32, factor float32) {
	if len(x) < len(y) {
		panic("kernel: exp: short input")
	}
	launch(p, &expJobs, expTask{y, x, factor}, len(y), pieceWork/8)
}

type expTask struct {
	y, x   []float32
	factor float32
}

var expJobs jobs[expTask]

func (t *expTask) run(lo, hi int) {
	y := t.y[lo:hi]
	active.expInto(y, t.x[lo:hi], 1, 0)
	if t.factor != 1 {
		active.scale(y, y, t.factor)
	}
}
