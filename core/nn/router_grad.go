package nn

import (
	"github.com/archlab/archlab/core/engine"
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

func (route) Detached(input int) bool { return input == 1 }

func (k route) Grad(in gorgonia.Nodes, out, grad *Node) gorgonia.Nodes {
	grads := make(gorgonia.Nodes, len(in))
	grads[0] = Apply(routeGrad(k), in[0].Shape(), grad, out)
	return grads
}

// routeGrad is dlogits [M,E] of (dgates [M,K], gates): with Z the sum of the chosen scores (or 1), gate j is scale·s_j/Z, so
// that ds_j = scale/Z (dgate_j - Σ dgate·s/Z), and then through the softmax or sigmoid. Rows below leastSum have gradient 0.
type routeGrad route

func (routeGrad) Name() string { return "route.backward" }

func (routeGrad) Layout([]tensor.Shape) engine.Layout { return engine.Layout{} }

func (k routeGrad) Bind(b engine.Binding) (engine.Kernel, error) {
	dgates, dlogits := b.In[0].F32, b.Out.F32
	chosen, scores := b.In[1].Saved[routeChosen].I32, b.In[1].Saved[routeScores].F32
	return func(r *engine.Run) {
		for i := range r.Rows {
			s, ds := scores[i*k.E:(i+1)*k.E], dlogits[i*k.E:(i+1)*k.E]
			picks, dg := chosen[i*k.K:(i+1)*k.K], dgates[i*k.K:(i+1)*k.K]
			clear(ds)
			z, mean := float32(1), float32(0)
			if k.Normalize {
				z = 0
				for j, e := range picks {
					z += s[e]
					mean += dg[j] * s[e]
				}
				if z < leastSum { // equal gates, whatever the scores
					continue
				}
				mean /= z
			}
			for j, e := range picks {
				ds[e] = k.Scale / z * (dg[j] - mean)
			}
			scoreBackward(ds, s, k.Sigmoid)
		}
		r.FLOPs += RouteBackwardFLOPs(r.Rows, k.E, k.K)
	}, nil
}

// scoreBackward turns the gradient of one row of scores into that of its logits, in place.
func scoreBackward(ds, s []float32, sigmoid bool) {
	if sigmoid {
		for e, v := range s {
			ds[e] *= v * (1 - v)
		}
		return
	}
	dot := float32(0)
	for e, v := range s {
		dot += ds[e] * v
	}
	for e, v := range s {
		ds[e] = v * (ds[e] - dot)
	}
}
