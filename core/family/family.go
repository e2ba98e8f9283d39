package family

import (
	"context"
	"encoding/json"
	"io"
)

// Family is one family of models, served by one plugin process.
type Family interface {
	// Describe says who the family is and what it can do. It never fails for lack of a model.
	Describe(ctx context.Context) (Description, error)
	// Build makes a model from a config. It answers a *Error with code InvalidConfig that names the field when the
	// config is refused. With CardOnly the Model is nil and no weights are allocated.
	Build(ctx context.Context, req BuildRequest) (Model, Card, error)
}

// Model is a built model with its weights, optimizer and decoding states. Calls on one model are serialised by the
// implementation; every call returns soon after its context is cancelled.
type Model interface {
	// Train takes one optimizer step over the micro-batches and answers what it saw before the update.
	Train(ctx context.Context, req TrainRequest) (TrainResult, error)
	// Score answers the log-probability of every target whose weight is not zero.
	Score(ctx context.Context, batch Batch) (ScoreResult, error)

	// Open makes n empty decoding states.
	Open(ctx context.Context, n int) ([]StateID, error)
	// Extend feeds tokens to states, in the order given, and answers logits for what follows.
	Extend(ctx context.Context, req ExtendRequest) (ExtendResult, error)
	// Fork copies states: the copies and the originals evolve independently.
	Fork(ctx context.Context, states []StateID) ([]StateID, error)
	// Rewind drops the last n tokens of a state exactly, as if they had never been fed.
	Rewind(ctx context.Context, state StateID, n int) error
	// Close forgets states.
	Close(ctx context.Context, states []StateID) error

	// Trace runs a batch with named sites captured and edited. Models without the capability answer Unimplemented.
	Trace(ctx context.Context, req TraceRequest) (TraceResult, error)
	// Quantize converts the weights used for scoring and decoding. Models without it answer Unimplemented.
	Quantize(ctx context.Context, scheme string) (Card, error)

	// Save writes one part of the model as a safetensors file; Load reads it back, bit-exact.
	Save(ctx context.Context, part Part, w io.Writer) error
	Load(ctx context.Context, part Part, r io.Reader) error

	// Profile reports where time, memory and floating-point operations went since the model was built or since the
	// last call with reset.
	Profile(ctx context.Context, reset bool) (Profile, error)
	// Release frees the model and its states. No other call may follow.
	Release(ctx context.Context) error
}

// Precision names the arithmetic of a model.
type Precision string

// FP32 is IEEE single precision throughout. BF16 and FP16 keep activations in 16 bits, and parameters, their gradients and the
// optimizer's moments in float32; a family announces them by capability.
const (
	FP32 Precision = "fp32"
	BF16 Precision = "bf16"
	FP16 Precision = "fp16"
)

// RecomputeBlock makes a training step keep the inputs of the model's blocks alone and compute what is inside of a block again
// when its gradients are wanted: less memory for more time, and the same bits. The card is of the model and does not change;
// Profile counts what really ran.
const RecomputeBlock = "block"

// Part names one of the two files of a checkpoint.
type Part string

// The parts of a checkpoint: weights can be used alone, the optimizer's state is needed to go on training.
const (
	Weights   Part = "weights"
	Optimizer Part = "optimizer"
)

// Description is a family's self-portrait.
type Description struct {
	Name         string            `json:"name"`    // lower-case, as in archlab-plugin-NAME
	Version      string            `json:"version"` // semantic version of the family
	Summary      string            `json:"summary"` // one sentence
	Papers       []Paper           `json:"papers,omitempty"`
	ConfigSchema json.RawMessage   `json:"config_schema"`     // JSON Schema (draft 2020-12) of the config, with defaults
	Presets      map[string]string `json:"presets,omitempty"` // preset name -> one line; chosen by the config key "preset"
	Capabilities Capabilities      `json:"capabilities"`
	Knob         Knob              `json:"knob"`
}

// Paper is a source of the family.
type Paper struct {
	Title string `json:"title"`
	URL   string `json:"url"`
}

// Capabilities says which optional calls a family answers.
type Capabilities struct {
	Decode     bool        `json:"decode"`
	Trace      bool        `json:"trace"`
	Quantize   []string    `json:"quantize,omitempty"` // "int8", "int4"
	DraftHeads bool        `json:"draft_heads"`        // Extend can answer logits of later tokens
	Precisions []Precision `json:"precisions"`
	Optimizers []string    `json:"optimizers,omitempty"` // AdamW, Muon, Lion, SGD; none listed means AdamW alone
	Recompute  []string    `json:"recompute,omitempty"`  // RecomputeBlock, where training can do it
}

// Knob is the config key that matching turns to change a model's size, and the values that it may take.
type Knob struct {
	Field string `json:"field"` // a key of the config, e.g. "width"
	Min   int    `json:"min"`
	Max   int    `json:"max"`
	Step  int    `json:"step"` // the field must be a multiple of it
}

// BuildRequest asks for a model.
type BuildRequest struct {
	Config    json.RawMessage // an object by the family's ConfigSchema; missing keys take their defaults
	Vocab     int             // V: number of token ids
	Context   int             // the longest sequence that will be fed; learned positions are sized by it
	Seed      uint64          // of the weights' initialisation
	Precision Precision       // empty means FP32
	Threads   int             // 0: all cores
	Recompute string          // empty: training keeps all activations; RecomputeBlock
	CardOnly  bool            // answer the card without allocating a model
	Lengths   []int           // sequence lengths T for which the card states costs
}

// Card is what a built model says of itself before it has seen a token.
type Card struct {
	Family           string          `json:"family"`
	Config           json.RawMessage `json:"config"` // as resolved: every key with its value
	Vocab            int             `json:"vocab"`
	Precision        Precision       `json:"precision"`
	Tensors          []TensorInfo    `json:"tensors"`
	Parameters       int64           `json:"parameters"`           // scalars in Tensors
	ActiveParameters int64           `json:"active_parameters"`    // those that take part in the computation of one token
	Embedding        int64           `json:"embedding_parameters"` // token and position tables that are only looked up
	Costs            []Cost          `json:"costs"`
	Optimizers       []OptimizerCost `json:"optimizers,omitempty"`
	DraftHeads       int             `json:"draft_heads"` // tokens beyond the next that Extend can draft
	Sites            []string        `json:"sites,omitempty"`
}

// TensorInfo names one weight.
type TensorInfo struct {
	Name  string `json:"name"`
	Shape []int  `json:"shape"`
	DType string `json:"dtype"` // "F32" ..., as in safetensors
	// Matrices lists the rows of the matrices between hidden columns that the tensor stacks on top of each other, each as wide
	// as its last axis: what Muon orthogonalises. It is empty for everything else, such as token tables, output projections,
	// vectors and the taps of convolutions.
	Matrices []int `json:"matrices,omitempty"`
}

// OptimizerCost is what training by one optimizer takes beside gradients.
type OptimizerCost struct {
	Name        string  `json:"name"`
	UpdateFLOPs float64 `json:"update_flops"` // of one step's update, whatever its batch
	StateBytes  int64   `json:"state_bytes"`
}

// Cost is what one token costs in sequences of T tokens, averaged over the sequence. A multiply-add counts as two.
type Cost struct {
	T            int     `json:"t"`
	TrainFLOPs   float64 `json:"train_flops"`   // forward and backward, per trained token; see Card.Optimizers for the update
	PrefillFLOPs float64 `json:"prefill_flops"` // forward with logits of every position, per token
	DecodeFLOPs  float64 `json:"decode_flops"`  // one more token after T tokens, with its logits
	StateBytes   int64   `json:"state_bytes"`   // decoding state of one sequence after T tokens
}

// Cost answers the card's costs at length t, if the card was built with that length.
func (c Card) Cost(t int) (Cost, bool) {
	for _, x := range c.Costs {
		if x.T == t {
			return x, true
		}
	}
	return Cost{}, false
}

// Optimizer answers what an optimizer costs, if the card says so; the empty name means AdamW.
func (c Card) Optimizer(name string) (OptimizerCost, bool) {
	if name == "" {
		name = AdamW
	}
	for _, x := range c.Optimizers {
		if x.Name == name {
			return x, true
		}
	}
	return OptimizerCost{}, false
}

// Profile is where a model's time and memory went.
type Profile struct {
	Ops         []OpProfile `json:"ops"`          // sorted by Nanoseconds, descending
	FLOPs       float64     `json:"flops"`        // counted over the ops that ran, by what they ran on
	ArenaBytes  int64       `json:"arena_bytes"`  // activations and gradients of the largest plan
	WeightBytes int64       `json:"weight_bytes"` // weights, gradients and optimizer state
	StateBytes  int64       `json:"state_bytes"`  // open decoding states, as allocated
	PeakRSS     int64       `json:"peak_rss"`     // peak resident memory of the plugin's process, in bytes
	BusySeconds float64     `json:"busy_seconds"` // wall time inside Train, Score and Extend
	Features    []string    `json:"features"`     // instruction sets in use
	// Recomputation is what training traded for memory; nil where it kept all activations.
	Recomputation *Recomputation `json:"recomputation,omitempty"`
}

// Recomputation is what BuildRequest.Recompute saves and costs. Seconds and FLOPs are since the last reset.
type Recomputation struct {
	ArenaBytes     int64   `json:"arena_bytes"`      // activations and gradients of the largest training plan
	KeptArenaBytes int64   `json:"kept_arena_bytes"` // what they would take, were all kept
	Seconds        float64 `json:"seconds"`          // of the backward pass, in computing again
	PassSeconds    float64 `json:"pass_seconds"`     // of all forward and backward passes
	FLOPs          float64 `json:"flops"`            // computed again
	PassFLOPs      float64 `json:"pass_flops"`       // of all forward and backward passes
}

// OpProfile sums the runs of one kind of op.
type OpProfile struct {
	Op          string  `json:"op"`
	Calls       int64   `json:"calls"`
	Nanoseconds int64   `json:"nanoseconds"`
	FLOPs       float64 `json:"flops"`
	// Bytes are what the op's inputs and outputs come to, each once: the least that it moves if no cache holds them.
	// 0 where the family does not count.
	Bytes float64 `json:"bytes,omitempty"`
}
