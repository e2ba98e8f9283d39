package kernel

type activation uint8

const (
	actGELU activation = iota
	actSiLU
	actSquaredReLU
	actSigmoid
	actSoftplus
	actions // number of activations
)

type activate struct {
	f    activation
	y, x []float32
	dy   []float32 // nil in the forward pass
}

var activateJobs jobs[activate]

func forward(p *Pool, f activation, y, x []float32) {
	if len(x) < len(y) {
		panic("kernel: activation: short x")
	}
	launch(p, &activateJobs, activate{f: f, y: y, x: x}, len(y), pieceWork/8)
}

func backward(p *Pool, f activation, dx, dy, x []float32) {
	if len(x) < len(dx) || len(dy) < len(dx) {
		panic("kernel: activation backward: short argument")
	}
	launch(p, &activateJobs, activate{f: f, y: dx, x: x, dy: dy}, len(dx), pieceWork/8)
}

// GELU sets y = x·Φ(x) in the tanh form of GPT-2 (Hendrycks & Gimpel 2016):
// x·sigmoid(2u) with u = sqrt(2/π)·(x + 0.044715x³). The form with erf differs from
// it by up to 5e-4. y may be x.
func GELU(p *Pool, y, x []float32) { forward(p, actGELU, y, x) }

// GELUBackward sets dx = dy·GELU'(x). dx may be dy.
func GELUBackward(p *Pool, dx, dy, x []float32) { backward(p, actGELU, dx, dy, x) }

// GELUBackwardSums is GELUBackward of m rows of n columns that also sets sums [n] to
// dx's ColumnSums, while its rows are in the cache.
func GELUBackwardSums(p *Pool, dx, sums, dy, x []float32, m, n int) {
	backwardSums(p, actGELU, dx, sums, dy, x, m, n)
}

// SiLU sets y = x·sigmoid(x). y may be x.
func SiLU(p *Pool, y, x []float32) { forward(p, actSiLU, y, x) }

// SiLUBackward sets dx = dy·SiLU'(x). dx may be dy.
func SiLUBackward(p *Pool, dx, dy, x []float32) { backward(p, actSiLU, dx, dy, x) }

// SquaredReLU sets y = max(x,0)² (So et al. 2021). y may be x.
func SquaredReLU(p *Pool, y, x []float32) { forward(p, actSquaredReLU, y, x) }

// SquaredReLUBackward sets dx = dy·2·max(x,0). dx may be dy.
func SquaredReLUBackward(p *Pool, dx, dy, x []float32) { backward(p, actSquaredReLU, dx, dy, x) }

// SquaredReLUBackwardSums is SquaredReLUBackward with sums as GELUBackwardSums sets them.
func SquaredReLUBackwardSums(p *Pool, dx, sums, dy, x []float32, m, n int) {
	backwardSums(p, actSquaredReLU, dx, sums, dy, x, m, n)
}

// Sigmoid sets y = 1/(1+e^-x). y may be x.
func Sigmoid(p *Pool, y, x []float32) { forward(p, actSigmoid, y, x) }

// SigmoidBackward sets dx = dy·sigmoid'(x), from the input x. dx may be dy.
func SigmoidBackward(p *Pool, dx, dy, x []float32) { backward(p, actSigmoid, dx, dy, x) }

// Softplus sets y = log(1+e^x). y may be x.
func Softplus(p *Pool, y, x []float32) { forward(p, actSoftplus, y, x) }

// SoftplusBackward sets dx = dy·sigmoid(x). dx may be dy.
func SoftplusBackward(p *Pool, dx, dy, x []float32) { backward(p, actSoftplus, dx, dy, x) }

func (t *activate) run(lo, hi int) {
	y, x := t.y[lo:hi], t.x[lo:hi]
	if t.dy == nil {
		active.activate(t.f, y, x)
		return
	}
	active.activateBackward(t.f, y, t.dy[lo:hi], x)
}

type activateSums struct {
	columnSums // of dx
	f          activation
	dy, in     []float32
}

var activateSumsJobs jobs[activateSums]

func backwardSums(p *Pool, f activation, dx, sums, dy, x []float32, m, n int) {
	if len(dx) < m*n || len(x) < m*n || len(dy) < m*n || len(sums) < n {
		panic("kernel: activation backward: short argument")
	}
	blocks := rowBlocks(m)
	part := scratch.take(blocks * n)
	launch(p, &activateSumsJobs, activateSums{columnSums{part.f, dx, n}, f, dy, x}, m, rowBlock)
	combineBlocks(sums, part.f, blocks, n)
	scratch.put(part)
}

func (t *activateSums) run(lo, hi int) {
	sum := t.start(lo)
	for i := lo; i < hi; i += sumRows {
		rows := min(sumRows, hi-i)
		from, to := i*t.n, (i+rows)*t.n
		active.activateBackward(t.f, t.x[from:to], t.dy[from:to], t.in[from:to])
		t.add(sum, i, rows)
	}
}

const (
	geluC = 0.7978845608028654 // sqrt(2/pi)
	geluA = 0.044715
)

func activateGeneric(f activation, y, x []float32) {
	switch f {
	case actGELU:
		for i, v := range x {
			y[i] = v * sigmoid32(2*geluC*v*(1+geluA*(v*v)))
		}
	case actSiLU:
		for i, v := range x {
			y[i] = v * sigmoid32(v)
		}
	case actSquaredReLU:
		for i, v := range x {
			v = max(v, 0)
			y[i] = v * v
		}
	case actSigmoid:
		for i, v := range x {
			y[i] = sigmoid32(v)
		}
	case actSoftplus:
		for i, v := range x {
			y[i] = softplus32(v)
		}
	}
}

func activateBackwardGeneric(f activation, dx, dy, x []float32) {
	switch f {
	case actGELU:
		for i, v := range x {
			q := v * v
			s := sigmoid32(2 * geluC * v * (1 + geluA*q))
			// d(2u)/dx = 2c(1+3a·x²)
			dx[i] = dy[i] * (s + v*s*(1-s)*(2*geluC*(1+3*geluA*q)))
		}
	case actSiLU:
		for i, v := range x {
			s := sigmoid32(v)
			dx[i] = dy[i] * (s + v*s*(1-s))
		}
	case actSquaredReLU:
		for i, v := range x {
			dx[i] = dy[i] * (2 * max(v, 0))
		}
	case actSigmoid:
		for i, v := range x {
			s := sigmoid32(v)
			dx[i] = dy[i] * (s * (1 - s))
		}
	case actSoftplus:
		for i, v := range x {
			dx[i] = dy[i] * sigmoid32(v)
		}
	}
}
