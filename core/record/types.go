// Package record is what a run leaves on disk and how it is read back: the manifest, each model's metrics, results and
// checkpoints. It neither trains nor judges; core/train and core/eval write, core/report reads.
//
//	runs/<name>/<id>/  config.yaml  manifest.json  events.jsonl
//	                   models/<model>/seed-<n>/  metrics.jsonl  result.json  checkpoints/  TensorBoard events
//	                   report.html  report.md  report.json  tables/*.csv  evals/*.json
package record

import (
	"encoding/json"
	"math"
	"time"

	"github.com/archlab/archlab/core/family"
)

// Manifest says what was run, with what, where. It is written before the first step and completed at the end.
type Manifest struct {
	Format      int             `json:"format"` // of the run directory; readers refuse others
	Name        string          `json:"name"`
	ID          string          `json:"id"`
	Description string          `json:"description,omitempty"`
	Archlab     string          `json:"archlab"` // version and VCS revision of the binary
	Started     time.Time       `json:"started"`
	Finished    time.Time       `json:"finished,omitzero"`
	State       string          `json:"state"` // "running", "stopped", "finished"
	Machine     Machine         `json:"machine"`
	Config      json.RawMessage `json:"config"` // the resolved experiment
	Data        Data            `json:"data"`
	Models      []Model         `json:"models"`
	Seeds       []uint64        `json:"seeds"`
	Seconds     RunSeconds      `json:"seconds"`
}

// Machine is where a run ran.
type Machine struct {
	OS          string   `json:"os"`
	Arch        string   `json:"arch"`
	CPU         string   `json:"cpu"`
	Cores       int      `json:"cores"`
	MemoryBytes int64    `json:"memory_bytes"`
	Go          string   `json:"go"`
	Features    []string `json:"features"`             // instruction sets in use
	PeakFLOPs   float64  `json:"peak_flops,omitempty"` // measured FP32 peak of all cores, a second
}

// Data identifies what the models saw.
type Data struct {
	Corpus        string     `json:"corpus,omitempty"`
	Checksum      string     `json:"checksum"` // of the corpus' content or the task's parameters
	Task          string     `json:"task,omitempty"`
	TaskChance    float64    `json:"task_chance,omitempty"` // accuracy of guessing
	Bytes         int64      `json:"bytes,omitempty"`
	Documents     int        `json:"documents,omitempty"`
	TrainTokens   int64      `json:"train_tokens,omitempty"`
	Tokenizer     string     `json:"tokenizer"`
	Fingerprint   string     `json:"tokenizer_fingerprint"`
	Vocab         int        `json:"vocab"`
	Sampled       string     `json:"sampled,omitempty"`         // how the words of the training text are cut at random in each epoch
	BytesPerToken float64    `json:"bytes_per_token,omitempty"` // on the validation split
	Notes         []string   `json:"notes,omitempty"`           // what was filtered
	Sources       []Source   `json:"sources,omitempty"`         // of a mixture
	Filtered      []Filtered `json:"filtered,omitempty"`        // what was left out of a corpus
	// EvalIdentity is a hash of all that is scored on validation and test: scores of two runs compare only where it is equal.
	EvalIdentity string `json:"eval_identity,omitempty"`
	// Setting places a task beside its publication: "paper", "scaled down: length 64 (paper 512), ..." where everything that
	// differs is smaller, and "changed: ..." otherwise.
	Setting string `json:"setting,omitempty"`
}

// Source is one part of a mixture.
type Source struct {
	Name        string  `json:"name"`
	Weight      float64 `json:"weight"`               // part of the sequences, of 1
	MaxEpochs   float64 `json:"max_epochs,omitempty"` // passes at most
	Checksum    string  `json:"checksum,omitempty"`   // of its content
	Bytes       int64   `json:"bytes"`                // of text, all splits
	Documents   int     `json:"documents"`
	TrainTokens int64   `json:"train_tokens"`
	// Share and Epochs are what a budget of tokens takes; 0 for other budgets, whose length is not known beforehand.
	Share  float64 `json:"share,omitempty"`
	Epochs float64 `json:"epochs,omitempty"`
}

// Filtered counts what one filter removed.
type Filtered struct {
	Reason    string `json:"reason"`
	Documents int    `json:"documents"` // or files
	Bytes     int64  `json:"bytes"`
}

// Model is one competitor of the run as matched.
type Model struct {
	Name        string             `json:"name"`
	Family      string             `json:"family"`
	Description family.Description `json:"description"`
	Plugin      Plugin             `json:"plugin"`
	Card        family.Card        `json:"card"`
	Control     bool               `json:"control,omitempty"` // not trained by gradient: n-gram, table
}

// Plugin says which program served a model.
type Plugin struct {
	Builtin bool   `json:"builtin"`
	Path    string `json:"path,omitempty"`
	SHA256  string `json:"sha256,omitempty"`
}

// RunSeconds splits the wall time of a run: what the harness and the wire cost beside the plugins' own work.
type RunSeconds struct {
	Total   float64 `json:"total"`
	Prepare float64 `json:"prepare"`        // corpus, tokenizer, matching
	Tune    float64 `json:"tune,omitempty"` // wall time of the training loops that learning rates were chosen by
	Train   float64 `json:"train"`          // wall time of training loops
	Eval    float64 `json:"eval"`
	Plugin  float64 `json:"plugin"`  // of Train: seconds that plugins were busy
	RPC     float64 `json:"rpc"`     // of Train: time of calls not spent inside the plugin
	Harness float64 `json:"harness"` // of Train: outside of calls
	// Checkpoint is, of Train, the time of saving and loading weights. It is none of Plugin, RPC and Harness.
	Checkpoint float64 `json:"checkpoint"`
}

// Metric is one line of metrics.jsonl. Kind is "train", "validation" or "skip".
type Metric struct {
	Kind     string             `json:"kind"`
	Step     int                `json:"step"`               // optimizer steps done
	Tokens   int64              `json:"tokens"`             // trained tokens so far
	FLOPs    float64            `json:"flops"`              // training FLOPs so far, by the card
	Seconds  float64            `json:"seconds"`            // training wall time so far
	Loss     float64            `json:"loss"`               // nats a token (weighted mean)
	BPB      float64            `json:"bpb,omitempty"`      // validation: bits per byte of text
	Accuracy float64            `json:"accuracy,omitempty"` // validation on tasks
	LR       float64            `json:"lr,omitempty"`
	GradNorm float64            `json:"grad_norm,omitempty"`
	Aux      map[string]float64 `json:"aux,omitempty"`
}

// Result is what one model with one seed came to. Status is "finished", "stopped" or "failed".
type Result struct {
	Model           string          `json:"model"`
	Seed            uint64          `json:"seed"`
	Rate            float64         `json:"learning_rate,omitempty"` // the peak, where it was chosen for this training alone
	Status          string          `json:"status"`
	Failure         *Failure        `json:"failure,omitempty"`
	Steps           int             `json:"steps"`
	Tokens          int64           `json:"tokens"`
	FLOPs           float64         `json:"flops"`
	Seconds         float64         `json:"seconds"`
	Skipped         int             `json:"skipped"`           // steps left out because they were not finite
	TokensPerSecond float64         `json:"tokens_per_second"` // trained
	FLOPsPerSecond  float64         `json:"flops_per_second"`
	Utilisation     float64         `json:"utilisation,omitempty"` // of the machine's measured FP32 peak
	PeakRSS         int64           `json:"peak_rss"`
	Profile         *family.Profile `json:"profile,omitempty"`
	Validation      *Score          `json:"validation,omitempty"`
	Test            *Score          `json:"test,omitempty"`
	Decode          []DecodePoint   `json:"decode,omitempty"`
	TTC             []TTCPoint      `json:"ttc,omitempty"`
	Lengths         []TaskScore     `json:"lengths,omitempty"`
	RPCSeconds      float64         `json:"rpc_seconds"`
	HarnessSeconds  float64         `json:"harness_seconds"`
	DataSeconds     float64         `json:"data_seconds,omitempty"` // of HarnessSeconds: waiting for batches, no part of Seconds
	PluginSeconds   float64         `json:"plugin_seconds"`
	Phases          Phases          `json:"phases,omitzero"`
	// CheckpointSeconds is the time of saving and loading weights, in none of the three above.
	CheckpointSeconds float64 `json:"checkpoint_seconds"`
}

// Phases splits the seconds of training steps inside the plugin, as it reports them. Zero where it does not.
type Phases struct {
	Forward  float64 `json:"forward"`
	Backward float64 `json:"backward"`
	Update   float64 `json:"update"`
}

// Plus adds the seconds of more steps.
func (p Phases) Plus(q Phases) Phases {
	return Phases{p.Forward + q.Forward, p.Backward + q.Backward, p.Update + q.Update}
}

// Failure says why a model did not finish.
type Failure struct {
	Step    int      `json:"step"`
	Kind    string   `json:"kind"` // "died", "deadline", "not_finite", "refused", "error"
	Message string   `json:"message"`
	Log     []string `json:"log,omitempty"` // the plugin's last lines
}

// Score is an evaluation on one split.
type Score struct {
	Split            string         `json:"split"`
	Tokens           int64          `json:"tokens"` // predicted
	Bytes            int64          `json:"bytes"`  // of the text that they spell
	Loss             float64        `json:"loss"`   // nats a token
	Perplexity       float64        `json:"perplexity"`
	BPB              float64        `json:"bpb,omitempty"`
	Accuracy         float64        `json:"accuracy"`                    // share of targets that were the argmax
	SequenceAccuracy float64        `json:"sequence_accuracy,omitempty"` // tasks: all targets of a sequence right
	ByPosition       []PositionLoss `json:"by_position,omitempty"`
	// Sequences holds the loss sum (nats) and weight of each scored sequence, in data order: the items that two models
	// are paired on.
	Sequences []SequenceLoss `json:"sequences,omitempty"`
}

// PositionLoss is the mean loss of positions [From,To) of the context.
type PositionLoss struct {
	From  int     `json:"from"`
	To    int     `json:"to"`
	Loss  float64 `json:"loss"`
	Count int64   `json:"count"`
	Bytes int64   `json:"bytes,omitempty"` // of text that the targets spell
}

// BPB is bits per byte of the positions' text; 0 where they spell none.
func (p PositionLoss) BPB() float64 {
	if p.Bytes == 0 {
		return 0
	}
	return p.Loss * float64(p.Count) / math.Ln2 / float64(p.Bytes)
}

// SequenceLoss is one item of a paired comparison.
type SequenceLoss struct {
	Loss    float64 `json:"l"` // summed nats
	Weight  float64 `json:"w"` // predicted tokens
	Bytes   int64   `json:"b,omitempty"`
	Correct int     `json:"c,omitempty"`
	Cluster int64   `json:"k,omitempty"` // sequences of one cluster (document) are no independent draws
}

// DecodePoint is decoding measured at one context length, beside the card's figure.
type DecodePoint struct {
	T               int     `json:"t"`
	TokensPerSecond float64 `json:"tokens_per_second"`
	StateBytes      int64   `json:"state_bytes"` // measured
	CardStateBytes  int64   `json:"card_state_bytes"`
	CardFLOPs       float64 `json:"card_flops"`
}

// TTCPoint is accuracy at one amount of test-time compute.
type TTCPoint struct {
	Task     string  `json:"task"`
	Strategy string  `json:"strategy"` // "greedy", "majority", "best_of_n"
	Samples  int     `json:"samples"`
	Problems int     `json:"problems"`
	Correct  float64 `json:"correct"` // expected number solved
	Accuracy float64 `json:"accuracy"`
	Low      float64 `json:"low"` // 95 % interval
	High     float64 `json:"high"`
	Tokens   float64 `json:"tokens"`           // generated and prefilled, a problem
	FLOPs    float64 `json:"flops"`            // a problem
	Seconds  float64 `json:"seconds"`          // a problem
	Solved   []bool  `json:"solved,omitempty"` // by problem, where the strategy decides it alone
	// Shares estimates, by problem, the chance of solving it: pass@k of best_of_n, from Tries samples of each.
	Shares []float64 `json:"shares,omitempty"`
	Tries  int       `json:"tries,omitempty"`
}

// TaskScore is a model's answers to one setting of a task, on its test split.
type TaskScore struct {
	Task      string  `json:"task"`
	Parameter string  `json:"parameter,omitempty"` // what a length extrapolation grows: "length", "max_digits" ...
	Length    int     `json:"length,omitempty"`    // its value
	T         int     `json:"t"`                   // tokens a sequence
	Setting   string  `json:"setting"`             // as Data.Setting, of the test split
	Unit      string  `json:"unit"`                // what is counted: "answer" or "sequence"
	Items     int     `json:"items"`               // of them
	Sequences int     `json:"sequences"`
	Accuracy  float64 `json:"accuracy"`
	Low       float64 `json:"low"` // 95 % interval over the sequences
	High      float64 `json:"high"`
	Chance    float64 `json:"chance"` // accuracy of guessing
	Loss      float64 `json:"loss"`   // nats an answer
	// Right and Of are, by sequence, what was right of what was asked: the items that two models are paired on.
	Right []int `json:"right,omitempty"`
	Of    []int `json:"of,omitempty"`
}

// Evaluation is what archlab eval writes beside a run's own records: evals/<suite>.json. It judges checkpoints on a suite after the run.
type Evaluation struct {
	Format  int       `json:"format"` // of this file
	Suite   string    `json:"suite"`
	Setting string    `json:"setting,omitempty"` // of the training, as Data.Setting
	File    string    `json:"file,omitempty"`    // questions of the user's own, with their checksum
	SHA256  string    `json:"sha256,omitempty"`
	Asked   Asked     `json:"asked"`
	Archlab string    `json:"archlab"`
	Time    time.Time `json:"time"`
	Models  []Judged  `json:"models"`
	Notes   []string  `json:"notes,omitempty"`
}

// Asked is the settings of an Evaluation, as given.
type Asked struct {
	Preset     string `json:"preset,omitempty"`
	Lengths    []int  `json:"lengths,omitempty"`
	Examples   int    `json:"examples"`
	Tokens     int64  `json:"tokens"`
	Delimiter  string `json:"delimiter"`
	Checkpoint string `json:"checkpoint"` // "newest", "best" by validation loss, or a step
}

// Judged is one checkpoint's part of an Evaluation.
type Judged struct {
	Model     string         `json:"model"`
	Seed      uint64         `json:"seed"`
	Step      int            `json:"step"`            // of the checkpoint
	Notes     []string       `json:"notes,omitempty"` // what of it could not be measured
	Tasks     []TaskScore    `json:"tasks,omitempty"`
	Text      *TextScore     `json:"text,omitempty"`
	Positions []PositionLoss `json:"positions,omitempty"`
	Context   int            `json:"context,omitempty"` // tokens of a training sequence, where Positions may go beyond them
}

// TextScore is a model's answers to questions in text.
type TextScore struct {
	Items    int       `json:"items"`
	Measures []Measure `json:"measures"`
	Chance   float64   `json:"chance,omitempty"` // accuracy of guessing
	Cut      int       `json:"cut,omitempty"`    // items whose context lost its beginning, since the model holds less
	Correct  []bool    `json:"correct"`          // acc by item
}

// Measure is a figure over items.
type Measure struct {
	Name   string   `json:"name"` // "acc", "acc_norm", "acc_bytes", "perplexity", "bpb"
	Value  float64  `json:"value"`
	StdErr *float64 `json:"stderr"` // null below two items
	Low    float64  `json:"low"`    // 95 %
	High   float64  `json:"high"`
}
