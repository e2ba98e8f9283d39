package nn

import (
	"github.com/archlab/archlab/core/engine"
	"github.com/archlab/archlab/core/kernel"
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// InvariantScan is SelectiveScan with step, b and c that are the same for every token and, as in S4D, their own for every
// channel (Gu & Dao 2023, algorithm 1): u [M,D], dt [D], a, b, c [D,N], skip [D]; y [M,D]. With h in units of dt·b,
//
//	h_t = exp(dt·a) h_{t-1} + u_t     y_t = Σ_n dt·b·c·h_t + skip·u_t
//
// While decoding it keeps h [D,N] under the name.
func (g *Graph) InvariantScan(name string, u, dt, a, b, c, skip *Node) *Node {
	const op = "invariant scan"
	wantShape(op, "u", u, g.rows, -1)
	wantShape(op, "a", a, u.Shape()[1], -1)
	d, n := a.Shape()[0], a.Shape()[1]
	wantShape(op, "dt", dt, d)
	wantShape(op, "b", b, d, n)
	wantShape(op, "c", c, d, n)
	wantShape(op, "skip", skip, d)
	k := invariantScan{Site: name, ScanDims: kernel.ScanDims{D: d, N: n}}
	return Apply(k, u.Shape(), u, dt, a, b, c, skip)
}

// invariantScan saves exp(dt·a) and dt·b·c, [D,N] each.
type invariantScan struct {
	Site string
	kernel.ScanDims
}

func (invariantScan) Name() string { return "invariant_scan" }

func (k invariantScan) State() engine.StateSpec {
	return engine.StateSpec{Name: k.Site, Fixed: k.D * k.N}
}

func (k invariantScan) Layout([]tensor.Shape) engine.Layout {
	return engine.Layout{Saved: []engine.Extent{{Len: k.D * k.N}, {Len: k.D * k.N}}}
}

func (k invariantScan) Bind(b engine.Binding) (engine.Kernel, error) {
	u, dt, a, bs, c, skip, y := b.In[0].F32, b.In[1].F32, b.In[2].F32, b.In[3].F32, b.In[4].F32, b.In[5].F32, b.Out.F32
	decay, weight := b.Saved[0].F32, b.Saved[1].F32
	states := make([][]float32, b.Out.Shape[0])
	return func(r *engine.Run) {
		for i := range decay {
			step := dt[i/k.N]
			decay[i] = step * a[i]
			weight[i] = step * bs[i] * c[i]
		}
		flops := InvariantScanFLOPs(r.Rows, k.D, k.N)
		pool := threads(b.Pool, flops)
		kernel.Exp(pool, decay, decay, 1)
		var carried [][]float32
		if r.States != nil {
			carried = FixedStates(states, r, b.Slot)
		}
		kernel.InvariantScan(pool, y, u, decay, weight, skip, r.Segments, carried, r.Rows, k.ScanDims)
		r.FLOPs += flops
	}, nil
}

func (k invariantScan) Grad(in gorgonia.Nodes, out, grad *Node) gorgonia.Nodes {
	du := Apply(invariantScanGrad{k.ScanDims}, in[0].Shape(), append(append(gorgonia.Nodes{}, in...), grad, out)...)
	grads := gorgonia.Nodes{du}
	for i, x := range in[1:] {
		grads = append(grads, SavedNode(du, i, x.Shape()...))
	}
	return grads
}

// invariantScanGrad is du of (u, dt, a, b, c, skip, dy, y); it saves the gradients of dt [D], a, b, c [D,N] and skip [D].
type invariantScanGrad struct{ kernel.ScanDims }

func (invariantScanGrad) Name() string { return "invariant_scan.backward" }

func (k invariantScanGrad) Layout([]tensor.Shape) engine.Layout {
	dn := k.D * k.N
	return engine.Layout{
		Saved:   []engine.Extent{{Len: k.D}, {Len: dn}, {Len: dn}, {Len: dn}, {Len: k.D}},
		Scratch: 2 * dn,
	}
}

func (k invariantScanGrad) Bind(b engine.Binding) (engine.Kernel, error) {
	u, dt, a, bs, c, skip, dy := b.In[0].F32, b.In[1].F32, b.In[2].F32, b.In[3].F32, b.In[4].F32, b.In[5].F32, b.In[6].F32
	decay, weight := b.In[7].Saved[0].F32, b.In[7].Saved[1].F32
	du, ddt, da, db, dc, dskip := b.Out.F32, b.Saved[0].F32, b.Saved[1].F32, b.Saved[2].F32, b.Saved[3].F32, b.Saved[4].F32
	ddecay, dweight := b.Scratch[:k.D*k.N], b.Scratch[k.D*k.N:]
	return func(r *engine.Run) {
		kernel.InvariantScanBackward(b.Pool, du, ddecay, dweight, dskip, dy, u, decay, weight, skip, r.Segments, r.Rows, k.ScanDims)
		clear(ddt)
		for i, g := range ddecay {
			// decay = exp(dt·a), weight = dt·b·c
			step, w := dt[i/k.N], dweight[i]
			da[i] = g * decay[i] * step
			db[i], dc[i] = w*step*c[i], w*step*bs[i]
			ddt[i/k.N] += g*decay[i]*a[i] + w*bs[i]*c[i]
		}
		r.FLOPs += InvariantScanBackwardFLOPs(r.Rows, k.D, k.N)
	}, nil
}

// InvariantScanFLOPs counts InvariantScan over m rows, for each state the update (2) and the output (2), and once what depends
// on the parameters only (5).
func InvariantScanFLOPs(m, d, n int) float64 {
	return float64(m)*float64(d)*float64(4*n+1) + 5*float64(d)*float64(n)
}

// InvariantScanBackwardFLOPs counts its backward pass: for each state the states twice more (4) and the gradients (8).
func InvariantScanBackwardFLOPs(m, d, n int) float64 {
	return float64(m)*float64(d)*float64(12*n+3) + 13*float64(d)*float64(n)
}
