package train

import (
	"fmt"
	"time"
)

// Kind names an event.
type Kind string

// The kinds of events, in the order a run emits them.
const (
	RunBegin   Kind = "run_begin"  // Jobs lists the run's jobs
	Begin      Kind = "begin"      // a job begins; Step says where it goes on from
	Step       Kind = "step"       // one optimizer step is done
	Skip       Kind = "skip"       // a step was left out: loss or gradient not finite
	Validation Kind = "validation" // the validation batches were scored
	Saved      Kind = "checkpoint" // a checkpoint was written
	Evaluating Kind = "evaluating" // Message names the part, Done says how far it is
	Warning    Kind = "warning"    // something was wrong and was dealt with
	End        Kind = "end"        // a job is over; Status is "finished", "stopped" or "failed"
	RunEnd     Kind = "run_end"    // every job is over
)

// Event is something that happened in a run. Fields that a kind does not use are zero.
type Event struct {
	Kind    Kind      `json:"event"`
	Time    time.Time `json:"time"`
	Model   string    `json:"model,omitempty"`
	Seed    uint64    `json:"seed,omitempty"`
	Trial   string    `json:"trial,omitempty"` // of a tuning
	Jobs    []JobName `json:"jobs,omitempty"`
	Step    int       `json:"step,omitempty"`
	Steps   int       `json:"steps,omitempty"` // 0 with a budget of seconds
	Done    float64   `json:"done,omitempty"`  // share of the budget that is spent, or of an evaluation
	Tokens  int64     `json:"tokens,omitempty"`
	FLOPs   float64   `json:"flops,omitempty"`
	Seconds float64   `json:"seconds,omitempty"` // training seconds so far
	Loss    float64   `json:"loss,omitempty"`    // nats a token
	BPB     float64   `json:"bpb,omitempty"`
	Score   float64   `json:"accuracy,omitempty"`
	LR      float64   `json:"lr,omitempty"`
	Speed   float64   `json:"tokens_per_second,omitempty"` // of the last steps
	Left    float64   `json:"seconds_left,omitempty"`      // of this job's training, estimated
	Status  string    `json:"status,omitempty"`
	Message string    `json:"message,omitempty"`
}

// JobName names one job of a run.
type JobName struct {
	Model string `json:"model"`
	Seed  uint64 `json:"seed"`
	Trial string `json:"trial,omitempty"`
}

// String reads "transformer seed 1", or "transformer lr-0.003 seed 1001" for a trial.
func (n JobName) String() string {
	if n.Trial != "" {
		return fmt.Sprintf("%s %s seed %d", n.Model, n.Trial, n.Seed)
	}
	return fmt.Sprintf("%s seed %d", n.Model, n.Seed)
}

func (e Event) job() JobName { return JobName{e.Model, e.Seed, e.Trial} }

// Sink is told what happens. Calls come from one goroutine at a time.
type Sink interface {
	Event(e Event)
}

// SinkFunc makes a function a Sink.
type SinkFunc func(e Event)

// Event calls the function.
func (f SinkFunc) Event(e Event) { f(e) }
