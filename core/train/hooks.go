package train

import (
	"context"

	"github.com/archlab/archlab/core/family"
	"github.com/archlab/archlab/core/record"
)

// Trained is a model whose training is over, with its plugin still alive, as it is handed to Evaluate.
type Trained struct {
	Name        string // of the model in the experiment
	Seed        uint64 // of its weights
	Description family.Description
	Card        family.Card
	Model       family.Model   // calls past the experiment's deadline fail as *DeadlineError
	Result      *record.Result // to fill: Validation, Test, Decode, TTC; training's figures are already there
	Dir         string         // models/<model>/seed-<n>
	// Progress tells the sinks how far the evaluation is, e.g. Progress("decode", 0.4). Never nil.
	Progress func(what string, done float64)
}

// Evaluate judges a trained model. An error makes the job a recorded failure; its training figures stay.
type Evaluate func(ctx context.Context, t *Trained) error

// Data is what models learn from: a pure function of the step, so that every model sees identical batches and a resume
// needs nothing but the step.
type Data interface {
	// Batch answers step (from 0) as one batch of the experiment's number of sequences.
	Batch(step int) (family.Batch, error)
	// Validation answers the batches of the validation schedule, the same ones at every call, and the number of bytes
	// of text that their targets spell (0 for tasks).
	Validation() (batches []family.Batch, bytes int64, err error)
}

// Session is a model in a plugin process of its own.
type Session struct {
	Description family.Description
	Card        family.Card
	Model       family.Model
	// Down answers whether the plugin's process is gone, and its last log lines. May be nil.
	Down func() (bool, []string)
	// PeakRSS answers the peak resident memory of the plugin's process in bytes, 0 when unknown. May be nil.
	PeakRSS func() int64
	// Close ends the process, at once if need be. May be nil.
	Close func()
}

// Job is one model with one seed.
type Job struct {
	Model string
	Seed  uint64
	// Rate is the peak learning rate; 0 means the recipe's.
	Rate float64
	// Trial names one try of a tuning, whose records lie apart (record.TrialName); empty for a training of the run itself.
	Trial string
	// Open launches a plugin process and builds the model in it.
	Open func(ctx context.Context) (*Session, error)
	// TrainFLOPs is the card's cost of one trained token at the experiment's context.
	TrainFLOPs float64
}
