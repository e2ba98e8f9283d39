package kernel

// RMSNorm (Zhang & Sennrich 2019): y = x / sqrt(mean(x²)+eps) * gain.
// Dimensions: m rows of d. A row may be a token or one head of a token.

type rmsNorm struct {
	y, rstd, x, gain []float32
	a, b             []float32 // x is first set to a + b, unless they are nil
	d                int
	eps              float32
}

var rmsNormJobs jobs[rmsNorm]

// RMSNorm sets y [m,d] to the normalised rows of x and rstd [m] to the factor of
// each row, which the backward pass needs. A nil gain [d] counts as ones. y may be
// x if the backward pass is not needed.
func RMSNorm(p *Pool, y, rstd, x, gain []float32, m, d int, eps float32) {
	rmsNorm{y, rstd, x, gain, nil, nil, d, eps}.launch(p, m)
}

// AddRMSNorm sets x [m,d] to a + b and does what RMSNorm does, in one pass. x may be a
// or b.
func AddRMSNorm(p *Pool, y, rstd, x, a, b, gain []float32, m, d int, eps float32) {
	if len(a) < m*d || len(b) < m*d {
		panic("kernel: rms norm: short argument")
	}
	rmsNorm{y, rstd, x, gain, a, b, d, eps}.launch(p, m)
}

func (t rmsNorm) launch(p *Pool, m int) {
	if len(t.y) < m*t.d || len(t.x) < m*t.d || len(t.rstd) < m || t.gain != nil && len(t.gain) < t.d {
		panic("kernel: rms norm: short argument")
	}
	launch(p, &rmsNormJobs, t, m, grainFor(2*t.d))
}

func (t *rmsNorm) run(lo, hi int) {
	d := t.d
	for i := lo; i < hi; i++ {
		x, y := t.x[i*d:i*d+d], t.y[i*d:i*d+d]
		var squares float32
		if t.a != nil {
			squares = active.addSquares(x, t.a[i*d:], t.b[i*d:])
		} else {
			squares = active.dot(x, x)
		}
		r := 1 / sqrt32(squares/float32(d)+t.eps)
		t.rstd[i] = r
		if t.gain == nil {
			active.scale(y, x, r)
			continue
		}
		active.scaleMul(y, x, t.gain[:d], r)
	}
}

type rmsNormBackward struct {
	dx, part, dy, x, gain, rstd []float32
	plus, rows                  []float32
	d                           int
}

var rmsNormBackwardJobs jobs[rmsNormBackward]

// RMSNormBackward sets dx [m,d] and dgain [d] from dy [m,d] and what RMSNorm read
// and saved. dgain is nil exactly if gain is. dx may be dy.
func RMSNormBackward(p *Pool, dx, dgain, dy, x, gain, rstd []float32, m, d int) {
	RMSNormBackwardAdd(p, dx, dgain, dy, x, gain, rstd, nil, m, d)
}

// RMSNormBackwardAdd is RMSNormBackward that adds plus [m,d] to dx in the same pass,
// unless it is nil. dx may be plus.
func RMSNormBackwardAdd(p *Pool, dx, dgain, dy, x, gain, rstd, plus []float32, m, d int) {
	if len(dx) < m*d || len(dy) < m*d || len(x) < m*d || len(rstd) < m || plus != nil && len(plus) < m*d ||
		gain != nil && (len(gain) < d || len(dgain) < d) {
		panic("kernel: rms norm backward: short argument")
	}
	blocks := rowBlocks(m)
	both := scratch.take(2 * blocks * d)
	part, rows := both.f[:blocks*d], both.f[blocks*d:]
	launch(p, &rmsNormBackwardJobs, rmsNormBackward{dx, part, dy, x, gain, rstd, plus, rows, d}, m, rowBlock)
	if gain != nil {
		combineBlocks(dgain, part, blocks, d)
	}
	scratch.put(both)
}

func (t *rmsNormBackward) run(lo, hi int) {
	d := t.d
	b := lo / rowBlock
	dgain := t.part[b*d : b*d+d]
	clear(dgain)
	for i := lo; i < hi; i++ {
		x, dx, dy := t.x[i*d:i*d+d], t.dx[i*d:i*d+d], t.dy[i*d:i*d+d]
		row := dx
		if t.plus != nil {
			row = t.rows[b*d : b*d+d]
		}
		r := t.rstd[i]
		if t.gain == nil {
			c := active.dot(dy, x) / float32(d) * r * r
			active.linear(row, dy, x, r, -r*c, 0)
		} else {
			gain := t.gain[:d]
			c := active.dot3(dy, x, gain) / float32(d) * r * r
			active.rmsBackward(dgain, row, dy, x, gain, r, c)
		}
		if t.plus != nil {
			active.add(dx, row, t.plus[i*d:i*d+d])
		}
	}
}
