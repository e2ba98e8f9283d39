// Package report turns the records of runs into a side-by-side comparison: one self-contained HTML file that works
// offline, the same figures as Markdown, JSON and CSV, and a table for the terminal. It reads records and nothing else, so
// that every report can be rebuilt; it computes no statistics of its own (core/stats does).
//
//	rep, err := report.Build("runs/quickstart/20260102-150405")
//	err = report.Write("runs/quickstart/20260102-150405", rep)
package report

import (
	"math"

	"github.com/archlab/archlab/core/family"
	"github.com/archlab/archlab/core/record"
)

// Format is the version of report.json.
const Format = 1

// Report is everything that a report shows. Its JSON form is report.json.
type Report struct {
	Format      int          `json:"format"`
	Title       string       `json:"title"`
	Runs        []Run        `json:"runs"`
	Rows        []Row        `json:"rows"`        // one a model of a run, in the runs' order
	Comparisons []Comparison `json:"comparisons"` // all pairs, one list a metric
	Correction  Correction   `json:"correction"`
	Tunings     []Tuning     `json:"tuning,omitempty"` // one a run whose learning rates were tuned
	Evals       []Eval       `json:"evals,omitempty"`  // suites, measured on checkpoints
	Notes       []string     `json:"notes,omitempty"`
}

// Run is one run directory.
type Run struct {
	Name        string            `json:"name"`
	ID          string            `json:"id"`
	Description string            `json:"description,omitempty"`
	Archlab     string            `json:"archlab"`
	Started     string            `json:"started"`
	State       string            `json:"state"`
	Machine     record.Machine    `json:"machine"`
	Data        record.Data       `json:"data"`
	Seeds       []uint64          `json:"seeds"`
	Seconds     record.RunSeconds `json:"seconds"`
	// Overhead is the share of the training loops' wall time that RPC and harness cost, checkpoints not counted.
	Overhead *float64 `json:"overhead,omitempty"`
	Config   string   `json:"config"` // config.yaml, as resolved
}

// Figure is a quantity over the seeds that finished.
type Figure struct {
	Mean   *float64  `json:"mean"`           // null without a seed
	Half   *float64  `json:"half,omitempty"` // half-width of the 95 % interval by Student's t; absent below two seeds
	Values []float64 `json:"values"`
}

// Row is one model.
type Row struct {
	Name       string             `json:"name"`  // unique in the report
	Run        string             `json:"run"`   // the run's name/id
	Model      string             `json:"model"` // as in the experiment
	Family     string             `json:"family"`
	Control    bool               `json:"control,omitempty"`
	Plugin     record.Plugin      `json:"plugin"`
	Papers     []family.Paper     `json:"papers,omitempty"`
	Card       family.Card        `json:"card"`
	Cost       *family.Cost       `json:"cost,omitempty"`          // at the training context
	LearnRate  *float64           `json:"learning_rate,omitempty"` // chosen for this model
	Verdict    string             `json:"verdict"`
	Seeds      int                `json:"seeds"` // that finished
	Failures   []Failure          `json:"failures,omitempty"`
	Loss       Figure             `json:"loss"` // test, nats a token
	Perplexity Figure             `json:"perplexity"`
	BPB        Figure             `json:"bpb"`
	Accuracy   Figure             `json:"accuracy"`
	Sequence   Figure             `json:"sequence_accuracy"`
	Validation Figure             `json:"validation_loss"`
	Tokens     Figure             `json:"tokens"` // trained
	FLOPs      Figure             `json:"flops"`  // of training, by the card
	Seconds    Figure             `json:"seconds"`
	Speed      Figure             `json:"tokens_per_second"`
	Rate       Figure             `json:"flops_per_second"`
	Use        Figure             `json:"utilisation"` // of the machine's measured FP32 peak
	PeakRSS    Figure             `json:"peak_rss"`
	Skipped    int                `json:"skipped"`
	Curves     []Curve            `json:"curves,omitempty"` // one a seed
	Positions  []Position         `json:"by_position,omitempty"`
	Decode     []Decode           `json:"decode,omitempty"`
	TTC        []TTC              `json:"ttc,omitempty"`
	Lengths    []TaskScore        `json:"lengths,omitempty"` // accuracy against length
	Ops        []family.OpProfile `json:"ops,omitempty"`     // of the first finished seed
	Split      *Split             `json:"time_split,omitempty"`
	// Recomputation is what the first finished seed traded, nil where activations were kept.
	Recomputation *family.Recomputation `json:"recomputation,omitempty"`
}

// Split is where the wall time of a model's training loops went, in seconds over the finished seeds; checkpoints are not
// counted. Forward, backward and update are absent where the plugin does not report them.
type Split struct {
	Forward  float64 `json:"forward"`
	Backward float64 `json:"backward"`
	Update   float64 `json:"update"`
	Other    float64 `json:"other"` // inside the plugin: validation and all that is none of these
	RPC      float64 `json:"rpc"`
	Harness  float64 `json:"harness"` // without the wait for batches
	Data     float64 `json:"data"`    // waiting for batches, which no model's training seconds hold
}

// parts lists a split's shares by name.
func (s Split) parts() []share {
	total := s.Forward + s.Backward + s.Update + s.Other + s.RPC + s.Harness + s.Data
	var out []share
	for _, p := range []share{{"forward", s.Forward, 0}, {"backward", s.Backward, 1}, {"update", s.Update, 2}, {"other, validation included", s.Other, 3}, {"RPC", s.RPC, 4}, {"harness", s.Harness, 5}, {"waiting for data", s.Data, 6}} {
		if total > 0 && p.Percent > 0 {
			out = append(out, share{p.Op, 100 * p.Percent / total, p.Color})
		}
	}
	return out
}

// Failure is a seed that did not finish.
type Failure struct {
	Seed   uint64 `json:"seed"`
	Status string `json:"status"`
	record.Failure
}

// Curve is the course of one seed.
type Curve struct {
	Seed       uint64  `json:"seed"`
	Train      []Point `json:"train"`
	Validation []Point `json:"validation"`
}

// Point is one step on all three axes.
type Point struct {
	Step    int      `json:"step"`
	Tokens  int64    `json:"tokens"`
	FLOPs   float64  `json:"flops"`
	Seconds float64  `json:"seconds"`
	Loss    float64  `json:"loss"`
	BPB     *float64 `json:"bpb,omitempty"`
	// Accuracy is given where the data are a task.
	Accuracy *float64 `json:"accuracy,omitempty"`
}

// Position is the loss of positions [From,To), averaged over seeds.
type Position struct {
	From int     `json:"from"`
	To   int     `json:"to"`
	Loss float64 `json:"loss"`
}

// Decode is decoding at one context length, averaged over seeds.
type Decode struct {
	T               int     `json:"t"`
	TokensPerSecond float64 `json:"tokens_per_second"`
	StateBytes      float64 `json:"state_bytes"`
	CardStateBytes  int64   `json:"card_state_bytes"`
	CardFLOPs       float64 `json:"card_flops"`
}

// TTC is accuracy at one amount of test-time compute, over seeds and problems.
type TTC struct {
	Task     string  `json:"task"`
	Strategy string  `json:"strategy"`
	Samples  int     `json:"samples"`
	Accuracy float64 `json:"accuracy"` // mean over seeds
	Low      float64 `json:"low"`      // 95 % over the problems, which all seeds share
	High     float64 `json:"high"`
	Tokens   float64 `json:"tokens"` // a problem
	FLOPs    float64 `json:"flops"`
	Seconds  float64 `json:"seconds"`
}

// Correction says how p-values are adjusted for their number. The comparisons of a report, of all metrics, are one family.
type Correction struct {
	Method      string  `json:"method"`      // "Holm"
	Alpha       float64 `json:"alpha"`       // chance of one or more wrong verdicts in the report, at most
	Comparisons int     `json:"comparisons"` // that could be judged
}

// Comparison is one metric with all pairs of models.
type Comparison struct {
	Metric         string  `json:"metric"`
	HigherIsBetter bool    `json:"higher_is_better"`
	Alpha          float64 `json:"alpha"` // family-wise error rate
	Pairs          []Pair  `json:"pairs"`
}

// Pair is the paired difference a - b.
type Pair struct {
	A          string   `json:"a"`
	B          string   `json:"b"`
	Seeds      int      `json:"seeds"`
	Items      int      `json:"items"`
	Difference *float64 `json:"difference"`
	Low        *float64 `json:"low"`
	High       *float64 `json:"high"`
	P          *float64 `json:"p_adjusted"`      // Holm over the report
	Detectable *float64 `json:"detectable"`      // null where unknown, or larger than any difference that can be
	Test       string   `json:"test,omitempty"`  // in words
	Scope      string   `json:"scope,omitempty"` // what the verdict speaks of: "families", "text" (these items alone), "weights" (one seed, or seeds that agree)
	Verdict    string   `json:"verdict"`         // the better one's name, "not distinguishable", or why there is none
	Decided    bool     `json:"decided"`
}

// finite answers a pointer to x, nil where JSON has no word for it.
func finite(x float64) *float64 {
	if math.IsNaN(x) || math.IsInf(x, 0) {
		return nil
	}
	return &x
}
