package nn

import (
	"github.com/archlab/archlab/core/engine"
	"gorgonia.org/gorgonia"
)

// Columns copies columns [from,to) of x [M,D]: [M,to-from].
func Columns(x *Node, from, to int) *Node {
	wantShape("columns", "x", x, -1, -1)
	m, d := x.Shape()[0], x.Shape()[1]
	if from < 0 || to > d || from >= to {
		Fail("columns", "[%d,%d) of D=%d", from, to, d)
	}
	if from == 0 && to == d {
		return x
	}
	return Apply(columns{D: d, From: from, To: to}, []int{m, to - from}, x)
}

type columns struct {
	NoLayout
	D, From, To int
}

func (columns) Name() string { return "columns" }

func (k columns) Bind(b engine.Binding) (engine.Kernel, error) {
	x, y, w := b.In[0].F32, b.Out.F32, k.To-k.From
	return func(r *engine.Run) {
		for i := range r.Rows {
			copy(y[i*w:(i+1)*w], x[i*k.D+k.From:i*k.D+k.To])
		}
	}, nil
}

func (k columns) Grad(in gorgonia.Nodes, _, grad *Node) gorgonia.Nodes {
	return gorgonia.Nodes{Apply(columnsGrad(k), in[0].Shape(), grad)}
}

// columnsGrad puts dy [M,to-from] into its place in [M,D], zero elsewhere.
type columnsGrad columns

func (columnsGrad) Name() string { return "columns.backward" }

func (k columnsGrad) Bind(b engine.Binding) (engine.Kernel, error) {
	dy, dx, w := b.In[0].F32, b.Out.F32, k.To-k.From
	return func(r *engine.Run) {
		for i := range r.Rows {
			row := dx[i*k.D : (i+1)*k.D]
			clear(row[:k.From])
			copy(row[k.From:k.To], dy[i*w:(i+1)*w])
			clear(row[k.To:])
		}
	}, nil
}

// Split cuts x [M,D] into parts of the given widths, which must add up to D.
func Split(x *Node, widths ...int) []*Node {
	wantShape("split", "x", x, -1, -1)
	sum := 0
	for _, w := range widths {
		sum += w
	}
	if d := x.Shape()[1]; sum != d {
		Fail("split", "widths %v add up to %d, want D=%d", widths, sum, d)
	}
	parts := make([]*Node, len(widths))
	at := 0
	for i, w := range widths {
		parts[i] = Columns(x, at, at+w)
		at += w
	}
	return parts
}

// Concat puts values [M,D1], [M,D2] ... side by side: [M,D1+D2+...].
func Concat(parts ...*Node) *Node {
	if len(parts) == 0 {
		Fail("concat", "no parts")
	}
	m, d := parts[0].Shape()[0], 0
	for _, p := range parts {
		wantShape("concat", "a part", p, m, -1)
		d += p.Shape()[1]
	}
	if len(parts) == 1 {
		return parts[0]
	}
	return Apply(concat{}, []int{m, d}, parts...)
}

type concat struct{ NoLayout }

func (concat) Name() string { return "concat" }

func (concat) Bind(b engine.Binding) (engine.Kernel, error) {
	out, d := b.Out.F32, b.Out.Shape[1]
	return func(r *engine.Run) {
		at := 0
		for j := range b.In {
			part, w := b.In[j].F32, b.In[j].Shape[1]
			for i := range r.Rows {
				copy(out[i*d+at:i*d+at+w], part[i*w:(i+1)*w])
			}
			at += w
		}
	}, nil
}

func (concat) Grad(in gorgonia.Nodes, _, grad *Node) gorgonia.Nodes {
	grads := make(gorgonia.Nodes, len(in))
	at := 0
	for i, p := range in {
		w := p.Shape()[1]
		grads[i] = Columns(grad, at, at+w)
		at += w
	}
	return grads
}
