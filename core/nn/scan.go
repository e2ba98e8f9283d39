package nn

import (
	"github.com/archlab/archlab/core/engine"
	"github.com/archlab/archlab/core/kernel"
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// SelectiveScan is Mamba's recurrence (Gu & Dao 2023, eq. 2-4) for each of D channels with N states, A by zero-order hold and
// B by Euler's rule, with the softplus that makes its steps and the gate that it ends in (figure 3):
//
//	dt_t = softplus(step_t + bias)     h_t = exp(dt_t·a) h_{t-1} + dt_t·u_t·b_t     y_t = silu(gate_t)·(Σ_n c_t·h_t + skip·u_t)
//
// u, step, gate [M,D], a [D,N] (negative), b, c [M,N], skip, bias [D]; y [M,D]. While decoding it keeps h [D,N] under the name.
func (g *Graph) SelectiveScan(name string, u, step, a, b, c, skip, bias, gate *Node) *Node {
	const op = "selective scan"
	wantShape(op, "u", u, g.rows, -1)
	wantShape(op, "a", a, u.Shape()[1], -1)
	d, n := a.Shape()[0], a.Shape()[1]
	wantShape(op, "step", step, g.rows, d)
	wantShape(op, "b", b, g.rows, n)
	wantShape(op, "c", c, g.rows, n)
	wantShape(op, "skip", skip, d)
	wantShape(op, "bias", bias, d)
	wantShape(op, "gate", gate, g.rows, d)
	return g.scan(name, selectiveForm{D: d, N: n}, u, step, a, b, c, skip, bias, gate)
}

// SSD is Mamba-2's recurrence (Dao & Gu 2024, eq. 1 with a scalar A for each head), that of SelectiveScan, without its softplus and gate, with H heads of P
// channels that share dt and a, and G groups of heads that share b and c: u [M,H·P], dt [M,H], a [H], b, c [M,G·N],
// skip [H]; y [M,H·P]. While decoding it keeps h [H,P,N] under the name.
func (g *Graph) SSD(name string, u, dt, a, b, c, skip *Node, groups int) *Node {
	const op = "ssd"
	wantShape(op, "a", a, -1)
	h := a.Shape()[0]
	wantShape(op, "u", u, g.rows, -1)
	wantShape(op, "b", b, g.rows, -1)
	hp, gn := u.Shape()[1], b.Shape()[1]
	switch {
	case hp%h != 0:
		Fail(op, "D=%d is not divisible by H=%d", hp, h)
	case groups < 1 || h%groups != 0:
		Fail(op, "H=%d is not divisible by G=%d", h, groups)
	case gn%groups != 0:
		Fail(op, "b has %d columns, not divisible by G=%d", gn, groups)
	}
	wantShape(op, "dt", dt, g.rows, h)
	wantShape(op, "c", c, g.rows, gn)
	wantShape(op, "skip", skip, h)
	return g.scan(name, ssdForm{H: h, P: hp / h, G: groups, N: gn / groups}, u, dt, a, b, c, skip)
}

// scanForm is one of the two recurrences; grads are in the order of the inputs.
type scanForm interface {
	name() string
	state() int
	saved(m, segments int) int
	scratch(m, segments int) int
	run(p *kernel.Pool, y []float32, in [][]float32, segs []kernel.Segment, states [][]float32, saved []float32, m int)
	back(p *kernel.Pool, grads [][]float32, dy []float32, in [][]float32, segs []kernel.Segment, saved, scratch []float32, m int)
	cost(m int) (forward, backward float64)
}

func (g *Graph) scan(name string, form scanForm, in ...*Node) *Node {
	return Apply(scan{Site: name, Train: g.mode == Training, Form: form}, in[0].Shape(), in...)
}

// scan is y of (u, dt, a, b, c, skip) and, in Mamba's form, (bias, gate). In training it saves the states at the starts of chunks.
type scan struct {
	Site  string
	Train bool
	Form  scanForm
}

func (k scan) Name() string { return k.Form.name() }

func (k scan) State() engine.StateSpec {
	return engine.StateSpec{Name: k.Site, Fixed: k.Form.state()}
}

func (k scan) Layout(in []tensor.Shape) engine.Layout {
	if !k.Train {
		return engine.Layout{}
	}
	m := in[0][0]
	return engine.Layout{Saved: []engine.Extent{{Len: k.Form.saved(m, expectedSegments(m))}}}
}

func (k scan) Bind(b engine.Binding) (engine.Kernel, error) {
	in, y := scanInputs(b.In), b.Out.F32
	states := make([][]float32, b.Out.Shape[0])
	return func(r *engine.Run) {
		var carried [][]float32
		if r.States != nil {
			carried = FixedStates(states, r, b.Slot)
		}
		var saved []float32
		if k.Train {
			saved = fits(b.Saved[0].F32, k.Form.saved(r.Rows, len(r.Segments)))
		}
		flops, _ := k.Form.cost(r.Rows)
		k.Form.run(threads(b.Pool, flops), y, in, r.Segments, carried, saved, r.Rows)
		r.FLOPs += flops
	}, nil
}

func scanInputs(in []engine.Buffer) (x [][]float32) {
	for i := range in {
		x = append(x, in[i].F32)
	}
	return x
}

func (k scan) Grad(in gorgonia.Nodes, out, grad *Node) gorgonia.Nodes {
	if !k.Train {
		Fail(k.Name(), "has a derivative in training only")
	}
	du := Apply(scanGrad{k.Form}, in[0].Shape(), append(append(gorgonia.Nodes{}, in...), grad, out)...)
	grads := gorgonia.Nodes{du}
	for i, x := range in[1:] {
		grads = append(grads, SavedNode(du, i, x.Shape()...))
	}
	return grads
}

// scanGrad is du of the scan's inputs, dy and y; it saves the gradients of the other inputs.
type scanGrad struct{ Form scanForm }

func (k scanGrad) Name() string { return k.Form.name() + ".backward" }

func (k scanGrad) Layout(in []tensor.Shape) engine.Layout {
	m := in[0][0]
	lay := engine.Layout{Scratch: k.Form.scratch(m, expectedSegments(m))}
	for _, shape := range in[1 : len(in)-2] {
		lay.Saved = append(lay.Saved, engine.Extent{Len: shape.TotalSize()})
	}
	return lay
}

func (k scanGrad) Bind(b engine.Binding) (engine.Kernel, error) {
	inputs := len(b.In) - 2
	in, dy, y := scanInputs(b.In[:inputs]), b.In[inputs].F32, b.In[inputs+1]
	grads := [][]float32{b.Out.F32}
	for _, s := range b.Saved {
		grads = append(grads, s.F32)
	}
	var moreSaved, moreScratch []float32
	return func(r *engine.Run) {
		m, segs := r.Rows, r.Segments
		forward, backward := k.Form.cost(m)
		need := k.Form.saved(m, len(segs))
		saved := fits(y.Saved[0].F32, need)
		if saved == nil {
			saved = grow(&moreSaved, need)
			k.Form.run(b.Pool, grads[0], in, segs, nil, saved, m)
			r.FLOPs += forward
		}
		need = k.Form.scratch(m, len(segs))
		scratch := fits(b.Scratch, need)
		if scratch == nil {
			scratch = grow(&moreScratch, need)
		}
		k.Form.back(b.Pool, grads, dy, in, segs, saved, scratch, m)
		r.FLOPs += backward
	}, nil
}

// expectedSegments is the number of sequences among m rows that the scans' memory is laid out for. More are rare (documents
// of less than 32 tokens on average): then the backward pass computes the states again into memory of its own, which it
// keeps for the next time.
func expectedSegments(m int) int { return min(m, m/32+8) }

// fits answers buf if it holds n, else nil.
func fits(buf []float32, n int) []float32 {
	if len(buf) < n {
		return nil
	}
	return buf
}

// grow answers *buf with room for n.
func grow(buf *[]float32, n int) []float32 {
	if len(*buf) < n {
		*buf = make([]float32, n)
	}
	return *buf
}
