package engine

import (
	"math"

	"github.com/archlab/archlab/core/kernel"
)

// muon is Muon (Jordan et al. 2024, https://kellerjordan.github.io/posts/muon/): momentum, whose direction is replaced by the
// nearest orthonormal matrix. Where that means something, in matrices between hidden columns; a row of a token table or of
// an output projection belongs to one token, and mixing it with others' rows by orthogonalising does harm, so that these,
// like vectors and convolutions, go by AdamW, at its own rate.
//
// What a parameter packs is taken apart: queries, keys and values, gate and value, and every expert are matrices of their
// own. A matrix [r,c] moves by the learning rate times 0.2·sqrt(max(r,c)), which gives its elements the root mean square
// that AdamW's steps have (Liu et al. 2025, "Muon is Scalable for LLM Training", eq. 4), so that one learning rate does
// for both; or, with Step.Spectral, times sqrt(max(1,r/c)) as in Jordan's code.
type muon struct{ others adamW }

func (o muon) Moments(s ParamSpec) []string {
	if len(s.Matrices) == 0 {
		return o.others.Moments(s)
	}
	return []string{"m"}
}

func (o muon) Update(u *Update, x *Param) {
	if len(x.Matrices) == 0 {
		v := *u
		v.LearningRate *= u.AdamWRate
		o.others.Update(&v, x)
		return
	}
	u.momentum().Step(u.Pool, x.Grad, x.Moments[0])
	keep, c, at := float32(1-u.LearningRate*u.decay(x)), x.columns(), 0
	for _, r := range x.Matrices {
		w, d := x.W[at:at+r*c], x.Grad[at:at+r*c]
		kernel.Orthogonalize(u.Pool, d, r, c)
		kernel.Descend(u.Pool, w, d, keep, float32(u.LearningRate*u.scale(r, c)))
		at += r * c
	}
}

func (u *Update) scale(r, c int) float64 {
	if u.Spectral {
		return math.Sqrt(max(1, float64(r)/float64(c)))
	}
	return 0.2 * math.Sqrt(float64(max(r, c)))
}

// FLOPs: 2 for the momentum, 2 for the look ahead, the orthogonalisation, and 3 for step and decay.
func (o muon) FLOPs(s ParamSpec) float64 {
	if len(s.Matrices) == 0 {
		return o.others.FLOPs(s)
	}
	n := (clipFLOPs + 2 + 2 + 3) * s.elements()
	for _, r := range s.Matrices {
		n += kernel.OrthogonalizeFLOPs(r, s.columns())
	}
	return n
}

// columns is the length of the last axis.
func (s ParamSpec) columns() int { return s.Shape[len(s.Shape)-1] }
