package main

import (
	"fmt"
	"path/filepath"

	measure "github.com/archlab/archlab/core/bench"
	"github.com/archlab/archlab/core/family"
)

// scaled is the cost of training one token at one size.
type scaled struct {
	Family  string  `json:"family"`
	Sweep   string  `json:"sweep"` // "T" or "width"
	T       int     `json:"t"`
	Width   int     `json:"width"`
	Seconds float64 `json:"seconds_per_token"`
	FLOPs   float64 `json:"flops_per_token"` // by the card
}

// scaling sweeps the length of sequences and the width of models, and sees whether a step costs the same late as early.
func (b *bench) scaling() error {
	lengths, widths := []int{128, 256, 512, 1024, 2048, 4096, 8192}, []int{64, 128, 256, 512, 1024}
	if b.quick {
		lengths, widths = []int{128, 512}, []int{64, 128}
	}
	for _, fam := range []string{"transformer", "mamba"} {
		for _, t := range lengths {
			if err := b.scale(fam, "T", t, 128, max(1, 4096/t)); err != nil {
				return err
			}
		}
		for _, w := range widths {
			if err := b.scale(fam, "width", 256, w, 4); err != nil {
				return err
			}
		}
	}
	for _, fam := range []string{"transformer", "mamba"} {
		for _, sweep := range []string{"T", "width"} {
			// The worst growth of seconds beyond the formula's, from one size to the next.
			var last *scaled
			worst, first := 0.0, 0.0
			for i := range b.results.Scaling {
				s := &b.results.Scaling[i]
				if s.Family != fam || s.Sweep != sweep {
					continue
				}
				rate := s.Seconds / s.FLOPs
				if last == nil {
					first = rate
				}
				worst = max(worst, rate/first)
				last = s
			}
			b.results.bar(fmt.Sprintf("scaling of %s with %s: seconds a FLOP by the card, largest over that of the smallest size", fam, sweep), "follows the formula (<= 1.15x)", -worst, -1.15, "%.2fx", "")
		}
	}
	return b.flat()
}

// scale measures one size.
func (b *bench) scale(fam, sweep string, t, width, batch int) error {
	e, err := b.enter(fmt.Sprintf("%s T=%d width=%d", fam, t, width), fam, fmt.Sprintf(`{"layers":2,"width":%d}`, width), 512, batch, t, family.FP32)
	if err != nil {
		return err
	}
	defer e.runner.close()
	n := 5
	if b.quick {
		n = 1
	}
	s, err := e.runner.steps(n)
	if err != nil {
		return err
	}
	x := scaled{fam, sweep, t, width, median(s) / float64(e.tokens), e.tokenFLOPs()}
	b.results.Scaling = append(b.results.Scaling, x)
	b.say("%s, T=%d, width %d: %.2f us a token, %.1f GFLOP/s", fam, t, width, 1e6*x.Seconds, x.FLOPs/x.Seconds/1e9)
	return nil
}

// flat compares the first steps of a training with the last of a few hundred.
func (b *bench) flat() error {
	n := 200
	if b.quick {
		n = 20
	}
	e, err := b.enter("flat", "transformer", `{"layers":2,"width":64}`, 512, 4, 128, family.FP32)
	if err != nil {
		return err
	}
	defer e.runner.close()
	s, err := e.runner.steps(n)
	if err != nil {
		return err
	}
	q := n / 4
	b.results.bar(fmt.Sprintf("cost of a step, last quarter of %d over the first", n), "flat (<= 1.05x)", -median(s[n-q:])/median(s[:q]), -1.05, "%.2fx", "")
	return nil
}

// plot draws the sweeps with the formula through each one's first point.
func (r *results) plot(dir string) error {
	var curves []measure.Curve
	for _, fam := range []string{"transformer", "mamba"} {
		for _, sweep := range []string{"T", "width"} {
			real, formula := measure.Curve{Name: fam + ", " + sweep}, measure.Curve{Name: "formula", Formula: true}
			var unit float64
			for _, s := range r.Scaling {
				if s.Family != fam || s.Sweep != sweep {
					continue
				}
				x := float64(s.T)
				if sweep == "width" {
					x = float64(s.Width)
				}
				if unit == 0 {
					unit = s.Seconds / s.FLOPs
				}
				real.Points = append(real.Points, [2]float64{x, s.Seconds})
				formula.Points = append(formula.Points, [2]float64{x, s.FLOPs * unit})
			}
			if len(real.Points) > 1 {
				curves = append(curves, real, formula)
			}
		}
	}
	if len(curves) == 0 {
		return nil
	}
	svg := measure.CurvePlot("cost of a trained token", "T at width 128, or width at T = 256", "seconds a token", curves)
	return writeFile(filepath.Join(dir, "scaling.svg"), svg)
}
