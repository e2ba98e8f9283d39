package kernel

// RMSNorm (Zhang & Sennrich 2019): y = x / sqrt(mean(x²)+eps) * gain.
// Dimensions: m rows of d. A row may be a token or one head of a token.

type rmsNorm struct {
	y, rstd, x, gain []float32
	d                int
	eps              float32
}

var rmsNormJobs jobs[rmsNorm]

// RMSNorm sets y [m,d] to the normalised rows of x and rstd [m] to the factor of
// each row, which the backward pass needs. A nil gain [d] counts as ones. y may be
// x if the backward pass is not needed.
func RMSNorm(p *Pool, y, rstd, x, gain []float32, m, d int, eps float32) {
	if len(y) < m*d || len(x) < m*d || len(rstd) < m || gain != nil && len(gain) < d {
		panic("kernel: rms norm: short argument")
	}
	launch(p, &rmsNormJobs, rmsNorm{y, rstd, x, gain, d, eps}, m, grainFor(2*d))
}

func (t *rmsNorm) run(lo, hi int) {
	d := t.d
	for i := lo; i < hi; i++ {
		x, y := t.x[i*d:i*d+d], t.y[i*d:i*d+d]
		r := 1 / sqrt32(active.dot(x, x)/float32(d)+t.eps)
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
	d                           int
}

var rmsNormBackwardJobs jobs[rmsNormBackward]

// RMSNormBackward sets dx [m,d] and dgain [d] from dy [m,d] and what RMSNorm read
// and saved. dgain is nil exactly if gain is. dx may be dy.
func RMSNormBackward(p *Pool, dx, dgain, dy, x, gain, rstd []float32, m, d int) {
	if len(dx) < m*d || len(dy) < m*d || len(x) < m*d || len(rstd) < m ||
		gain != nil && (len(gain) < d || len(dgain) < d) {
		panic("kernel: rms norm backward: short argument")
	}
	blocks := rowBlocks(m)
	part := scratch.take(blocks * d)
	launch(p, &rmsNormBackwardJobs, rmsNormBackward{dx, part.f, dy, x, gain, rstd, d}, m, rowBlock)
	if gain != nil {
		combineBlocks(dgain, part.f, blocks, d)
	}
	scratch.put(part)
}

func (t *rmsNormBackward) run(lo, hi int) {
	d := t.d
	b := lo / rowBlock
	dgain := t.part[b*d : b*d+d]
	clear(dgain)
	for i := lo; i < hi; i++ {
		x, dx, dy := t.x[i*d:i*d+d], t.dx[i*d:i*d+d], t.dy[i*d:i*d+d]
		r := t.rstd[i]
		if t.gain == nil {
			c := active.dot(dy, x) / float32(d) * r * r
			active.linear(dx, dy, x, r, -r*c, 0)
			continue
		}
		gain := t.gain[:d]
		c := active.dot3(dy, x, gain) / float32(d) * r * r
		active.rmsBackward(dgain, dx, dy, x, gain, r, c)
	}
}
