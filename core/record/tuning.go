package record

import (
	"errors"
	"os"
	"path/filepath"
	"strconv"
)

// Tuning is how learning rates were chosen: tuning/ledger.json. Each trial's records lie in tuning/<trial>/models as a training's
// lie in models.
type Tuning struct {
	Rates   []float64 `json:"rates"`  // the grid, the same for every model
	Seeds   []uint64  `json:"seeds"`  // of the trials' weights; no final training has one of them
	Budget  float64   `json:"budget"` // of a trial, as a part of train.budget
	Choices []Choice  `json:"choices,omitempty"`
}

// Choice is the learning rate of one model. It is made once: trials that failed for reasons of their own are not tried again
// after it, so that a resumed run goes on with the rate it began with.
type Choice struct {
	Model string  `json:"model"`
	Rate  float64 `json:"rate"`
	Loss  float64 `json:"loss"`           // validation, nats a token, mean over the seeds
	Edge  string  `json:"edge,omitempty"` // "lowest" or "highest" where no rate of the grid lies beyond: a better one may
}

// TrialName names the trials of a learning rate.
func TrialName(rate float64) string { return "lr-" + strconv.FormatFloat(rate, 'g', -1, 64) }

// Trial answers where the records of a trial are written. It shares the run's lock and events; "" is the run itself.
func (r *Run) Trial(name string) *Run {
	if name == "" {
		return r
	}
	return &Run{Dir: trialDir(r.Dir, name)}
}

// Trial reads the records of a trial.
func (r *Reader) Trial(name string) *Reader {
	return &Reader{Dir: trialDir(r.Dir, name), Manifest: r.Manifest}
}

func trialDir(run, name string) string { return filepath.Join(run, "tuning", name) }

// WriteTuning replaces tuning/ledger.json.
func (r *Run) WriteTuning(t Tuning) error {
	if err := os.MkdirAll(filepath.Join(r.Dir, "tuning"), 0o755); err != nil {
		return err
	}
	return WriteJSON(filepath.Join(r.Dir, "tuning", "ledger.json"), t)
}

// Tuning reads tuning/ledger.json, nil where no rate was tuned.
func (r *Reader) Tuning() (*Tuning, error) {
	var t Tuning
	err := readJSON(filepath.Join(r.Dir, "tuning", "ledger.json"), &t)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	return &t, err
}
