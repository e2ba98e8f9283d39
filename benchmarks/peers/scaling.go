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

// sweep is a family's sizes, one of which grows.
type sweep struct {
	family, of string
	sizes      []size
}

type size struct{ t, width, batch int }

func sweeps(quick bool) []sweep {
	lengths, widths := []int{128, 256, 512, 1024, 2048, 4096, 8192}, []int{64, 128, 256, 512, 1024}
	if quick {
		lengths, widths = []int{128, 512}, []int{64, 128}
	}
	var all []sweep
	for _, fam := range []string{"transformer", "mamba"} {
		byT, byWidth := sweep{family: fam, of: "T"}, sweep{family: fam, of: "width"}
		for _, t := range lengths {
			byT.sizes = append(byT.sizes, size{t, 128, max(1, 4096/t)})
		}
		for _, w := range widths {
			byWidth.sizes = append(byWidth.sizes, size{256, w, 4})
		}
		all = append(all, byT, byWidth)
	}
	return all
}

// scaling sweeps the length of sequences and the width of models, and sees whether a step costs the same late as early.
func (b *bench) scaling() error {
	for _, s := range sweeps(b.quick) {
		if err := b.sweep(s); err != nil {
			return err
		}
	}
	return b.flat()
}

// sweep measures all sizes of a sweep in turns and judges the worst growth of seconds beyond the formula's.
func (b *bench) sweep(s sweep) error {
	var entrants []*entrant
	defer func() { closeAll(entrants...) }()
	for _, x := range s.sizes {
		e, err := b.enter(fmt.Sprintf("%s T=%d width=%d", s.family, x.t, x.width), s.family, fmt.Sprintf(`{"layers":2,"width":%d}`, x.width), 512, x.batch, x.t, family.FP32)
		if err != nil {
			return err
		}
		entrants = append(entrants, e)
	}
	if _, err := b.turns(nil, entrants...); err != nil {
		return err
	}
	worst, first := 0.0, 0.0
	for i, e := range entrants {
		x := scaled{s.family, s.of, s.sizes[i].t, s.sizes[i].width, 1 / e.rate(), e.tokenFLOPs()}
		b.results.Scaling = append(b.results.Scaling, x)
		b.say("%s: %.2f us a token, %.1f GFLOP/s", e.name, 1e6*x.Seconds, x.FLOPs/x.Seconds/1e9)
		unit := x.Seconds / x.FLOPs
		if i == 0 {
			first = unit
		}
		worst = max(worst, unit/first)
	}
	b.results.bar(fmt.Sprintf("scaling of %s with %s: seconds a FLOP by the card, largest over that of the smallest size", s.family, s.of), "follows the formula (<= 1.15x)", -worst, -1.15, "%.2fx", "")
	return nil
}

// flat compares a model after a few hundred steps with its like after a few, in turns.
func (b *bench) flat() error {
	n := 200
	if b.quick {
		n = 20
	}
	var models [2]*entrant
	defer func() { closeAll(models[:]...) }()
	for i, name := range []string{"late", "early"} {
		e, err := b.enter(name, "transformer", `{"layers":2,"width":64}`, 512, 4, 128, family.FP32)
		if err != nil {
			return err
		}
		e.each = 20
		models[i] = e
	}
	late, early := models[0], models[1]
	if _, err := late.runner.steps(n); err != nil {
		return err
	}
	if _, err := b.turns(nil, late, early); err != nil {
		return err
	}
	b.results.bar(fmt.Sprintf("cost of a step after %d steps over that of the first ones", n), "flat (<= 1.05x)", -ratio(early.rate(), late.rate()), -1.05, "%.2fx", "")
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
