package bench

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/archlab/archlab/core/family"
)

// Workload is a model and the batches that it is trained on.
type Workload struct {
	Name      string           `json:"name"`
	Family    string           `json:"family"`
	Config    json.RawMessage  `json:"config"`
	Precision family.Precision `json:"precision"`
	Vocab     int              `json:"vocab"`
	Batch     int              `json:"batch"`
	Context   int              `json:"context"`
	Threads   int              `json:"threads"`
	Recompute string           `json:"recompute,omitempty"` // as in family.BuildRequest
}

// Training is what a workload's steps came to.
type Training struct {
	Workload
	Card       family.Card `json:"card"`
	Steps      int         `json:"steps"` // that were timed
	Tokens     Rate        `json:"tokens_per_second"`
	TokenFLOPs float64     `json:"token_flops"` // of training, by the card: the model's own, nothing computed twice

	// Utilisation is model FLOPs utilisation: the card's FLOPs a token times tokens a second, over the FP32 peak of as many
	// threads measured around the steps. In a narrower precision it may exceed one; UtilisationOf is the same over that
	// precision's own peak.
	Utilisation   float64 `json:"utilisation"`
	UtilisationOf float64 `json:"utilisation_of_precision,omitempty"`

	CountedFLOPs float64 `json:"counted_flops"` // a step, counted by the kernels as they ran
	CountedRate  float64 `json:"counted_flops_per_second"`
	Bytes        float64 `json:"bytes"` // a step: inputs and outputs of all ops, each once
	Seconds      Split   `json:"seconds"`
	ArenaBytes   int64   `json:"arena_bytes"`
	WeightBytes  int64   `json:"weight_bytes"`
	PeakRSS      int64   `json:"peak_rss"`
	Ops          []Op    `json:"ops"`
}

// Split is where the wall time of a step goes, in seconds a step.
type Split struct {
	Step     float64 `json:"step"` // from the start of a call to the start of the next
	Forward  float64 `json:"forward"`
	Backward float64 `json:"backward"`
	Update   float64 `json:"update"`
	Other    float64 `json:"other"`   // inside the family beside these three
	RPC      float64 `json:"rpc"`     // of calls, outside of the family
	Harness  float64 `json:"harness"` // outside of calls
}

// Overhead is the share of a step that passes outside of the family: between processes and in the loop around calls.
func (s Split) Overhead() float64 {
	if s.Step == 0 {
		return 0
	}
	return (s.RPC + s.Harness) / s.Step
}

// Op is one kind of op of a step, held against the roofline.
type Op struct {
	Op        string  `json:"op"`
	Calls     float64 `json:"calls"`   // a step
	Seconds   float64 `json:"seconds"` // a step
	Share     float64 `json:"share"`   // of all ops' time
	FLOPs     float64 `json:"flops"`   // a second
	Bytes     float64 `json:"bytes"`   // a second
	Intensity float64 `json:"intensity"`
	// Roof is what bounds the op at best: "fp32", or the slowest memory that reads as fast as the op does; OfRoof is how much
	// of that bound it reaches.
	Roof   string  `json:"roof,omitempty"`
	OfRoof float64 `json:"of_roof,omitempty"`
}

// Session is a built model behind the contract.
type Session struct {
	Model   family.Model
	Card    family.Card
	PeakRSS func() int64 // of the process that holds it; may be nil
}

// step is an optimizer step as a run takes it.
var step = family.OptimizerStep{LearningRate: 3e-4, Beta1: 0.9, Beta2: 0.95, Epsilon: 1e-8, WeightDecay: 0.1, Clip: 1}

// BuildRequest asks for the workload's model.
func (w Workload) BuildRequest() family.BuildRequest {
	return family.BuildRequest{Config: w.Config, Vocab: w.Vocab, Context: w.Context, Seed: 1, Precision: w.Precision, Threads: w.Threads, Lengths: []int{w.Context}, Recompute: w.Recompute}
}

// batch draws random tokens: kernels take the same time for any.
func (w Workload) batch(rng *rand.Rand) family.Batch {
	n := w.Batch * w.Context
	b := family.Batch{B: w.Batch, T: w.Context, Tokens: make([]int32, n), Targets: make([]int32, n), Weights: make([]float32, n)}
	for i := range n {
		b.Tokens[i], b.Targets[i], b.Weights[i] = rng.Int32N(int32(w.Vocab)), rng.Int32N(int32(w.Vocab)), 1/float32(n)
	}
	return b
}

// A Trial takes the steps of one workload, a few at a time, so that several can be measured in turns.
type Trial struct {
	Workload Workload
	session  Session
	batches  []family.Batch
	took     []float64 // seconds of each step
	split    Split     // sums
	calls    float64   // seconds in calls
}

// NewTrial prepares a workload's batches and takes the first step, which compiles the plan and touches all memory.
func NewTrial(ctx context.Context, w Workload, s Session) (*Trial, error) {
	t := &Trial{Workload: w, session: s}
	rng := rand.New(rand.NewPCG(1, 2))
	for range 4 {
		t.batches = append(t.batches, w.batch(rng))
	}
	for range 2 {
		if _, err := s.Model.Train(ctx, family.TrainRequest{MicroBatches: t.batches[:1], Optimizer: step}); err != nil {
			return nil, fmt.Errorf("%s: first step: %w", w.Name, err)
		}
	}
	_, err := s.Model.Profile(ctx, true)
	return t, err
}

// Seconds lists the wall time of each step so far.
func (t *Trial) Seconds() []float64 { return t.took }

// Run takes n more steps.
func (t *Trial) Run(ctx context.Context, n int) error {
	for range n {
		begin := time.Now()
		i := len(t.took) % len(t.batches)
		res, err := t.session.Model.Train(ctx, family.TrainRequest{MicroBatches: t.batches[i : i+1], Optimizer: step})
		if err != nil {
			return fmt.Errorf("%s: step %d: %w", t.Workload.Name, len(t.took), err)
		}
		call := time.Since(begin).Seconds()
		t.split.Forward += res.Seconds.Forward
		t.split.Backward += res.Seconds.Backward
		t.split.Update += res.Seconds.Update
		t.calls += call
		whole := time.Since(begin).Seconds()
		t.split.Harness += whole - call
		t.split.Step += whole
		t.took = append(t.took, whole)
	}
	return nil
}

// Result is what the steps so far came to, beside the machine's limits.
func (t *Trial) Result(ctx context.Context, m *Machine) (*Training, error) {
	p, err := t.session.Model.Profile(ctx, false)
	if err != nil {
		return nil, err
	}
	n := float64(len(t.took))
	if n == 0 {
		return nil, fmt.Errorf("%s: no step was timed", t.Workload.Name)
	}
	r := &Training{Workload: t.Workload, Card: t.session.Card, Steps: len(t.took), ArenaBytes: p.ArenaBytes, WeightBytes: p.WeightBytes, PeakRSS: p.PeakRSS}
	if t.session.PeakRSS != nil {
		r.PeakRSS = max(r.PeakRSS, t.session.PeakRSS())
	}
	tokens := float64(t.Workload.Batch * t.Workload.Context)
	rates := make([]float64, len(t.took))
	for i, s := range t.took {
		rates[i] = tokens / s
	}
	r.Tokens = rateOf(rates)
	if cost, ok := r.Card.Cost(t.Workload.Context); ok {
		r.TokenFLOPs = cost.TrainFLOPs
	}
	model := r.TokenFLOPs * r.Tokens.Median
	if peak := m.Peak("fp32", t.Workload.Threads); peak > 0 {
		r.Utilisation = model / peak
	}
	if peak := m.Peak(string(t.Workload.Precision), t.Workload.Threads); peak > 0 {
		r.UtilisationOf = model / peak
	}
	r.CountedFLOPs = p.FLOPs / n
	r.CountedRate = r.CountedFLOPs * r.Tokens.Median / tokens
	r.Seconds = Split{Step: t.split.Step / n, Forward: t.split.Forward / n, Backward: t.split.Backward / n, Update: t.split.Update / n, Harness: t.split.Harness / n}
	if p.BusySeconds > 0 && p.BusySeconds < t.calls {
		r.Seconds.RPC = (t.calls - p.BusySeconds) / n
	}
	r.Seconds.Other = max(0, r.Seconds.Step-r.Seconds.Forward-r.Seconds.Backward-r.Seconds.Update-r.Seconds.RPC-r.Seconds.Harness)
	total := 0.0
	for _, o := range p.Ops {
		total += float64(o.Nanoseconds) / 1e9
	}
	for _, o := range p.Ops {
		if o.Nanoseconds == 0 {
			continue
		}
		r.Bytes += o.Bytes / n
		s := float64(o.Nanoseconds) / 1e9
		x := Op{Op: o.Op, Calls: float64(o.Calls) / n, Seconds: s / n, Share: s / total, FLOPs: o.FLOPs / s, Bytes: o.Bytes / s}
		if o.Bytes > 0 {
			x.Intensity = o.FLOPs / o.Bytes
		}
		x.bound(m, t.Workload)
		r.Ops = append(r.Ops, x)
	}
	return r, nil
}

// bound places an op under the roofline: arithmetic bounds it where that would take longer than reading from DRAM. An op
// that moves bytes faster than DRAM can has them in a cache, whose bandwidth is then its roof.
func (o *Op) bound(m *Machine, w Workload) {
	peak, dram := m.Peak("fp32", w.Threads), m.Bandwidth("DRAM", w.Threads)
	if peak == 0 || dram == 0 || o.FLOPs == 0 && o.Bytes == 0 {
		return
	}
	if o.FLOPs/peak >= o.Bytes/dram {
		o.Roof, o.OfRoof = "fp32", o.FLOPs/peak
		return
	}
	for i := len(m.Bandwidths) - 1; i >= 0; i-- {
		b := m.Bandwidths[i]
		if b.Threads != w.Threads {
			continue
		}
		o.Roof, o.OfRoof = b.Level, o.Bytes/b.Bytes.Median
		if o.OfRoof <= 1 {
			break
		}
	}
	// A faster memory may leave arithmetic as the tighter bound.
	if c := o.FLOPs / peak; c > o.OfRoof {
		o.Roof, o.OfRoof = "fp32", c
	}
}
