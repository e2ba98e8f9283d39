// Package traintest holds a family for tests of the harness: a bigram model with low-rank logits in plain Go, complete
// to the last call of the contract, deterministic, tiny, and able to misbehave on request.
//
//	fam := traintest.Bigram()
//	m, card, err := fam.Build(ctx, family.BuildRequest{Config: []byte(`{"width": 8}`), Vocab: 257, Seed: 1})
//
// V vocabulary, D width. logits(x) = U e(x) with e a row of the table [V,D] and U [V,D].
package traintest

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"sync"
	"time"

	"github.com/archlab/archlab/core/family"
)

// Config is the family's config. All but the first two make it misbehave; training steps are counted
// from 1.
type Config struct {
	Width     int     `json:"width"`
	SleepMS   float64 `json:"sleep_ms"`    // every step takes this long
	NaNFrom   int     `json:"nan_from"`    // losses are NaN from this step on
	NaNOnce   int     `json:"nan_once"`    // the loss of this step is NaN
	NaNAbove  float64 `json:"nan_above"`   // losses are NaN at learning rates above this
	HangAt    int     `json:"hang_at"`     // this step never answers
	DieAt     int     `json:"die_at"`      // this step and all after answer Unavailable, as a lost process does
	NaNScores bool    `json:"nan_scores"`  // log-probabilities are NaN
	ExitAt    int     `json:"exit_at"`     // this step ends the process, after some words to stderr
	DieInEval bool    `json:"die_in_eval"` // Extend answers Unavailable
}

// Schema is the JSON Schema of Config.
const Schema = `{"type":"object","additionalProperties":false,"properties":{
"width":{"type":"integer","minimum":1,"maximum":4096,"default":8,"description":"D"},
"sleep_ms":{"type":"number","minimum":0,"default":0},"nan_from":{"type":"integer","default":0},"nan_once":{"type":"integer","default":0},"nan_above":{"type":"number","minimum":0,"default":0},
"hang_at":{"type":"integer","default":0},"exit_at":{"type":"integer","default":0},"die_at":{"type":"integer","default":0},
"nan_scores":{"type":"boolean","default":false},"die_in_eval":{"type":"boolean","default":false}}}`

// Bigram answers the family.
func Bigram() family.Family { return bigram{} }

type bigram struct{}

func (bigram) Describe(context.Context) (family.Description, error) {
	return family.Description{Name: "bigram", Version: "0.1.0", Summary: "Low-rank bigram model for tests.", ConfigSchema: []byte(Schema),
		Capabilities: family.Capabilities{Decode: true, Precisions: []family.Precision{family.FP32}},
		Knob:         family.Knob{Field: "width", Min: 2, Max: 512, Step: 2}}, nil
}

func (bigram) Build(_ context.Context, req family.BuildRequest) (family.Model, family.Card, error) {
	c := Config{Width: 8}
	if len(req.Config) > 0 {
		dec := json.NewDecoder(bytes.NewReader(req.Config))
		dec.DisallowUnknownFields()
		if err := dec.Decode(&c); err != nil {
			return nil, family.Card{}, family.Errorf(family.InvalidConfig, "", "%v", err)
		}
	}
	if c.Width < 1 || c.Width > 4096 {
		return nil, family.Card{}, family.Errorf(family.InvalidConfig, "width", "got %d, want 1 to 4096", c.Width)
	}
	raw, err := json.Marshal(c)
	if err != nil {
		return nil, family.Card{}, err
	}
	n := int64(req.Vocab * c.Width)
	card := family.Card{Family: "bigram", Config: raw, Vocab: req.Vocab, Precision: family.FP32, Parameters: 2 * n, ActiveParameters: n + int64(c.Width), Embedding: n,
		Tensors: []family.TensorInfo{{Name: "table", Shape: []int{req.Vocab, c.Width}, DType: "F32"}, {Name: "out", Shape: []int{req.Vocab, c.Width}, DType: "F32"}}}
	for _, t := range req.Lengths {
		f := 2 * float64(n)
		card.Costs = append(card.Costs, family.Cost{T: t, TrainFLOPs: 3 * f, PrefillFLOPs: f, DecodeFLOPs: f, StateBytes: 4})
	}
	if req.CardOnly {
		return nil, card, nil
	}
	m := &model{cfg: c, card: card, vocab: req.Vocab, width: c.Width, w: make([]float32, 2*n), m: make([]float32, 2*n), v: make([]float32, 2*n), states: map[family.StateID][]int32{}}
	rng := rand.New(rand.NewPCG(req.Seed, 17))
	for i := range m.w {
		m.w[i] = float32(0.1 * rng.NormFloat64())
	}
	return m, card, nil
}

// model holds table and out, one after the other, with AdamW's moments.
type model struct {
	mu      sync.Mutex
	cfg     Config
	card    family.Card
	vocab   int
	width   int
	w, m, v []float32 // [2,V,D]
	step    int
	busy    time.Duration
	states  map[family.StateID][]int32
	next    family.StateID
}

// logProbs answers the log-probabilities after token x. [V]
func (m *model) logProbs(x int32) []float64 {
	d, out := m.width, m.w[m.vocab*m.width:]
	e := m.w[int(x)*d : (int(x)+1)*d]
	lp := make([]float64, m.vocab)
	top := math.Inf(-1)
	for y := range lp {
		for k := range d {
			lp[y] += float64(e[k]) * float64(out[y*d+k])
		}
		top = math.Max(top, lp[y])
	}
	var sum float64
	for _, l := range lp {
		sum += math.Exp(l - top)
	}
	for y := range lp {
		lp[y] -= top + math.Log(sum)
	}
	return lp
}

// Train implements family.Model.
func (m *model) Train(ctx context.Context, req family.TrainRequest) (family.TrainResult, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	begin := time.Now()
	defer func() { m.busy += time.Since(begin) }()
	at := m.step + 1
	if m.cfg.DieAt > 0 && at >= m.cfg.DieAt {
		return family.TrainResult{}, family.Errorf(family.Unavailable, "", "the plugin's process is gone")
	}
	if at == m.cfg.ExitAt {
		fmt.Fprintln(os.Stderr, "last words of the plugin")
		os.Exit(3)
	}
	if at == m.cfg.HangAt {
		<-ctx.Done()
		return family.TrainResult{}, family.Errorf(family.Canceled, "", "%v", ctx.Err())
	}
	if m.cfg.SleepMS > 0 {
		time.Sleep(time.Duration(m.cfg.SleepMS * float64(time.Millisecond)))
	}
	d, base := m.width, m.vocab*m.width
	grad := make([]float64, len(m.w))
	var res family.TrainResult
	for _, b := range req.MicroBatches {
		if err := b.Check(m.vocab); err != nil {
			return res, err
		}
		for i, w := range b.Weights {
			if w == 0 {
				continue
			}
			x := int(b.Tokens[i])
			lp := m.logProbs(b.Tokens[i])
			res.Loss -= float64(w) * lp[b.Targets[i]]
			for y, l := range lp {
				g := float64(w) * math.Exp(l)
				if y == int(b.Targets[i]) {
					g -= float64(w)
				}
				for k := range d {
					grad[x*d+k] += g * float64(m.w[base+y*d+k])
					grad[base+y*d+k] += g * float64(m.w[x*d+k])
				}
			}
		}
	}
	var norm float64
	for _, g := range grad {
		norm += g * g
	}
	res.GradNorm, res.Total = math.Sqrt(norm), res.Loss
	res.Metrics = map[string]float64{"half_loss": res.Loss / 2}
	m.step++
	if at == m.cfg.NaNOnce || m.cfg.NaNFrom > 0 && at >= m.cfg.NaNFrom || m.cfg.NaNAbove > 0 && req.Optimizer.LearningRate > m.cfg.NaNAbove {
		res.Loss, res.Skipped = math.NaN(), true
		return res, nil
	}
	m.adam(grad, req.Optimizer, res.GradNorm)
	res.Seconds.Forward = time.Since(begin).Seconds()
	return res, nil
}

// adam is AdamW with decoupled decay (Loshchilov & Hutter 2019, algorithm 2).
func (m *model) adam(grad []float64, o family.OptimizerStep, norm float64) {
	scale := 1.0
	if o.Clip > 0 && norm > o.Clip {
		scale = o.Clip / norm
	}
	c1, c2 := 1-math.Pow(o.Beta1, float64(m.step)), 1-math.Pow(o.Beta2, float64(m.step))
	for i, g := range grad {
		g *= scale
		m.m[i] = float32(o.Beta1*float64(m.m[i]) + (1-o.Beta1)*g)
		m.v[i] = float32(o.Beta2*float64(m.v[i]) + (1-o.Beta2)*g*g)
		step := float64(m.m[i]) / c1 / (math.Sqrt(float64(m.v[i])/c2) + o.Epsilon)
		m.w[i] -= float32(o.LearningRate * (step + o.WeightDecay*float64(m.w[i])))
	}
}

// Score implements family.Model.
func (m *model) Score(ctx context.Context, b family.Batch) (family.ScoreResult, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	begin := time.Now()
	defer func() { m.busy += time.Since(begin) }()
	if err := b.Check(m.vocab); err != nil {
		return family.ScoreResult{}, err
	}
	res := family.ScoreResult{LogProbs: make([]float32, len(b.Tokens)), Correct: make([]bool, len(b.Tokens))}
	for i, w := range b.Weights {
		if err := ctx.Err(); err != nil {
			return res, family.Errorf(family.Canceled, "", "%v", err)
		}
		if w == 0 {
			continue
		}
		lp := m.logProbs(b.Tokens[i])
		res.LogProbs[i] = float32(lp[b.Targets[i]])
		res.Correct[i] = argmax(lp) == int(b.Targets[i])
		if m.cfg.NaNScores {
			res.LogProbs[i] = float32(math.NaN())
		}
	}
	return res, nil
}

func argmax(x []float64) int {
	best := 0
	for i, v := range x {
		if v > x[best] {
			best = i
		}
	}
	return best
}
