package conformance

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"

	"errors"

	"github.com/archlab/archlab/core/family"
)

// Sizes of the data that checks feed. Few distinct shapes, because a family may compile a plan for each.
const (
	rows        = 3   // B of the common batch
	length      = 12  // T of the common batch
	longLength  = 300 // long enough to cross the chunks in which a family may prefill
	maxContext  = 384 // Context of every build
	warmupSteps = 12
)

// costLengths are the T for which cards state costs.
var costLengths = []int{8, 32}

// subject is one config of a family under judgement, with the models that its checks built.
type subject struct {
	fam    family.Family
	desc   family.Description
	opts   Options
	config Config

	temporary []family.Model // released after the running check
	shared    family.Model   // trained for warmupSteps; only scored and decoded with
	sharedErr error
	warmFile  []byte // the shared model's weights
	plainFile []byte // the same for the plain config
}

func newSubject(fam family.Family, desc family.Description, opts Options, config Config) *subject {
	return &subject{fam: fam, desc: desc, opts: opts, config: config}
}

func (s *subject) releaseTemporary(ctx context.Context) {
	for _, m := range s.temporary {
		_ = m.Release(context.WithoutCancel(ctx)) // what Release must answer is the release check's business
	}
	s.temporary = nil
}

func (s *subject) close(ctx context.Context) {
	s.releaseTemporary(ctx)
	if s.shared != nil {
		_ = s.shared.Release(context.WithoutCancel(ctx))
		s.shared = nil
	}
}

// rng is a source of its own for every use, so that checks do not depend on which others ran.
func (s *subject) rng(use string) *rand.Rand {
	h := uint64(14695981039346656037) // FNV-1a
	for _, c := range []byte(use) {
		h = (h ^ uint64(c)) * 1099511628211
	}
	return rand.New(rand.NewPCG(s.opts.Seed, h))
}

// request is the build that all checks vary.
func (s *subject) request() family.BuildRequest {
	return family.BuildRequest{
		Config: s.config.JSON, Vocab: s.opts.Vocab, Context: maxContext, Seed: s.opts.Seed,
		Precision: s.opts.Precision, Threads: 1, Lengths: costLengths,
	}
}

// build makes a model that lives until the running check ends.
func (s *subject) build(ctx context.Context, change ...func(*family.BuildRequest)) (family.Model, family.Card, error) {
	req := s.request()
	for _, f := range change {
		f(&req)
	}
	m, card, err := s.fam.Build(ctx, req)
	if err != nil {
		return nil, card, fmt.Errorf("build: %w", err)
	}
	if m == nil {
		return nil, card, errors.New("build: answered no model")
	}
	s.temporary = append(s.temporary, m)
	return m, card, nil
}

func otherSeed(r *family.BuildRequest) { r.Seed += 1000 }

// plain answers the config without auxiliary losses.
func (s *subject) plain() (json.RawMessage, error) { return overlay(s.config.JSON, s.config.Plain) }

// warmed answers the shared model.
func (s *subject) warmed(ctx context.Context) (family.Model, error) {
	if s.shared == nil && s.sharedErr == nil {
		var file []byte
		s.shared, file, s.sharedErr = s.warm(ctx, s.request())
		s.warmFile = file
	}
	return s.shared, s.sharedErr
}

// warm builds a model and trains it until its outputs depend visibly on their context.
func (s *subject) warm(ctx context.Context, req family.BuildRequest) (family.Model, []byte, error) {
	m, _, err := s.fam.Build(ctx, req)
	if err != nil {
		return nil, nil, fmt.Errorf("build: %w", err)
	}
	rng := s.rng("warm")
	for range warmupSteps {
		if _, err := train(ctx, m, adam(2e-2), s.batch(rng, rows, length)); err != nil {
			return m, nil, fmt.Errorf("warm up: %w", err)
		}
	}
	file, err := save(ctx, m, family.Weights)
	return m, file, err
}

// warmWeights answers the weights file of the shared model.
func (s *subject) warmWeights(ctx context.Context) ([]byte, error) {
	_, err := s.warmed(ctx)
	return s.warmFile, err
}

// plainModel builds a model of the plain config with warmed weights and an optimizer that has not stepped.
func (s *subject) plainModel(ctx context.Context) (family.Model, error) {
	config, err := s.plain()
	if err != nil {
		return nil, err
	}
	if s.plainFile == nil {
		req := s.request()
		req.Config = config
		m, file, err := s.warm(ctx, req)
		if m != nil {
			_ = m.Release(ctx)
		}
		if err != nil {
			return nil, err
		}
		s.plainFile = file
	}
	m, _, err := s.build(ctx, func(r *family.BuildRequest) { r.Config = config })
	if err != nil {
		return nil, err
	}
	return m, load(ctx, m, family.Weights, s.plainFile)
}

// warmModel builds a fresh model with the shared model's weights and an optimizer that has not stepped.
func (s *subject) warmModel(ctx context.Context, change ...func(*family.BuildRequest)) (family.Model, error) {
	file, err := s.warmWeights(ctx)
	if err != nil {
		return nil, err
	}
	m, _, err := s.build(ctx, change...)
	if err != nil {
		return nil, err
	}
	return m, load(ctx, m, family.Weights, file)
}

// tokens draws n tokens.
func (s *subject) tokens(rng *rand.Rand, n int) []int32 {
	x := make([]int32, n)
	for i := range x {
		x[i] = int32(rng.IntN(s.opts.Vocab))
	}
	return x
}

// batch draws B sequences of T tokens that predict their next token, the last one a random token. Weights sum to 1.
func (s *subject) batch(rng *rand.Rand, b, t int) family.Batch {
	batch := family.Batch{B: b, T: t, Tokens: s.tokens(rng, b*t), Targets: make([]int32, b*t), Weights: make([]float32, b*t)}
	for i := range batch.Tokens {
		if i%t == t-1 {
			batch.Targets[i] = int32(rng.IntN(s.opts.Vocab))
		} else {
			batch.Targets[i] = batch.Tokens[i+1]
		}
		batch.Weights[i] = 1 / float32(b*t)
	}
	return batch
}

// other answers a token that differs from x.
func (s *subject) other(x int32) int32 { return (x + 1 + int32(s.opts.Vocab/2)) % int32(s.opts.Vocab) }

func clone(b family.Batch) family.Batch {
	b.Tokens, b.Targets = append([]int32(nil), b.Tokens...), append([]int32(nil), b.Targets...)
	b.Weights, b.Starts = append([]float32(nil), b.Weights...), append([]int32(nil), b.Starts...)
	return b
}

// row answers row i of a batch without document starts as a batch of its own.
func row(b family.Batch, i int) family.Batch {
	lo, hi := i*b.T, (i+1)*b.T
	return clone(family.Batch{B: 1, T: b.T, Tokens: b.Tokens[lo:hi], Targets: b.Targets[lo:hi], Weights: b.Weights[lo:hi]})
}

// stack puts batches of the same T without document starts below each other.
func stack(batches ...family.Batch) family.Batch {
	out := family.Batch{T: batches[0].T}
	for _, b := range batches {
		out.B += b.B
		out.Tokens, out.Targets = append(out.Tokens, b.Tokens...), append(out.Targets, b.Targets...)
		out.Weights = append(out.Weights, b.Weights...)
	}
	return out
}

// adam is a plain optimizer step: no decay, no clipping.
func adam(lr float64) family.OptimizerStep {
	return family.OptimizerStep{LearningRate: lr, Beta1: 0.9, Beta2: 0.95, Epsilon: 1e-8}
}

func train(ctx context.Context, m family.Model, step family.OptimizerStep, batches ...family.Batch) (family.TrainResult, error) {
	r, err := m.Train(ctx, family.TrainRequest{MicroBatches: batches, Optimizer: step})
	if err != nil {
		return r, fmt.Errorf("train: %w", err)
	}
	return r, nil
}

// score answers Score's log-probabilities after checking their number.
func score(ctx context.Context, m family.Model, b family.Batch) ([]float32, error) {
	r, err := m.Score(ctx, b)
	if err != nil {
		return nil, fmt.Errorf("score: %w", err)
	}
	if len(r.LogProbs) != b.B*b.T || len(r.Correct) != b.B*b.T {
		return nil, fmt.Errorf("score: got %d log-probabilities and %d flags, want %d", len(r.LogProbs), len(r.Correct), b.B*b.T)
	}
	return r.LogProbs, nil
}

func save(ctx context.Context, m family.Model, part family.Part) ([]byte, error) {
	var b bytes.Buffer
	if err := m.Save(ctx, part, &b); err != nil {
		return nil, fmt.Errorf("save %s: %w", part, err)
	}
	return b.Bytes(), nil
}

func load(ctx context.Context, m family.Model, part family.Part, file []byte) error {
	if err := m.Load(ctx, part, bytes.NewReader(file)); err != nil {
		return fmt.Errorf("load %s: %w", part, err)
	}
	return nil
}

// fieldOf answers the field of the first *family.Error in err's chain.
func fieldOf(err error) string {
	var e *family.Error
	if errors.As(err, &e) {
		return e.Field
	}
	return ""
}

// containsField finds want as a whole word: "batch.tokens[3]" names "tokens".
func containsField(got, want string) bool {
	words := strings.FieldsFunc(got, func(r rune) bool { return strings.ContainsRune(".[]/ ", r) })
	for _, w := range words {
		if w == want {
			return true
		}
	}
	return got == want
}
