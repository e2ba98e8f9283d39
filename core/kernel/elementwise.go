package kernel

type binaryOp uint8

const (
	opAdd binaryOp = iota
	opMul
	opScale
	opAddInto
)

type binary struct {
	op        binaryOp
	out, x, y []float32
	s         float32
}

var binaryJobs jobs[binary]

// Add sets out = x + y over len(out) elements. out may be x or y.
func Add(p *Pool, out, x, y []float32) {
	n := len(out)
	if len(x) < n || len(y) < n {
		panic("kernel: add: short input")
	}
	launch(p, &binaryJobs, binary{op: opAdd, out: out, x: x, y: y}, n, pieceWork)
}

// Mul sets out = x * y element by element over len(out). out may be x or y.
func Mul(p *Pool, out, x, y []float32) {
	n := len(out)
	if len(x) < n || len(y) < n {
		panic("kernel: mul: short input")
	}
	launch(p, &binaryJobs, binary{op: opMul, out: out, x: x, y: y}, n, pieceWork)
}

// Scale sets out = s * x over len(out) elements. out may be x.
func Scale(p *Pool, out, x []float32, s float32) {
	if len(x) < len(out) {
		panic("kernel: scale: short input")
	}
	launch(p, &binaryJobs, binary{op: opScale, out: out, x: x, s: s}, len(out), pieceWork)
}

// AddInto adds x to out: out += x over len(out) elements.
func AddInto(p *Pool, out, x []float32) {
	if len(x) < len(out) {
		panic("kernel: add into: short input")
	}
	launch(p, &binaryJobs, binary{op: opAddInto, out: out, x: x}, len(out), pieceWork)
}

func (t *binary) run(lo, hi int) {
	out, x := t.out[lo:hi], t.x[lo:hi]
	switch t.op {
	case opAdd:
		active.add(out, x, t.y[lo:hi])
	case opMul:
		active.mul(out, x, t.y[lo:hi])
	case opScale:
		active.scale(out, x, t.s)
	case opAddInto:
		active.add(out, out, x)
	}
}
