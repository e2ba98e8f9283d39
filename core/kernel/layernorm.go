package kernel

// LayerNorm (Ba, Kiros & Hinton 2016): y = (x-mean)/sqrt(var+eps) * gain + bias.
// Dimensions: m rows of d.

type layerNorm struct {
	y, mean, rstd, x, gain, bias []float32
	d                            int
	eps                          float32
}

var layerNormJobs jobs[layerNorm]

// LayerNorm sets y [m,d] to the normalised rows of x, and mean [m] and rstd [m] to
// each row's statistics for the backward pass. bias [d] may be nil; gain [d] may
// be nil and then counts as ones.
func LayerNorm(p *Pool, y, mean, rstd, x, gain, bias []float32, m, d int, eps float32) {
	if len(y) < m*d || len(x) < m*d || len(mean) < m || len(rstd) < m ||
		gain != nil && len(gain) < d || bias != nil && len(bias) < d {
		panic("kernel: layer norm: short argument")
	}
	launch(p, &layerNormJobs, layerNorm{y, mean, rstd, x, gain, bias, d, eps}, m, grainFor(3*d))
}

func (t *layerNorm) run(lo, hi int) {
	d := t.d
	for i := lo; i < hi; i++ {
		x, y := t.x[i*d:i*d+d], t.y[i*d:i*d+d]
		mu := active.sum(x) / float32(d)
		active.addScalar(y, x, -mu)
		r := 1 / sqrt32(active.dot(y, y)/float32(d)+t.eps)
		t.mean[i], t.rstd[i] = mu, r
		if t.gain != nil {
			active.scaleMul(y, y, t.gain[:d], r)
		} else {
			active.scale(y, y, r)
		}
		if t.bias != nil {
			active.add(y, y, t.bias[:d])
		}
	}
}

type layerNormBackward struct {
	dx, gainPart, biasPart, dy, x, gain, mean, rstd []float32
	d                                               int
}

var layerNormBackwardJobs jobs[layerNormBackward]

// LayerNormBackward sets dx [m,d], dgain [d] and dbias [d] from dy [m,d] and what
// LayerNorm read and saved. dgain and dbias may be nil if they are not wanted. dx
// may be dy.
func LayerNormBackward(p *Pool, dx, dgain, dbias, dy, x, gain, mean, rstd []float32, m, d int) {
	if len(dx) < m*d || len(dy) < m*d || len(x) < m*d || len(mean) < m || len(rstd) < m ||
		gain != nil && len(gain) < d || dgain != nil && len(dgain) < d || dbias != nil && len(dbias) < d {
		panic("kernel: layer norm backward: short argument")
	}
	blocks := rowBlocks(m)
	part := scratch.take((2*blocks + 1) * d)
	gainPart, biasPart := part.f[:blocks*d], part.f[blocks*d:2*blocks*d]
	if gain == nil {
		gain = part.f[2*blocks*d:]
		ones(gain)
	}
	launch(p, &layerNormBackwardJobs, layerNormBackward{dx, gainPart, biasPart, dy, x, gain, mean, rstd, d}, m, rowBlock)
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
		active.normBackward(dx, dy, x, gain, mu, r, sum/float32(d), dot/float32(d))
	}
}

// ones sets x to ones.
func ones(x []float32) {
	for i := range x {
		x[i] = 1
	}
}
