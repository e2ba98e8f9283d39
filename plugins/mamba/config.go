package mamba

import (
	"github.com/archlab/archlab/core/family"
)

// Config is what an experiment may set. Zeros stand for values derived from the others.
type Config struct {
	Variant   string `json:"variant" doc:"mamba (selective scan) or mamba2 (state-space duality, heads)" enum:"mamba,mamba2"`
	Selective bool   `json:"selective" doc:"whether step, B and C depend on the input; false: the linear time-invariant baseline (mamba only)"`
	Width     int    `json:"width" doc:"model width D" min:"2" max:"16384"`
	Layers    int    `json:"layers" doc:"number of blocks" min:"1" max:"512"`
	Expand    int    `json:"expand" doc:"inner width as a multiple of D" min:"1" max:"16"`
	State     int    `json:"state" doc:"state size N; 0: 16 for mamba, 64 for mamba2" min:"0" max:"1024"`
	Conv      int    `json:"conv" doc:"taps of the causal convolution" min:"1" max:"64"`
	StepRank  int    `json:"dt_rank" doc:"rank of the step's projection (selective mamba only); 0: D/16 rounded up" min:"0" max:"16384"`
	HeadWidth int    `json:"head_width" doc:"head width P (mamba2 only); 0: 64, or the largest power of two that divides the inner width" min:"0" max:"16384"`
	Groups    int    `json:"groups" doc:"groups of heads that share B and C (mamba2 only); 0: 1" min:"0" max:"16384"`
	Tied      bool   `json:"tie_embeddings" doc:"use the embedding table as output projection"`
}

var defaults = Config{Variant: "mamba", Selective: true, Width: 128, Layers: 4, Expand: 2, Conv: 4, Tied: true}

// resolve fills in derived values and refuses what does not fit together: a setting that the variant would ignore is
// an error.
func (c Config) resolve() (Config, error) {
	refuse := func(field, format string, args ...any) (Config, error) {
		return Config{}, family.Errorf(family.InvalidConfig, field, format, args...)
	}
	inner := c.Expand * c.Width
	if c.Variant == "mamba" {
		switch {
		case c.HeadWidth != 0:
			return refuse("head_width", "got %d with variant mamba, want 0: only mamba2 has heads", c.HeadWidth)
		case c.Groups != 0:
			return refuse("groups", "got %d with variant mamba, want 0: only mamba2 has groups of heads", c.Groups)
		case c.StepRank != 0 && !c.Selective:
			return refuse("dt_rank", "got %d with selective false, want 0: the step is then a parameter without a projection", c.StepRank)
		case c.StepRank > inner:
			return refuse("dt_rank", "got %d, want at most the inner width expand*width=%d", c.StepRank, inner)
		}
		if c.State == 0 {
			c.State = 16
		}
		if c.StepRank == 0 && c.Selective {
			c.StepRank = (c.Width + 15) / 16
		}
		return c, nil
	}
	switch {
	case !c.Selective:
		return refuse("selective", "got false with variant mamba2, want true: with one decay a head and constant B and C, the N states of a channel would all hold the same sum; use variant mamba for the time-invariant baseline")
	case c.StepRank != 0:
		return refuse("dt_rank", "got %d with variant mamba2, want 0: its step is projected from the block's input", c.StepRank)
	}
	if c.State == 0 {
		c.State = 64
	}
	if c.HeadWidth == 0 {
		c.HeadWidth = min(64, inner&-inner)
	}
	if inner%c.HeadWidth != 0 {
		return refuse("head_width", "got %d, want a divisor of the inner width expand*width=%d", c.HeadWidth, inner)
	}
	if c.Groups == 0 {
		c.Groups = 1
	}
	if heads := inner / c.HeadWidth; heads%c.Groups != 0 {
		return refuse("groups", "got %d, want a divisor of the %d heads (expand*width/head_width)", c.Groups, heads)
	}
	return c, nil
}

// inner is the width of the scan: D_inner of the paper.
func (c Config) inner() int { return c.Expand * c.Width }

// heads is H of Mamba-2.
func (c Config) heads() int { return c.inner() / c.HeadWidth }
