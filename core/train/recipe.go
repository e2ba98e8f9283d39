package train

import (
	"fmt"
	"math"
	"time"

	"github.com/archlab/archlab/core/family"
)

// Recipe is how every model of a run is trained. The learning rate of Optimizer is the peak; the schedule scales it.
type Recipe struct {
	Budget       Budget
	Context      int // T
	Batch        int // sequences a step
	MicroBatches int // parts that a step is handed over in; 0 means 1
	Optimizer    family.OptimizerStep
	Schedule     Schedule
	// SkipLimit is how many steps of a run may be left out because loss or gradient was not finite. One more is a failure.
	SkipLimit       int
	ValidateEvery   int // steps; 0: only at the end
	CheckpointEvery int // steps; 0: only at the end and when stopped
	Keep            int // newest checkpoints kept; at least 1
	CallLimit       time.Duration
}

// Budget is what a run may spend: exactly one of the fields is set. Tokens are the positions fed, padding included.
// Seconds are those of training steps; validation and checkpoints are the harness' own and not charged.
type Budget struct {
	Tokens  int64
	FLOPs   float64
	Seconds float64
}

// Steps answers how many whole optimizer steps of the given tokens the budget pays for, at flops a token. For a budget
// of seconds it answers 0 and no error: only the clock knows. A budget below one step is an error.
func (b Budget) Steps(tokensAStep int, flops float64) (int, error) {
	var n float64
	switch {
	case b.Seconds > 0:
		return 0, nil
	case b.Tokens > 0:
		n = float64(b.Tokens / int64(tokensAStep))
	case b.FLOPs > 0:
		if !(flops > 0) {
			return 0, fmt.Errorf("budget of %.3g FLOPs: the model's card states no training FLOPs at the experiment's context", b.FLOPs)
		}
		n = math.Floor(b.FLOPs / (flops * float64(tokensAStep)))
	}
	switch {
	case n < 1:
		return 0, fmt.Errorf("budget %s is less than one step of %d tokens", b, tokensAStep)
	case n > 1e9:
		return 0, fmt.Errorf("budget %s is %.3g steps of %d tokens, more than 1e9", b, n, tokensAStep)
	}
	return int(n), nil
}

// String reads like "1e+06 tokens".
func (b Budget) String() string {
	switch {
	case b.Seconds > 0:
		return fmt.Sprintf("%g seconds", b.Seconds)
	case b.FLOPs > 0:
		return fmt.Sprintf("%.4g FLOPs", b.FLOPs)
	}
	return fmt.Sprintf("%d tokens", b.Tokens)
}

// Schedule scales the learning rate over the course of a budget. Warmup and Decay are fractions of the budget, Final of
// the peak.
type Schedule struct {
	Kind   string // "constant", "linear", "cosine", "wsd"
	Warmup float64
	Decay  float64 // wsd: the last part, in which the rate falls linearly
	Final  float64
}

// Factor answers the share of the peak rate for a step that takes the spent part of the budget from done to next.
//
// Warmup rises linearly and reaches the peak with its last step. linear and cosine (Loshchilov & Hutter 2017, eq. 5,
// without restarts) fall from the peak to Final over the rest; wsd (Hu et al. 2024, MiniCPM, section 4) stays at the
// peak until its last part.
func (s Schedule) Factor(done, next float64) float64 {
	if done < s.Warmup {
		return math.Min(1, next/s.Warmup)
	}
	fall := func(q float64) float64 { return s.Final + (1-s.Final)*(1-math.Min(1, math.Max(0, q))) }
	switch s.Kind {
	case "linear":
		return fall((done - s.Warmup) / (1 - s.Warmup))
	case "cosine":
		q := math.Min(1, (done-s.Warmup)/(1-s.Warmup))
		return s.Final + (1-s.Final)*(1+math.Cos(math.Pi*q))/2
	case "wsd":
		if s.Decay <= 0 {
			return 1
		}
		return fall((done - (1 - s.Decay)) / s.Decay)
	}
	return 1
}
