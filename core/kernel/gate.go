package kernel

// Gated activations. Dimensions: m rows, F gate width.

type swiGLU struct {
	y, gateup, dgateup, dy []float32
	f                      int
}

var swiGLUJobs jobs[swiGLU]

// SwiGLU (Shazeer 2020) sets y [m,f] = silu(gate)·up, where each row of gateup
// [m,2f] holds f gates and then f values.
func SwiGLU(p *Pool, y, gateup []float32, m, f int) {
	if len(y) < m*f || len(gateup) < 2*m*f {
		panic("kernel: swiglu: short argument")
	}
	launch(p, &swiGLUJobs, swiGLU{y: y, gateup: gateup, f: f}, m, grainFor(8*f))
}

// SwiGLUBackward sets dgateup [m,2f] from dy [m,f] and the forward's input.
// dgateup may be gateup.
func SwiGLUBackward(p *Pool, dgateup, dy, gateup []float32, m, f int) {
	if len(dgateup) < 2*m*f || len(dy) < m*f || len(gateup) < 2*m*f {
		panic("kernel: swiglu backward: short argument")
	}
	launch(p, &swiGLUJobs, swiGLU{gateup: gateup, dgateup: dgateup, dy: dy, f: f}, m, grainFor(8*f))
}

func (t *swiGLU) run(lo, hi int) {
	f := t.f
	for i := lo; i < hi; i++ {
		gate, up := t.gateup[2*i*f:(2*i+1)*f], t.gateup[(2*i+1)*f:(2*i+2)*f]
		if t.dy == nil {
			active.siluMul(t.y[i*f:(i+1)*f], up, gate)
			continue
		}
		active.siluMulBackward(t.dgateup[(2*i+1)*f:(2*i+2)*f], t.dgateup[2*i*f:(2*i+1)*f], t.dy[i*f:(i+1)*f], up, gate)
	}
}

type siluGate struct{ y, x, z, dx, dz, dy []float32 }

var siluGateJobs jobs[siluGate]

// SiLUGate sets y = x·silu(z) over n elements (the gate of Mamba). y may be x.
func SiLUGate(p *Pool, y, x, z []float32, n int) {
	if len(y) < n || len(x) < n || len(z) < n {
		panic("kernel: silu gate: short argument")
	}
	launch(p, &siluGateJobs, siluGate{y: y, x: x, z: z}, n, pieceWork/8)
}

// SiLUGateBackward sets dx and dz from dy and the forward's inputs over n
// elements. dx and dz may be any of dy, x and z, but not each other.
func SiLUGateBackward(p *Pool, dx, dz, dy, x, z []float32, n int) {
	if len(dx) < n || len(dz) < n || len(dy) < n || len(x) < n || len(z) < n {
		panic("kernel: silu gate backward: short argument")
	}
	launch(p, &siluGateJobs, siluGate{x: x, z: z, dx: dx, dz: dz, dy: dy}, n, pieceWork/8)
}

func (t *siluGate) run(lo, hi int) {
	if t.dy == nil {
		active.siluMul(t.y[lo:hi], t.x[lo:hi], t.z[lo:hi])
		return
	}
	active.siluMulBackward(t.dx[lo:hi], t.dz[lo:hi], t.dy[lo:hi], t.x[lo:hi], t.z[lo:hi])
}

// siluMulGeneric sets y = x·silu(z).
func siluMulGeneric(y, x, z []float32) {
	for i, v := range z {
		y[i] = x[i] * (v * sigmoid32(v))
	}
}

// siluMulBackwardGeneric sets dx = dy·silu(z) and dz = dy·x·silu'(z).
func siluMulBackwardGeneric(dx, dz, dy, x, z []float32) {
	for i, v := range z {
		s := sigmoid32(v)
		g, xi := dy[i], x[i]
		dx[i] = g * (v * s)
		dz[i] = g * xi * (s + v*s*(1-s))
	}
}
