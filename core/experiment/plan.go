package experiment

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/archlab/archlab/core/family"
	"github.com/archlab/archlab/core/train"
)

// Competitor is a model of the file with its family at hand.
type Competitor struct {
	Family      family.Family
	Description family.Description
}

// Planned is one model as it will be trained.
type Planned struct {
	Name        string             `json:"name"`
	Family      string             `json:"family"`
	Description family.Description `json:"-"`
	Config      json.RawMessage    `json:"config"` // as given to Build, with the knob turned
	Card        family.Card        `json:"card"`
	Knob        string             `json:"knob,omitempty"` // "width=136", when matched
	Off         float64            `json:"off,omitempty"`  // relative distance from match.target
	TrainFLOPs  float64            `json:"train_flops"`    // a token at the context
	Steps       int                `json:"steps"`          // of one training; 0 with a budget of seconds
	Tokens      int64              `json:"tokens"`
	FLOPs       float64            `json:"flops"`
	Memory      int64              `json:"memory_bytes"` // weights, gradients and AdamW's moments; activations come on top
}

// Plan is what a run will do.
type Plan struct {
	Models    []Planned `json:"models"`
	Seeds     []uint64  `json:"seeds"`
	Trainings int       `json:"trainings"` // models x seeds
	Tokens    int64     `json:"tokens"`    // of all trainings
	FLOPs     float64   `json:"flops"`
}

// Lengths answers the sequence lengths at which cards must state costs: the context first, then where decoding is measured.
func (e *Experiment) Lengths() []int {
	out := []int{e.Data.Context}
	for _, t := range e.Eval.Decode {
		if !slices.Contains(out, t) {
			out = append(out, t)
		}
	}
	return out
}

// decodeRoom is how many tokens beyond eval.decode's longest context a measurement may feed.
const decodeRoom = 64

// Longest is the longest sequence that a model will be fed, in training or while decoding is measured.
func (e *Experiment) Longest() int {
	out := e.Data.Context
	for _, t := range e.Eval.Decode {
		out = max(out, t+decodeRoom)
	}
	return out
}

// BuildRequest answers the request for model i with a config and seed.
func (e *Experiment) BuildRequest(config json.RawMessage, vocab int, seed uint64) family.BuildRequest {
	return family.BuildRequest{Config: config, Vocab: vocab, Context: e.Longest(), Seed: seed,
		Precision: family.Precision(e.Train.Precision), Threads: e.Limits.Threads, Lengths: e.Lengths()}
}

// Plan resolves the models: it turns the knobs if the file says match, refuses what is out of tolerance, and works out
// steps and costs. Competitors stand in the order of the file's models. All refusals are answered at once.
func (f *File) Plan(ctx context.Context, competitors []Competitor, vocab int) (*Plan, error) {
	e := &f.Experiment
	p := &Plan{Seeds: e.Seeds.Model, Trainings: len(e.Models) * len(e.Seeds.Model)}
	var problems Problems
	var mismatch *MatchError
	for i, m := range e.Models {
		planned, bad, err := f.plan(ctx, i, competitors[i], vocab)
		var problem Problem
		switch {
		case errors.As(err, &problem):
			problems = append(problems, problem)
			continue
		case err != nil:
			return nil, fmt.Errorf("model %s: %w", m.Name, err)
		case bad != nil:
			if mismatch == nil {
				mismatch = &MatchError{By: e.Match.By, Target: e.Match.Target, Tolerance: e.Match.Tolerance}
			}
			mismatch.Models = append(mismatch.Models, *bad)
			continue
		}
		p.Models = append(p.Models, planned)
		p.Tokens += planned.Tokens * int64(len(p.Seeds))
		p.FLOPs += planned.FLOPs * float64(len(p.Seeds))
	}
	if len(problems) > 0 {
		return nil, problems
	}
	if mismatch != nil {
		return nil, mismatch
	}
	return p, nil
}

// plan resolves one model.
func (f *File) plan(ctx context.Context, i int, c Competitor, vocab int) (Planned, *Mismatch, error) {
	e, m := &f.Experiment, f.Models[i]
	path := fmt.Sprintf("models[%d]", i)
	out := Planned{Name: m.Name, Family: c.Description.Name, Description: c.Description}
	if p := family.Precision(e.Train.Precision); len(c.Description.Capabilities.Precisions) > 0 && !slices.Contains(c.Description.Capabilities.Precisions, p) {
		return out, nil, f.Problem(path+".family", "the family %s has no precision %s", m.Family, p)
	}
	req := e.BuildRequest(nil, vocab, 0)
	config := m.Config
	if e.Match != nil {
		best, around, err := Turn(ctx, c.Family, c.Description.Knob, req, config, *e.Match, e.Data.Context)
		if err != nil {
			return out, nil, f.buildProblem(path, err)
		}
		out.Off = best.Off(e.Match.Target)
		if out.Off > e.Match.Tolerance {
			return out, &Mismatch{Model: m.Name, Family: m.Family, Field: c.Description.Knob.Field, Nearest: around}, nil
		}
		config = config.With(c.Description.Knob.Field, best.Knob)
		out.Knob = fmt.Sprintf("%s=%d", c.Description.Knob.Field, best.Knob)
	}
	raw, err := config.JSON()
	if err != nil {
		return out, nil, f.Problem(path+".config", "%v", err)
	}
	out.Config = raw
	req.Config, req.CardOnly = raw, true
	if _, out.Card, err = c.Family.Build(ctx, req); err != nil {
		return out, nil, f.buildProblem(path, err)
	}
	if cost, ok := out.Card.Cost(e.Data.Context); ok {
		out.TrainFLOPs = cost.TrainFLOPs
	}
	out.Memory = 16 * out.Card.Parameters
	perStep := e.Train.Batch * e.Data.Context
	out.Steps, err = e.Budget().Steps(perStep, out.TrainFLOPs)
	if err != nil {
		return out, nil, f.Problem("train.budget", "model %s: %v", m.Name, err)
	}
	out.Tokens = int64(out.Steps) * int64(perStep)
	out.FLOPs = float64(out.Tokens) * out.TrainFLOPs
	return out, nil, nil
}

// buildProblem points a family's refusal at the key that it names.
func (f *File) buildProblem(path string, err error) error {
	var e *family.Error
	if !errors.As(err, &e) || e.Code != family.InvalidConfig {
		return err
	}
	if e.Field == "" {
		return f.Problem(path+".config", "%s", e.Message)
	}
	return f.Problem(path+".config."+e.Field, "%s", e.Message)
}

// Budget is train.budget in the trainer's terms.
func (e *Experiment) Budget() train.Budget {
	b := e.Train.Budget
	return train.Budget{Tokens: b.Tokens, FLOPs: b.FLOPs, Seconds: b.Seconds.Seconds()}
}

// Recipe is train in the trainer's terms.
func (e *Experiment) Recipe() train.Recipe {
	t := e.Train
	return train.Recipe{
		Budget: e.Budget(), Context: e.Data.Context, Batch: t.Batch, MicroBatches: t.MicroBatches,
		Optimizer: family.OptimizerStep{LearningRate: t.LearningRate, Beta1: t.Optimizer.Beta1, Beta2: t.Optimizer.Beta2,
			Epsilon: t.Optimizer.Epsilon, WeightDecay: t.Optimizer.WeightDecay, Clip: t.Optimizer.Clip},
		Schedule:      train.Schedule{Kind: t.Schedule.Kind, Warmup: t.Schedule.Warmup, Decay: t.Schedule.Decay, Final: t.Schedule.Final},
		SkipLimit:     t.NotFinite.Skip,
		ValidateEvery: t.Validate.Every, CheckpointEvery: t.Checkpoint.Every, Keep: t.Checkpoint.Keep,
		CallLimit: time.Duration(e.Limits.Call),
	}
}
