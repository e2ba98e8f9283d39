package train

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/archlab/archlab/core/family"
	"github.com/archlab/archlab/core/record"
)

// NotFiniteError says that a model computed numbers that are not finite: in validation, or in more training steps than
// the recipe allows.
type NotFiniteError struct {
	Step           int
	Validation     bool
	Skipped, Limit int
}

func (e *NotFiniteError) Error() string {
	if e.Validation {
		return fmt.Sprintf("log-probabilities of the validation batches are not finite after step %d", e.Step)
	}
	return fmt.Sprintf("loss or gradient was not finite in %d steps up to step %d; at most %d are skipped", e.Skipped, e.Step, e.Limit)
}

// recordError marks an error of the run's own records: it concerns the run, not the model that was at work.
type recordError struct{ error }

func (e recordError) Unwrap() error { return e.error }

// refusal marks what was wrong before the first step.
type refusal struct{ error }

func (e refusal) Unwrap() error { return e.error }

// failureOf turns what ended a job into a record. down says whether the plugin's process is gone.
func failureOf(err error, step int, s *Session) *record.Failure {
	f := &record.Failure{Step: step, Kind: "error", Message: err.Error()}
	var down bool
	if s != nil && s.Down != nil {
		down, f.Log = s.Down()
	}
	// The first line says what happened; a dead plugin's last words follow it, and have a place of their own.
	message, more, _ := strings.Cut(f.Message, "\n")
	f.Message = message
	if len(f.Log) == 0 && more != "" {
		f.Log = strings.Split(more, "\n")
	}
	var (
		deadline *DeadlineError
		notFin   *NotFiniteError
		refused  refusal
	)
	code := family.CodeOf(err)
	switch {
	case errors.As(err, &notFin):
		f.Kind = "not_finite"
	case errors.As(err, &deadline):
		f.Kind = "deadline"
	case down || code == family.Unavailable:
		f.Kind = "died"
	case errors.As(err, &refused), code == family.InvalidConfig:
		f.Kind = "refused"
	case errors.Is(err, context.DeadlineExceeded):
		f.Kind = "deadline"
	}
	return f
}

// Final answers whether a failure is the model's own doing: doing the same again would end the same way. Any other one is
// tried again by a resume.
func Final(f *record.Failure) bool {
	return f != nil && (f.Kind == "not_finite" || f.Kind == "refused")
}
