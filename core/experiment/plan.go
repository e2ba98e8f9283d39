package experiment

import (
	"cmp"
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
	Knob        string             `json:"knob,omitempty"`    // "width=136", when matched
	Off         float64            `json:"off,omitempty"`     // relative distance from match.target
	Context     int                `json:"context"`           // the longest sequence that it is built for
	Decode      []int              `json:"decode"`            // the lengths of eval.decode that it can hold
	Lengths     []int              `json:"lengths,omitempty"` // those of eval.lengths whose sequences it can hold
	TrainFLOPs  float64            `json:"train_flops"`       // a token at the context, with its share of the update
	Steps       int                `json:"steps"`             // of one training; 0 with a budget of seconds
	Tokens      int64              `json:"tokens"`
	FLOPs       float64            `json:"flops"`
	Memory      int64              `json:"memory_bytes"` // weights, gradients and the optimizer's moments; activations come on top
}

// Plan is what a run will do.
type Plan struct {
	Models    []Planned      `json:"models"`
	Seeds     []uint64       `json:"seeds"`
	Trainings int            `json:"trainings"` // models x seeds
	Tokens    int64          `json:"tokens"`    // of all trainings
	FLOPs     float64        `json:"flops"`
	Tuning    *PlannedTuning `json:"tuning,omitempty"` // before the trainings, and none of them
}

// Required is the longest sequence that a model is fed while it is trained, scored and sampled from: an answer of the ttc
// study may be as long as a sequence, after its prompt.
func (e *Experiment) Required() int {
	if e.TTC != nil {
		return 2 * e.Data.Context
	}
	return e.Data.Context
}

// Longest adds the sequences of eval.lengths, and what the measurement of decoding feeds: room tokens after each length of eval.decode.
func (e *Experiment) Longest(room int) int {
	out := e.Required()
	for _, t := range e.decodable(1 << 20) {
		out = max(out, t+room)
	}
	for _, n := range e.Eval.Lengths {
		out = max(out, e.tokensAt(n))
	}
	return out
}

// tokensAt is the tokens of the task's sequences at one of eval.lengths; 0 where there are none.
func (e *Experiment) tokensAt(length int) int {
	if e.Data.Task == nil {
		return 0
	}
	t, err := e.Data.Task.At(length)
	if err != nil {
		return 0 // told already
	}
	return t.Length()
}

// testable lists the lengths of eval.lengths whose sequences have at most so many tokens.
func (e *Experiment) testable(longest int) []int {
	var out []int
	for _, n := range e.Eval.Lengths {
		if t := e.tokensAt(n); t >= 1 && t <= longest {
			out = append(out, n)
		}
	}
	return out
}

// decodable lists the lengths of eval.decode up to the longest given.
func (e *Experiment) decodable(longest int) []int {
	var out []int
	for _, t := range e.Eval.Decode {
		if t >= 1 && t <= longest {
			out = append(out, t)
		}
	}
	return out
}

// BuildRequest answers the request for a model with a config and seed that is to hold sequences of context tokens. Cards
// state costs at the training context first, then where decoding is measured.
func (e *Experiment) BuildRequest(config json.RawMessage, precision family.Precision, vocab int, seed uint64, context int) family.BuildRequest {
	lengths := []int{e.Data.Context}
	for _, t := range e.decodable(context) {
		if !slices.Contains(lengths, t) {
			lengths = append(lengths, t)
		}
	}
	return family.BuildRequest{Config: config, Vocab: vocab, Context: context, Seed: seed,
		Precision: precision, Threads: e.Limits.Threads, Lengths: lengths, Recompute: e.recompute()}
}

// Precision is that of a model: its own, or that of all.
func (e *Experiment) Precision(m Model) family.Precision {
	return family.Precision(cmp.Or(m.Precision, e.Train.Precision))
}

// recompute is train.recompute in the contract's terms.
func (e *Experiment) recompute() string {
	if e.Train.Recompute == "none" {
		return ""
	}
	return e.Train.Recompute
}

// Fit answers how a model is to be built, and its card: for the longest sequence that anything feeds it, unless that makes it
// another model. One with learned positions has a row for each: rows that no training reaches would count as parameters
// and answer with noise, so such a model is built for what is required and measured no further.
func (e *Experiment) Fit(ctx context.Context, fam family.Family, config json.RawMessage, precision family.Precision, vocab, room int) (family.BuildRequest, family.Card, error) {
	return e.FitTo(ctx, fam, config, precision, vocab, e.Longest(room))
}

// FitTo is Fit for sequences of so many tokens.
func (e *Experiment) FitTo(ctx context.Context, fam family.Family, config json.RawMessage, precision family.Precision, vocab, longest int) (family.BuildRequest, family.Card, error) {
	req := e.BuildRequest(config, precision, vocab, 0, e.Required())
	req.CardOnly = true
	_, card, err := fam.Build(ctx, req)
	if err == nil && longest > req.Context {
		far := e.BuildRequest(config, precision, vocab, 0, longest)
		far.CardOnly = true
		_, c, e := fam.Build(ctx, far)
		switch code := family.CodeOf(e); {
		case e == nil && c.Parameters == card.Parameters:
			req, card = far, c
		case e != nil && code != family.InvalidConfig && code != family.InvalidArgument:
			err = e
		}
	}
	req.CardOnly = false
	return req, card, err
}

// Plan resolves the models: it turns the knobs if the file says match, refuses what is out of tolerance, and works out
// steps and costs. Competitors stand in the order of the file's models; one without a Family is left out. room is how many
// tokens the measurement of decoding feeds after each context. All refusals are answered at once. A file that has problems
// already is planned as far as it can be read, for the problems that are still to be found.
func (f *File) Plan(ctx context.Context, competitors []Competitor, vocab, room int) (*Plan, error) {
	e := &f.Experiment
	p := &Plan{Seeds: e.Seeds.Model, Trainings: len(e.Models) * len(e.Seeds.Model)}
	var problems []error
	var mismatch *MatchError
	if e.Data.Context < 2 {
		return p, nil // told already; no card can be made
	}
	for i, m := range e.Models {
		if competitors[i].Family == nil {
			continue
		}
		planned, bad, err := f.plan(ctx, i, competitors[i], vocab, room)
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
	if mismatch != nil {
		problems = append(problems, mismatch)
	}
	if err := f.planTuning(p); err != nil {
		problems = append(problems, err)
	}
	if err := f.Join(problems...); err != nil {
		return nil, err
	}
	return p, nil
}

// plan resolves one model.
func (f *File) plan(ctx context.Context, i int, c Competitor, vocab, room int) (Planned, *Mismatch, error) {
	e, m := &f.Experiment, f.Models[i]
	path := fmt.Sprintf("models[%d]", i)
	out := Planned{Name: m.Name, Family: c.Description.Name, Description: c.Description}
	precision := e.Precision(m)
	if has := c.Description.Capabilities.Precisions; precision != "" && len(has) > 0 && !slices.Contains(has, precision) {
		key := ".family"
		if m.Precision != "" {
			key = ".precision"
		}
		return out, nil, f.Problem(path+key, "the family %s has no precision %s, only %v", m.Family, precision, has)
	}
	if o := e.Train.Optimizer.Name; o != "" && o != family.AdamW && !slices.Contains(c.Description.Capabilities.Optimizers, o) {
		return out, nil, f.Problem(path+".family", "the family %s has no optimizer %s", m.Family, o)
	}
	if r := e.recompute(); r != "" && !slices.Contains(c.Description.Capabilities.Recompute, r) {
		return out, nil, f.Problem(path+".family", "the family %s cannot compute its activations again (train.recompute)", m.Family)
	}
	config, knob := m.Config, c.Description.Knob
	if e.Match != nil && lookup(config.node, knob.Field) != nil {
		return out, nil, f.Problem(path+".config."+knob.Field, "match turns this key; remove it, or remove match")
	}
	if e.Match != nil && e.Match.By != "" && e.Match.Target > 0 && e.Match.Tolerance > 0 {
		best, around, err := Turn(ctx, c.Family, knob, e.BuildRequest(nil, precision, vocab, 0, e.Required()), config, *e.Match, e.Data.Context)
		if err != nil {
			return out, nil, f.buildProblem(path, err)
		}
		out.Off = best.Off(e.Match.Target)
		if out.Off > e.Match.Tolerance {
			return out, &Mismatch{Model: m.Name, Family: m.Family, Field: knob.Field, Nearest: around}, nil
		}
		config = config.With(knob.Field, best.Knob)
		out.Knob = fmt.Sprintf("%s=%d", knob.Field, best.Knob)
	}
	raw, err := config.JSON()
	if err != nil {
		return out, nil, f.Problem(path+".config", "%v", err)
	}
	out.Config = raw
	req, card, err := e.Fit(ctx, c.Family, raw, precision, vocab, room)
	if err != nil {
		return out, nil, f.buildProblem(path, err)
	}
	out.Card, out.Context, out.Decode, out.Lengths = card, req.Context, e.decodable(req.Context-room), e.testable(req.Context)
	if cost, ok := out.Card.Cost(e.Data.Context); ok {
		out.TrainFLOPs = cost.TrainFLOPs
	}
	perStep := e.Train.Batch * e.Data.Context
	out.Memory = 16 * out.Card.Parameters // where the card does not say: two moments
	if cost, ok := out.Card.Optimizer(e.Train.Optimizer.Name); ok && perStep > 0 {
		out.Memory = 8*out.Card.Parameters + cost.StateBytes
		out.TrainFLOPs += cost.UpdateFLOPs / float64(perStep)
	}
	if b := e.Budget(); b == (train.Budget{}) || e.Train.Batch < 1 || f.told("train.budget") {
		return out, nil, nil // nothing to count steps by
	}
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
		Optimizer:     t.Optimizer.Step(t.LearningRate),
		Schedule:      train.Schedule{Kind: t.Schedule.Kind, Warmup: t.Schedule.Warmup, Decay: t.Schedule.Decay, Final: t.Schedule.Final},
		SkipLimit:     t.NotFinite.Skip,
		ValidateEvery: t.Validate.Every, CheckpointEvery: t.Checkpoint.Every, Keep: t.Checkpoint.Keep,
		CallLimit: time.Duration(e.Limits.Call),
	}
}
