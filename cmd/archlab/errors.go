package main

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/pflag"

	"github.com/archlab/archlab/core/experiment"
	"github.com/archlab/archlab/core/record"
)

type flag = pflag.Flag

// usageError is a command line that was not understood.
type usageError struct {
	message, hint string
}

func (e usageError) Error() string { return e.message }

// Hint says what to do.
func (e usageError) Hint() string { return e.hint }

// hinted adds what to do to an error.
type hinted struct {
	error
	hint string
}

func (e hinted) Unwrap() error { return e.error }

// Hint says what to do.
func (e hinted) Hint() string { return e.hint }

// errInterrupted is the cause of a context that a signal ended.
var errInterrupted = errors.New("interrupted")

// silent is an error that has been reported already.
type silent struct{ error }

func (e silent) Unwrap() error { return e.error }

// exitStatus follows the kind of error.
func exitStatus(err error) int {
	var usage usageError
	switch {
	case errors.Is(err, errInterrupted):
		return 130
	case errors.As(err, &usage):
		return 2
	}
	return 1
}

// complain prints an error for a user: every problem of a file on a line of its own, and what to do where that is known.
func complain(w io.Writer, err error) {
	var quiet silent
	if errors.As(err, &quiet) {
		return
	}
	if ps, ok := experiment.IsProblems(err); ok {
		for _, p := range ps {
			hint := p.Hint
			p.Hint = ""
			say(w, p.Error(), hint)
		}
		return
	}
	say(w, err.Error(), hintOf(err))
}

func say(w io.Writer, message, hint string) {
	fmt.Fprintf(w, "archlab: error: %s\n", strings.TrimRight(message, "\n"))
	if hint != "" {
		fmt.Fprintf(w, "archlab: hint: %s\n", hint)
	}
}

// warn says what a user may not expect of a command that goes on.
func warn(w io.Writer, message, hint string) {
	fmt.Fprintf(w, "archlab: warning: %s\n", message)
	if hint != "" {
		fmt.Fprintf(w, "archlab: hint: %s\n", hint)
	}
}

// hintOf answers the first hint in err's chain.
func hintOf(err error) string {
	var h interface{ Hint() string }
	if errors.As(err, &h) && h.Hint() != "" {
		return h.Hint()
	}
	var used *record.InUseError
	switch {
	case errors.As(err, &used):
		return "wait for that process to end, or stop it; the lock goes with it"
	case record.IsFull(err):
		return "free some space and go on with --resume; everything up to the last checkpoint is kept"
	case errors.Is(err, record.ErrNotARun):
		return "a run directory holds a manifest.json: runs/NAME/ID"
	}
	return ""
}
