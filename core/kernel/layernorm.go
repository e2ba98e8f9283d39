package kernel

// LayerNorm (Ba, Kiros & Hinton 2016): y = (x-mean)/sqrt(var+eps) * gain + bias.
// Dimensions: m rows of d.

type layerNorm struct {
	y, mean, rstd, x, gain, bias []float32
	a, b                         []float32 // x is first set to a + b, unless they are nil
	d                            int
	eps                          float32
}

var layerNormJobs jobs[layerNorm]

// LayerNorm sets y [m,d] to the normalised rows of x, and mean [m] and rstd [m] to
// each row's statistics for the backward pass. bias [d] may be nil; gain [d] may
// be nil and then counts as ones.
func LayerNorm(p *Pool, y, mean, rstd, x, gain, bias []float32, m, d int, eps float32) {
	layerNorm{y, mean, rstd, x, gain, bias, nil, nil, d, eps}.launch(p, m)
}

// AddLayerNorm sets x [m,d] to a + b and does what LayerNorm does, in one pass. x may
// be a or b.
func AddLayerNorm(p *Pool, y, mean, rstd, x, a, b, gain, bias []float32, m, d int, eps float32) {
	if len(a) < m*d || len(b) < m*d {
		panic("kernel: layer norm: short argument")
	}
	layerNorm{y, mean, rstd, x, gain, bias, a, b, d, eps}.launch(p, m)
}

func (t layerNorm) launch(p *Pool, m int) {
	d := t.d
	if len(t.y) < m*d || len(t.x) < m*d || len(t.mean) < m || len(t.rstd) < m ||
		t.gain != nil && len(t.gain) < d || t.bias != nil && len(t.bias) < d {
		panic("kernel: layer norm: short argument")
	}
	launch(p, &layerNormJobs, t, m, grainFor(3*d))
}

func (t *layerNorm) run(lo, hi int) {
	d := t.d
	for i := lo; i < hi; i++ {
		x, y := t.x[i*d:i*d+d], t.y[i*d:i*d+d]
		var mu float32
		if t.a != nil {
			mu = active.addSum(x, t.a[i*d:], t.b[i*d:]) / float32(d)
		} else {
			mu = active.sum(x) / float32(d)
		}
		r := 1 / sqrt32(active.shiftSquares(y, x, -mu)/float32(d)+t.eps)
		t.mean[i], t.rstd[i] = mu, r
		switch {
		case t.gain != nil && t.bias != nil:
			active.scaleMulAdd(y, y, t.gain[:d], t.bias[:d], r)
		case t.gain != nil:
			active.scaleMul(y, y, t.gain[:d], r)
		default:
			active.scale(y, y, r)
			if t.bias != nil {
				active.add(y, y, t.bias[:d])
			}
		}
	}
}

type layerNormBackward struct {
	dx, gainPart, biasPart, dy, x, gain, mean, rstd []float32
	plus, rows                                      []float32
	d                                               int
}

var layerNormBackwardJobs jobs[layerNormBackward]

// LayerNormBackward sets dx [m,d], dgain [d] and dbias [d] from dy [m,d] and what
// LayerNorm read and saved. dgain and dbias may be nil if they are not wanted. dx
// may be dy.
func LayerNormBackward(p *Pool, dx, dgain, dbias, dy, x, gain, mean, rstd []float32, m, d int) {
	LayerNormBackwardAdd(p, dx, dgain, dbias, dy, x, gain, mean, rstd, nil, m, d)
}

// LayerNormBackwardAdd is LayerNormBackward that adds plus [m,d] to dx in the same
// pass, unless it is nil. dx may be plus.
func LayerNormBackwardAdd(p *Pool, dx, dgain, dbias, dy, x, gain, mean, rstd, plus []float32, m, d int) {
	if len(dx) < m*d || len(dy) < m*d || len(x) < m*d || len(mean) < m || len(rstd) < m || plus != nil && len(plus) < m*d ||
		gain != nil && len(gain) < d || dgain != nil && len(dgain) < d || dbias != nil && len(dbias) < d {
		panic("kernel: layer norm backward: short argument")
	}
	blocks := rowBlocks(m)
	part := scratch.take((3*blocks + 1) * d)
	gainPart, biasPart, rows := part.f[:blocks*d], part.f[blocks*d:2*blocks*d], part.f[2*blocks*d:3*blocks*d]
	if gain == nil {
		gain = part.f[3*blocks*d:]
		ones(gain)
	}
	launch(p, &layerNormBackwardJobs, layerNormBackward{dx, gainPart, biasPart, dy, x, gain, mean, rstd, plus, rows, d}, m, rowBlock)
	if dgain != nil {
		combineBlocks(dgain, gainPart, blocks, d)
	}
	if dbias != nil {
		combineBlocks(dbias, biasPart, blocks, d)
	}
	scratch.put(part)
}

func (t *layerNormBackward) run(lo, hi int) {
	d := t.d
	b := lo / rowBlock
	dgain, dbias := t.gainPart[b*d:b*d+d], t.biasPart[b*d:b*d+d]
	clear(dgain)
	clear(dbias)
	gain := t.gain[:d]
	for i := lo; i < hi; i++ {
		x, dx, dy := t.x[i*d:i*d+d], t.dx[i*d:i*d+d], t.dy[i*d:i*d+d]
		mu, r := t.mean[i], t.rstd[i]
		sum, dot := active.normSums(dgain, dbias, dy, x, gain, mu, r)
		row := dx
		if t.plus != nil {
			row = t.rows[b*d : b*d+d]
		}
		active.normBackward(row, dy, x, gain, mu, r, sum/float32(d), dot/float32(d))
		if t.plus != nil {
			active.add(dx, row, t.plus[i*d:i*d+d])
		}
	}
}

// ones sets x to ones.
func ones(x []float32) {
	for i := range x {
		x[i] = 1
	}
}
